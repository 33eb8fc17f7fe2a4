//! Everything that clients sent and polled, in little memory.
//!
//! Keys and messages become numbers, and all messages that were polled stand in one array. An operation can be put together
//! again from its entry, for the results.

use crate::moment::Moment;
use crate::txn::{ElementId, Interner, KeyId};
use crate::{Name, Operation, OperationKind, Process, Value};

/// A message: its number says of which key it is.
pub(super) type Message = ElementId;

/// The number of an entry.
pub(super) type EntryId = u32;

/// What an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Send,
    Poll,
    Transaction,
    Assign,
    Subscribe,
}

impl Task {
    /// The task of this function, if it is one that concerns the logs.
    pub(super) fn named(function: &str) -> Option<Self> {
        match function {
            "send" => Some(Self::Send),
            "poll" => Some(Self::Poll),
            "txn" => Some(Self::Transaction),
            "assign" => Some(Self::Assign),
            "subscribe" => Some(Self::Subscribe),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Poll => "poll",
            Self::Transaction => "txn",
            Self::Assign => "assign",
            Self::Subscribe => "subscribe",
        }
    }

    /// Whether it sends or polls.
    pub(super) fn has_messages(self) -> bool {
        matches!(self, Self::Send | Self::Poll | Self::Transaction)
    }
}

/// When an operation began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beginning {
    pub(super) moment: Moment,
    /// Its position in the order of all beginnings and ends.
    pub(super) event: u32,
}

/// An operation that has ended.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) task: Task,
    pub(super) kind: OperationKind,
    pub(super) begun: Beginning,
    /// Its end; where it never ended, its beginning.
    pub(super) ended: Moment,
    /// The position of its end in the order of all events.
    pub(super) event: u32,
    first_part: u32,
    end_part: u32,
    aside: Option<Box<Aside>>,
}

/// What few operations have.
#[derive(Debug, Default)]
struct Aside {
    rebalanced: Vec<KeyId>,
    error: Option<Value>,
    extra: Vec<(Name, Value)>,
}

/// A piece of an operation.
#[derive(Clone, Copy, Debug)]
enum Part {
    /// A message is sent; the answer says at which offset it is.
    Send { message: Message, offset: Option<i64>, is_answered: bool },
    /// A poll without an answer.
    Unanswered,
    /// A poll, and of how many keys the answer speaks. Their batches follow.
    Poll { batch_count: u32 },
    /// What was polled of a key.
    Batch { key: KeyId, first: u32, end: u32 },
    /// A key that is polled from now on.
    Assigned(KeyId),
}

/// A message that was polled, and the offset at which it is said to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Polled {
    pub(super) message: Message,
    pub(super) offset: Option<i64>,
}

/// All that was sent and polled.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) names: Interner,
    entries: Vec<Entry>,
    parts: Vec<Part>,
    polled: Vec<Polled>,
}

impl Ledger {
    /// Adds the end of an operation.
    ///
    /// # Errors
    /// What in its value is not understood. Nothing is added then.
    pub(super) fn push(
        &mut self,
        task: Task,
        operation: &Operation,
        begun: Beginning,
        event: u32,
    ) -> Result<(), String> {
        let (first_part, first_polled) = (self.parts.len(), self.polled.len());
        if let Err(reason) = self.push_parts(task, &operation.value) {
            self.parts.truncate(first_part);
            self.polled.truncate(first_polled);
            return Err(reason);
        }
        let aside = self.aside(operation);
        self.entries.push(Entry {
            task,
            kind: operation.kind,
            begun,
            ended: Moment::of(operation),
            event,
            first_part: number(first_part),
            end_part: number(self.parts.len()),
            aside,
        });
        Ok(())
    }

    fn push_parts(&mut self, task: Task, value: &Value) -> Result<(), String> {
        let Some(items) = value.as_elements() else {
            return Err(format!("its value is {value}, where a list was expected"));
        };
        for item in items {
            if task.has_messages() {
                self.push_step(item)?;
            } else {
                let key = self.names.key(item);
                self.parts.push(Part::Assigned(key));
            }
        }
        Ok(())
    }

