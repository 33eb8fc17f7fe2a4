//! Loss: some messages between nodes are lost.

use glomers_check::Value;

use super::{Definition, Drawn, fault::Fault};
use crate::plan::settings::{Setting, SettingKind};

pub(crate) const DEFINITION: Definition = Definition {
    name: "loss",
    doc: "loses random messages between nodes",
    explanation: "\
While it lasts, every message between nodes is lost with the same probability.

It finds nodes that send once and never check: a message that must arrive needs an acknowledgement, a
timeout, and a retry that does no harm if the first attempt arrived after all.",
    settings: &[&PROBABILITY],
    build: |settings| {
        let probability = settings.fraction(&PROBABILITY);
        Box::new(move |_, _| Drawn {
            fault: Fault::Lose { probability },
            asked: Value::record([("probability", probability)]),
        })
    },
};

const PROBABILITY: Setting = Setting {
    name: "nemesis-loss-probability",
    doc: "The probability that a message is lost",
    default: "0.2",
    kind: SettingKind::Fraction,
};
