//! Partition: some nodes can't hear some others for a while. Services and clients are never cut off.

use std::collections::{BTreeMap, BTreeSet};

use glomers_check::Value;
use glomers_node::Random;
use glomers_protocol::NodeId;
use glomers_world::{Partition, RuleId};

use super::{Definition, Fault, Site, Step};

pub(crate) const DEFINITION: Definition = Definition {
    name: "partition",
    doc: "cuts the nodes into groups that can't hear each other",
    settings: &[],
    build: |_| Box::new(PartitionFault { rule: None }),
};

struct PartitionFault {
    rule: Option<RuleId>,
}

impl Fault for PartitionFault {
    fn start(&mut self, site: &mut Site<'_>) -> Step {
        let kind = Kind::ALL[site.random.below(Kind::ALL.len() as u64) as usize];
        let deaf = kind.draw(site.cluster.ids(), site.random);
        let links =
            deaf.iter().flat_map(|(dest, sources)| sources.iter().map(|src| (src.clone(), dest.clone())));
        self.rule = Some(site.world.install_rule(Partition::directed(links)));
        let deaf = deaf.iter().map(|(dest, sources)| {
            (
                Value::from(dest.as_str()),
                Value::Set(sources.iter().map(|src| Value::from(src.as_str())).collect()),
            )
        });
        let done = Value::Vector(vec![Value::keyword("isolated"), Value::Map(deaf.collect())]);
        Step { f: "start-partition".into(), asked: Value::keyword(kind.name()), done }
    }

    fn stop(&mut self, site: &mut Site<'_>) -> Step {
        if let Some(rule) = self.rule.take() {
            site.world.remove_rule(rule);
        }
        Step { f: "stop-partition".into(), asked: Value::Nil, done: Value::keyword("network-healed") }
    }
}

/// Who is cut off from whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One node from all others.
    One,
    /// Fewer than a third of the nodes from the rest.
    MinorityThird,
    /// The nodes in two parts, one of them a majority.
    Majority,
    /// Every node still hears a majority, and no two hear the same.
    MajoritiesRing,
}

/// For each node, the nodes that it can't hear.
type Deaf = BTreeMap<NodeId, BTreeSet<NodeId>>;

impl Kind {
    const ALL: [Self; 4] = [Self::One, Self::MinorityThird, Self::Majority, Self::MajoritiesRing];

    fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::MinorityThird => "minority-third",
            Self::Majority => "majority",
            Self::MajoritiesRing => "majorities-ring",
        }
    }

    fn draw(self, nodes: &[NodeId], random: &mut Random) -> Deaf {
        let mut nodes = nodes.to_vec();
        random.shuffle(&mut nodes);
        let count = nodes.len();
        match self {
            Self::One => split(&nodes, 1.min(count)),
            Self::MinorityThird => split(&nodes, count.saturating_sub(1) / 3),
            Self::Majority => split(&nodes, count.saturating_sub(1) / 2),
            Self::MajoritiesRing => ring(&nodes),
        }
    }
}

/// The first `size` nodes on one side, the others on the other.
fn split(nodes: &[NodeId], size: usize) -> Deaf {
    let (few, rest) = nodes.split_at(size);
    let deaf_to = |side: &[NodeId]| side.iter().cloned().collect::<BTreeSet<_>>();
    let sides = few
        .iter()
        .map(|node| (node.clone(), deaf_to(rest)))
        .chain(rest.iter().map(|node| (node.clone(), deaf_to(few))));
    sides.filter(|(_, sources)| !sources.is_empty()).collect()
}

/// The nodes stand in a ring, and each hears only those so near that they make a majority with it.
fn ring(nodes: &[NodeId]) -> Deaf {
    let count = nodes.len();
    let reach = (count / 2).div_ceil(2);
    let distance = |from: usize, to: usize| from.abs_diff(to).min(count - from.abs_diff(to));
    let deaf = |here: usize| {
        (0..count).filter(|there| distance(here, *there) > reach).map(|there| nodes[there].clone()).collect()
    };
    (0..count)
        .map(|here| (nodes[here].clone(), deaf(here)))
        .filter(|(_, sources): &(_, BTreeSet<_>)| !sources.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::numbered_nodes;

    fn drawn(kind: Kind, node_count: usize, seed: u64) -> Deaf {
        kind.draw(&numbered_nodes(node_count), &mut Random::derive(seed, "nemesis partition"))
    }

    #[test]
    fn every_partition_cuts_both_ways() {
        for kind in Kind::ALL {
            for (node_count, seed) in (1..12).zip(0..) {
                let deaf = drawn(kind, node_count, seed);
                for (dest, sources) in &deaf {
                    for src in sources {
                        assert!(
                            deaf[src].contains(dest),
                            "{kind:?} with {node_count} nodes cuts {src} -> {dest} one way only"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_small_side_has_the_size_that_its_name_says() {
        let smaller = |kind| {
            let deaf = drawn(kind, 7, 3);
            deaf.values().map(BTreeSet::len).min().expect("seven nodes can be cut")
        };
        assert_eq!(smaller(Kind::One), 1);
        assert_eq!(smaller(Kind::MinorityThird), 2);
        assert_eq!(smaller(Kind::Majority), 3);
    }

    #[test]
    fn in_a_ring_everyone_hears_a_majority_and_no_two_the_same() {
        for node_count in 5..12 {
            let deaf = drawn(Kind::MajoritiesRing, node_count, 1);
            let mut heard = BTreeSet::new();
            for sources in deaf.values() {
                let hears = node_count - sources.len();
                assert!(hears > node_count / 2, "{hears} of {node_count}");
                heard.insert(sources);
            }
            assert_eq!(heard.len(), node_count);
        }
    }

    #[test]
    fn a_lone_node_is_cut_off_from_nobody() {
        for kind in Kind::ALL {
            assert!(drawn(kind, 1, 0).is_empty());
        }
    }
}
