//! `seq-kv`: sequentially consistent registers.
//!
//! There is one order of states, and no client sees it run backwards; but a client may be shown a state of the past, on every key at
//! once. Only an operation that changes the state it is shown must act on the newest one. So a write may act in the past too, where
//! it writes what was there.

use std::collections::VecDeque;

use glomers_node::{Json, NodeId, Random, RpcError};
use rustc_hash::FxHashMap;

use super::Definition;
use super::key_value::{self, Key, LIMIT_BYTES, Operation, Store, Values, Weigh};

pub(crate) const DEFINITION: Definition = Definition {
    name: "seq-kv",
    doc: "a sequentially consistent key-value store: it may show the past, but never lets time run backwards",
    build: |options, id| key_value::serve(options, id, SeqKv::default()),
};

/// How many states can be shown: the newest, and those before it.
const STATE_COUNT: usize = 32;
/// How much the values of the past may take. Beyond that fewer states can be shown, which breaks no promise.
const PAST_LIMIT_BYTES: usize = LIMIT_BYTES / 4;
/// So many clients are remembered. When more come while nothing changes, everybody is shown the newest state from then on.
const CLIENT_LIMIT: usize = 1 << 14;

/// The newest state, and what leads from it back to those before: the past costs one entry a state, however many keys there are.
///
/// States are numbered by the changes that led to them, from 0.
#[derive(Default)]
struct SeqKv {
    values: Values<Json>,
    /// The last changes, oldest first; each leads from one state to the next.
    changes: VecDeque<Change>,
    /// What the changes take in memory.
    change_bytes: usize,
    newest: u64,
    /// The last state that each client was shown. Clients that were shown none younger than the oldest state may be missing.
    shown: FxHashMap<NodeId, u64>,
}

/// The step from one state to the next.
struct Change {
    key: Key,
    /// What was under the key before.
    former: Option<Json>,
}

impl SeqKv {
    fn oldest(&self) -> u64 {
        self.newest - self.changes.len() as u64
    }

    /// The value under a key in one of the states that can be shown.
    fn value_at(&self, state: u64, key: &Key) -> Option<&Json> {
        let later_changes = self.changes.range((state - self.oldest()) as usize..);
        match later_changes.into_iter().find(|change| change.key == *key) {
            Some(change) => change.former.as_ref(),
            None => self.values.get(key),
        }
    }

    fn draw_state(&self, client: &NodeId, random: &mut Random) -> u64 {
        let earliest = self.shown.get(client).copied().unwrap_or_default().max(self.oldest());
        earliest + random.below(self.newest - earliest + 1)
    }

    fn change(&mut self, key: &Key, value: Json) {
        let former = self.values.insert(key.clone(), value);
        if self.changes.len() + 1 == STATE_COUNT {
            self.forget_oldest();
        }
        let change = Change { key: key.clone(), former };
        self.change_bytes += change.weigh();
        self.changes.push_back(change);
        self.newest += 1;
        while self.change_bytes > PAST_LIMIT_BYTES {
            self.forget_oldest();
        }
        if self.newest.is_multiple_of(STATE_COUNT as u64) {
            // Whoever has seen no more than the oldest state can be shown any.
            let oldest = self.oldest();
            self.shown.retain(|_, shown| *shown > oldest);
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(change) = self.changes.pop_front() {
            self.change_bytes -= change.weigh();
        }
    }

    /// Remembers what a client was shown.
    fn show(&mut self, client: &NodeId, state: u64) {
        if self.shown.len() >= CLIENT_LIMIT && !self.shown.contains_key(client) {
            self.changes.clear();
            self.change_bytes = 0;
            self.shown.clear();
        }
        self.shown.insert(client.clone(), state);
    }
}

impl Weigh for Change {
    fn weigh(&self) -> usize {
        self.key.weigh() + self.former.as_ref().map_or(0, Weigh::weigh)
    }
}

impl Store for SeqKv {
    fn apply(
        &mut self,
        client: &NodeId,
        operation: &Operation,
        random: &mut Random,
    ) -> Result<Json, RpcError> {
        let state = self.draw_state(client, random);
        let before = self.value_at(state, &operation.key);
        let result = operation.act_on(before);
        let changes_nothing = match &result {
            Ok(afterwards) => before == Some(afterwards),
            Err(_) => true,
        };
        if changes_nothing {
            self.show(client, state);
            return result;
        }
        let newest = self.values.get(&operation.key);
        let result = operation.act_on(newest);
        if let Ok(afterwards) = &result
            && newest != Some(afterwards)
        {
            self.values.admit(&operation.key, afterwards)?;
            self.change(&operation.key, afterwards.clone());
        }
        self.show(client, self.newest);
        result
    }
}

#[cfg(test)]
mod tests;
