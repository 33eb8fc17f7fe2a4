//! A log to which items are appended, and which is read as a whole.

use std::fmt;

use crate::Value;
use crate::linear::{Call, Model, Unsuitable};

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
/// assert_eq!(check(&history, Linearizability::new(Log::new())).validity, Validity::Invalid);
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
///
/// Where nothing is ever put, [`Log::append_only`] is faster: what was read later then says what came first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Log {
    append_only: bool,
}

impl Log {
    /// A log to which items may be appended, and which may be replaced by one.
    pub fn new() -> Self {
        Self::default()
    }

    /// A log that nothing is put to. A `:put` does not suit it.
    pub fn append_only() -> Self {
        Self { append_only: true }
    }
}

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

/// The items of a log, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LogState(Vec<Value>);

impl LogState {
    /// Whether all items are the first ones of what was seen.
    fn begins(&self, seen: &Value) -> bool {
        match seen {
            Value::Nil => self.0.is_empty(),
            Value::String(text) => {
                let mut rest = text.as_str();
                self.0.iter().all(|item| {
                    let after = item.as_str().and_then(|item| rest.strip_prefix(item));
                    rest = after.unwrap_or(rest);
                    after.is_some()
                })
            }
            _ => seen.as_sequence().is_some_and(|items| items.starts_with(&self.0)),
        }
    }

    fn looks_like(&self, seen: &Value) -> bool {
        match seen {
            Value::Nil => self.0.is_empty(),
            Value::String(text) => {
                let mut rest = text.as_str();
                let all = self.0.iter().all(|item| {
                    let after = item.as_str().and_then(|item| rest.strip_prefix(item));
                    rest = after.unwrap_or(rest);
                    after.is_some()
                });
                all && rest.is_empty()
            }
            _ => seen.as_sequence().is_some_and(|items| items == self.0),
        }
    }
}

impl fmt::Display for LogState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[")?;
        for (index, item) in self.0.iter().enumerate() {
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
            ("put", _) if self.append_only => {
                Err(Unsuitable::new(begin, "nothing can be put to an append-only log"))
            }
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
            LogAction::Put(item) => Some(LogState(vec![item.clone()])),
            LogAction::Append(item) => {
                let mut items = Vec::with_capacity(state.0.len() + 1);
                items.extend_from_slice(&state.0);
                items.push(item.clone());
                Some(LogState(items))
            }
        }
    }

    fn describe_action(&self, action: &LogAction) -> String {
        match action {
            LogAction::Put(item) => format!("put {item}"),
            LogAction::Append(item) => format!("append {item}"),
            LogAction::Read(seen) => format!("read {seen}"),
        }
    }

    fn is_pure(&self, action: &LogAction) -> bool {
        matches!(action, LogAction::Read(_))
    }

    fn looks_ahead(&self) -> bool {
        self.append_only
    }

    fn rules_out(&self, state: &LogState, action: &LogAction) -> bool {
        self.append_only && matches!(action, LogAction::Read(seen) if !state.begins(seen))
    }

    fn overwrites(&self, action: &LogAction) -> bool {
        matches!(action, LogAction::Put(_))
    }
}
