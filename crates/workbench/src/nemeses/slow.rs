//! Slow: every message to or from some nodes is late.

use glomers_check::Value;
use glomers_world::Slowness;

use super::{
    Definition,
    network::{BadLinks, Disruption, network_fault, sides},
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
        network_fault("slow", move |nodes, random| {
            let (kind, places) = Target::draw(&kinds, nodes.len(), random);
            let (slow, rest) = sides(nodes, &places);
            let mut links = BadLinks::default();
            links.add_all(&slow, &rest);
            links.add_all(&rest, &slow);
            for (place, node) in slow.iter().enumerate() {
                links.add_all(std::slice::from_ref(node), &slow[..place]);
                links.add_all(&slow[..place], std::slice::from_ref(node));
            }
            let slow = slow.iter().map(|node| Value::from(node.as_str())).collect();
            Disruption {
                rule: Slowness { links: links.to_links(), delay },
                asked: kind.to_value(),
                done: Value::Vector(vec![Value::keyword("slowed"), Value::Set(slow)]),
            }
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
