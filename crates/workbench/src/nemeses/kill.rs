//! Kill: nodes are killed and restarted, and lose what they kept in memory.

use super::{Definition, fault::Fault, targets::Target};
use crate::plan::settings::{Setting, SettingKind};

pub(crate) const DEFINITION: Definition = Definition {
    name: "kill",
    doc: "kills some nodes and restarts them; what they kept in memory is lost",
    explanation: "\
Each time, some nodes are drawn at random and killed. Later all dead nodes are restarted and sent init.
Their memory is lost; files that they wrote remain. Messages that they had sent are still delivered, and
messages on their way to a killed node reach the restarted one.

It finds data that was acknowledged but kept only in memory, and ids and counters that start again from
the beginning.",
    settings: &[&NODES],
    build: |settings| Target::draw_struck(settings, &NODES, Fault::Kill),
};

const NODES: Setting = Setting {
    name: "nemesis-kill-nodes",
    doc: "How many nodes are killed: one of these is drawn each time; `some` is any number",
    default: "some,one,minority-third,minority,majority,all",
    kind: SettingKind::Words(Target::WORDS),
};
