//! Duplication: messages between nodes arrive twice here and there.

use glomers_world::Duplication;

use super::{
    Definition,
    network::{Disruption, network_fault},
};
use crate::plan::settings::{Setting, SettingKind};

pub(crate) const DEFINITION: Definition = Definition {
    name: "duplication",
    doc: "delivers messages between nodes twice at random",
    explanation: "\
While it lasts, some messages between nodes arrive a second time, at once or later, and others may
arrive between the two.

It brings out handlers that do something twice when they are told twice: increments that are added
again, votes that are counted twice, answers that are taken for the answer to something else.",
    settings: &[&PROBABILITY, &LAG],
    build: |settings| {
        let (probability, lag) = (settings.fraction(&PROBABILITY), settings.duration(&LAG));
        network_fault("duplication", move |_, _| {
            let strength = [("probability", probability), ("lag-ms", lag.as_secs_f64() * 1e3)];
            Disruption::of_whole_network(Duplication { probability, lag }, strength)
        })
    },
};

const PROBABILITY: Setting = Setting {
    name: "nemesis-duplication-probability",
    doc: "How likely duplication delivers a message twice",
    default: "0.2",
    kind: SettingKind::Fraction,
};

const LAG: Setting = Setting {
    name: "nemesis-duplication-lag",
    doc: "How much later the copy arrives at most",
    default: "1000",
    kind: SettingKind::Milliseconds,
};
