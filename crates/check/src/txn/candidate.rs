//! Upstream's own search for cycles, for upstream's own verdicts.
//!
//! Elle looks for each kind of anomaly breadth-first and stops at the first closed path that fits. If that path, once
//! explained, turns out to be of another kind, the kind counts as absent, though a later path might have fitted. Which
//! path comes first depends on the order in which a hash trie yields its elements. Where that order and the
//! search are repeated step by step, so is the list of kinds that upstream reports. [`cycle`](super::cycle) is the complete
//! search.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::anomaly::Anomaly;
use super::component::Component;
use super::cycle::{Cycle, CycleKind, Family, Scope};
use super::relation::{Relation, Relations};
use super::transactions::Span;

/// How many steps of paths are taken in one component. Upstream would have given up after a second.
const STEP_LIMIT: u64 = 300_000;

/// How many steps are taken in all components of a history together.
pub(crate) const TOTAL_STEP_LIMIT: u64 = 3_000_000;

/// What upstream finds in a component. None where its search would not have come to an end. The steps taken are taken
/// off the budget.
pub(crate) fn search(
    component: &Component,
    spans: &[Span],
    scopes: &[Scope],
    preference: &[Relation],
    absent: &BTreeSet<Anomaly>,
    budget: &mut u64,
) -> Option<Vec<Cycle>> {
    let mut search =
        Candidates { component, spans, steps_left: STEP_LIMIT.min(*budget), graph: BTreeMap::new() };
    let steps = search.steps_left;
    let found = search.all(scopes, preference, absent);
    *budget -= steps - search.steps_left;
    found
}

/// How a path may use anti-dependencies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Apart {
    /// As any other relation that is legal.
    Free,
    /// Once more, outside of what is legal.
    Once,
    /// Not after another; here the last step was none.
    Allowed,
    /// Not after another; here the last step was one.
    Taken,
}

#[derive(Clone)]
struct Path {
    vertices: Vec<u32>,
    wanted: Vec<Relations>,
    wanted_apart: u8,
    apart: Apart,
}

struct Candidates<'a> {
    component: &'a Component,
    spans: &'a [Span],
    steps_left: u64,
    graph: BTreeMap<u32, Vec<(u32, Relations)>>,
}

