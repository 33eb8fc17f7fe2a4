//! One-way: some nodes hear nobody else, or are heard by nobody else, while the other direction works.

use glomers_check::Value;
use glomers_node::Random;
use glomers_protocol::NodeId;

use super::{
    Definition, Drawn,
    fault::{BadLinks, Fault, sides},
    targets::Target,
};
use crate::plan::settings::{Setting, SettingKind};

pub(crate) const DEFINITION: Definition = Definition {
    name: "one-way",
    doc: "makes some nodes deaf or mute: they hear nobody else, or nobody else hears them",
    explanation: "\
Each time, some nodes are drawn at random, and a direction. Deaf nodes are heard by the others but do not
hear them; mute nodes hear the others but are not heard. Within each group nothing is cut.

It finds nodes that assume that whoever they hear can hear them: a leader that keeps sending heartbeats
but gets no replies, a follower that starts one election after another.",
    settings: &[&NODES],
    build: |settings| {
        let kinds = Target::of(settings, &NODES);
        Box::new(move |nodes, random| {
            let (kind, direction, cut) = draw(&kinds, nodes, random);
            let asked = Value::Vector(vec![kind.to_value(), Value::keyword(direction)]);
            Drawn { fault: Fault::Cut(cut), asked }
        })
    },
};

const NODES: Setting = Setting {
    name: "nemesis-one-way-nodes",
    doc: "How many nodes become deaf or mute: one of these is drawn each time; `some` is any number",
    default: "one,minority-third,minority,majority",
    kind: SettingKind::Words(Target::WORDS),
};

fn draw(kinds: &[Target], nodes: &[NodeId], random: &mut Random) -> (Target, &'static str, BadLinks) {
    let (kind, places) = Target::draw(kinds, nodes.len(), random);
    let (struck, rest) = sides(nodes, &places);
    let mut cut = BadLinks::default();
    let direction = if random.chance(0.5) {
        cut.add_all(&rest, &struck);
        "deaf"
    } else {
        cut.add_all(&struck, &rest);
        "mute"
    };
    (kind, direction, cut)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::plan::numbered_nodes;

    #[test]
    fn links_are_cut_in_one_direction_only_and_in_either() {
        let mut random = Random::derive(1, "nemesis one-way");
        let mut directions = BTreeSet::new();
        for _ in 0..50 {
            let (_, direction, cut) = draw(&[Target::Minority], &numbered_nodes(5), &mut random);
            let pairs: BTreeSet<(NodeId, NodeId)> = cut.pairs().collect();
            assert_eq!(pairs.len(), 6);
            assert!(pairs.iter().all(|(src, dest)| !pairs.contains(&(dest.clone(), src.clone()))));
            let silenced: BTreeSet<&NodeId> = pairs.iter().map(|(src, _)| src).collect();
            assert_eq!(silenced.len(), if direction == "mute" { 2 } else { 3 });
            directions.insert(direction);
        }
        assert_eq!(directions.len(), 2);
    }
}
