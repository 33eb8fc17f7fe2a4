//! A log to which items are appended, and which is read as a whole.

mod monitor;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::FxHasher;

use self::monitor::LogMonitor;
use crate::Value;
use crate::linear::{Call, Effect, Model, Monitor, Unsuitable};

/// An append-only log: `:append` adds its value at the end, and `:read` or `:get` returns the whole log, as a
/// vector of the items or, where these are texts, as one text. A `:put` replaces the log by one item.
///
/// ```
/// use glomers_check::linear::{Linearizability, models::Log};
/// use glomers_check::{History, Validity, check};
/// let history = History::from_edn(
///     "{:type :invoke, :process 0, :f :append, :value 1}
///      {:type :ok,     :process 0, :f :append, :value 1}
///      {:type :invoke, :process 0, :f :append, :value 2}
///      {:type :ok,     :process 0, :f :append, :value 2}
///      {:type :invoke, :process 0, :f :read, :value nil}
///      {:type :ok,     :process 0, :f :read, :value [2 1]}",
/// )?;
/// assert_eq!(check(&history, Linearizability::new(Log)).validity, Validity::Invalid);
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
///
/// Where all items are different, or only a few repeat, a history is decided in time proportional to its size. What else
/// repeats is left to a search.
#[derive(Clone, Copy, Debug, Default)]
pub struct Log;

/// What an operation does to a log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogAction {
    /// Adds this item.
    Append(Value),
    /// Replaces all items by this one.
    Put(Value),
    /// Sees all items.
    Read(Value),
}

/// The items of a log, in order. States share what they have in common, so that an append takes constant time and
/// memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LogState(Option<Arc<Node>>);

/// The last item of a log, and those before it.
#[derive(Debug)]
struct Node {
    before: LogState,
    item: Value,
    count: usize,
    /// Of all items up to this one.
    hash: u64,
}

impl LogState {
    fn append(&self, item: &Value) -> Self {
        let (count, hash) = self.0.as_ref().map_or((0, 0), |last| (last.count, last.hash));
        let mut hasher = FxHasher::default();
        (hash, item).hash(&mut hasher);
        let node = Node { before: self.clone(), item: item.clone(), count: count + 1, hash: hasher.finish() };
        Self(Some(Arc::new(node)))
    }

    fn count(&self) -> usize {
        self.0.as_ref().map_or(0, |last| last.count)
    }

    /// The nodes, the last one first.
    fn nodes(&self) -> impl Iterator<Item = &Node> {
        std::iter::successors(self.0.as_deref(), |node| node.before.0.as_deref())
    }

    fn looks_like(&self, seen: &Value) -> bool {
        match seen {
            Value::Nil => self.0.is_none(),
            Value::String(text) => {
                let mut rest = text.as_str();
                let all = self.nodes().all(|node| {
                    let before = node.item.as_str().and_then(|item| rest.strip_suffix(item));
                    rest = before.unwrap_or(rest);
                    before.is_some()
                });
                all && rest.is_empty()
            }
            _ => seen.as_sequence().is_some_and(|items| {
                items.len() == self.count()
                    && items.iter().rev().zip(self.nodes()).all(|(item, node)| *item == node.item)
            }),
        }
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        if (self.count, self.hash) != (other.count, other.hash) {
            return false;
        }
        // Not by recursion: a log may be longer than the stack is deep.
        let (mut a, mut b) = (self, other);
        loop {
            if a.item != b.item {
                return false;
            }
            match (&a.before.0, &b.before.0) {
                (Some(before_a), Some(before_b)) if !Arc::ptr_eq(before_a, before_b) => {
                    (a, b) = (before_a, before_b);
                }
                _ => return true,
            }
        }
    }
}

impl Eq for Node {}

impl Hash for Node {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.hash.hash(hasher);
    }
}

impl Drop for LogState {
    fn drop(&mut self) {
        // One node after the other, for the same reason.
        let mut last = self.0.take();
        while let Some(mut node) = last.and_then(|node| Arc::try_unwrap(node).ok()) {
            last = node.before.0.take();
        }
    }
}

impl fmt::Display for LogState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut items: Vec<&Value> = self.nodes().map(|node| &node.item).collect();
        items.reverse();
        formatter.write_str("[")?;
        for (index, item) in items.into_iter().enumerate() {
            let blank = if index == 0 { "" } else { " " };
            write!(formatter, "{blank}{item}")?;
        }
        formatter.write_str("]")
    }
}

impl Model for Log {
    type State = LogState;
    type Action = LogAction;

    fn initial(&self) -> LogState {
        LogState::default()
    }

    fn action(&self, call: &Call<'_>) -> Result<Option<LogAction>, Unsuitable> {
        let begin = call.begin();
        match (begin.f.as_str(), call) {
            ("put", Call::Ok { .. } | Call::Unknown { .. }) => Ok(Some(LogAction::Put(begin.value.clone()))),
            ("append", Call::Ok { .. } | Call::Unknown { .. }) => {
                Ok(Some(LogAction::Append(begin.value.clone())))
            }
            ("read" | "get", Call::Ok { end, .. }) => Ok(Some(LogAction::Read(end.value.clone()))),
            ("append" | "put" | "read" | "get", _) => Ok(None),
            (other, _) => {
                Err(Unsuitable::new(begin, format!("a log has append, put and read, but no {other}")))
            }
        }
    }

    fn step(&self, state: &LogState, action: &LogAction) -> Option<LogState> {
        match action {
            LogAction::Read(seen) => state.looks_like(seen).then(|| state.clone()),
            LogAction::Put(item) => Some(LogState::default().append(item)),
            LogAction::Append(item) => Some(state.append(item)),
        }
    }

    fn describe_action(&self, action: &LogAction) -> String {
        match action {
            LogAction::Put(item) => format!("put {item}"),
            LogAction::Append(item) => format!("append {item}"),
            LogAction::Read(seen) => format!("read {seen}"),
        }
    }

    fn effect(&self, action: &LogAction) -> Effect {
        match action {
            LogAction::Read(_) => Effect::Reads,
            LogAction::Put(_) => Effect::Overwrites,
            LogAction::Append(_) => Effect::Changes,
        }
    }

    fn state_bytes(&self, _: &LogState) -> usize {
        size_of::<LogState>() + size_of::<Node>()
    }

    fn monitor(&self) -> Option<Box<dyn Monitor<LogAction>>> {
        Some(Box::new(LogMonitor))
    }
}
