//! Loss: messages between nodes get lost here and there.

use glomers_world::Loss;

use super::{
    Definition,
    network::{Disruption, network_fault},
};
use crate::plan::settings::{Setting, SettingKind};

pub(crate) const DEFINITION: Definition = Definition {
    name: "loss",
    doc: "loses messages between nodes at random",
    explanation: "\
While it lasts, each message between nodes is lost with the same probability, whichever way it goes.

It brings out nodes that send once and hope: whatever must arrive needs an answer, a time limit, and
another try that does no harm when the first one did arrive.",
    settings: &[&PROBABILITY],
    build: |settings| {
        let probability = settings.fraction(&PROBABILITY);
        network_fault("loss", move |_, _| {
            Disruption::of_whole_network(Loss { probability }, [("probability", probability)])
        })
    },
};

const PROBABILITY: Setting = Setting {
    name: "nemesis-loss-probability",
    doc: "How likely loss loses a message",
    default: "0.2",
    kind: SettingKind::Fraction,
};
