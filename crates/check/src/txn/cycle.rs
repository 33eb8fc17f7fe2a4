//! The search for cycles: which kinds a component holds, and the shortest of each.
//!
//! Anomalies are looked for from the gravest to the most subtle, and a kind that another found kind implies is not
//! looked for. That makes every search exact: where there is no cycle of write dependencies, say, a cycle of write
//! and read dependencies must have a read dependency, so that "at least one" need not be asked. What remains are
//! questions of reachability, each answered for the whole component in linear time, or in one pass per 64
//! transactions. No search is cut off by a clock.
//!
//! One thing is left out. With no upper bound but exhaustion (the question is NP-hard), a component that holds a
//! cycle without anti-dependencies *and* several that only share its transactions may hide a cycle of nonadjacent
//! anti-dependencies behind it. The graver cycle is reported in every such case.

use std::collections::BTreeMap;

use super::anomaly::Anomaly;
use super::component::Component;
use super::graph::NO_VERTEX;
use super::relation::{Relation, Relations};
use super::transactions::TransactionId;

/// Edges that the search for a *shorter* cycle may walk, once one is known. Deterministic, unlike a time limit.
const SHORTENING_EDGES: u64 = 3_000_000;

/// The kinds of cycle by their data dependencies. Each implies those after it up to the next whose cycles have no
/// anti-dependencies: G0 implies G1c, G-single implies the last two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    G0,
    G1c,
    GSingle,
    GNonadjacent,
    G2,
}

/// Which order besides the data a cycle needs. Each implies the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Data,
    Process,
    RealTime,
}

/// The kind of a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CycleKind {
    pub(crate) family: Family,
    pub(crate) scope: Scope,
}

/// A cycle of transactions: each precedes the next by its relation, and the last precedes the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cycle {
    pub(crate) kind: CycleKind,
    pub(crate) steps: Vec<(TransactionId, Relation)>,
}

impl CycleKind {
    /// The name that results use.
    pub(crate) fn anomaly(self) -> Anomaly {
        Anomaly::known(match (self.family, self.scope) {
            (Family::G0, Scope::Data) => "G0",
            (Family::G0, Scope::Process) => "G0-process",
            (Family::G0, Scope::RealTime) => "G0-realtime",
            (Family::G1c, Scope::Data) => "G1c",
            (Family::G1c, Scope::Process) => "G1c-process",
            (Family::G1c, Scope::RealTime) => "G1c-realtime",
            (Family::GSingle, Scope::Data) => "G-single-item",
            (Family::GSingle, Scope::Process) => "G-single-item-process",
            (Family::GSingle, Scope::RealTime) => "G-single-item-realtime",
            (Family::GNonadjacent, Scope::Data) => "G-nonadjacent-item",
            (Family::GNonadjacent, Scope::Process) => "G-nonadjacent-item-process",
            (Family::GNonadjacent, Scope::RealTime) => "G-nonadjacent-item-realtime",
            (Family::G2, Scope::Data) => "G2-item",
            (Family::G2, Scope::Process) => "G2-item-process",
            (Family::G2, Scope::RealTime) => "G2-item-realtime",
        })
    }

    /// Whether a cycle of this kind makes one of the other kind redundant.
    pub(crate) fn implies(self, other: Self) -> bool {
        let same_side = (self.family <= Family::G1c) == (other.family <= Family::G1c);
        same_side && self.family <= other.family && self.scope <= other.scope
    }

    /// The kind of a cycle with these relations; none if the data play no part in it.
    pub(crate) fn of(relations: &[Relation]) -> Option<Self> {
        let count = |relation| relations.iter().filter(|&&other| other == relation).count();
        let next = |position: usize| relations[(position + 1) % relations.len()];
        let is_adjacent = |(position, &relation): (usize, &Relation)| {
            relation == Relation::ReadWrite && next(position) == Relation::ReadWrite
        };
        let family = match count(Relation::ReadWrite) {
            0 if count(Relation::WriteRead) > 0 => Family::G1c,
            0 if count(Relation::WriteWrite) > 0 => Family::G0,
            0 => return None,
            1 => Family::GSingle,
            _ if relations.iter().enumerate().any(is_adjacent) => Family::G2,
            _ => Family::GNonadjacent,
        };
        let scope = match (count(Relation::RealTime), count(Relation::Process)) {
            (0, 0) => Scope::Data,
            (0, _) => Scope::Process,
            _ => Scope::RealTime,
        };
        Some(Self { family, scope })
    }
}

