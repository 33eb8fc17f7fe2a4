//! The history as transactions: each invocation with its completion, what it read and what it wrote.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::interner::{ElementId, Interner, KeyId};
use crate::{Mode, Name, Operation, OperationKind, Process, Value};

/// The number of a transaction, in the order in which transactions ended.
pub(crate) type TransactionId = u32;

/// One step of a transaction. `R` is what a read observed, as the data type tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MicroOperation<R> {
    pub(crate) key: KeyId,
    pub(crate) action: Action<R>,
}

/// What a micro-operation did.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action<R> {
    /// It read this.
    Read(R),
    /// It was to read, and what it saw is unknown.
    ReadUnknown,
    /// It wrote or appended this element.
    Write(ElementId),
}

/// How a data type names its micro-operations and reads its values.
pub(crate) trait DataType {
    /// What a read observed, in few bytes.
    type Observed: Copy;
    /// The function that writes: `append` or `w`.
    const WRITE: &'static str;
    /// Whether a read sees several elements.
    const IS_LIST: bool;

    /// Whether a read can have observed this.
    fn is_observable(value: &Value) -> bool;
    /// Takes in what a read observed, which [`DataType::is_observable`].
    fn observe(&mut self, interner: &mut Interner, key: KeyId, value: &Value) -> Self::Observed;
    /// The value that was observed.
    fn value(&self, interner: &Interner, key: KeyId, observed: Self::Observed) -> Value;
}

/// When and by whom a transaction was executed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) process: Process,
    pub(crate) kind: OperationKind,
    /// Positions in the order of all events; equal where the invocation is missing.
    pub(crate) invoked: u32,
    pub(crate) completed: u32,
    /// The index of the completion, or of the invocation if it never completed.
    pub(crate) index: u64,
    pub(crate) invoked_index: u64,
    pub(crate) time_ns: u64,
    pub(crate) invoked_time_ns: u64,
    /// Where its micro-operations begin.
    pub(crate) first: u32,
}

/// A reply that is not an answer to what was asked.
#[derive(Clone, Debug)]
pub(crate) struct Mismatch {
    pub(crate) transaction: TransactionId,
    pub(crate) expected: Value,
    pub(crate) found: Value,
}

/// A history that cannot be judged, through no fault of the system under test.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    #[error(
        "operation {index} is not a transaction of reads [:r key value] and writes [:{write} key value]: {value}. \
         Check that the workload matches the checker."
    )]
    NotATransaction { index: u64, write: &'static str, value: String },
    #[error(
        "operation {index} writes {element} to key {key}, which another transaction wrote before. \
         Every value written to a key must be different: otherwise a read does not tell whose write it saw."
    )]
    DuplicateWrite { index: u64, key: String, element: String },
    #[error("operation {index} was invoked by process {process}, which had not completed its last operation")]
    Overlap { index: u64, process: Process },
    #[error("operation {index} completes what was never invoked, so that its place in real time is unknown")]
    NoInvocation { index: u64 },
    #[error(
        "the history has {edges} dependencies, more than the limit of {limit}; raise the limit to check it"
    )]
    TooManyEdges { edges: u64, limit: u64 },
    #[error("a read of key {key} contains {element}, which no completed operation wrote")]
    UnknownWriter { key: String, element: String },
}

/// An invoked transaction that has not completed.
struct Pending {
    /// Whether the history leaves out what was asked for: the reply says it.
    is_blank: bool,
    index: u64,
    time_ns: u64,
    event: u32,
    steps: Vec<Asked>,
}

/// A micro-operation as it was asked for: the key, and the element if it writes one.
type Asked = (KeyId, Option<ElementId>);

/// All transactions of a history, recorded as they complete.
pub(crate) struct Transactions<D: DataType> {
    pub(crate) data: D,
    pub(crate) interner: Interner,
    pub(crate) spans: Vec<Span>,
    pub(crate) mismatches: Vec<Mismatch>,
    pub(crate) unusable: Option<Unusable>,
    /// Whether a completion without an invocation was seen: its index.
    pub(crate) without_invocation: Option<u64>,
    /// What the completions of some transactions say went wrong.
    errors: FxHashMap<TransactionId, Value>,
    micro_operations: Vec<MicroOperation<D::Observed>>,
    pending: FxHashMap<Process, Pending>,
    /// Lists of steps whose transactions have completed, to be filled again.
    unused: Vec<Vec<Asked>>,
    invoked_writes: Vec<bool>,
    pub(crate) mode: Mode,
    events: u32,
    /// Whether a transaction of unknown outcome wrote what the history leaves out.
    pub(crate) lost_writes: bool,
}

impl<D: DataType> Transactions<D> {
    pub(crate) fn new(data: D, mode: Mode) -> Self {
        Self {
            data,
            interner: Interner::default(),
            spans: Vec::new(),
            mismatches: Vec::new(),
            unusable: None,
            without_invocation: None,
            errors: FxHashMap::default(),
            micro_operations: Vec::new(),
            pending: FxHashMap::default(),
            unused: Vec::new(),
            invoked_writes: Vec::new(),
            mode,
            events: 0,
            lost_writes: false,
        }
    }

