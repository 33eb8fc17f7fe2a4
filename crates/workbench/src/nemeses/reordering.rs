//! Reordering: messages between nodes are overtaken by later ones.

use glomers_check::Value;

use super::{Definition, Drawn, fault::Fault};
use crate::plan::settings::{Setting, SettingKind};

pub(crate) const DEFINITION: Definition = Definition {
    name: "reordering",
    doc: "delays some messages between nodes, so that later ones overtake them",
    explanation: "\
While it lasts, some messages between nodes are delayed, each for a different time, and messages that were
sent after them arrive first.

It finds nodes that assume that what arrives last was sent last: a stale value that replaces a newer one,
a reply to an old request that is taken for current.",
    settings: &[&PROBABILITY, &DELAY],
    build: |settings| {
        let (probability, delay) = (settings.fraction(&PROBABILITY), settings.duration(&DELAY));
        Box::new(move |_, _| {
            let strength = [("probability", probability), ("delay-ms", delay.as_secs_f64() * 1e3)];
            Drawn { fault: Fault::Reorder { probability, delay }, asked: Value::record(strength) }
        })
    },
};

const PROBABILITY: Setting = Setting {
    name: "nemesis-reordering-probability",
    doc: "The probability that a message is delayed",
    default: "0.2",
    kind: SettingKind::Fraction,
};

const DELAY: Setting = Setting {
    name: "nemesis-reordering-delay",
    doc: "The longest delay",
    default: "1000",
    kind: SettingKind::Milliseconds,
};
