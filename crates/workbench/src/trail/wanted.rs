//! What is followed.

use std::collections::BTreeMap;

use glomers_check::{Finding, Operation, OperationKind, Process, Subject, Value};
use glomers_world::journal::{Entry, Record};

use super::{additions::Additions, thing::Thing};
use crate::run::operation_record;

/// How many values are followed at a time.
const MAX_THINGS: usize = 4;
/// How many operations are.
const MAX_OPERATIONS: usize = 6;

/// An operation that is followed.
pub(super) struct Followed {
    /// Its beginning.
    pub(super) begin: Operation,
    /// The index that a sentence about it names: that of its beginning or that of its end.
    pub(super) named: u64,
}

/// What is followed.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) things: Vec<Thing>,
    pub(super) operations: Vec<Followed>,
    pub(super) node: Option<String>,
    /// The index of a read of a counter, of which the additions before are followed.
    pub(super) counter_read: Option<u64>,
    /// Where the same value is written again and again: the index of the operation with which the values' ways begin, and of that after which
    /// they are of no interest.
    pub(super) window: Option<(u64, u64)>,
    /// How many more operations and values the finding names.
    pub(super) left_out: usize,
}

impl Wanted {
    pub(super) fn value(value: &Value) -> Self {
        let thing = Thing::new(&Subject { key: None, value: value.clone() });
        Self { things: vec![thing], ..Self::default() }
    }

    pub(super) fn operation(records: impl IntoIterator<Item = Record>, index: u64) -> Self {
        let operations = Found::read(records, &[index]).operations;
        let operations = operations.into_values().map(|ends| Followed::new(ends, &[index]));
        Self { operations: operations.collect(), ..Self::default() }
    }

    /// What a finding names; of a read that fits in no order, also the write that it should have seen and what it showed.
    pub(super) fn finding(records: impl IntoIterator<Item = Record>, finding: &Finding) -> Self {
        let mut subjects = finding.subjects.clone();
        let Found { operations, latest_write, writes, has_additions } = if finding.operations.is_empty() {
            Found::default()
        } else {
            Found::read(records, &finding.operations)
        };
        let mut operations: Vec<(Operation, Option<Operation>)> = operations.into_values().collect();
        if let ([only], Some(write)) = (&operations[..], latest_write)
            && subjects.is_empty()
            && write.0.index != only.0.index
        {
            operations.insert(0, write);
        }
        let is_count = |end: &Option<Operation>| end.as_ref().is_some_and(|end| end.value.as_int().is_some());
        let is_counter_read =
            |(begin, end): &&(Operation, Option<Operation>)| begin.f == "read" && is_count(end);
        let counter_read = operations
            .iter()
            .rfind(is_counter_read)
            .filter(|_| has_additions && subjects.is_empty())
            .map(|(begin, _)| begin.index);
        let mut window = None;
        if subjects.is_empty() {
            for subject in
                operations.iter().filter_map(|(begin, end)| written(begin).or(shown(begin, end.as_ref())))
            {
                if !subjects.contains(&subject) {
                    subjects.push(subject);
                }
            }
            window = operations.last().filter(|_| !subjects.is_empty()).map(|(begin, end)| {
                let until = end.as_ref().map_or(u64::MAX, |end| end.index);
                let written_last = |subject: &Subject| {
                    let times = writes.get(&(subject.key.clone()?, subject.value.clone()))?;
                    times.iter().rfind(|index| **index < until).copied()
                };
                let from = subjects.iter().filter_map(written_last).min().unwrap_or(begin.index);
                (from.min(operations[0].0.index), until)
            });
        }
        let left_out =
            subjects.len().saturating_sub(MAX_THINGS) + operations.len().saturating_sub(MAX_OPERATIONS);
        Self {
            things: subjects.iter().take(MAX_THINGS).map(Thing::new).collect(),
            operations: operations
                .into_iter()
                .take(MAX_OPERATIONS)
                .map(|ends| Followed::new(ends, &finding.operations))
                .collect(),
            node: finding.node.clone(),
            counter_read,
            window,
            left_out,
        }
    }

    pub(super) fn is_something(&self) -> bool {
        !self.things.is_empty() || !self.operations.is_empty() || self.node.is_some()
    }
}

impl Followed {
    fn new((begin, end): (Operation, Option<Operation>), indices: &[u64]) -> Self {
        let by_end = end.map(|end| end.index).filter(|index| indices.contains(index));
        let named = by_end.filter(|_| !indices.contains(&begin.index)).unwrap_or(begin.index);
        Self { begin, named }
    }
}

/// Operations of a journal.
#[derive(Default)]
struct Found {
    /// The beginnings and ends, by the index of the beginning.
    operations: BTreeMap<u64, (Operation, Option<Operation>)>,
    /// Before the last of them began, the latest acknowledged write of its key, where there are keys and writes.
    latest_write: Option<(Operation, Option<Operation>)>,
    /// When each value of each key was written, by the indices of the beginnings.
    writes: BTreeMap<(Value, Value), Vec<u64>>,
    /// Whether something is added to a counter.
    has_additions: bool,
}

impl Found {
    fn read(records: impl IntoIterator<Item = Record>, indices: &[u64]) -> Self {
        let mut found = Self::default();
        let mut open: BTreeMap<Process, Operation> = BTreeMap::new();
        let mut acknowledged: BTreeMap<Value, (Operation, Option<Operation>)> = BTreeMap::new();
        for record in records {
            let Entry::UserRecord(bytes) = &record.entry else { continue };
            let Ok(operation) = operation_record::decode(record.sequence, bytes) else { continue };
            if operation.process == Process::Nemesis {
                continue;
            }
            let is_wanted = indices.contains(&operation.index);
            if operation.kind == OperationKind::Invoke {
                found.has_additions |= Additions::amount_of(&operation).is_some();
                if is_wanted {
                    found.operations.insert(operation.index, (operation.clone(), None));
                    found.latest_write = key_of(&operation).and_then(|key| acknowledged.get(key)).cloned();
                }
                if let Some(Subject { key: Some(key), value }) = written(&operation) {
                    found.writes.entry((key, value)).or_default().push(operation.index);
                }
                open.insert(operation.process, operation);
                continue;
            }
            let Some(begin) = open.remove(&operation.process) else { continue };
            if is_wanted || found.operations.contains_key(&begin.index) {
                found.operations.insert(begin.index, (begin.clone(), Some(operation.clone())));
            }
            if operation.is_ok()
                && written(&begin).is_some()
                && let Some(key) = key_of(&begin)
            {
                acknowledged.insert(key.clone(), (begin, Some(operation)));
            }
        }
        found
    }
}

/// The key of an operation on a register.
fn key_of(operation: &Operation) -> Option<&Value> {
    if !["read", "write", "cas"].contains(&operation.f.as_str()) {
        return None;
    }
    match operation.value.as_sequence()? {
        [key, _] => Some(key),
        _ => None,
    }
}

/// What an operation writes to a register.
fn written(begin: &Operation) -> Option<Subject> {
    let [key, value] = begin.value.as_sequence()? else { return None };
    match begin.f.as_str() {
        "write" => Some(Subject::entry(key, value)),
        "cas" => match value.as_sequence()? {
            [_, to] => Some(Subject::entry(key, to)),
            _ => None,
        },
        _ => None,
    }
}

/// What a read of a register showed.
fn shown(begin: &Operation, end: Option<&Operation>) -> Option<Subject> {
    let [key, value] = end?.value.as_sequence()? else { return None };
    (begin.f == "read" && end?.is_ok() && !value.is_nil()).then(|| Subject::entry(key, value))
}
