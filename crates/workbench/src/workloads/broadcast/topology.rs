//! The topologies that a node may use or ignore.

use glomers_protocol::NodeId;

use crate::plan::settings::{Setting, SettingKind};

pub(super) const TOPOLOGY_SETTING: Setting = Setting {
    name: "topology",
    doc: "Which neighbours the nodes are told that they have: grid, line, tree (tree2), tree3, tree4 or total",
    default: "grid",
    kind: SettingKind::Word(&["grid", "line", "tree", "tree2", "tree3", "tree4", "total"]),
};

/// Every node with its neighbours, in the order of the nodes.
pub(super) fn neighbours(topology: &str, nodes: &[NodeId]) -> Vec<(NodeId, Vec<NodeId>)> {
    let count = nodes.len();
    let named = |places: Vec<usize>| places.into_iter().map(|place| nodes[place].clone()).collect();
    let of = |place: usize| match topology {
        "line" => near(place, count),
        "tree" | "tree2" => tree(2, place, count),
        "tree3" => tree(3, place, count),
        "tree4" => tree(4, place, count),
        "total" => (0..count).filter(|other| *other != place).collect(),
        _ => grid(place, count),
    };
    (0..count).map(|place| (nodes[place].clone(), named(of(place)))).collect()
}

/// A line: the neighbours are the nodes before and after.
fn near(place: usize, count: usize) -> Vec<usize> {
    place.checked_sub(1).into_iter().chain(Some(place + 1).filter(|after| *after < count)).collect()
}

/// A grid of rows, as square as possible: the neighbours below, above, to the right and to the left.
fn grid(place: usize, count: usize) -> Vec<usize> {
    let side = (1..).find(|side| side * side >= count).unwrap_or(1);
    let column = place % side;
    let below = Some(place + side);
    let above = place.checked_sub(side);
    let right = (column + 1 < side).then_some(place + 1);
    let left = (column > 0).then(|| place - 1);
    [below, above, right, left].into_iter().flatten().filter(|other| *other < count).collect()
}

/// A tree in which every node has this many children, filled row by row: the parent, then the children.
fn tree(branches: usize, place: usize, count: usize) -> Vec<usize> {
    let parent = place.checked_sub(1).map(|before| before / branches);
    let children = (branches * place + 1)..=(branches * place + branches);
    parent.into_iter().chain(children.filter(|child| *child < count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::numbered_nodes;

    fn drawn(topology: &str, count: usize) -> Vec<String> {
        let list =
            |nodes: &[NodeId]| nodes.iter().map(|node| &node.as_str()[1..]).collect::<Vec<_>>().join(" ");
        neighbours(topology, &numbered_nodes(count)).iter().map(|(_, nodes)| list(nodes)).collect()
    }

    #[test]
    fn each_topology_has_its_shape() {
        assert_eq!(drawn("line", 4), ["1", "0 2", "1 3", "2"]);
        assert_eq!(drawn("grid", 5), ["3 1", "4 2 0", "1", "0 4", "1 3"]);
        assert_eq!(drawn("tree", 6), ["1 2", "0 3 4", "0 5", "1", "1", "2"]);
        assert_eq!(drawn("tree3", 5), ["1 2 3", "0 4", "0", "0", "1"]);
        assert_eq!(drawn("tree4", 6), ["1 2 3 4", "0 5", "0", "0", "0", "1"]);
        assert_eq!(drawn("total", 3), ["1 2", "0 2", "0 1"]);
        assert_eq!(drawn("line", 1), [""]);
    }

    #[test]
    fn neighbours_are_mutual_and_everyone_can_be_reached() {
        let SettingKind::Word(names) = TOPOLOGY_SETTING.kind else { panic!("a topology is one word") };
        for name in names {
            for count in 1..30 {
                let nodes = numbered_nodes(count);
                let all = neighbours(name, &nodes);
                let of = |node: &NodeId| &all.iter().find(|(id, _)| id == node).expect("a node").1;
                assert!(
                    all.iter().all(|(id, near)| near.iter().all(|other| of(other).contains(id))),
                    "{name} {count}"
                );
                let mut reached = vec![nodes[0].clone()];
                let mut next = 0;
                while next < reached.len() {
                    let new: Vec<NodeId> =
                        of(&reached[next]).iter().filter(|node| !reached.contains(node)).cloned().collect();
                    reached.extend(new);
                    next += 1;
                }
                assert_eq!(reached.len(), count, "{name} of {count}");
            }
        }
    }
}
