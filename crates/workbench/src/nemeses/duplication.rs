//! Duplication: some messages between nodes arrive twice.

use glomers_check::Value;

use super::{Definition, Drawn, fault::Fault};
use crate::plan::settings::{Setting, SettingKind};

pub(crate) const DEFINITION: Definition = Definition {
    name: "duplication",
    doc: "delivers random messages between nodes twice",
    explanation: "\
While it lasts, some messages between nodes arrive twice. The copy may come at once or later, after other
messages.

It finds handlers that are not idempotent: increments that are added twice, votes that are counted twice,
replies that are taken for the reply to another request.",
    settings: &[&PROBABILITY, &LAG],
    build: |settings| {
        let (probability, lag) = (settings.fraction(&PROBABILITY), settings.duration(&LAG));
        Box::new(move |_, _| {
            let strength = [("probability", probability), ("lag-ms", lag.as_secs_f64() * 1e3)];
            Drawn { fault: Fault::Duplicate { probability, lag }, asked: Value::record(strength) }
        })
    },
};

const PROBABILITY: Setting = Setting {
    name: "nemesis-duplication-probability",
    doc: "The probability that a message is delivered twice",
    default: "0.2",
    kind: SettingKind::Fraction,
};

const LAG: Setting = Setting {
    name: "nemesis-duplication-lag",
    doc: "The longest delay of the copy",
    default: "1000",
    kind: SettingKind::Milliseconds,
};
