//! From dependencies to cycles: the components of the whole graph, and the search in each.

use std::collections::BTreeSet;

use super::anomaly::Anomaly;
use super::candidate;
use super::component::{Component, Edge};
use super::cycle::{self, Cycle, Scope};
use super::explain::{self, Explain};
use super::graph::Digraph;
use super::model::Model;
use super::relation::{Relation, Relations};
use super::report::{Case, Report};
use super::time_order::{Epochs, process_edges, real_time_edges};
use super::transactions::{DataType, Span};
use crate::{Mode, OperationKind, Value};

/// What the search found.
pub(crate) struct Cycles {
    pub(crate) cycles: Vec<Cycle>,
    /// In upstream's mode: the anomalies that only say that some cycle exists.
    pub(crate) exists: BTreeSet<Anomaly>,
    /// Whether no transaction depends on another.
    pub(crate) is_empty: bool,
}

impl Cycles {
    /// Adds what was found to a report that holds everything else already.
    pub(crate) fn report<D: DataType>(self, explain: &impl Explain<D>, report: &mut Report) {
        for cycle in &self.cycles {
            report.add(cycle.kind.anomaly(), || explain::case(explain, cycle));
        }
        if self.is_empty {
            report.add(Anomaly::EMPTY_TRANSACTION_GRAPH, || Case {
                value: Value::Bool(true),
                sentence:
                    "no transaction depends on another, so that the history says nothing about isolation."
                        .to_owned(),
                operations: Vec::new(),
            });
        }
        let others: Vec<Anomaly> = report.anomalies().collect();
        for anomaly in unexplained(&self.exists, others) {
            report.add(anomaly, || Case {
                value: Value::record([("type", Value::keyword(anomaly.name()))]),
                sentence: "some cycle of dependencies rules this level out.".to_owned(),
                operations: Vec::new(),
            });
        }
    }
}

/// Which order of execution the prohibited anomalies need. The real-time order contains that of the processes.
pub(crate) fn needed_order(prohibited: &BTreeSet<Anomaly>) -> Scope {
    let needs = |suffix: &str| {
        let is_cycle = |name: &str| {
            name.starts_with("G0")
                || name.starts_with("G1c")
                || name.starts_with("G-")
                || name.starts_with("G2")
        };
        prohibited.iter().any(|anomaly| is_cycle(anomaly.name()) && anomaly.name().ends_with(suffix))
    };
    match (needs("-realtime"), needs("-process")) {
        (true, _) => Scope::RealTime,
        (false, true) => Scope::Process,
        (false, false) => Scope::Data,
    }
}

/// Finds the cycles that the data dependencies and an order of execution make together.
///
/// `preference` is the order in which upstream explains an edge that has several relations; its mode keeps only the
/// first. `O(transactions + edges)` where there is no cycle.
pub(crate) fn cycles(
    spans: &[Span],
    data: &[Edge],
    order: Scope,
    mode: Mode,
    preference: &[Relation],
) -> Cycles {
    let epochs = (order == Scope::RealTime).then(|| Epochs::new(spans));
    let in_process = if order == Scope::Process { process_edges(spans) } else { Vec::new() };
    let vertex_count = spans.len() + epochs.as_ref().map_or(0, Epochs::vertex_count);
    let groups = {
        let graph = Digraph::new(vertex_count, || {
            let of_time = epochs.iter().flat_map(|epochs| epochs.edges(spans));
            data.iter()
                .map(|edge| (edge.source, edge.target))
                .chain(in_process.iter().copied())
                .chain(of_time)
        });
        graph.components().cyclic(spans.len())
    };
    let is_empty = data.is_empty() && in_process.is_empty() && (epochs.is_none() || !has_succession(spans));
    let of_time: Vec<Edge> = match order {
        Scope::RealTime => groups
            .iter()
            .flat_map(|group| real_time_edges(spans, group))
            .map(|edge| label(edge, Relation::RealTime))
            .collect(),
        _ => in_process.into_iter().map(|edge| label(edge, Relation::Process)).collect(),
    };
    let components = Component::cut(groups, data.iter().copied().chain(of_time), spans.len());
    let scopes: &[Scope] = match order {
        Scope::Data => &[Scope::Data],
        Scope::Process => &[Scope::Data, Scope::Process],
        Scope::RealTime => &[Scope::Data, Scope::RealTime],
    };
    let mut found = Cycles { cycles: Vec::new(), exists: BTreeSet::new(), is_empty };
    let mut budget = candidate::TOTAL_STEP_LIMIT;
    for component in &components {
        if mode == Mode::Strict {
            found.cycles.extend(cycle::search(&component.without_dominated(), scopes));
        } else {
            let exists = existing(component);
            let candidates =
                candidate::search(component, spans, scopes, preference, &absent(&exists), &mut budget);
            let complete = || cycle::search(&component.with_first_relations(preference), scopes);
            found.cycles.extend(candidates.unwrap_or_else(complete));
            found.exists.extend(exists);
        }
    }
    found
}