    pub(crate) fn ids(&self) -> Range<TransactionId> {
        0..self.spans.len() as u32
    }

    pub(crate) fn span(&self, transaction: TransactionId) -> &Span {
        &self.spans[transaction as usize]
    }

    pub(crate) fn is_ok(&self, transaction: TransactionId) -> bool {
        self.span(transaction).kind == OperationKind::Ok
    }

    /// Whether the transaction may have taken effect.
    pub(crate) fn is_possible(&self, transaction: TransactionId) -> bool {
        matches!(self.span(transaction).kind, OperationKind::Ok | OperationKind::Info)
    }

    pub(crate) fn micro_operations(&self, transaction: TransactionId) -> &[MicroOperation<D::Observed>] {
        let next = self.spans.get(transaction as usize + 1);
        let end = next.map_or(self.micro_operations.len(), |span| span.first as usize);
        &self.micro_operations[self.spans[transaction as usize].first as usize..end]
    }

    /// Takes in an entry of the history. Returns the transaction that it completes, if any.
    pub(crate) fn observe(&mut self, operation: &Operation) -> Option<TransactionId> {
        if !operation.is_client() || self.unusable.is_some() {
            return None;
        }
        let event = self.events;
        self.events += 1;
        let result = if operation.is_invoke() {
            self.invoke(operation, event).map(|()| None)
        } else {
            self.complete(operation, event).map(Some)
        };
        result.unwrap_or_else(|unusable| {
            self.unusable = Some(unusable);
            None
        })
    }

    /// Ends the history: what was invoked and never completed may have happened or not. Upstream ignores it.
    pub(crate) fn finish(&mut self) {
        let mut open: Vec<(Process, Pending)> = self.pending.drain().collect();
        if self.mode == Mode::Compat {
            return;
        }
        open.sort_by_key(|(_, pending)| pending.event);
        for (process, pending) in open {
            self.lost_writes |= pending.is_blank;
            let span = Span {
                process,
                kind: OperationKind::Info,
                invoked: pending.event,
                completed: u32::MAX,
                index: pending.index,
                invoked_index: pending.index,
                time_ns: pending.time_ns,
                invoked_time_ns: pending.time_ns,
                first: self.micro_operations.len() as u32,
            };
            self.spans.push(span);
            self.record_asked(&pending.steps);
        }
    }

    fn invoke(&mut self, operation: &Operation, event: u32) -> Result<(), Unusable> {
        let mut steps = self.unused.pop().unwrap_or_default();
        for step in steps_of(&operation.value).ok_or_else(|| not_transaction::<D>(operation))? {
            let (key, element) = self.parse(step).ok_or_else(|| not_transaction::<D>(operation))?;
            steps.push((key, element));
            if let Some(element) = element {
                self.require_first_write(operation.index, key, element)?;
            }
        }
        let is_blank = operation.value.is_nil();
        let pending = Pending { is_blank, index: operation.index, time_ns: operation.time_ns, event, steps };
        let overlapped = self.pending.insert(operation.process, pending);
        if overlapped.is_some() {
            if self.mode == Mode::Strict {
                return Err(Unusable::Overlap { index: operation.index, process: operation.process });
            }
            self.without_invocation.get_or_insert(operation.index);
        }
        Ok(())
    }

    fn require_first_write(&mut self, index: u64, key: KeyId, element: ElementId) -> Result<(), Unusable> {
        if self.invoked_writes.len() <= element as usize {
            self.invoked_writes.resize(element as usize + 1, false);
        }
        if std::mem::replace(&mut self.invoked_writes[element as usize], true) {
            return Err(Unusable::DuplicateWrite {
                index,
                key: self.interner.key_value(key).to_string(),
                element: self.interner.element_value(element).to_string(),
            });
        }
        Ok(())
    }

    fn complete(&mut self, operation: &Operation, event: u32) -> Result<TransactionId, Unusable> {
        let transaction = self.spans.len() as TransactionId;
        let pending = self.pending.remove(&operation.process);
        if pending.is_none() {
            self.without_invocation.get_or_insert(operation.index);
        }
        self.spans.push(Span {
            process: operation.process,
            kind: operation.kind,
            invoked: pending.as_ref().map_or(event, |pending| pending.event),
            completed: event,
            index: operation.index,
            invoked_index: pending.as_ref().map_or(operation.index, |pending| pending.index),
            time_ns: operation.time_ns,
            invoked_time_ns: pending.as_ref().map_or(operation.time_ns, |pending| pending.time_ns),
            first: self.micro_operations.len() as u32,
        });
        if let Some(error) = &operation.error {
            self.errors.insert(transaction, error.clone());
        }
        let is_ok = operation.kind == OperationKind::Ok;
        let Some(mut pending) =
            pending.filter(|pending| self.mode == Mode::Strict && !(pending.is_blank && is_ok))
        else {
            self.record(operation)?;
            return Ok(transaction);
        };
        self.lost_writes |= pending.is_blank && operation.kind == OperationKind::Info;
        // What a client that gave up wrote down is not to be trusted more than what it asked for, and a reply to
        // something else says nothing about what was asked.
        if operation.kind != OperationKind::Ok {
            self.record_asked(&pending.steps);
        } else if !self.record_reply(&operation.value, &pending.steps) {
            let first = self.spans[transaction as usize].first as usize;
            self.micro_operations.truncate(first);
            self.record_asked(&pending.steps);
            self.spans[transaction as usize].kind = OperationKind::Info;
            let expected = self.micro_operations[first..].iter().map(|step| self.step_value(step)).collect();
            self.mismatches.push(Mismatch {
                transaction,
                expected: Value::Vector(expected),
                found: operation.value.clone(),
            });
        }
        pending.steps.clear();
        self.unused.push(pending.steps);
        Ok(transaction)
    }

