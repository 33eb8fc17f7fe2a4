//! A queue: first in, first out.

mod monitor;

use std::collections::VecDeque;
use std::fmt;

use self::monitor::QueueMonitor;
use crate::Value;
use crate::linear::{Call, Effect, Model, Monitor, Unsuitable};

/// A first-in-first-out queue: `:enqueue` adds its value, `:dequeue` removes the oldest and returns it; nil says
/// that the queue was empty.
///
/// ```
/// use glomers_check::linear::{Linearizability, models::Queue};
/// use glomers_check::{History, Validity, check};
/// let history = History::from_edn(
///     "{:type :invoke, :process 0, :f :enqueue, :value 1}
///      {:type :ok,     :process 0, :f :enqueue, :value 1}
///      {:type :invoke, :process 0, :f :enqueue, :value 2}
///      {:type :ok,     :process 0, :f :enqueue, :value 2}
///      {:type :invoke, :process 0, :f :dequeue, :value nil}
///      {:type :ok,     :process 0, :f :dequeue, :value 2}",
/// )?;
/// assert_eq!(check(&history, Linearizability::new(Queue)).validity, Validity::Invalid);
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Queue;

/// What an operation does to a queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QueueAction {
    /// Adds this item.
    Enqueue(Value),
    /// Removes this item.
    Dequeue(Value),
    /// Removes the oldest item, whichever it was.
    DequeueUnseen,
    /// Finds nothing.
    FindEmpty,
}

/// The items of a queue, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct QueueState(VecDeque<Value>);

impl fmt::Display for QueueState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Value::Vector(self.0.iter().cloned().collect()).fmt(formatter)
    }
}

impl Model for Queue {
    type State = QueueState;
    type Action = QueueAction;

    fn initial(&self) -> QueueState {
        QueueState::default()
    }

    fn action(&self, call: &Call<'_>) -> Result<Option<QueueAction>, Unsuitable> {
        let begin = call.begin();
        Ok(match (begin.f.as_str(), call) {
            ("enqueue", Call::Ok { .. } | Call::Unknown { .. }) => {
                Some(QueueAction::Enqueue(begin.value.clone()))
            }
            ("dequeue", Call::Ok { end, .. }) if end.value.is_nil() => Some(QueueAction::FindEmpty),
            ("dequeue", Call::Ok { end, .. }) => Some(QueueAction::Dequeue(end.value.clone())),
            ("dequeue", Call::Unknown { .. }) => Some(QueueAction::DequeueUnseen),
            ("enqueue" | "dequeue", Call::Fail { .. }) => None,
            (other, _) => {
                return Err(Unsuitable::new(
                    begin,
                    format!("a queue has enqueue and dequeue, but no {other}"),
                ));
            }
        })
    }

    fn step(&self, state: &QueueState, action: &QueueAction) -> Option<QueueState> {
        let mut state = state.clone();
        match action {
            QueueAction::Enqueue(item) => state.0.push_back(item.clone()),
            QueueAction::Dequeue(item) => {
                state.0.pop_front().filter(|oldest| oldest == item)?;
            }
            QueueAction::DequeueUnseen => {
                state.0.pop_front()?;
            }
            QueueAction::FindEmpty if !state.0.is_empty() => return None,
            QueueAction::FindEmpty => {}
        }
        Some(state)
    }

    fn describe_action(&self, action: &QueueAction) -> String {
        match action {
            QueueAction::Enqueue(item) => format!("enqueue {item}"),
            QueueAction::Dequeue(item) => format!("dequeue {item}"),
            QueueAction::DequeueUnseen => "dequeue the oldest".to_owned(),
            QueueAction::FindEmpty => "find the queue empty".to_owned(),
        }
    }

    fn effect(&self, action: &QueueAction) -> Effect {
        match action {
            QueueAction::FindEmpty => Effect::Reads,
            QueueAction::Enqueue(_) | QueueAction::Dequeue(_) | QueueAction::DequeueUnseen => Effect::Changes,
        }
    }

    fn state_bytes(&self, state: &QueueState) -> usize {
        size_of::<QueueState>() + state.0.len() * size_of::<Value>()
    }

    fn monitor(&self) -> Option<Box<dyn Monitor<QueueAction>>> {
        Some(Box::new(QueueMonitor::default()))
    }
}