/// The shortest cycle of each kind in a component, without those that another found kind implies.
pub(crate) fn search(component: &Component, scopes: &[Scope]) -> Vec<Cycle> {
    let mut search = Search::new(component);
    for &scope in scopes {
        for family in [Family::G0, Family::G1c, Family::GSingle, Family::GNonadjacent, Family::G2] {
            search.look_for(CycleKind { family, scope });
        }
    }
    search.found.into_values().collect()
}

/// A shortest cycle of these relations, as positions in the component.
pub(crate) fn shortest_cycle(component: &Component, allowed: Relations) -> Option<Vec<u32>> {
    Some(Search::new(component).through_any(allowed)?.into_iter().map(|step| step.vertex).collect())
}

/// A step of a cycle: a vertex, and whether the edge that leaves it is taken for an anti-dependency.
#[derive(Clone, Copy)]
struct Hop {
    vertex: u32,
    is_apart: bool,
}

struct Search<'a> {
    component: &'a Component,
    budget: u64,
    found: BTreeMap<CycleKind, Cycle>,
    walk: Walk,
}

impl<'a> Search<'a> {
    fn new(component: &'a Component) -> Self {
        Self {
            component,
            budget: SHORTENING_EDGES,
            found: BTreeMap::new(),
            walk: Walk::new(component.len() * 2),
        }
    }

    fn look_for(&mut self, kind: CycleKind) {
        if self.is_implied(kind) {
            return;
        }
        let order = match kind.scope {
            Scope::Data => Relations::default(),
            Scope::Process => Relation::Process.into(),
            Scope::RealTime => Relation::RealTime.into(),
        };
        let writes = order.union(Relation::WriteWrite.into());
        let base = writes.union(Relation::WriteRead.into());
        let apart = Relations::from(Relation::ReadWrite);
        let hops = match kind.family {
            Family::G0 => self.through_any(writes),
            Family::G1c => self.through_any(base),
            Family::GSingle => self.through_one(base, apart),
            Family::GNonadjacent => self.alternating(base, apart),
            Family::G2 => self.through_some(base.union(apart), apart),
        };
        let Some(hops) = hops else { return };
        let named_by = if kind.family == Family::G0 { writes } else { base };
        let Some(cycle) = self.name(&hops, named_by) else { return };
        if !self.is_implied(cycle.kind) {
            self.found.insert(cycle.kind, cycle);
        }
    }

    fn is_implied(&self, kind: CycleKind) -> bool {
        self.found.keys().any(|found| found.implies(kind))
    }

    /// A cycle of these relations.
    fn through_any(&mut self, allowed: Relations) -> Option<Vec<Hop>> {
        let component = self.component;
        let parts = component.components(allowed);
        let starts = parts.cyclic(component.len()).into_iter().flatten();
        self.shortest(starts, |search, start, limit| {
            let step = |vertex: u32, visit: &mut dyn FnMut(u32)| {
                for &(target, relations) in component.edges_from(vertex) {
                    if relations.intersects(allowed) && parts.joins(vertex, target) {
                        visit(target);
                    }
                }
            };
            let walk = search.walk.back_to(start, limit, &mut search.budget, step)?;
            Some(walk.into_iter().map(|vertex| Hop { vertex, is_apart: false }).collect())
        })
    }

    /// A cycle of these relations with exactly one edge that is of `apart`: from where such an edge leads, back to
    /// where it comes from, over the base alone.
    fn through_one(&mut self, base: Relations, apart: Relations) -> Option<Vec<Hop>> {
        let component = self.component;
        let alternation = component.alternation(base, apart).components();
        let len = component.len() as u32;
        let edges: Vec<(u32, u32)> = component
            .edges(apart)
            .filter(|&(source, target)| alternation.joins(source, target + len))
            .collect();
        let closed = self.reachable(base, &edges);
        self.close(&closed, base)
    }

    /// A cycle of these relations that has an edge of `apart`, and any number of them.
    fn through_some(&mut self, allowed: Relations, apart: Relations) -> Option<Vec<Hop>> {
        let component = self.component;
        let parts = component.components(allowed);
        let edges: Vec<(u32, u32)> =
            component.edges(apart).filter(|&(source, target)| parts.joins(source, target)).collect();
        self.close(&edges, allowed)
    }

    /// A cycle in which edges of `apart` stand between others of the base.
    fn alternating(&mut self, base: Relations, apart: Relations) -> Option<Vec<Hop>> {
        let component = self.component;
        let len = component.len() as u32;
        let graph = component.alternation(base, apart);
        let parts = graph.components();
        let mut starts: Vec<u32> = component
            .edges(apart)
            .filter(|&(source, target)| parts.joins(source, target + len))
            .map(|(_, target)| target + len)
            .collect();
        starts.sort_unstable();
        starts.dedup();
        self.shortest(starts, |search, start, limit| {
            let step = |vertex: u32, visit: &mut dyn FnMut(u32)| {
                graph
                    .successors(vertex)
                    .iter()
                    .copied()
                    .filter(|&target| parts.joins(vertex, target))
                    .for_each(visit);
            };
            let walk = search.walk.back_to(start, limit, &mut search.budget, step)?;
            let is_apart = |position: usize| walk[(position + 1) % walk.len()] >= len;
            let hop = |(position, &vertex): (usize, &u32)| Hop {
                vertex: vertex % len,
                is_apart: is_apart(position),
            };
            simple(walk.iter().enumerate().map(hop).collect())
        })
    }