    fn push_step(&mut self, step: &Value) -> Result<(), String> {
        let expected = || {
            format!(
                "{step} is neither [:send key message], [:send key [offset message]], [:poll] nor [:poll {{key [[offset message] …]}}]"
            )
        };
        let parts = step.as_sequence().ok_or_else(expected)?;
        let function = parts.first().and_then(|function| function.as_keyword().or_else(|| function.as_str()));
        match (function, parts) {
            (Some("send"), [_, key, value]) => {
                let key = self.names.key(key);
                let (message, offset, is_answered) = match value.as_sequence() {
                    Some([offset, message]) => (message, offset_of(offset)?, true),
                    Some(_) => return Err(expected()),
                    None => (value, None, false),
                };
                let message = self.names.element(key, message);
                self.parts.push(Part::Send { message, offset, is_answered });
                Ok(())
            }
            (Some("poll"), [_] | [_, Value::Nil]) => {
                self.parts.push(Part::Unanswered);
                Ok(())
            }
            (Some("poll"), [_, Value::Map(batches)]) => {
                self.parts.push(Part::Poll { batch_count: number(batches.len()) });
                for (key, pairs) in batches {
                    let key = self.names.key(key);
                    let first = number(self.polled.len());
                    // Libraries write null for a list that was never filled.
                    let pairs = if pairs.is_nil() { Some(&[] as &[Value]) } else { pairs.as_sequence() };
                    for pair in pairs.ok_or_else(expected)? {
                        let Some([offset, message]) = pair.as_sequence() else { return Err(expected()) };
                        let offset = offset_of(offset)?;
                        self.polled.push(Polled { message: self.names.element(key, message), offset });
                    }
                    self.parts.push(Part::Batch { key, first, end: number(self.polled.len()) });
                }
                Ok(())
            }
            _ => Err(expected()),
        }
    }

    fn aside(&mut self, operation: &Operation) -> Option<Box<Aside>> {
        if operation.error.is_none() && operation.extra.is_empty() {
            return None;
        }
        let log = operation.get("rebalance-log").and_then(Value::as_sequence).unwrap_or_default();
        let keys = log.iter().filter_map(|event| event.get("keys")?.as_elements()).flatten();
        let rebalanced = keys.map(|key| self.names.key(key)).collect();
        Some(Box::new(Aside { rebalanced, error: operation.error.clone(), extra: operation.extra.clone() }))
    }

    /// All operations that ended, in the order of their ends, and after them those that never did.
    pub(super) fn entries(&self) -> impl Iterator<Item = (EntryId, &Entry)> {
        self.entries.iter().enumerate().map(|(place, entry)| (number(place), entry))
    }

    pub(super) fn entry(&self, id: EntryId) -> &Entry {
        &self.entries[id as usize]
    }

