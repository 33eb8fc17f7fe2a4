//! A strongly connected part of the dependency graph, with the relations on its edges.

use super::graph::{Components, Digraph, NO_VERTEX};
use super::relation::{Relation, Relations};
use super::transactions::TransactionId;

/// One dependency: the source precedes the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    pub(crate) source: TransactionId,
    pub(crate) target: TransactionId,
    pub(crate) relation: Relation,
}

/// Transactions that all precede each other, which no order can do. Its vertices are positions in `members`.
pub(crate) struct Component {
    pub(crate) members: Vec<TransactionId>,
    offsets: Vec<u32>,
    edges: Vec<(u32, Relations)>,
}

impl Component {
    /// Cuts the edges into one component for each group of transactions; edges between groups fall away.
    pub(crate) fn cut(
        groups: Vec<Vec<TransactionId>>,
        edges: impl Iterator<Item = Edge>,
        transaction_count: usize,
    ) -> Vec<Self> {
        let mut place = vec![(NO_VERTEX, 0_u32); transaction_count];
        for (group, members) in groups.iter().enumerate() {
            for (vertex, &member) in members.iter().enumerate() {
                place[member as usize] = (group as u32, vertex as u32);
            }
        }
        let mut inside: Vec<Vec<(u32, u32, Relation)>> = vec![Vec::new(); groups.len()];
        for edge in edges {
            let (group, source) = place[edge.source as usize];
            let (other, target) = place[edge.target as usize];
            if group == other && group != NO_VERTEX && source != target {
                inside[group as usize].push((source, target, edge.relation));
            }
        }
        groups.into_iter().zip(inside).map(|(members, edges)| Self::new(members, edges)).collect()
    }

    fn new(members: Vec<TransactionId>, mut labelled: Vec<(u32, u32, Relation)>) -> Self {
        labelled.sort_unstable();
        let mut offsets = vec![0; members.len() + 1];
        let mut edges: Vec<(u32, Relations)> = Vec::new();
        let mut last = None;
        for (source, target, relation) in labelled {
            match edges.last_mut() {
                Some(edge) if last == Some((source, target)) => edge.1 = edge.1.union(relation.into()),
                _ => {
                    edges.push((target, relation.into()));
                    offsets[source as usize + 1] += 1;
                }
            }
            last = Some((source, target));
        }
        for vertex in 0..members.len() {
            offsets[vertex + 1] += offsets[vertex];
        }
        Self { members, offsets, edges }
    }

    /// The same component where each edge keeps only its first relation in this order.
    pub(crate) fn with_first_relations(&self, order: &[Relation]) -> Self {
        let first = |&(target, relations): &(u32, Relations)| {
            (target, relations.first(order).map_or(Relations::default(), Relations::from))
        };
        let edges = self.edges.iter().map(first).collect();
        Self { members: self.members.clone(), offsets: self.offsets.clone(), edges }
    }

    /// The same component without the anti-dependencies between transactions that depend on each other by what was
    /// written: a cycle that takes such an edge for an anti-dependency is a graver one without it.
    pub(crate) fn without_dominated(&self) -> Self {
        let written = Relations::of(&[Relation::WriteWrite, Relation::WriteRead]);
        let apart = Relations::from(Relation::ReadWrite);
        let remaining = |&(target, relations): &(u32, Relations)| {
            (target, if relations.intersects(written) { relations.without(apart) } else { relations })
        };
        let edges = self.edges.iter().map(remaining).collect();
        Self { members: self.members.clone(), offsets: self.offsets.clone(), edges }
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn vertices(&self) -> std::ops::Range<u32> {
        0..self.members.len() as u32
    }

    /// The targets of a vertex's edges, with the relations of each.
    pub(crate) fn edges_from(&self, vertex: u32) -> &[(u32, Relations)] {
        &self.edges[self.offsets[vertex as usize] as usize..self.offsets[vertex as usize + 1] as usize]
    }

    /// Every edge that has one of these relations.
    pub(crate) fn edges(&self, allowed: Relations) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.vertices().flat_map(move |source| {
            let edges =
                self.edges_from(source).iter().filter(move |(_, relations)| relations.intersects(allowed));
            edges.map(move |&(target, _)| (source, target))
        })
    }

    /// The relations between two vertices.
    pub(crate) fn relations(&self, source: u32, target: u32) -> Relations {
        let edges = self.edges_from(source);
        edges
            .binary_search_by_key(&target, |edge| edge.0)
            .map_or(Relations::default(), |position| edges[position].1)
    }

    /// The strongly connected components of the part with these relations.
    pub(crate) fn components(&self, allowed: Relations) -> Components {
        Digraph::new(self.len(), || self.edges(allowed)).components()
    }

    /// The part in which no two edges of `apart` follow each other: each vertex stands twice, `vertex` where the edge
    /// before it was of `base`, and `vertex + len` where it was of `apart`, so that only `base` may follow.
    pub(crate) fn alternation(&self, base: Relations, apart: Relations) -> Digraph {
        let len = self.len() as u32;
        Digraph::new(self.len() * 2, || {
            let base =
                self.edges(base).flat_map(move |(source, target)| [(source, target), (source + len, target)]);
            base.chain(self.edges(apart).map(move |(source, target)| (source, target + len)))
        })
    }
}
