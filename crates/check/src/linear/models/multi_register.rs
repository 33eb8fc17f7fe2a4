//! Several registers, read and written together.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use crate::Value;
use crate::linear::{Call, Effect, Model, Unsuitable};

/// Registers that a `:txn` reads and writes in one step: its value is a vector of micro-operations
/// `[:r key value]` and `[:w key value]`, in order. What a read saw stands in the value that came back. Registers
/// begin at the initial value.
///
/// Linearizability of transactions is strict serializability, decided by search: fit for short histories. For
/// long ones use a checker of transactions.
///
/// ```
/// use glomers_check::linear::{Linearizability, models::MultiRegister};
/// use glomers_check::{History, Validity, check};
/// let history = History::from_edn(
///     "{:type :invoke, :process 0, :f :txn, :value [[:w :x 1] [:w :y 1]]}
///      {:type :ok,     :process 0, :f :txn, :value [[:w :x 1] [:w :y 1]]}
///      {:type :invoke, :process 0, :f :txn, :value [[:r :x nil] [:r :y nil]]}
///      {:type :ok,     :process 0, :f :txn, :value [[:r :x 1] [:r :y nil]]}",
/// )?;
/// assert_eq!(check(&history, Linearizability::new(MultiRegister::default())).validity, Validity::Invalid);
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MultiRegister {
    initial: Value,
}

impl MultiRegister {
    /// Registers that all hold this value at first; by default it is nil.
    pub fn new(initial: Value) -> Self {
        Self { initial }
    }
}

/// A part of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MicroOperation {
    /// The register had this value; none if its client did not learn it.
    Read(Value, Option<Value>),
    /// The register gets this value.
    Write(Value, Value),
}

/// The registers that do not hold the initial value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MultiRegisterState(BTreeMap<Value, Value>);

impl fmt::Display for MultiRegisterState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.0.iter().map(|(key, value)| (key.clone(), value.clone()));
        Value::Map(entries.collect()).fmt(formatter)
    }
}

/// Whether the answer has the micro-operations that were asked for. A question that was left out is any.
fn answers(asked: &Value, answer: &Value) -> bool {
    let (Some(asked), Some(answer)) = (asked.as_sequence(), answer.as_sequence()) else {
        return asked.is_nil();
    };
    let matches = |(asked, found): (&Value, &Value)| match (asked.as_sequence(), found.as_sequence()) {
        (Some([Value::Keyword(f), key, value]), Some([Value::Keyword(other_f), other_key, found])) => {
            f == other_f && key == other_key && (f == "r" || value == found)
        }
        _ => false,
    };
    asked.len() == answer.len() && asked.iter().zip(answer).all(matches)
}

impl Model for MultiRegister {
    type State = MultiRegisterState;
    type Action = Vec<MicroOperation>;

    fn initial(&self) -> MultiRegisterState {
        MultiRegisterState::default()
    }

    fn action(&self, call: &Call<'_>) -> Result<Option<Self::Action>, Unsuitable> {
        let (value, known) = match call {
            Call::Ok { end, .. } => (&end.value, true),
            Call::Unknown { begin } => (&begin.value, false),
            Call::Fail { .. } => return Ok(None),
        };
        let micro = |item: &Value| match item.as_sequence()? {
            [Value::Keyword(f), key, value] if f == "r" => {
                Some(MicroOperation::Read(key.clone(), known.then(|| value.clone())))
            }
            [Value::Keyword(f), key, value] if f == "w" => {
                Some(MicroOperation::Write(key.clone(), value.clone()))
            }
            _ => None,
        };
        if let Call::Ok { begin, end } = call
            && !answers(&begin.value, &end.value)
        {
            let reason = format!("its answer, {}, has other micro-operations", end.value);
            return Err(Unsuitable::new(begin, reason));
        }
        let transaction: Option<Vec<MicroOperation>> =
            value.as_sequence().and_then(|items| items.iter().map(micro).collect());
        let expected = "a transaction is a vector of [:r key value] and [:w key value]";
        transaction.map(Some).ok_or_else(|| Unsuitable::new(call.begin(), expected))
    }

    fn step(&self, state: &MultiRegisterState, action: &Self::Action) -> Option<MultiRegisterState> {
        let mut state = state.clone();
        for micro in action {
            match micro {
                MicroOperation::Read(key, Some(seen))
                    if state.0.get(key).unwrap_or(&self.initial) != seen =>
                {
                    return None;
                }
                MicroOperation::Read(..) => {}
                MicroOperation::Write(key, value) if *value == self.initial => {
                    state.0.remove(key);
                }
                MicroOperation::Write(key, value) => {
                    state.0.insert(key.clone(), value.clone());
                }
            }
        }
        Some(state)
    }

    fn describe_action(&self, action: &Self::Action) -> String {
        let micros = action.iter().map(|micro| match micro {
            MicroOperation::Read(key, Some(seen)) => format!("read {seen} from {key}"),
            MicroOperation::Read(key, None) => format!("read {key}"),
            MicroOperation::Write(key, value) => format!("write {value} to {key}"),
        });
        micros.collect::<Vec<_>>().join(", ")
    }

    fn effect(&self, action: &Self::Action) -> Effect {
        if action.iter().all(|micro| matches!(micro, MicroOperation::Read(..))) {
            Effect::Reads
        } else {
            Effect::Changes
        }
    }

    fn state_bytes(&self, state: &MultiRegisterState) -> usize {
        size_of::<MultiRegisterState>() + state.0.len() * 2 * size_of::<Value>()
    }

    fn component(&self, action: &Self::Action) -> Option<u64> {
        let key = |micro: &MicroOperation| match micro {
            MicroOperation::Read(key, _) | MicroOperation::Write(key, _) => {
                let mut hasher = FxHasher::default();
                key.hash(&mut hasher);
                hasher.finish()
            }
        };
        let first = key(action.first()?);
        action.iter().all(|micro| key(micro) == first).then_some(first)
    }
}
