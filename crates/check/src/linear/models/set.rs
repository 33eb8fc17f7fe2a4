//! A set to which elements are added, and which is read as a whole.

mod monitor;

use std::collections::BTreeSet;
use std::fmt;

use self::monitor::SetMonitor;
use crate::Value;
use crate::linear::{Call, Effect, Model, Monitor, Unsuitable};

/// A set: `:add` adds its value, `:read` returns all elements, in any order.
///
/// ```
/// use glomers_check::linear::{Linearizability, models::Set};
/// use glomers_check::{History, Validity, check};
/// let history = History::from_edn(
///     "{:type :invoke, :process 0, :f :add, :value 1}
///      {:type :ok,     :process 0, :f :add, :value 1}
///      {:type :invoke, :process 0, :f :read, :value nil}
///      {:type :ok,     :process 0, :f :read, :value []}",
/// )?;
/// assert_eq!(check(&history, Linearizability::new(Set)).validity, Validity::Invalid);
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Set;

/// What an operation does to a set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetAction {
    /// Adds this element.
    Add(Value),
    /// Sees these elements.
    Read(SetState),
    /// Sees this element more than once, which no set allows.
    SeeTwice(Value),
}

/// The elements of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SetState(BTreeSet<Value>);

impl SetState {
    /// How many elements there are.
    pub(in crate::linear) fn len(&self) -> usize {
        self.0.len()
    }

    /// The elements.
    pub(in crate::linear) fn iter(&self) -> impl Iterator<Item = &Value> {
        self.0.iter()
    }
}

impl fmt::Display for SetState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Value::Set(self.0.iter().cloned().collect()).fmt(formatter)
    }
}

impl Model for Set {
    type State = SetState;
    type Action = SetAction;

    fn initial(&self) -> SetState {
        SetState::default()
    }

    fn action(&self, call: &Call<'_>) -> Result<Option<SetAction>, Unsuitable> {
        let begin = call.begin();
        match (begin.f.as_str(), call) {
            ("add", Call::Ok { .. } | Call::Unknown { .. }) => Ok(Some(SetAction::Add(begin.value.clone()))),
            ("read", Call::Ok { end, .. }) => {
                let seen = end
                    .value
                    .as_elements()
                    .ok_or_else(|| Unsuitable::new(begin, "a read returns the elements"))?;
                let elements: BTreeSet<Value> = seen.iter().cloned().collect();
                let twice = (1..seen.len())
                    .find(|&index| elements.len() < seen.len() && seen[..index].contains(&seen[index]));
                Ok(Some(match twice {
                    Some(index) => SetAction::SeeTwice(seen[index].clone()),
                    None => SetAction::Read(SetState(elements)),
                }))
            }
            ("add" | "read", _) => Ok(None),
            (other, _) => Err(Unsuitable::new(begin, format!("a set has add and read, but no {other}"))),
        }
    }

    fn step(&self, state: &SetState, action: &SetAction) -> Option<SetState> {
        match action {
            SetAction::Read(seen) => (seen == state).then(|| state.clone()),
            SetAction::SeeTwice(_) => None,
            SetAction::Add(element) => {
                let mut after = state.clone();
                after.0.insert(element.clone());
                Some(after)
            }
        }
    }

    fn describe_action(&self, action: &SetAction) -> String {
        match action {
            SetAction::Add(element) => format!("add {element}"),
            SetAction::Read(seen) => format!("read {seen}"),
            SetAction::SeeTwice(element) => format!("read {element} twice"),
        }
    }

    fn effect(&self, action: &SetAction) -> Effect {
        match action {
            SetAction::Read(_) | SetAction::SeeTwice(_) => Effect::Reads,
            SetAction::Add(_) => Effect::Changes,
        }
    }

    fn monitor(&self) -> Option<Box<dyn Monitor<SetAction>>> {
        Some(Box::new(SetMonitor))
    }
}