    /// The shortest cycle of one of these edges and a path back over the allowed relations.
    fn close(&mut self, edges: &[(u32, u32)], allowed: Relations) -> Option<Vec<Hop>> {
        let component = self.component;
        let mut by_target: Vec<(u32, u32)> = edges.iter().map(|&(source, target)| (target, source)).collect();
        by_target.sort_unstable();
        let groups: Vec<&[(u32, u32)]> = by_target.chunk_by(|one, other| one.0 == other.0).collect();
        self.shortest(groups, |search, group: &[(u32, u32)], limit| {
            let step = |vertex: u32, visit: &mut dyn FnMut(u32)| {
                for &(target, relations) in component.edges_from(vertex) {
                    if relations.intersects(allowed) {
                        visit(target);
                    }
                }
            };
            let is_goal = |vertex: u32| group.binary_search_by_key(&vertex, |edge| edge.1).is_ok();
            let walk = search.walk.path(group[0].0, limit, &mut search.budget, is_goal, step)?;
            let last = walk.len() - 1;
            let hop = |(position, vertex)| Hop { vertex, is_apart: position == last };
            Some(walk.into_iter().enumerate().map(hop).collect())
        })
    }

    /// The edges whose target reaches their source over the base: for 64 targets at a time, in one pass over the
    /// components of the base against their numbering.
    fn reachable(&self, base: Relations, edges: &[(u32, u32)]) -> Vec<(u32, u32)> {
        let parts = self.component.components(base);
        let mut across: Vec<(u32, u32)> = self
            .component
            .edges(base)
            .map(|(source, target)| {
                (parts.component_of[source as usize], parts.component_of[target as usize])
            })
            .filter(|(source, target)| source != target)
            .collect();
        across.sort_unstable_by_key(|&(source, _)| std::cmp::Reverse(source));
        across.dedup();
        let mut targets: Vec<u32> = edges.iter().map(|edge| edge.1).collect();
        targets.sort_unstable();
        targets.dedup();
        let mut by_target = edges.to_vec();
        by_target.sort_unstable_by_key(|&(source, target)| (target, source));
        let mut reached = vec![0_u64; parts.count];
        let mut closed = Vec::new();
        for batch in targets.chunks(64) {
            reached.fill(0);
            for (bit, &target) in batch.iter().enumerate() {
                reached[parts.component_of[target as usize] as usize] |= 1 << bit;
            }
            for &(source, target) in &across {
                reached[target as usize] |= reached[source as usize];
            }
            for (bit, &target) in batch.iter().enumerate() {
                let from = by_target.partition_point(|edge| edge.1 < target);
                let into = by_target[from..].iter().take_while(|edge| edge.1 == target);
                closed.extend(
                    into.filter(|edge| {
                        reached[parts.component_of[edge.0 as usize] as usize] & (1 << bit) != 0
                    }),
                );
            }
        }
        closed
    }

    /// The shortest of the cycles that the starts lead to, within the budget.
    ///
    /// The first start leads to a cycle, except where a graver cycle without anti-dependencies cuts a walk short,
    /// so that the budget bounds only how short the cycle is.
    fn shortest<S>(
        &mut self,
        starts: impl IntoIterator<Item = S>,
        mut cycle_from: impl FnMut(&mut Self, S, usize) -> Option<Vec<Hop>>,
    ) -> Option<Vec<Hop>> {
        self.budget = SHORTENING_EDGES;
        let mut best: Option<Vec<Hop>> = None;
        for start in starts {
            let limit = best.as_ref().map_or(usize::MAX, |best| best.len() - 1);
            if limit < 2 || self.budget == 0 {
                break;
            }
            best = cycle_from(self, start, limit).filter(|cycle| cycle.len() <= limit).or(best);
        }
        best
    }

