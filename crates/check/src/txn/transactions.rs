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
    /// It was to read, but nobody knows what it saw.
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
    first: u32,
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
         Every value written to a key must be different, or nobody can tell whose write a read saw."
    )]
    DuplicateWrite { index: u64, key: String, element: String },
    #[error("operation {index} was invoked by process {process}, which had not completed its last operation")]
    Overlap { index: u64, process: Process },
    #[error("operation {index} completes what was never invoked, so that its place in real time is unknown")]
    NoInvocation { index: u64 },
    #[error("the history has {edges} dependencies, more than the limit of {limit}; raise the limit to check it")]
    TooManyEdges { edges: u64, limit: u64 },
    #[error("a read of key {key} contains {element}, which no completed operation wrote")]
    UnknownWriter { key: String, element: String },
}

struct Pending {
    index: u64,
    time_ns: u64,
    event: u32,
    value: Value,
}

/// All transactions of a history, recorded as they complete.
pub(crate) struct Transactions<D: DataType> {
    pub(crate) data: D,
    pub(crate) interner: Interner,
    pub(crate) spans: Vec<Span>,
    pub(crate) mismatches: Vec<Mismatch>,
    pub(crate) unusable: Option<Unusable>,
    /// Whether a completion without an invocation was seen: its index.
    pub(crate) without_invocation: Option<u64>,
    micro_operations: Vec<MicroOperation<D::Observed>>,
    pending: FxHashMap<Process, Pending>,
    invoked_writes: Vec<bool>,
    mode: Mode,
    events: u32,
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
            micro_operations: Vec::new(),
            pending: FxHashMap::default(),
            invoked_writes: Vec::new(),
            mode,
            events: 0,
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
        let result = if operation.is_invoke() { self.invoke(operation, event).map(|()| None) } else { self.complete(operation, event).map(Some) };
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
            if let Err(unusable) = self.record(&pending.value, OperationKind::Info, pending.index) {
                self.unusable = Some(unusable);
            }
        }
    }

    fn invoke(&mut self, operation: &Operation, event: u32) -> Result<(), Unusable> {
        for step in self.steps(&operation.value, operation.index)? {
            let Some((key, Some(element))) = parse::<D>(step) else { continue };
            let key = self.interner.key(key);
            let element = self.interner.element(key, element);
            if self.invoked_writes.len() <= element as usize {
                self.invoked_writes.resize(element as usize + 1, false);
            }
            if std::mem::replace(&mut self.invoked_writes[element as usize], true) {
                return Err(Unusable::DuplicateWrite {
                    index: operation.index,
                    key: self.interner.key_value(key).to_string(),
                    element: self.interner.element_value(element).to_string(),
                });
            }
        }
        let pending = Pending { index: operation.index, time_ns: operation.time_ns, event, value: operation.value.clone() };
        let overlapped = self.pending.insert(operation.process, pending);
        if overlapped.is_some() {
            if self.mode == Mode::Strict {
                return Err(Unusable::Overlap { index: operation.index, process: operation.process });
            }
            self.without_invocation.get_or_insert(operation.index);
        }
        Ok(())
    }

    fn complete(&mut self, operation: &Operation, event: u32) -> Result<TransactionId, Unusable> {
        let transaction = self.spans.len() as TransactionId;
        let pending = self.pending.remove(&operation.process);
        if pending.is_none() {
            self.without_invocation.get_or_insert(operation.index);
        }
        let mut kind = operation.kind;
        let mut value = &operation.value;
        // What a client that gave up wrote down is not to be trusted more than what it asked for, and a reply to
        // something else says nothing about what was asked.
        if self.mode == Mode::Strict
            && let Some(pending) = &pending
        {
            if kind != OperationKind::Ok {
                value = &pending.value;
            } else if let Some((expected, found)) = mismatch::<D>(&pending.value, value) {
                self.mismatches.push(Mismatch { transaction, expected, found });
                kind = OperationKind::Info;
                value = &pending.value;
            }
        }
        self.spans.push(Span {
            process: operation.process,
            kind,
            invoked: pending.as_ref().map_or(event, |pending| pending.event),
            completed: event,
            index: operation.index,
            invoked_index: pending.as_ref().map_or(operation.index, |pending| pending.index),
            time_ns: operation.time_ns,
            invoked_time_ns: pending.as_ref().map_or(operation.time_ns, |pending| pending.time_ns),
            first: self.micro_operations.len() as u32,
        });
        self.record(value, kind, operation.index)?;
        Ok(transaction)
    }

    fn record(&mut self, value: &Value, kind: OperationKind, index: u64) -> Result<(), Unusable> {
        for step in self.steps(value, index)? {
            let Some((key, written)) = parse::<D>(step) else { continue };
            let key = self.interner.key(key);
            let action = match written {
                Some(element) => Action::Write(self.interner.element(key, element)),
                None => match observed(step) {
                    // A client that does not know what became of its transaction has read nothing.
                    _ if kind == OperationKind::Fail => Action::ReadUnknown,
                    Value::Nil if kind == OperationKind::Info => Action::ReadUnknown,
                    value => Action::Read(self.data.observe(&mut self.interner, key, value)),
                },
            };
            self.micro_operations.push(MicroOperation { key, action });
        }
        Ok(())
    }

    /// The micro-operations of a transaction's value, every one of which has the right form.
    fn steps<'v>(&self, value: &'v Value, index: u64) -> Result<&'v [Value], Unusable> {
        let steps = match value {
            Value::Nil => Some([].as_slice()),
            value => value.as_sequence(),
        };
        steps.filter(|steps| steps.iter().all(|step| parse::<D>(step).is_some())).ok_or_else(|| Unusable::NotATransaction {
            index,
            write: D::WRITE,
            value: value.to_string(),
        })
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
            error: None,
            extra: Vec::new(),
        };
        operation.to_value()
    }
}

/// The key of a micro-operation and, if it writes, the element. None if it is not a micro-operation of the data type.
fn parse<D: DataType>(step: &Value) -> Option<(&Value, Option<&Value>)> {
    let parts = step.as_sequence()?;
    let (function, key) = (name(parts.first()?)?, parts.get(1)?);
    match function {
        "r" => D::is_observable(observed(step)).then_some((key, None)),
        _ if function == D::WRITE => Some((key, Some(parts.get(2)?))),
        _ => None,
    }
}

/// What a read says that it saw; EDN histories may leave it out.
fn observed(step: &Value) -> &Value {
    step.as_sequence().and_then(|step| step.get(2)).unwrap_or(&Value::Nil)
}

fn name(value: &Value) -> Option<&str> {
    value.as_keyword().or_else(|| value.as_str())
}

/// Where a reply does not answer what was asked: the part of the request, and the part of the reply.
fn mismatch<D: DataType>(request: &Value, reply: &Value) -> Option<(Value, Value)> {
    let asked = request.as_sequence().unwrap_or_default();
    let answered = reply.as_sequence().filter(|steps| steps.len() == asked.len());
    let Some(answered) = answered else { return Some((request.clone(), reply.clone())) };
    let differs = |(asked, answered): &(&Value, &Value)| parse::<D>(asked) != parse::<D>(answered);
    asked.iter().zip(answered).find(differs).map(|(asked, answered)| (asked.clone(), answered.clone()))
}
