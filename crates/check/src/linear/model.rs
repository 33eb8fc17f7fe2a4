//! What an object does when one thing happens at a time.

use std::fmt::{Debug, Display};
use std::hash::Hash;

use crate::linear::RegisterAction;
use crate::{Operation, Value};

/// A sequential object: states, and what may happen in each.
///
/// A checker of linearizability asks whether the operations of a concurrent history can be put one after the
/// other, each between its beginning and its end, so that this object permits every one of them. Only
/// [`initial`](Model::initial), [`action`](Model::action) and [`step`](Model::step) decide that; the other methods
/// tell the checker what it may take for granted, which makes it faster.
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
pub trait Model: Clone + Debug {
    /// What the object is at one moment.
    type State: Clone + Debug + Display + Eq + Hash;

    /// What one operation does and what was seen of it. Equal actions are interchangeable.
    type Action: Clone + Debug + Eq + Hash;

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

    /// Whether the action never changes the state, as a read.
    fn is_pure(&self, _action: &Self::Action) -> bool {
        false
    }

    /// Whether the action is possible in every state, and the state after it is the same whatever was before, as
    /// after a blind write.
    fn overwrites(&self, _action: &Self::Action) -> bool {
        false
    }

    /// Whether [`rules_out`](Model::rules_out) ever says so. A search then looks at some reads in advance.
    fn looks_ahead(&self) -> bool {
        false
    }

    /// Whether this pure action is not possible in this state and never will be, whatever happens next. A search that
    /// knows so follows fewer states.
    fn rules_out(&self, _state: &Self::State, _action: &Self::Action) -> bool {
        false
    }

    /// A number of the part of the state that the action looks at and changes, if it is but one part, as the key
    /// of a map. Actions on different parts must not influence each other.
    fn part(&self, _action: &Self::Action) -> Option<u64> {
        None
    }

    /// Whether every action concerns one part of the state, so that [`part`](Model::part) is never none. Each part
    /// is then decided by itself, which is linearizability's locality.
    fn is_split(&self) -> bool {
        false
    }

    /// The initial value, if the whole object is one register. A history in which no value is written twice is
    /// then decided in *O(n log n)*. [`as_register`](Model::as_register) must be given too.
    fn initial_register(&self) -> Option<Value> {
        None
    }

    /// The action as a register's, if the whole object is one register.
    fn as_register<'a>(&self, _action: &'a Self::Action) -> Option<&'a RegisterAction> {
        None
    }
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
    /// Nobody knows whether it happened or will.
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
