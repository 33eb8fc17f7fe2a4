//! From dependencies to cycles: the components of the whole graph, and the search in each.

use std::collections::BTreeSet;

use super::anomaly::Anomaly;
use super::component::{Component, Edge};
use super::cycle::{self, Cycle, Scope};
use super::explain::{self, Explain};
use super::graph::Digraph;
use super::relation::Relation;
use super::report::{Case, Report};
use super::time_order::{Epochs, process_edges, real_time_edges};
use super::transactions::{DataType, Span};
use crate::{Mode, OperationKind, Value};

/// What the search found.
pub(crate) struct Cycles {
    pub(crate) cycles: Vec<Cycle>,
    /// Whether no transaction depends on another.
    pub(crate) is_empty: bool,
}

impl Cycles {
    /// Says of every cycle that it needs this order of execution, and leaves out those that others imply.
    pub(crate) fn narrow(&mut self, scope: Scope, others: &Self) {
        for cycle in &mut self.cycles {
            cycle.kind.scope = cycle.kind.scope.max(scope);
        }
        self.cycles.retain(|cycle| !others.cycles.iter().any(|other| other.kind.implies(cycle.kind)));
        let mut kinds = BTreeSet::new();
        self.cycles.retain(|cycle| kinds.insert(cycle.kind));
        self.is_empty = false;
    }

    /// Adds what was found to a report that holds everything else already.
    pub(crate) fn report<D: DataType>(&self, explain: &impl Explain<D>, report: &mut Report) {
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
                subjects: Vec::new(),
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
    let in_process = if order == Scope::Process { process_edges(spans, mode) } else { Vec::new() };
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
    let searched = |component: &Component| match mode {
        Mode::Strict => component.without_dominated(),
        Mode::Compat => component.with_first_relations(preference),
    };
    let cycles =
        components.iter().flat_map(|component| cycle::search(&searched(component), scopes)).collect();
    Cycles { cycles, is_empty }
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
