//! What a node exchanged with others between a request and its answer.

use std::collections::BTreeMap;

use glomers_protocol::NodeId;

use super::super::{Place, Step, name};
use crate::text::count;

/// How many kinds of messages that a node exchanged meanwhile are told.
const MAX_KINDS: usize = 4;
/// What the node sent to others and got from others between a request and its answer: type, host, how many.
#[derive(Default)]
pub(super) struct Meanwhile {
    pub(super) sent: BTreeMap<(String, NodeId), u64>,
    pub(super) got: BTreeMap<(String, NodeId), u64>,
    messages: Vec<u64>,
    first: Option<Place>,
}

impl Meanwhile {
    pub(super) fn note(&mut self, place: Place, message: u64) {
        const MAX_MESSAGES: usize = 16;
        self.first.get_or_insert(place);
        if self.messages.len() < MAX_MESSAGES {
            self.messages.push(message);
        }
    }

    pub(super) fn step(&self, node: &NodeId, mark: &str) -> Option<Step> {
        let first = self.first?;
        let told = |messages: &BTreeMap<(String, NodeId), u64>, preposition: &str| {
            let each = messages.iter().take(MAX_KINDS).map(|((kind, host), times)| match times {
                1 => format!("{kind} {preposition} {}", name(host)),
                times => format!("{kind} {preposition} {} ({times} times)", name(host)),
            });
            let mut each: Vec<String> = each.collect();
            if messages.len() > MAX_KINDS {
                each.push(count((messages.len() - MAX_KINDS) as u64, "more kind"));
            }
            each.join(", ")
        };
        let sent = told(&self.sent, "to");
        let got = told(&self.got, "from");
        let what = match (sent.is_empty(), got.is_empty()) {
            (false, false) => format!("sends {sent}; gets {got}"),
            (false, true) => format!("sends {sent}"),
            (true, false) => format!("gets {got}"),
            (true, true) => return None,
        };
        let text = format!("meanwhile {} {what}{mark}", name(node));
        Some(first.step(vec![node.clone()], self.messages.clone(), text).minor())
    }
}
