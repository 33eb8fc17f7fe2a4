//! How far polls were behind, in time.

use rustc_hash::FxHashMap;

use super::evidence::Evidence;
use super::ledger::{Entry, Task};
use crate::txn::KeyId;
use crate::{OperationKind, Process, Value};

/// A poll, and since when a key had more to offer than the poller had reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lag {
    /// When the poll began.
    time_ns: u64,
    process: Process,
    key: KeyId,
    lag_ns: u64,
}

/// The greatest lag of all polls and keys; of equal ones, the first.
///
/// A poller that has reached offset `o` of a key lags since `o + 1` was known to exist. Where it stays, its lag grows from
/// poll to poll, so that only the last poll before it moves on is looked at: linear in what was polled, however many keys
/// a process follows.
pub(super) fn worst(evidence: &Evidence) -> Option<Lag> {
    let frontiers = Frontiers::new(evidence);
    let mut search = Search { frontiers, worst: None };
    let mut followers: FxHashMap<Process, Follower> = FxHashMap::default();
    for (_, entry) in evidence.ledger.entries().filter(|(_, entry)| entry.is_ok()) {
        let follower = followers.entry(entry.process()).or_insert_with(|| Follower::new(entry.process()));
        match entry.task {
            Task::Assign => follower.assign(evidence, entry, &mut search),
            Task::Subscribe => follower.forget(&mut search),
            Task::Poll | Task::Transaction => follower.poll(evidence, entry, &mut search),
            Task::Send => {}
        }
    }
    for follower in followers.values_mut() {
        follower.forget(&mut search);
    }
    search.worst
}

/// The lag as the results show it, in seconds.
pub(super) fn shown(evidence: &Evidence, lag: Option<Lag>) -> Value {
    let seconds = |ns: u64| Value::Float(ns as f64 / 1e9);
    match lag {
        None => Value::record([("time", seconds(0)), ("lag", seconds(0))]),
        Some(Lag { time_ns, process, key, lag_ns }) => Value::record([
            ("time", seconds(time_ns)),
            ("process", process.to_value()),
            ("key", evidence.ledger.names.key_value(key)),
            ("lag", seconds(lag_ns)),
        ]),
    }
}

/// When offsets of each key were first known to exist: ascending offsets, each with all below it.
struct Frontiers {
    steps: Vec<Vec<(i64, u64)>>,
}

impl Frontiers {
    fn new(evidence: &Evidence) -> Self {
        let ledger = &evidence.ledger;
        let mut steps: Vec<Vec<(i64, u64)>> = vec![Vec::new(); ledger.key_count()];
        for (_, entry) in ledger.entries().filter(|(_, entry)| entry.kind != OperationKind::Fail) {
            for (key, offset) in ledger.reached(entry) {
                let steps = &mut steps[key as usize];
                if offset >= 0 && steps.last().is_none_or(|&(highest, _)| highest < offset) {
                    steps.push((offset, entry.ended.time_ns));
                }
            }
        }
        Self { steps }
    }

    /// How long an offset had been there at this time.
    fn age_ns(&self, key: KeyId, offset: i64, time_ns: u64) -> u64 {
        let steps = &self.steps[key as usize];
        let place = steps.partition_point(|&(highest, _)| highest < offset);
        steps.get(place).map_or(0, |&(_, since_ns)| time_ns.saturating_sub(since_ns))
    }
}

struct Search {
    frontiers: Frontiers,
    worst: Option<Lag>,
}

impl Search {
    fn consider(&mut self, process: Process, key: KeyId, reached: i64, time_ns: u64) {
        let lag_ns = self.frontiers.age_ns(key, reached.saturating_add(1), time_ns);
        if self.worst.is_none_or(|worst| worst.lag_ns < lag_ns) {
            self.worst = Some(Lag { time_ns, process, key, lag_ns });
        }
    }
}

/// What one process has reached in the keys that it polls.
struct Follower {
    process: Process,
    poll_count: u64,
    /// When its last poll began.
    last_poll_ns: u64,
    /// Keys in the order in which they came to it.
    keys: Vec<KeyId>,
    reached: FxHashMap<KeyId, Reached>,
}

#[derive(Clone, Copy)]
struct Reached {
    offset: i64,
    /// The first poll, by number, for which this holds.
    since_poll: u64,
}

impl Follower {
    fn new(process: Process) -> Self {
        Self { process, poll_count: 0, last_poll_ns: 0, keys: Vec::new(), reached: FxHashMap::default() }
    }

    /// Polls other keys from now on. What it has reached in a key that it keeps, it keeps.
    fn assign(&mut self, evidence: &Evidence, entry: &Entry, search: &mut Search) {
        let mut former = std::mem::take(&mut self.reached);
        self.keys = evidence.ledger.assigned(entry).collect();
        for &key in &self.keys {
            let new = Reached { offset: -1, since_poll: self.poll_count };
            let reached = former.remove(&key).unwrap_or(new);
            self.reached.entry(key).or_insert(reached);
        }
        for (key, reached) in former {
            self.leave(key, reached, search);
        }
    }

    /// Polls whatever it is given from now on.
    fn forget(&mut self, search: &mut Search) {
        for key in std::mem::take(&mut self.keys) {
            if let Some(reached) = self.reached.remove(&key) {
                self.leave(key, reached, search);
            }
        }
    }

    fn poll(&mut self, evidence: &Evidence, entry: &Entry, search: &mut Search) {
        for (key, offset) in evidence.ledger.reached(entry) {
            let new = Reached { offset, since_poll: self.poll_count };
            match self.reached.get(&key).copied() {
                None => {
                    self.keys.push(key);
                    self.reached.insert(key, new);
                }
                Some(former) if former.offset < offset => {
                    self.leave(key, former, search);
                    self.reached.insert(key, new);
                }
                Some(_) => {}
            }
        }
        self.poll_count += 1;
        self.last_poll_ns = entry.begun.moment.time_ns;
        // The very first poll counts even where nothing lags.
        if search.worst.is_none()
            && let Some((&key, reached)) =
                self.keys.first().and_then(|key| Some((key, self.reached.get(key)?)))
        {
            search.consider(self.process, key, reached.offset, self.last_poll_ns);
        }
    }

    /// What it had reached in a key holds no longer; the last poll for which it held lagged most.
    fn leave(&self, key: KeyId, reached: Reached, search: &mut Search) {
        if reached.since_poll < self.poll_count {
            search.consider(self.process, key, reached.offset, self.last_poll_ns);
        }
    }
}