    /// The messages that it sent, and the offsets that were acknowledged.
    pub(super) fn sends(&self, entry: &Entry) -> impl Iterator<Item = (Message, Option<i64>)> + '_ {
        self.parts(entry).iter().filter_map(|part| match *part {
            Part::Send { message, offset, .. } => Some((message, offset)),
            _ => None,
        })
    }

    /// What it polled, key by key; a key may come again, and there may be nothing of it.
    pub(super) fn batches(&self, entry: &Entry) -> impl Iterator<Item = (KeyId, &[Polled])> + '_ {
        self.parts(entry).iter().filter_map(|part| match *part {
            Part::Batch { key, first, end } => Some((key, &self.polled[first as usize..end as usize])),
            _ => None,
        })
    }

    /// All messages that it polled.
    pub(super) fn polled(&self, entry: &Entry) -> impl Iterator<Item = Polled> + '_ {
        self.batches(entry).flat_map(|(_, polled)| polled.iter().copied())
    }

    /// The keys that it assigned.
    pub(super) fn assigned(&self, entry: &Entry) -> impl Iterator<Item = KeyId> + '_ {
        self.parts(entry).iter().filter_map(|part| match *part {
            Part::Assigned(key) => Some(key),
            _ => None,
        })
    }

    /// Whether this key changed hands while the operation went on, so that nothing is to be expected of its order.
    pub(super) fn is_rebalanced(&self, entry: &Entry, key: KeyId) -> bool {
        entry.aside.as_ref().is_some_and(|aside| aside.rebalanced.contains(&key))
    }

    /// Whether it went back to the beginning of every key that it assigned.
    pub(super) fn seeks_to_beginning(&self, entry: &Entry) -> bool {
        entry.aside.as_ref().is_some_and(|aside| {
            aside
                .extra
                .iter()
                .any(|(name, value)| name == "seek-to-beginning?" && value.as_bool() == Some(true))
        })
    }

    /// The offset that a key is known to reach by what the operation sent and polled; −1 where it was polled in vain.
    pub(super) fn reached<'a>(&'a self, entry: &'a Entry) -> impl Iterator<Item = (KeyId, i64)> + 'a {
        let polled = self
            .batches(entry)
            .map(|(key, polled)| (key, polled.iter().filter_map(|polled| polled.offset).max().unwrap_or(-1)));
        let sent =
            self.sends(entry).filter_map(|(message, offset)| Some((self.names.key_of(message), offset?)));
        polled.chain(sent)
    }

    pub(super) fn message_count(&self) -> usize {
        self.names.element_count()
    }

    pub(super) fn key_count(&self) -> usize {
        self.names.key_count()
    }

    /// The operation, as its end stood in the history.
    pub(super) fn operation(&self, id: EntryId) -> Operation {
        let entry = self.entry(id);
        let mut items = Vec::new();
        let mut parts = self.parts(entry).iter();
        while let Some(part) = parts.next() {
            items.push(match *part {
                Part::Assigned(key) => self.names.key_value(key),
                Part::Unanswered => Value::Vector(vec![Value::keyword("poll")]),
                Part::Send { message, offset, is_answered } => {
                    let key = self.names.key_value(self.names.key_of(message));
                    let sent = self.names.element_value(message);
                    let sent = if is_answered { Value::Vector(vec![offset.into(), sent]) } else { sent };
                    Value::Vector(vec![Value::keyword("send"), key, sent])
                }
                Part::Poll { batch_count } => {
                    let batches = parts.by_ref().take(batch_count as usize);
                    Value::Vector(vec![
                        Value::keyword("poll"),
                        Value::Map(batches.filter_map(|batch| self.batch(*batch)).collect()),
                    ])
                }
                Part::Batch { .. } => unreachable!("a poll comes before its batches and takes them"),
            });
        }
        let Moment { index, time_ns, process } = entry.ended;
        let aside = entry.aside.as_deref();
        Operation {
            index,
            time_ns,
            kind: entry.kind,
            process,
            f: Name::from_static(entry.task.name()),
            value: Value::Vector(items),
            error: aside.and_then(|aside| aside.error.clone()),
            extra: aside.map(|aside| aside.extra.clone()).unwrap_or_default(),
        }
    }

    fn batch(&self, part: Part) -> Option<(Value, Value)> {
        let Part::Batch { key, first, end } = part else { return None };
        let pairs = self.polled[first as usize..end as usize].iter().map(|polled| {
            Value::Vector(vec![polled.offset.into(), self.names.element_value(polled.message)])
        });
        Some((self.names.key_value(key), Value::Vector(pairs.collect())))
    }

    fn parts(&self, entry: &Entry) -> &[Part] {
        &self.parts[entry.first_part as usize..entry.end_part as usize]
    }

    /// The key and the message, as values.
    pub(super) fn named(&self, message: Message) -> (Value, Value) {
        (self.names.key_value(self.names.key_of(message)), self.names.element_value(message))
    }
}

/// An offset: an integer that 64 bits hold, or none.
fn offset_of(value: &Value) -> Result<Option<i64>, String> {
    match value {
        Value::Nil => Ok(None),
        Value::Int(offset) => i64::try_from(*offset)
            .map(Some)
            .map_err(|_| format!("the offset {offset} does not fit into 64 bits")),
        other => Err(format!("{other} is no offset")),
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).expect("four billion messages do not fit into memory")
}

impl Entry {
    pub(super) fn process(&self) -> Process {
        self.ended.process
    }

    pub(super) fn is_ok(&self) -> bool {
        self.kind == OperationKind::Ok
    }
}
