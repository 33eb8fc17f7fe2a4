//! Asymmetric: many links work in one direction only.

use glomers_check::Value;
use glomers_node::Random;
use glomers_protocol::NodeId;

use super::{
    Definition, Drawn,
    fault::{BadLinks, Fault, all_links},
};
use crate::plan::settings::{Setting, SettingKind};

pub(crate) const DEFINITION: Definition = Definition {
    name: "asymmetric",
    doc: "cuts random links in one direction only: A may hear B although B does not hear A",
    explanation: "\
Each time, some pairs of nodes are drawn at random, and each of them is cut in one direction. No pair is
cut in both, and every node may see another network: who can reach whom is neither symmetric nor
transitive.

It finds protocols that assume that a reply can go where a request came from, and failure detectors that
suspect nodes which are alive but cannot be heard.",
    settings: &[&LINKS],
    build: |settings| {
        let share = settings.fraction(&LINKS);
        Box::new(move |nodes, random| {
            let cut = draw(share, nodes, random);
            Drawn { fault: Fault::Cut(cut), asked: Value::record([("links", share)]) }
        })
    },
};

const LINKS: Setting = Setting {
    name: "nemesis-asymmetric-links",
    doc: "The share of the pairs of nodes that are cut in one direction",
    default: "0.5",
    kind: SettingKind::Fraction,
};

/// At least one link, where there are any and a share of them is to be cut.
fn draw(share: f64, nodes: &[NodeId], random: &mut Random) -> BadLinks {
    let mut cut = BadLinks::default();
    for (place, first) in nodes.iter().enumerate() {
        for second in &nodes[place + 1..] {
            // Both are drawn for every pair, so that another share cuts the same links the same way, and more or fewer.
            let (is_cut, is_forwards) = (random.chance(share), random.chance(0.5));
            if is_cut {
                let (src, dest) = if is_forwards { (first, second) } else { (second, first) };
                cut.add(src, dest);
            }
        }
    }
    if let (true, Some((src, dest))) = (cut.is_empty() && share > 0.0, random.choose(&all_links(nodes))) {
        cut.add(src, dest);
    }
    cut
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::plan::numbered_nodes;

    fn pairs(share: f64) -> BTreeSet<(NodeId, NodeId)> {
        draw(share, &numbered_nodes(20), &mut Random::derive(4, "nemesis asymmetric")).pairs().collect()
    }

    #[test]
    fn about_the_share_of_the_pairs_is_cut_and_none_both_ways() {
        let cut = pairs(0.5);
        assert!((70..120).contains(&cut.len()), "{} of 190", cut.len());
        assert!(cut.iter().all(|(src, dest)| !cut.contains(&(dest.clone(), src.clone()))));
        assert_eq!(pairs(1.0).len(), 190);
        assert_eq!(pairs(0.0).len(), 0);
    }

    #[test]
    fn in_a_small_cluster_at_least_one_link_is_cut() {
        let mut random = Random::derive(5, "nemesis asymmetric");
        for _ in 0..50 {
            assert_eq!(draw(0.1, &numbered_nodes(2), &mut random).pairs().count(), 1);
            assert_eq!(draw(0.1, &numbered_nodes(1), &mut random).pairs().count(), 0);
        }
    }

    #[test]
    fn a_smaller_share_cuts_some_of_the_same_links() {
        let (few, many) = (pairs(0.2), pairs(0.7));
        assert!(few.is_subset(&many));
    }
}
