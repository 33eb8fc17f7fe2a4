//! Cuts.

use glomers_node::{NodeId, Random};

use super::{Links, Packet, Rule, Verdict};
use crate::network::DropReason;

/// Cuts links: a message on one of them is lost if the cut stands when the message is due.
#[derive(Debug, Clone, Default)]
pub struct Partition {
    links: Links,
}

impl Partition {
    /// Cuts every pair of `(sender, receiver)`. One-way cuts name one direction.
    pub fn directed(pairs: impl IntoIterator<Item = (NodeId, NodeId)>) -> Self {
        Self { links: Links::directed(pairs) }
    }

    /// Cuts all links between different groups, both ways.
    pub fn between(groups: &[Vec<NodeId>]) -> Self {
        Self { links: Links::between(groups) }
    }
}

impl Rule for Partition {
    fn name(&self) -> &'static str {
        "partition"
    }

    fn description(&self) -> String {
        format!("messages are lost from {}", self.links)
    }

    fn on_deliver(&mut self, packet: &Packet<'_>, _random: &mut Random) -> Verdict {
        if self.links.contain(packet) { Verdict::Drop(DropReason::Partition) } else { Verdict::Pass }
    }
}