impl Candidates<'_> {
    fn all(
        &mut self,
        scopes: &[Scope],
        preference: &[Relation],
        absent: &BTreeSet<Anomaly>,
    ) -> Option<Vec<Cycle>> {
        let mut redundant = absent.clone();
        let mut found = Vec::new();
        for &scope in scopes {
            for family in [Family::G0, Family::G1c, Family::GSingle, Family::GNonadjacent, Family::G2] {
                let kind = CycleKind { family, scope };
                if redundant.contains(&kind.anomaly()) {
                    continue;
                }
                let candidate = self.first(kind)?;
                let Some(cycle) =
                    candidate.and_then(|vertices| explained(self.component, &vertices, preference))
                else {
                    continue;
                };
                let may_be_other = matches!(family, Family::G0 | Family::G1c);
                if may_be_other || cycle.kind == kind {
                    redundant.extend(Anomaly::implied_by([kind.anomaly()]));
                    found.push(cycle);
                }
            }
        }
        Some(found)
    }

    /// The first path that fits this kind: outer none where the limit was reached, inner none where no path fits.
    fn first(&mut self, kind: CycleKind) -> Option<Option<Vec<u32>>> {
        let order = match kind.scope {
            Scope::Data => Relations::default(),
            Scope::Process => Relation::Process.into(),
            Scope::RealTime => Relation::RealTime.into(),
        };
        let apart = Relations::from(Relation::ReadWrite);
        let base = Relations::of(&[Relation::WriteWrite, Relation::WriteRead]).union(order);
        let (legal, wanted_apart, mode) = match kind.family {
            Family::G0 => (order.union(Relation::WriteWrite.into()), 0, Apart::Free),
            Family::G1c => (base, 0, Apart::Free),
            Family::GSingle => (base, 1, Apart::Once),
            Family::GNonadjacent => (base, 2, Apart::Allowed),
            Family::G2 => (base.union(apart), 2, Apart::Free),
        };
        let mut wanted = Vec::new();
        if kind.family == Family::G1c {
            wanted.push(Relation::WriteRead.into());
        }
        if kind.scope != Scope::Data {
            wanted.push(order);
        }
        let start = Path { vertices: Vec::new(), wanted, wanted_apart, apart: mode };
        let followed = if kind.family >= Family::GSingle { legal.union(apart) } else { legal };
        self.project(followed);
        let mut vertices: BTreeSet<u32> = self.graph.keys().copied().collect();
        vertices.extend(self.graph.values().flatten().map(|edge| edge.0));
        for vertex in self.in_order(vertices) {
            if let Some(found) = self.from(vertex, &start, legal, None)? {
                return Some(Some(found));
            }
        }
        Some(None)
    }

    /// Restricts the graph to the edges that may be followed, each vertex's targets in the order of upstream's trie.
    fn project(&mut self, followed: Relations) {
        self.graph.clear();
        for vertex in self.component.vertices() {
            let edges: BTreeMap<u32, Relations> = self
                .component
                .edges_from(vertex)
                .iter()
                .map(|&(target, relations)| (target, relations.intersection(followed)))
                .filter(|(_, relations)| *relations != Relations::default())
                .collect();
            if !edges.is_empty() {
                let targets = self.in_order(edges.keys().copied());
                self.graph
                    .insert(vertex, targets.into_iter().map(|target| (target, edges[&target])).collect());
            }
        }
    }

    /// Searches from a vertex, shell by shell, perhaps among a few vertices only.
    fn from(
        &mut self,
        vertex: u32,
        start: &Path,
        legal: Relations,
        within: Option<&[u32]>,
    ) -> Option<Option<Vec<u32>>> {
        let mut paths = VecDeque::from([Path { vertices: vec![vertex], ..start.clone() }]);
        while !paths.is_empty() {
            let mut open = Vec::new();
            for path in paths.drain(..) {
                let last = path.vertices[path.vertices.len() - 1];
                let Some(pin) =
                    path.vertices[..path.vertices.len() - 1].iter().position(|&earlier| earlier == last)
                else {
                    open.push(path);
                    continue;
                };
                let fits = path.wanted.is_empty() && path.wanted_apart == 0 && path.apart != Apart::Taken;
                if fits && pin == 0 {
                    return Some(Some(path.vertices[..path.vertices.len() - 1].to_vec()));
                }
                if fits {
                    let ring = &path.vertices[pin..];
                    for &member in ring {
                        if let Some(found) = self.from(member, start, legal, Some(ring))? {
                            return Some(Some(found));
                        }
                    }
                }
            }
            for path in open {
                self.expand(&path, legal, within, &mut paths);
                if self.steps_left == 0 {
                    return None;
                }
            }
        }
        Some(None)
    }

    fn expand(&mut self, path: &Path, legal: Relations, within: Option<&[u32]>, paths: &mut VecDeque<Path>) {
        let last = path.vertices[path.vertices.len() - 1];
        let mut targets = self.graph.get(&last).cloned().unwrap_or_default();
        if let Some(ring) = within {
            targets.retain(|(target, _)| ring.contains(target));
            let order = self.in_order(targets.iter().map(|target| target.0));
            targets.sort_by_key(|target| order.iter().position(|&vertex| vertex == target.0));
        }
        for (target, relations) in targets {
            self.steps_left = self.steps_left.saturating_sub(1);
            for (relation, is_apart) in uses(path, relations, legal) {
                paths.extend(step(path, target, relation, is_apart, legal));
            }
        }
    }

    /// These vertices as upstream's tries yield them, by the indices of their operations.
    fn in_order(&self, vertices: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let hash = |vertex: u32| {
            trie_hash(self.spans[self.component.members[vertex as usize] as usize].index as u32)
        };
        let mut nodes: VecDeque<(u32, Vec<(u32, u32)>)> =
            VecDeque::from([(0, vertices.into_iter().map(|vertex| (hash(vertex), vertex)).collect())]);
        let mut ordered = Vec::new();
        while let Some((shift, members)) = nodes.pop_front() {
            let mut slots: BTreeMap<u32, Vec<(u32, u32)>> = BTreeMap::new();
            for member in members {
                slots.entry(member.0.checked_shr(shift).unwrap_or(0) & 31).or_default().push(member);
            }
            ordered.extend(slots.values().filter(|slot| slot.len() == 1).map(|slot| slot[0].1));
            for slot in slots.into_values().rev().filter(|slot| slot.len() > 1) {
                if shift > 30 {
                    ordered.extend(slot.iter().map(|member| member.1));
                } else {
                    nodes.push_back((shift + 5, slot));
                }
            }
        }
        ordered
    }
}

