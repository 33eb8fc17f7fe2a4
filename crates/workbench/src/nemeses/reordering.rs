//! Reordering: messages between nodes are overtaken by later ones.

use glomers_world::Reordering;

use super::{
    Definition,
    network::{Disruption, network_fault},
};
use crate::plan::settings::{Setting, SettingKind};

pub(crate) const DEFINITION: Definition = Definition {
    name: "reordering",
    doc: "holds some messages between nodes up, so that later ones overtake them",
    explanation: "\
While it lasts, some messages between nodes are held up for a while, each for a time of its own, and
those that were sent after them arrive first.

It brings out nodes that presume that what arrives last was sent last: a stale value that replaces a
newer one, an answer to an old question that is taken for news.",
    settings: &[&PROBABILITY, &DELAY],
    build: |settings| {
        let (probability, delay) = (settings.fraction(&PROBABILITY), settings.duration(&DELAY));
        network_fault("reordering", move |_, _| {
            let strength = [("probability", probability), ("delay-ms", delay.as_secs_f64() * 1e3)];
            Disruption::of_whole_network(Reordering { probability, delay }, strength)
        })
    },
};

const PROBABILITY: Setting = Setting {
    name: "nemesis-reordering-probability",
    doc: "How likely reordering holds a message up",
    default: "0.2",
    kind: SettingKind::Fraction,
};

const DELAY: Setting = Setting {
    name: "nemesis-reordering-delay",
    doc: "For how long reordering holds a message up at most",
    default: "1000",
    kind: SettingKind::Milliseconds,
};
