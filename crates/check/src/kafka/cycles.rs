//! Operations that must have happened before themselves.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use super::found::{Case, Found};
use super::ledger::{EntryId, Message};
use crate::txn::{Cycle, Edge, Order, Relation, Span, dependency_cycles};
use crate::{Mode, OperationKind, Subject, Value};

/// How many cycles of a kind the results show.
const SHOWN_COUNT: usize = 8;

/// Cycles of who polled what others sent, of the log's order if that is asked for, and of real time.
///
/// The search is that for transactions: linear where there is no cycle.
pub(super) fn cycles(evidence: &Evidence, mode: Mode, with_write_order: bool) -> Vec<Found> {
    // Only operations that send or poll take part; they get numbers without gaps.
    let members: Vec<EntryId> =
        evidence.ledger.entries().filter(|(_, entry)| entry.task.has_messages()).map(|(id, _)| id).collect();
    let mut vertices = vec![u32::MAX; evidence.ledger.entries().count()];
    for (vertex, &id) in members.iter().enumerate() {
        vertices[id as usize] = vertex as u32;
    }
    let spans: Vec<Span> = members.iter().map(|&id| span(evidence, id)).collect();
    let edge = |source: EntryId, target: EntryId, relation| Edge {
        source: vertices[source as usize],
        target: vertices[target as usize],
        relation,
    };
    let mut edges: Vec<Edge> = Vec::new();
    for &reader in &members {
        let first = edges.len();
        for polled in evidence.ledger.polled(evidence.ledger.entry(reader)) {
            if let Some(writer) = evidence.writer(polled.message).filter(|&writer| writer != reader) {
                let edge = edge(writer, reader, Relation::WriteRead);
                if edges[first..].last() != Some(&edge) {
                    edges.push(edge);
                }
            }
        }
    }
    if with_write_order {
        edges
            .extend(write_order(evidence).map(|(earlier, later)| edge(earlier, later, Relation::WriteWrite)));
    }
    let found = dependency_cycles(
        &spans,
        &edges,
        Order::RealTime,
        mode,
        &[Relation::RealTime, Relation::Process, Relation::WriteWrite, Relation::WriteRead],
    );
    let mut by_kind: BTreeMap<&'static str, Vec<Cycle>> = BTreeMap::new();
    for cycle in found.cycles {
        by_kind.entry(cycle.kind.anomaly().name()).or_default().push(cycle);
    }
    let shown = by_kind.into_iter().filter_map(|(name, mut cycles)| {
        cycles.sort_by_key(|cycle| cycle.steps.len());
        let cases = cycles.iter().take(SHOWN_COUNT).map(|cycle| case(evidence, &members, name, cycle));
        Found::new(name, cycles.len(), cases)
    });
    shown.collect()
}

fn span(evidence: &Evidence, id: EntryId) -> Span {
    let entry = evidence.ledger.entry(id);
    Span {
        process: entry.process(),
        kind: entry.kind,
        invoked: entry.begun.event,
        completed: if entry.kind == OperationKind::Ok { entry.event } else { u32::MAX },
        index: entry.ended.index,
        invoked_index: entry.begun.moment.index,
        time_ns: entry.ended.time_ns,
        invoked_time_ns: entry.begun.moment.time_ns,
        first: 0,
    }
}

/// Who sent one message, and who sent the next of the same key.
fn write_order(evidence: &Evidence) -> impl Iterator<Item = (EntryId, EntryId)> + '_ {
    (0..evidence.ledger.message_count() as Message).filter_map(|message| {
        let key = evidence.ledger.names.key_of(message);
        let earlier = evidence.writer(evidence.logs.previous(key, message)?)?;
        let later = evidence.writer(message)?;
        (earlier != later).then_some((earlier, later))
    })
}

fn case(evidence: &Evidence, members: &[EntryId], name: &str, cycle: &Cycle) -> Case {
    let ids: Vec<EntryId> = cycle.steps.iter().map(|(vertex, _)| members[*vertex as usize]).collect();
    let next = |place: usize| ids[(place + 1) % ids.len()];
    let (mut steps, mut reasons, mut subjects) = (Vec::new(), Vec::new(), Vec::new());
    for (place, &(_, relation)) in cycle.steps.iter().enumerate() {
        let (value, reason) = step(evidence, ids[place], next(place), relation);
        if let (Some(key), Some(message)) = (value.get("key"), value.get("value")) {
            subjects.push(Subject::entry(key, message));
        }
        steps.push(value);
        reasons.push(reason);
    }
    let mut operations: Vec<Value> =
        ids.iter().map(|&id| evidence.ledger.operation(id).to_tagged_value()).collect();
    operations.extend(operations.first().cloned());
    Case {
        sentence: format!("no order explains these operations: {}; a contradiction.", reasons.join("; but ")),
        operations: ids.iter().map(|&id| evidence.moment(id).index).collect(),
        subjects,
        value: Value::record([
            ("cycle", Value::Vector(operations)),
            ("steps", Value::List(steps)),
            ("type", Value::keyword(name)),
        ]),
    }
}

/// One step as results show it, and its reason in words.
fn step(evidence: &Evidence, source: EntryId, target: EntryId, relation: Relation) -> (Value, String) {
    let (before, after) = (evidence.moment(source), evidence.ledger.entry(target).ended);
    let kind = ("type", Value::keyword(relation.name()));
    let of = |id| evidence.ledger.operation(id).to_tagged_value();
    match relation {
        Relation::RealTime => (
            Value::record([kind, ("a'", of(source)), ("b", of(target))]),
            format!("{before} had ended before operation {} began", after.index),
        ),
        Relation::Process => (
            Value::record([kind, ("process", before.process.to_value())]),
            format!("{before} came before operation {} in the same process", after.index),
        ),
        Relation::WriteWrite | Relation::WriteRead | Relation::ReadWrite => {
            let Some((message, verb)) = link(evidence, source, target, relation) else {
                return (Value::record([kind]), format!("{before} came before operation {}", after.index));
            };
            let (key, value) = evidence.ledger.named(message);
            let reason = format!("{before} sent {value} to key {key}, {verb} operation {}", after.index);
            (Value::record([kind, ("key", key), ("value", value)]), reason)
        }
    }
}

/// The message that makes one operation depend on the other.
fn link(
    evidence: &Evidence,
    source: EntryId,
    target: EntryId,
    relation: Relation,
) -> Option<(Message, &'static str)> {
    let ledger = &evidence.ledger;
    let entry = ledger.entry(target);
    let sent_by_source = |message: &Message| evidence.writer(*message) == Some(source);
    if relation == Relation::WriteRead {
        let mut polled = ledger.polled(entry).map(|polled| polled.message);
        return Some((polled.find(sent_by_source)?, "which was polled by"));
    }
    let previous =
        |(message, _): (Message, Option<i64>)| evidence.logs.previous(ledger.names.key_of(message), message);
    Some((ledger.sends(entry).filter_map(previous).find(sent_by_source)?, "which stands before a message of"))
}
