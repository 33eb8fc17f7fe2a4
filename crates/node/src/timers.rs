//! Moments that tasks wait for.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::{Node, Time};

/// Who is to be woken when, in the order of time; of equal times, in the order they were armed.
#[derive(Default)]
pub(crate) struct Timers {
    waiting: BTreeMap<TimerKey, Waker>,
    armed_count: u64,
}

/// When a timer is due, and the number that keeps equal times apart.
pub(crate) type TimerKey = (Time, u64);

impl Timers {
    pub(crate) fn arm(&mut self, due: Time, waker: &Waker) -> TimerKey {
        let key = (due, self.armed_count);
        self.armed_count += 1;
        self.waiting.insert(key, waker.clone());
        key
    }

    pub(crate) fn disarm(&mut self, key: TimerKey) {
        self.waiting.remove(&key);
    }

    pub(crate) fn next_due(&self) -> Option<Time> {
        self.waiting.keys().next().map(|(due, _)| *due)
    }

    /// Takes the earliest timer that is due.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<Waker> {
        let entry = self.waiting.first_entry()?;
        if entry.key().0 <= now { Some(entry.remove()) } else { None }
    }

    /// Forgets all timers.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    fn renew(&mut self, key: TimerKey, waker: &Waker) {
        if let Some(waiting) = self.waiting.get_mut(&key) {
            waiting.clone_from(waker);
        }
    }
}

/// Waits until a moment: see [`Node::sleep`]. Dropping it disarms its timer.
#[derive(Debug)]
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep {
    node: Node,
    due: Time,
    armed: Option<TimerKey>,
}

impl Sleep {
    pub(crate) fn until(node: Node, due: Time) -> Self {
        Self { node, due, armed: None }
    }

    /// The moment it waits for.
    pub fn due(&self) -> Time {
        self.due
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.node.now() >= self.due {
            return Poll::Ready(());
        }
        let mut timers = self.node.shared().timers.borrow_mut();
        match self.armed {
            Some(key) => timers.renew(key, context.waker()),
            None => {
                let key = timers.arm(self.due, context.waker());
                drop(timers);
                self.armed = Some(key);
            }
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.armed {
            self.node.shared().timers.borrow_mut().disarm(key);
        }
    }
}