/// Names a path's edges as upstream explains them.
fn explained(component: &Component, vertices: &[u32], preference: &[Relation]) -> Option<Cycle> {
    let next = |position: usize| vertices[(position + 1) % vertices.len()];
    let relation =
        |(position, &vertex): (usize, &u32)| component.relations(vertex, next(position)).first(preference);
    let relations: Option<Vec<Relation>> = vertices.iter().enumerate().map(relation).collect();
    let relations = relations?;
    let kind = CycleKind::of(&relations)?;
    let members = vertices.iter().map(|&vertex| component.members[vertex as usize]);
    Some(Cycle { kind, steps: members.zip(relations).collect() })
}

/// How upstream's maps spread a hash.
fn trie_hash(mut hash: u32) -> u32 {
    hash ^= (hash >> 20) ^ (hash >> 12);
    hash ^= (hash >> 7) ^ (hash >> 4);
    hash
}

/// The relations that a step may take an edge for: what the path still wants first, then one of what it may have.
fn uses(path: &Path, relations: Relations, legal: Relations) -> Vec<(Relation, bool)> {
    let is_first = path.vertices.len() == 1;
    let mut uses = Vec::new();
    let apart = Relations::from(Relation::ReadWrite);
    let prefers_apart = path.wanted_apart > 0 || matches!(path.apart, Apart::Once | Apart::Allowed);
    if prefers_apart && relations.intersects(apart) {
        uses.push((Relation::ReadWrite, true));
    }
    if path.wanted_apart > 0 && is_first {
        return uses;
    }
    let is_rest = |relation: &Relation| !(prefers_apart && *relation == Relation::ReadWrite);
    let is_wanted =
        |relation: &Relation| path.wanted.iter().any(|wanted| wanted.intersects((*relation).into()));
    let present = || Relation::ALL.into_iter().filter(|&relation| relations.intersects(relation.into()));
    uses.extend(present().filter(is_rest).filter(is_wanted).map(|relation| (relation, false)));
    if !path.wanted.is_empty() && is_first {
        return uses;
    }
    let is_legal = |relation: &Relation| legal.intersects((*relation).into());
    uses.extend(
        present()
            .filter(is_rest)
            .filter(|relation| !is_wanted(relation))
            .find(is_legal)
            .map(|relation| (relation, false)),
    );
    uses
}

fn step(path: &Path, target: u32, relation: Relation, is_apart: bool, legal: Relations) -> Option<Path> {
    let mut next = path.clone();
    next.vertices.push(target);
    if let Some(place) = next.wanted.iter().position(|wanted| wanted.intersects(relation.into())) {
        next.wanted.remove(place);
    }
    if legal.intersects(relation.into()) {
        next.wanted_apart =
            next.wanted_apart.saturating_sub(u8::from(is_apart || relation == Relation::ReadWrite));
        if next.apart == Apart::Taken {
            next.apart = Apart::Allowed;
        }
        return Some(next);
    }
    match path.apart {
        Apart::Once => {
            next.wanted_apart = 0;
            next.apart = Apart::Free;
        }
        Apart::Allowed => {
            next.wanted_apart = next.wanted_apart.saturating_sub(1);
            next.apart = Apart::Taken;
        }
        Apart::Free | Apart::Taken => return None,
    }
    Some(next)
}
