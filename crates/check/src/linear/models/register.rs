//! A register that is read, written, and compared and set.

use crate::linear::{Call, Model, RegisterAction, Unsuitable};
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

    fn is_pure(&self, action: &RegisterAction) -> bool {
        action.is_pure()
    }

    fn overwrites(&self, action: &RegisterAction) -> bool {
        matches!(action, RegisterAction::Write(_))
    }

    fn initial_register(&self) -> Option<Value> {
        Some(self.initial.clone())
    }

    fn as_register<'a>(&self, action: &'a RegisterAction) -> Option<&'a RegisterAction> {
        Some(action)
    }
}