    /// Records what was asked for; what was read is unknown.
    fn record_asked(&mut self, asked: &[Asked]) {
        self.micro_operations.extend(asked.iter().map(|&(key, element)| MicroOperation {
            key,
            action: element.map_or(Action::ReadUnknown, Action::Write),
        }));
    }

    /// Records what a reply says. False if it does not answer what was asked.
    fn record_reply(&mut self, reply: &Value, asked: &[Asked]) -> bool {
        let Some(steps) = steps_of(reply).filter(|steps| steps.len() == asked.len()) else { return false };
        for (step, &asked) in steps.iter().zip(asked) {
            let Some((key, element)) = self.parse(step).filter(|&step| step == asked) else { return false };
            let action = element.map_or_else(
                || Action::Read(self.data.observe(&mut self.interner, key, observed(step))),
                Action::Write,
            );
            self.micro_operations.push(MicroOperation { key, action });
        }
        true
    }

    /// Records a completion as it stands.
    fn record(&mut self, operation: &Operation) -> Result<(), Unusable> {
        for step in steps_of(&operation.value).ok_or_else(|| not_transaction::<D>(operation))? {
            let (key, element) = self.parse(step).ok_or_else(|| not_transaction::<D>(operation))?;
            if let (Some(element), Mode::Strict) = (element, self.mode) {
                self.require_first_write(operation.index, key, element)?;
            }
            let action = match (element, operation.kind, observed(step)) {
                (Some(element), ..) => Action::Write(element),
                // A client that does not know what became of its transaction has read nothing.
                (None, OperationKind::Fail, _) | (None, OperationKind::Info, Value::Nil) => {
                    Action::ReadUnknown
                }
                (None, _, value) => Action::Read(self.data.observe(&mut self.interner, key, value)),
            };
            self.micro_operations.push(MicroOperation { key, action });
        }
        Ok(())
    }

    /// The key of a micro-operation and, if it writes, the element. None if it is not a micro-operation of the type.
    fn parse(&mut self, step: &Value) -> Option<Asked> {
        let parts = step.as_sequence()?;
        let (function, key) = (parts.first()?, parts.get(1)?);
        match function.as_keyword().or_else(|| function.as_str())? {
            "r" if D::is_observable(observed(step)) => Some((self.interner.key(key), None)),
            name if name == D::WRITE => {
                let key = self.interner.key(key);
                Some((key, Some(self.interner.element(key, parts.get(2)?))))
            }
            _ => None,
        }
    }

    /// The value of one micro-operation, as the history writes it.
    pub(crate) fn step_value(&self, step: &MicroOperation<D::Observed>) -> Value {
        let key = self.interner.key_value(step.key);
        let (function, value) = match step.action {
            Action::Read(observed) => ("r", self.data.value(&self.interner, step.key, observed)),
            Action::ReadUnknown => ("r", Value::Nil),
            Action::Write(element) => (D::WRITE, self.interner.element_value(element)),
        };
        Value::Vector(vec![Value::keyword(function), key, value])
    }

    /// The completion of a transaction, as the history writes it.
    pub(crate) fn operation_value(&self, transaction: TransactionId) -> Value {
        let span = self.span(transaction);
        let steps = self.micro_operations(transaction).iter().map(|step| self.step_value(step)).collect();
        let operation = Operation {
            index: span.index,
            time_ns: span.time_ns,
            kind: span.kind,
            process: span.process,
            f: Name::from_static("txn"),
            value: Value::Vector(steps),
            error: self.errors.get(&transaction).cloned(),
            extra: Vec::new(),
        };
        operation.to_value()
    }
}

/// What a read says that it saw; EDN histories may leave it out.
fn observed(step: &Value) -> &Value {
    step.as_sequence().and_then(|step| step.get(2)).unwrap_or(&Value::Nil)
}

fn steps_of(value: &Value) -> Option<&[Value]> {
    if value.is_nil() { Some(&[]) } else { value.as_sequence() }
}

fn not_transaction<D: DataType>(operation: &Operation) -> Unusable {
    Unusable::NotATransaction { index: operation.index, write: D::WRITE, value: operation.value.to_string() }
}
