//! Partition: some nodes can't hear some others for a while. Services and clients are never cut off.

use super::{
    Definition, Drawn,
    fault::{BadLinks, Fault},
};
use crate::plan::settings::{Setting, SettingKind};
use glomers_check::Value;
use glomers_node::Random;
use glomers_protocol::NodeId;

pub(crate) const DEFINITION: Definition = Definition {
    name: "partition",
    doc: "cuts the nodes into groups that can't hear each other",
    explanation: "\
Each time, one of four kinds is drawn: one node against the others (one), fewer than a third of the nodes
against the rest (minority-third), two parts of which one is a majority (majority), or a ring in which
every node still hears a majority, but each a different one (majorities-ring). A message is lost if its
link is cut at the moment it is due. Clients and services are never cut off.

It finds nodes that wait for ever for a reply, act without a majority, or never resend what was lost.",
    settings: &[&KINDS],
    build: |settings| {
        let allowed = settings.words(&KINDS);
        let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| allowed.contains(&kind.name())).collect();
        Box::new(move |nodes, random| {
            let kind = *random.choose(&kinds).expect("an option that names kinds names at least one");
            let cut = kind.draw(nodes, random);
            Drawn { fault: Fault::Cut(cut), asked: Value::keyword(kind.name()) }
        })
    },
};

const KINDS: Setting = Setting {
    name: "nemesis-partition-kinds",
    doc: "The kinds of partition to draw from",
    default: "one,minority-third,majority,majorities-ring",
    kind: SettingKind::Words(&["one", "minority-third", "majority", "majorities-ring"]),
};

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

    fn draw(self, nodes: &[NodeId], random: &mut Random) -> BadLinks {
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
fn split(nodes: &[NodeId], size: usize) -> BadLinks {
    let (few, rest) = nodes.split_at(size);
    BadLinks::between(few, rest)
}

/// The nodes stand in a ring, and each hears only those so near that they make a majority with it.
fn ring(nodes: &[NodeId]) -> BadLinks {
    let count = nodes.len();
    let reach = (count / 2).div_ceil(2);
    let distance = |from: usize, to: usize| from.abs_diff(to).min(count - from.abs_diff(to));
    let mut cut = BadLinks::default();
    for here in 0..count {
        for there in (0..count).filter(|there| distance(here, *there) > reach) {
            cut.add(&nodes[there], &nodes[here]);
        }
    }
    cut
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::plan::numbered_nodes;

    /// For each node, the nodes that it can't hear.
    fn drawn(kind: Kind, node_count: usize, seed: u64) -> BTreeMap<NodeId, BTreeSet<NodeId>> {
        let cut = kind.draw(&numbered_nodes(node_count), &mut Random::derive(seed, "nemesis partition"));
        let mut deaf: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
        for (src, dest) in cut.pairs() {
            deaf.entry(dest).or_default().insert(src);
        }
        deaf
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
