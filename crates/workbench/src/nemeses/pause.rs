//! Pause: nodes stop for a while and then continue.

use super::{Definition, fault::Fault, targets::Target};
use crate::plan::settings::{Setting, SettingKind};

pub(crate) const DEFINITION: Definition = Definition {
    name: "pause",
    doc: "pauses some nodes for a while, like a long garbage collection",
    explanation: "\
Each time, some nodes are drawn at random and stopped (SIGSTOP). Later all of them continue (SIGCONT) with
their memory intact, and receive at once all messages that came in the meantime. A node that has not
answered init yet is not paused.

It finds nodes that continue as leader after another has been elected, locks and leases that are used
without checking whether they have expired, and timeouts that all fire at once.",
    settings: &[&NODES],
    build: |settings| Target::draw_struck(settings, &NODES, Fault::Pause),
};

const NODES: Setting = Setting {
    name: "nemesis-pause-nodes",
    doc: "How many nodes are paused: one of these is drawn each time; `some` is any number",
    default: "some,one,minority-third,minority,majority,all",
    kind: SettingKind::Words(Target::WORDS),
};
