//! What an object does when one thing happens at a time.

use std::fmt::{Debug, Display};
use std::hash::Hash;

use super::monitor::Monitor;
use crate::Operation;

/// A sequential object: states, and what may happen in each.
///
/// A checker of linearizability asks whether the operations of a concurrent history can be put one after the
/// other, each between its beginning and its end, so that this object permits every one of them. Only
/// [`initial`](Model::initial), [`action`](Model::action) and [`step`](Model::step) decide that. The other methods
/// are hints that make the checker faster. A hint that is not true makes verdicts wrong:
/// [`assert_hints`](crate::linear::assert_hints) tests them.
///
/// ```
/// use glomers_check::linear::{Call, Linearizability, Model, Unsuitable};
/// use glomers_check::{History, Validity, check};
///
/// /// A counter that is increased by one and says its new value.
/// #[derive(Clone, Debug)]
/// struct Counter;
///
/// impl Model for Counter {
///     type State = i128;
///     type Action = Option<i128>; // The value that was returned, if that is known.
///
///     fn initial(&self) -> i128 { 0 }
///
///     fn action(&self, call: &Call<'_>) -> Result<Option<Option<i128>>, Unsuitable> {
///         match call {
///             Call::Ok { end, .. } => Ok(Some(end.value.as_int())),
///             Call::Fail { .. } => Ok(None),
///             Call::Unknown { .. } => Ok(Some(None)),
///         }
///     }
///
///     fn step(&self, state: &i128, action: &Option<i128>) -> Option<i128> {
///         let next = state + 1;
///         action.is_none_or(|returned| returned == next).then_some(next)
///     }
///
///     fn describe_action(&self, action: &Option<i128>) -> String { format!("increase to {action:?}") }
/// }
///
/// let history = History::from_edn(
///     "{:type :invoke, :process 0, :f :increase, :value nil}
///      {:type :ok, :process 0, :f :increase, :value 2}",
/// )?;
/// assert_eq!(check(&history, Linearizability::new(Counter)).validity, Validity::Invalid);
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
pub trait Model: Clone + Debug + Send {
    /// What the object is at one moment.
    type State: Clone + Debug + Display + Eq + Hash + Send;

    /// What one operation does and what was seen of it. Equal actions are interchangeable.
    type Action: Clone + Debug + Eq + Hash + Send + 'static;

    /// The state before anything happened.
    fn initial(&self) -> Self::State;

    /// The action of an operation, or none if it neither changes nor shows anything.
    ///
    /// # Errors
    /// The operation is none of this object's: the verdict will be `unknown` and name it.
    fn action(&self, call: &Call<'_>) -> Result<Option<Self::Action>, Unsuitable>;

    /// The state after an action, or none if the action cannot happen in this state.
    fn step(&self, state: &Self::State, action: &Self::Action) -> Option<Self::State>;

    /// The action in words, for a counterexample.
    fn describe_action(&self, action: &Self::Action) -> String;

    /// What the action does to a state, whichever state it is. If the object [decomposes](Model::decomposes), to
    /// whichever state the actions of its component lead.
    fn effect(&self, _action: &Self::Action) -> Effect {
        Effect::Changes
    }

    /// The component of the state that the action looks at and changes, such as the number of a map's key. None if
    /// it may concern all of them. Actions on different components must not influence each other.
    fn component(&self, _action: &Self::Action) -> Option<u64> {
        None
    }

    /// Whether every action concerns one component, so that [`component`](Model::component) is never none. Each
    /// component is then decided by itself: linearizability is local.
    fn decomposes(&self) -> bool {
        false
    }

    /// About how much memory a state takes, in bytes, shared parts not counted. It bounds what a search keeps.
    fn state_bytes(&self, _state: &Self::State) -> usize {
        size_of::<Self::State>()
    }

    /// A procedure that decides certain histories of this object without a search. If the object
    /// [decomposes](Model::decomposes), it is asked about one component at a time.
    fn monitor(&self) -> Option<Box<dyn Monitor<Self::Action>>> {
        None
    }
}

/// What an action does to a state. All that is claimed holds in every state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It leaves the state as it was, as a read does.
    Reads,
    /// It is always possible, and the state after it does not depend on the state before, as after a blind write.
    Overwrites,
    /// Where it is possible, the state after it does not depend on the state before, as after a compare-and-set.
    Sets,
    /// Anything else, as an increment or an append.
    Changes,
}

/// One operation of a history, with what is known of its end.
#[derive(Clone, Copy, Debug)]
pub enum Call<'a> {
    /// It happened.
    Ok {
        /// The entry with which it began.
        begin: &'a Operation,
        /// The entry with which it ended.
        end: &'a Operation,
    },
    /// It did not happen, and its error may tell what it saw.
    Fail {
        /// The entry with which it began.
        begin: &'a Operation,
        /// The entry with which it ended.
        end: &'a Operation,
    },
    /// Its outcome is unknown: it may have happened, may still happen, or never will.
    Unknown {
        /// The entry with which it began.
        begin: &'a Operation,
    },
}

impl<'a> Call<'a> {
    /// The entry with which the operation began.
    pub fn begin(&self) -> &'a Operation {
        match self {
            Self::Ok { begin, .. } | Self::Fail { begin, .. } | Self::Unknown { begin } => begin,
        }
    }
}

/// An operation that the model does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("operation {index} does not suit the model: {reason}")]
pub struct Unsuitable {
    /// The index of the entry with which it began.
    pub index: u64,
    /// What was expected.
    pub reason: String,
}

impl Unsuitable {
    /// The operation with this beginning is not what the model expected.
    pub fn new(begin: &Operation, reason: impl Into<String>) -> Self {
        Self { index: begin.index, reason: reason.into() }
    }
}
