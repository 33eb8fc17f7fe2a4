//! A lock.

use std::fmt;

use crate::linear::{Call, Effect, Model, Unsuitable};

/// A lock that one process holds at a time: `:acquire` and `:release`. It does not ask who releases it.
///
/// ```
/// use glomers_check::linear::{Linearizability, models::Mutex};
/// use glomers_check::{History, Validity, check};
/// let history = History::from_edn(
///     "{:type :invoke, :process 0, :f :acquire}
///      {:type :ok,     :process 0, :f :acquire}
///      {:type :invoke, :process 1, :f :acquire}
///      {:type :ok,     :process 1, :f :acquire}",
/// )?;
/// assert_eq!(check(&history, Linearizability::new(Mutex)).validity, Validity::Invalid);
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Mutex;

/// What an operation does to a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MutexAction {
    /// Takes it.
    Acquire,
    /// Gives it back.
    Release,
}

/// Whether a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MutexState {
    /// Nobody holds it.
    Free,
    /// Somebody holds it.
    Held,
}

impl fmt::Display for MutexState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Free => "free",
            Self::Held => "held",
        })
    }
}

impl Model for Mutex {
    type State = MutexState;
    type Action = MutexAction;

    fn initial(&self) -> MutexState {
        MutexState::Free
    }

    fn action(&self, call: &Call<'_>) -> Result<Option<MutexAction>, Unsuitable> {
        let action = match call.begin().f.as_str() {
            "acquire" => MutexAction::Acquire,
            "release" => MutexAction::Release,
            other => {
                let reason = format!("a mutex has acquire and release, but no {other}");
                return Err(Unsuitable::new(call.begin(), reason));
            }
        };
        Ok((!matches!(call, Call::Fail { .. })).then_some(action))
    }

    fn step(&self, state: &MutexState, action: &MutexAction) -> Option<MutexState> {
        match (state, action) {
            (MutexState::Free, MutexAction::Acquire) => Some(MutexState::Held),
            (MutexState::Held, MutexAction::Release) => Some(MutexState::Free),
            (MutexState::Held, MutexAction::Acquire) | (MutexState::Free, MutexAction::Release) => None,
        }
    }

    fn describe_action(&self, action: &MutexAction) -> String {
        match action {
            MutexAction::Acquire => "acquire".to_owned(),
            MutexAction::Release => "release".to_owned(),
        }
    }

    fn effect(&self, _: &MutexAction) -> Effect {
        // An acquire leaves a lock that is held, and a release one that is free, wherever they are possible.
        Effect::Sets
    }
}
