//! The moments that tasks wait for.

use std::collections::BTreeMap;
use std::task::Waker;

use crate::Time;

/// Who is to be woken when, ordered by time; of equal times, the one armed first comes first.
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

    pub(crate) fn renew(&mut self, key: TimerKey, waker: &Waker) {
        if let Some(waiting) = self.waiting.get_mut(&key) {
            waiting.clone_from(waker);
        }
    }
}
