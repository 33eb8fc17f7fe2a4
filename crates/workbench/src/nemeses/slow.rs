//! Slow: every message to or from some nodes is late.

use super::{
    Definition, Drawn,
    fault::{Fault, sides},
    targets::Target,
};
use crate::plan::settings::{Setting, SettingKind};

pub(crate) const DEFINITION: Definition = Definition {
    name: "slow",
    doc: "makes the links of some nodes slow, in both directions",
    explanation: "\
Each time, some nodes are drawn at random. Every message between one of them and any other node is delayed
by the same time, so messages on a link keep their order. Nothing is lost.

It finds timeouts that are too short, and elections and retries that pile up where waiting would have been
enough.",
    settings: &[&NODES, &DELAY],
    build: |settings| {
        let (kinds, delay) = (Target::of(settings, &NODES), settings.duration(&DELAY));
        Box::new(move |nodes, random| {
            let (kind, places) = Target::draw(&kinds, nodes.len(), random);
            let (slow, _) = sides(nodes, &places);
            Drawn { fault: Fault::Slow { nodes: slow, delay }, asked: kind.to_value() }
        })
    },
};

const NODES: Setting = Setting {
    name: "nemesis-slow-nodes",
    doc: "How many nodes become slow: one of these is drawn each time; `some` is any number",
    default: "one,minority,majority",
    kind: SettingKind::Words(Target::WORDS),
};

const DELAY: Setting = Setting {
    name: "nemesis-slow-delay",
    doc: "The delay of messages on a slow link, in addition to the latency of every link",
    default: "500",
    kind: SettingKind::Milliseconds,
};
