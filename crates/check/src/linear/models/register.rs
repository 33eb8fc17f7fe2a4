//! A register that is read, written, and compared and set.

mod monitor;

use std::fmt;

use self::monitor::RegisterMonitor;
use crate::linear::{Call, Effect, Model, Monitor, Unsuitable};
use crate::{Mode, Operation, Value};

/// A register: `:read` (the value that came back is the value that was there), `:write`, and `:cas` with a vector
/// of the expected and the new value.
///
/// Strictly, errors that tell something are held to it: a read or a compare-and-set that failed with
/// `:key-does-not-exist` saw nil, and a compare-and-set that failed with `:precondition-failed` saw a value other
/// than the expected one. [`Mode::Compat`] drops all failed operations, and a read of nil fits every state.
///
/// ```
/// use glomers_check::linear::{Linearizability, models::Register};
/// use glomers_check::{History, Mode, Validity, Value, check};
/// let history = History::from_edn(
///     "{:type :invoke, :process 0, :f :write, :value 1}
///      {:type :ok,     :process 0, :f :write, :value 1}
///      {:type :invoke, :process 1, :f :read,  :value nil}
///      {:type :fail,   :process 1, :f :read,  :value nil, :error [:key-does-not-exist nil]}",
/// )?;
/// let verdict = |mode| check(&history, Linearizability::new(Register::new(Value::Nil, mode))).validity;
/// assert_eq!(verdict(Mode::Strict), Validity::Invalid);
/// assert_eq!(verdict(Mode::Compat), Validity::Valid);
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Register {
    initial: Value,
    mode: Mode,
}

impl Register {
    /// A register with this initial value.
    pub fn new(initial: Value, mode: Mode) -> Self {
        Self { initial, mode }
    }

    /// What an error tells of the value.
    fn failed(&self, begin: &Operation, end: &Operation) -> Option<RegisterAction> {
        let kind = end.error.as_ref()?.as_sequence()?.first()?.as_keyword()?;
        match (self.mode, kind, begin.f.as_str()) {
            (Mode::Strict, "key-does-not-exist", "read" | "cas") => Some(RegisterAction::Read(Value::Nil)),
            (Mode::Strict, "precondition-failed", "cas") => {
                Some(RegisterAction::Missed(begin.value.as_sequence()?.first()?.clone()))
            }
            _ => None,
        }
    }
}

/// What one operation did to a register and saw of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RegisterAction {
    /// It saw this value.
    Read(Value),
    /// It wrote this value, whatever was there.
    Write(Value),
    /// It found the first value and wrote the second.
    CompareAndSet(Value, Value),
    /// It found any value but this one, and changed nothing.
    Missed(Value),
}

impl RegisterAction {
    /// The value after this action, if it is possible.
    pub fn step(&self, state: &Value) -> Option<Value> {
        match self {
            Self::Read(seen) => (seen == state).then(|| state.clone()),
            Self::Write(value) => Some(value.clone()),
            Self::CompareAndSet(from, to) => (from == state).then(|| to.clone()),
            Self::Missed(value) => (value != state).then(|| state.clone()),
        }
    }

    /// What it does to a value.
    pub fn effect(&self) -> Effect {
        match self {
            Self::Read(_) | Self::Missed(_) => Effect::Reads,
            Self::Write(_) => Effect::Overwrites,
            Self::CompareAndSet(..) => Effect::Sets,
        }
    }
}

impl fmt::Display for RegisterAction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(value) => write!(formatter, "read {value}"),
            Self::Write(value) => write!(formatter, "write {value}"),
            Self::CompareAndSet(from, to) => write!(formatter, "compare-and-set from {from} to {to}"),
            Self::Missed(value) => write!(formatter, "see that the value is not {value}"),
        }
    }
}

impl Model for Register {
    type State = Value;
    type Action = RegisterAction;

    fn initial(&self) -> Value {
        self.initial.clone()
    }

    fn action(&self, call: &Call<'_>) -> Result<Option<RegisterAction>, Unsuitable> {
        let begin = call.begin();
        let write = match begin.f.as_str() {
            "read" => None,
            "write" => Some(RegisterAction::Write(begin.value.clone())),
            "cas" => match begin.value.as_sequence() {
                Some([from, to]) => Some(RegisterAction::CompareAndSet(from.clone(), to.clone())),
                _ => {
                    return Err(Unsuitable::new(
                        begin,
                        "a cas needs a vector of the expected and the new value",
                    ));
                }
            },
            other => {
                return Err(Unsuitable::new(
                    begin,
                    format!("a register has read, write and cas, but no {other}"),
                ));
            }
        };
        Ok(match (call, write) {
            (Call::Fail { begin, end }, _) => self.failed(begin, end),
            (Call::Ok { .. } | Call::Unknown { .. }, Some(write)) => Some(write),
            (Call::Ok { end, .. }, None) if self.mode == Mode::Compat && end.value.is_nil() => None,
            (Call::Ok { end, .. }, None) => Some(RegisterAction::Read(end.value.clone())),
            (Call::Unknown { .. }, None) => None,
        })
    }

    fn step(&self, state: &Value, action: &RegisterAction) -> Option<Value> {
        action.step(state)
    }

    fn describe_action(&self, action: &RegisterAction) -> String {
        action.to_string()
    }

    fn effect(&self, action: &RegisterAction) -> Effect {
        action.effect()
    }

    fn monitor(&self) -> Option<Box<dyn Monitor<RegisterAction>>> {
        Some(Box::new(RegisterMonitor::new(self.initial.clone())))
    }
}
