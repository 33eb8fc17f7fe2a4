//! Which links a rule strikes.

use std::fmt;

use glomers_node::NodeId;
use rustc_hash::FxHashSet;

use super::Packet;

/// Links between nodes, each in one direction. Links with clients and services are never among them.
///
/// Printed, the receivers are gathered by sender: `n0 to n1, n2; n1 to n0`.
#[derive(Debug, Clone, Default)]
pub struct Links {
    pairs: FxHashSet<(NodeId, NodeId)>,
    text: String,
}

impl Links {
    /// The links with these pairs of sender and receiver. A link that is cut both ways stands twice.
    pub fn directed(pairs: impl IntoIterator<Item = (NodeId, NodeId)>) -> Self {
        let mut ordered: Vec<(NodeId, NodeId)> = pairs.into_iter().collect();
        ordered.sort();
        ordered.dedup();
        let text = gather_by_sender(&ordered);
        Self { pairs: ordered.into_iter().collect(), text }
    }

    /// All links between different groups, both ways.
    pub fn between(groups: &[Vec<NodeId>]) -> Self {
        let mut pairs = Vec::new();
        for (index, group) in groups.iter().enumerate() {
            for other in
                groups.iter().enumerate().filter(|(other, _)| *other != index).flat_map(|(_, group)| group)
            {
                pairs.extend(group.iter().map(|node| (node.clone(), other.clone())));
            }
        }
        Self::directed(pairs)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Whether the packet travels on one of them.
    pub fn contain(&self, packet: &Packet<'_>) -> bool {
        packet.is_between_nodes() && self.pairs.contains(&(packet.src.clone(), packet.dest.clone()))
    }
}

impl fmt::Display for Links {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.is_empty() { "no node to another" } else { &self.text })
    }
}

/// From sorted pairs.
fn gather_by_sender(pairs: &[(NodeId, NodeId)]) -> String {
    let by_sender: Vec<String> = pairs
        .chunk_by(|left, right| left.0 == right.0)
        .map(|chunk| {
            let receivers: Vec<&str> = chunk.iter().map(|(_, dest)| dest.as_str()).collect();
            format!("{} to {}", chunk[0].0, receivers.join(", "))
        })
        .collect();
    by_sender.join("; ")
}