fn label((source, target): (u32, u32), relation: Relation) -> Edge {
    Edge { source, target, relation }
}

/// Whether any transaction was invoked after another had completed.
fn has_succession(spans: &[Span]) -> bool {
    let first_completed =
        spans.iter().filter(|span| span.kind == OperationKind::Ok).map(|span| span.completed).min();
    let last_invoked = spans.iter().map(|span| span.invoked).max();
    first_completed < last_invoked && first_completed.is_some()
}

/// A level that holds only where no cycle has these relations alone.
struct Level {
    model: &'static str,
    anomaly: &'static str,
    relations: &'static [Relation],
    /// Whether single anti-dependencies between these relations count too.
    extends: bool,
}

const LEVELS: [Level; 13] = {
    use Relation::{Process, ReadWrite, RealTime, WriteRead, WriteWrite};
    const fn level(
        model: &'static str,
        anomaly: &'static str,
        relations: &'static [Relation],
        extends: bool,
    ) -> Level {
        Level { model, anomaly, relations, extends }
    }
    [
        level("PL-1", "PL-1-cycle-exists", &[WriteWrite], false),
        level("PL-2", "PL-2-cycle-exists", &[WriteWrite, WriteRead], false),
        level("PL-SI", "PL-SI-cycle-exists", &[WriteWrite, WriteRead], true),
        level("PL-2.99", "PL-2.99-cycle-exists", &[WriteWrite, WriteRead, ReadWrite], false),
        level("PL-3", "PL-3-cycle-exists", &[WriteWrite, WriteRead, ReadWrite], false),
        level("strong-session-PL-1", "strong-session-PL-1-cycle-exists", &[WriteWrite, Process], false),
        level(
            "strong-session-PL-2",
            "strong-session-PL-2-cycle-exists",
            &[WriteWrite, WriteRead, Process],
            false,
        ),
        level(
            "strong-session-snapshot-isolation",
            "strong-session-snapshot-isolation-cycle-exists",
            &[WriteWrite, WriteRead, Process],
            true,
        ),
        level(
            "strong-session-serializable",
            "strong-session-serializable-cycle-exists",
            &[WriteWrite, WriteRead, ReadWrite, Process],
            false,
        ),
        level("strong-PL-1", "strong-PL-1-cycle-exists", &[WriteWrite, RealTime], false),
        level("strong-PL-2", "strong-PL-2-cycle-exists", &[WriteWrite, WriteRead, RealTime], false),
        level(
            "strong-snapshot-isolation",
            "strong-snapshot-isolation-cycle-exists",
            &[WriteWrite, WriteRead, RealTime],
            true,
        ),
        level("PL-SS", "PL-SS-cycle-exists", &[WriteWrite, WriteRead, ReadWrite, RealTime], false),
    ]
};

/// The models that some cycle of the component rules out, as upstream's fallback reports them: by relations alone,
/// without showing the cycle.
fn existing(component: &Component) -> BTreeSet<Anomaly> {
    let mut found = BTreeSet::new();
    let mut impossible: BTreeSet<Model> = BTreeSet::new();
    for Level { model, anomaly, relations, extends } in &LEVELS {
        if impossible.contains(&Model::known(model)) {
            continue;
        }
        let allowed = Relations::of(relations);
        let is_cyclic = if *extends {
            let apart = Relations::from(Relation::ReadWrite);
            let components = component.alternation(allowed, apart).components();
            let len = component.len() as u32;
            let with_apart =
                component.edges(apart).any(|(source, target)| components.joins(source, target + len));
            with_apart || !component.components(allowed).cyclic(component.len()).is_empty()
        } else {
            !component.components(allowed).cyclic(component.len()).is_empty()
        };
        if is_cyclic {
            found.insert(Anomaly::known(anomaly));
            impossible.extend(Model::ruled_out([Anomaly::known(anomaly)]));
        }
    }
    found
}

/// The kinds of cycle that cannot be there, since a level that forbids them was not ruled out.
fn absent(exists: &BTreeSet<Anomaly>) -> BTreeSet<Anomaly> {
    let impossible = Model::ruled_out(exists.iter().copied());
    Model::prohibited(
        LEVELS.iter().map(|level| Model::known(level.model)).filter(|model| !impossible.contains(model)),
    )
}

/// Of the anomalies that only say that a cycle exists, those that say more than the others found.
fn unexplained(exists: &BTreeSet<Anomaly>, others: impl IntoIterator<Item = Anomaly>) -> BTreeSet<Anomaly> {
    let impossible = Model::ruled_out(others);
    let is_new = |anomaly: &&Anomaly| {
        let model = anomaly.name().trim_end_matches("-cycle-exists");
        !impossible.contains(&Model::known(model))
    };
    exists.iter().filter(is_new).copied().collect()
}