    /// Gives each step of a cycle its relation: one of the base wherever the edge has one and is not taken for an
    /// anti-dependency. Runs of edges that time alone orders become one edge.
    fn name(&self, hops: &[Hop], base: Relations) -> Option<Cycle> {
        let next = |position: usize| hops[(position + 1) % hops.len()].vertex;
        let relation = |(position, hop): (usize, &Hop)| {
            let relations = self.component.relations(hop.vertex, next(position));
            let apart = relations.intersection(Relation::ReadWrite.into());
            let preferred = if hop.is_apart { apart } else { relations.intersection(base) };
            preferred.first(&Relation::ALL).or(relations.first(&Relation::ALL))
        };
        let relations: Option<Vec<Relation>> = hops.iter().enumerate().map(relation).collect();
        let members = hops.iter().map(|hop| self.component.members[hop.vertex as usize]);
        let mut steps: Vec<(TransactionId, Relation)> = members.zip(relations?).collect();
        let data = steps.iter().position(|(_, relation)| !is_order(*relation))?;
        steps.rotate_left(data);
        steps.dedup_by(|later, earlier| is_order(later.1) && later.1 == earlier.1);
        let least = (0..steps.len()).min_by_key(|&position| steps[position].0)?;
        steps.rotate_left(least);
        let relations: Vec<Relation> = steps.iter().map(|step| step.1).collect();
        Some(Cycle { kind: CycleKind::of(&relations)?, steps })
    }
}

fn is_order(relation: Relation) -> bool {
    matches!(relation, Relation::Process | Relation::RealTime)
}

/// The closed walk itself if it visits no vertex twice; else the part of it between two visits that still has an
/// anti-dependency. None if no such part is left.
fn simple(mut walk: Vec<Hop>) -> Option<Vec<Hop>> {
    let repeated = |walk: &[Hop]| {
        (0..walk.len()).find_map(|first| {
            let distance = walk[first + 1..].iter().position(|hop| hop.vertex == walk[first].vertex)?;
            Some(first..first + distance + 1)
        })
    };
    while let Some(inner) = repeated(&walk) {
        walk = walk[inner].to_vec();
        if !walk.iter().any(|hop| hop.is_apart) {
            return None;
        }
    }
    Some(walk)
}

/// Calls with each vertex that a vertex leads to.
type Step<'s> = dyn FnMut(u32, &mut dyn FnMut(u32)) + 's;

/// A breadth-first search whose memory is used again by the next.
struct Walk {
    parents: Vec<u32>,
    met: Vec<u32>,
    round: u32,
    queue: Vec<u32>,
}

impl Walk {
    fn new(vertex_count: usize) -> Self {
        Self {
            parents: vec![NO_VERTEX; vertex_count],
            met: vec![0; vertex_count],
            round: 0,
            queue: Vec::new(),
        }
    }

    /// The shortest cycle through `start`.
    fn back_to(
        &mut self,
        start: u32,
        limit: usize,
        budget: &mut u64,
        mut step: impl FnMut(u32, &mut dyn FnMut(u32)),
    ) -> Option<Vec<u32>> {
        let is_last = |vertex: u32, step: &mut Step<'_>| {
            let mut closes = false;
            step(vertex, &mut |target| closes |= target == start);
            closes
        };
        self.search(start, limit, budget, is_last, &mut step)
    }

    /// The shortest path from `start` to a goal.
    fn path(
        &mut self,
        start: u32,
        limit: usize,
        budget: &mut u64,
        is_goal: impl Fn(u32) -> bool,
        mut step: impl FnMut(u32, &mut dyn FnMut(u32)),
    ) -> Option<Vec<u32>> {
        self.search(start, limit, budget, |vertex, _| is_goal(vertex), &mut step)
    }

    /// The shortest path from `start` to a vertex that is the last, of at most `limit` vertices.
    fn search(
        &mut self,
        start: u32,
        limit: usize,
        budget: &mut u64,
        is_last: impl Fn(u32, &mut Step<'_>) -> bool,
        step: &mut Step<'_>,
    ) -> Option<Vec<u32>> {
        self.round += 1;
        let Self { parents, met, round, queue } = self;
        queue.clear();
        queue.push(start);
        met[start as usize] = *round;
        parents[start as usize] = NO_VERTEX;
        let mut depth = 1;
        let mut shell = 0;
        while shell < queue.len() && depth <= limit {
            let end = queue.len();
            for position in shell..end {
                let vertex = queue[position];
                if is_last(vertex, step) {
                    let mut path = vec![vertex];
                    while parents[path[path.len() - 1] as usize] != NO_VERTEX {
                        path.push(parents[path[path.len() - 1] as usize]);
                    }
                    path.reverse();
                    return Some(path);
                }
                step(vertex, &mut |target| {
                    *budget = budget.saturating_sub(1);
                    if met[target as usize] != *round {
                        met[target as usize] = *round;
                        parents[target as usize] = vertex;
                        queue.push(target);
                    }
                });
            }
            shell = end;
            depth += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests;
