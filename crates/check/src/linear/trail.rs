//! How each configuration came about: the end of an order of operations that leads to it.

/// How far back an order is remembered.
const REMEMBERED: u32 = 64;

/// When more nodes than this are known, those that no configuration comes from can be forgotten.
const FORGET_FROM_NODES: usize = 1 << 18;

/// The orders that lead to the configurations: a tree, of which each knows a leaf.
#[derive(Clone, Debug)]
pub(super) struct Trail {
    nodes: Vec<Node>,
}

/// An operation in an order, as a node of the tree.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// The node before; its own number if that is not remembered.
    before: u32,
    /// How many operations the order has up to here.
    count: u32,
    entry: Entry,
}

/// An operation that takes effect, and what is there afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The number of the operation.
    pub(super) operation: u32,
    pub(super) action: u32,
    /// The state after it.
    pub(super) state: u32,
    pub(super) placement: Placement,
}

/// Where an operation stands in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    /// It stands at the end of it.
    Last,
    /// The same, and whatever was there before is overwritten.
    Overwriting,
    /// It stands just before the last one that overwrites, unseen.
    Unseen,
}

impl Trail {
    /// Where every order begins.
    pub(super) const BEGINNING: u32 = 0;

    pub(super) fn new() -> Self {
        let nothing = Entry { operation: 0, action: 0, state: 0, placement: Placement::Last };
        Self { nodes: vec![Node { before: Self::BEGINNING, count: 0, entry: nothing }] }
    }

    /// The order that goes on with this.
    pub(super) fn push(&mut self, before: u32, entry: Entry) -> u32 {
        let node = u32::try_from(self.nodes.len()).expect("nodes are forgotten long before there are 2^32");
        let count = self.nodes[before as usize].count + 1;
        self.nodes.push(Node { before, count, entry });
        node
    }

    /// The last operations of an order, so many at most, and how many come before them.
    pub(super) fn last(&self, leaf: u32, limit: usize) -> (Vec<Entry>, u32) {
        let mut entries = Vec::new();
        let mut node = leaf;
        while self.nodes[node as usize].before != node {
            entries.push(self.nodes[node as usize].entry);
            node = self.nodes[node as usize].before;
        }
        let mut order: Vec<Entry> = Vec::new();
        for entry in entries.into_iter().rev() {
            let overwriter = order.iter().rposition(|other| other.placement == Placement::Overwriting);
            match (entry.placement, overwriter) {
                (Placement::Unseen, Some(node)) => order.insert(node, entry),
                // What overwrote it is further back than is remembered, and so is its node.
                (Placement::Unseen, None) => {}
                _ => order.push(entry),
            }
        }
        order.drain(..order.len().saturating_sub(limit));
        let before = self.nodes[leaf as usize].count - order.len() as u32;
        (order, before)
    }

    /// Whether so much is remembered that it is time to forget.
    pub(super) fn is_long(&self) -> bool {
        self.nodes.len() > FORGET_FROM_NODES
    }

    /// Forgets what leads to none of these, and what is further back than anybody asks.
    pub(super) fn forget_all_but<'a>(&mut self, leaves: impl Iterator<Item = &'a mut u32>) {
        let old = std::mem::replace(&mut self.nodes, Self::new().nodes);
        let mut moved = vec![u32::MAX; old.len()];
        moved[Self::BEGINNING as usize] = Self::BEGINNING;
        for leaf in leaves {
            let mut path = Vec::new();
            let mut node = *leaf;
            while moved[node as usize] == u32::MAX && path.len() < REMEMBERED as usize {
                path.push(node);
                if old[node as usize].before == node {
                    break;
                }
                node = old[node as usize].before;
            }
            for node in path.into_iter().rev() {
                let next = self.nodes.len() as u32;
                let Node { before, count, entry } = old[node as usize];
                let before = Some(moved[before as usize]).filter(|&before| before != u32::MAX);
                self.nodes.push(Node { before: before.unwrap_or(next), count, entry });
                moved[node as usize] = next;
            }
            *leaf = moved[*leaf as usize];
        }
    }

    /// The states of all nodes, to be renumbered.
    pub(super) fn states_mut(&mut self) -> impl Iterator<Item = &mut u32> {
        self.nodes.iter_mut().skip(1).map(|node| &mut node.entry.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(operation: u32, placement: Placement) -> Entry {
        Entry { operation, action: 0, state: operation, placement }
    }

    fn operations(trail: &Trail, leaf: u32, limit: usize) -> (Vec<u32>, u32) {
        let (order, before) = trail.last(leaf, limit);
        (order.iter().map(|entry| entry.operation).collect(), before)
    }

    #[test]
    fn what_nobody_saw_stands_before_what_overwrote_it() {
        let mut trail = Trail::new();
        let mut leaf = Trail::BEGINNING;
        for (operation, placement) in
            [(1, Placement::Last), (2, Placement::Overwriting), (3, Placement::Last), (4, Placement::Unseen)]
        {
            leaf = trail.push(leaf, entry(operation, placement));
        }
        assert_eq!(operations(&trail, leaf, 9), (vec![1, 4, 2, 3], 0));
        assert_eq!(operations(&trail, leaf, 3), (vec![4, 2, 3], 1));
    }

    #[test]
    fn a_trail_forgets_what_is_far_back_and_what_leads_nowhere() {
        let mut trail = Trail::new();
        let (mut leaf, mut fork) = (Trail::BEGINNING, Trail::BEGINNING);
        for operation in 0..1_000 {
            trail.push(leaf, entry(5_000, Placement::Last));
            leaf = trail.push(leaf, entry(operation, Placement::Last));
            if operation == 995 {
                fork = leaf;
            }
        }
        fork = trail.push(fork, entry(7_777, Placement::Last));
        trail.forget_all_but([&mut leaf, &mut fork].into_iter());
        assert!(trail.nodes.len() <= 2 + 2 * REMEMBERED as usize);
        assert_eq!(operations(&trail, leaf, 2), (vec![998, 999], 998));
        assert_eq!(operations(&trail, fork, 2), (vec![995, 7_777], 995));
    }
}
