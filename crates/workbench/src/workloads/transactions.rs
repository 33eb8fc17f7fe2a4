//! What the two transactional workloads share: which transactions are drawn, how they are sent, and the options for both. The logs of
//! kafka draw their keys and messages from here too.
//!
//! Keys are drawn from a small set, some much more often than others, so that some are contended and others live long. A key that has
//! been written often enough is replaced by a new one, so no value grows without bound.

use std::collections::BTreeMap;

use glomers_check::{Name, Operation, Value};
use glomers_node::Random;
use glomers_protocol::RawValue;
use serde::Serialize;

use crate::{
    clients::{Client, Completion, Connection, DEFAULT_TIMEOUT, complete, raw},
    plan::settings::{Setting, SettingKind, Settings},
    schema::{Rpc, Shape},
};

pub(super) const SETTINGS: &[&Setting] =
    &[&CONSISTENCY_MODELS, &KEY_COUNT, &MAX_TXN_LENGTH, &MAX_WRITES_PER_KEY];

const CONSISTENCY_MODELS: Setting = Setting {
    name: "consistency-models",
    doc: "The consistency models that the transactions must satisfy, separated by commas",
    default: "strict-serializable",
    kind: SettingKind::Models,
};

pub(super) const KEY_COUNT: Setting = Setting {
    name: "key-count",
    doc: "How many keys are in use at a time",
    default: "10",
    kind: SettingKind::Count,
};

const MAX_TXN_LENGTH: Setting = Setting {
    name: "max-txn-length",
    doc: "The largest number of micro-operations in a transaction",
    default: "4",
    kind: SettingKind::Count,
};

pub(super) const MAX_WRITES_PER_KEY: Setting = Setting {
    name: "max-writes-per-key",
    doc: "How often a key is written before a new key replaces it",
    default: "16",
    kind: SettingKind::Count,
};

/// A read in a request.
pub(super) const READ_REQUEST: Shape = Shape::Tuple(&[Shape::Word("r"), Shape::Any, Shape::Null]);

/// Draws transactions: reads, and writes whose values are 1, 2, 3, … for each key.
pub(super) struct Transactions {
    /// The function that writes: `append` or `w`.
    write: &'static str,
    /// The keys in use. The later its place, the more often a key is drawn: each twice as often as the one before.
    keys: Vec<u64>,
    next_key: u64,
    write_counts: BTreeMap<u64, usize>,
    max_length: u64,
    max_writes: usize,
}

/// A micro-operation on a key.
pub(super) struct Access {
    pub(super) key: u64,
    /// What is written to it; none if it is read.
    pub(super) written: Option<u64>,
}

impl Transactions {
    pub(super) fn new(write: &'static str, settings: &Settings) -> Self {
        let key_count = settings.count(&KEY_COUNT) as u64;
        Self {
            write,
            keys: (0..key_count).collect(),
            next_key: key_count,
            write_counts: BTreeMap::new(),
            max_length: settings.count(&MAX_TXN_LENGTH) as u64,
            max_writes: settings.count(&MAX_WRITES_PER_KEY),
        }
    }

    /// The next transaction.
    pub(super) fn draw(&mut self, random: &mut Random) -> (Name, Value) {
        let length = 1 + random.below(self.max_length);
        let micro_operations = (0..length).map(|_| self.draw_micro_operation(random)).collect();
        ("txn".into(), Value::Vector(micro_operations))
    }

    fn draw_micro_operation(&mut self, random: &mut Random) -> Value {
        match self.draw_access(random) {
            Access { key, written: None } => micro_operation("r", key, Value::Nil),
            Access { key, written: Some(value) } => micro_operation(self.write, key, Value::from(value)),
        }
    }

    /// Draws a micro-operation: reads and writes are equally frequent.
    pub(super) fn draw_access(&mut self, random: &mut Random) -> Access {
        let place = self.draw_place(random);
        if random.chance(0.5) {
            return Access { key: self.keys[place], written: None };
        }
        let mut key = self.keys[place];
        if self.write_counts.get(&key).is_some_and(|count| *count >= self.max_writes) {
            self.write_counts.remove(&key);
            key = self.next_key;
            self.keys[place] = key;
            self.next_key += 1;
        }
        let count = self.write_counts.entry(key).or_insert(0);
        *count += 1;
        Access { key, written: Some(*count as u64) }
    }

    fn draw_place(&self, random: &mut Random) -> usize {
        let from_the_end = (1.0 - random.f64()).log2().abs() as usize;
        // What is drawn beyond the first key begins again at the last.
        self.keys.len() - 1 - from_the_end % self.keys.len()
    }
}

fn micro_operation(f: &'static str, key: u64, value: Value) -> Value {
    Value::Vector(vec![Value::keyword(f), Value::from(key), value])
}

/// Sends each transaction as one request, and completes it by the reply.
pub(super) struct TransactionClient {
    pub(super) rpc: &'static Rpc,
}

#[derive(Serialize)]
struct Transaction {
    txn: Box<RawValue>,
}

impl Client for TransactionClient {
    fn invoke(&self, connection: Connection, operation: Operation) -> Completion {
        let rpc = self.rpc;
        Box::pin(async move {
            let request = Transaction { txn: raw(&operation.value) };
            let result = connection.call(rpc, &request, DEFAULT_TIMEOUT).await;
            complete(
                operation,
                result.map(|mut body| with_keywords(body.remove("txn").unwrap_or_default())),
                false,
            )
        })
    }

    fn is_reusable(&self) -> bool {
        true
    }
}

/// JSON has no keywords, so the functions of a reply come as strings.
fn with_keywords(transaction: Value) -> Value {
    let Value::Vector(mut micro_operations) = transaction else { return transaction };
    for micro_operation in &mut micro_operations {
        if let Value::Vector(parts) = micro_operation
            && let Some(Value::String(f)) = parts.first()
        {
            parts[0] = Value::keyword(f.as_str());
        }
    }
    Value::Vector(micro_operations)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(settings: &Settings, count: usize) -> Vec<Vec<(String, u64, Value)>> {
        let mut random = Random::derive(3, "workload");
        let mut transactions = Transactions::new("append", settings);
        let parts = |micro: &Value| match micro.as_sequence() {
            Some([f, key, value]) => (
                f.as_keyword().expect("a function").to_owned(),
                key.as_int().expect("a key") as u64,
                value.clone(),
            ),
            _ => panic!("{micro} is no micro-operation"),
        };
        let draw =
            |_| transactions.draw(&mut random).1.as_sequence().expect("a list").iter().map(parts).collect();
        (0..count).map(draw).collect()
    }

    #[test]
    fn every_value_is_written_once_to_a_key_and_in_order() {
        let mut last = BTreeMap::new();
        for (f, key, value) in drawn(&Settings::default(), 2_000).into_iter().flatten() {
            if f == "append" {
                let former = last.insert(key, value.as_int().expect("a number")).unwrap_or(0);
                assert_eq!(value.as_int(), Some(former + 1), "key {key}");
            }
        }
        assert!(last.values().all(|written| *written <= 16));
        assert!(last.len() > 20, "keys that are full make room for new ones");
    }

    #[test]
    fn transactions_have_every_length_and_keys_differ_in_how_often_they_are_used() {
        let transactions = drawn(&Settings::default(), 2_000);
        let lengths: std::collections::BTreeSet<usize> = transactions.iter().map(Vec::len).collect();
        assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4]);
        let mut settings = Settings::default();
        settings.set(&MAX_WRITES_PER_KEY, "1000000").expect("a count");
        let mut uses = BTreeMap::new();
        for (_, key, _) in drawn(&settings, 5_000).into_iter().flatten() {
            *uses.entry(key).or_insert(0) += 1;
        }
        assert_eq!(uses.len(), 10);
        assert!(uses[&9] > 3 * uses[&7] && uses[&7] > 3 * uses[&5], "{uses:?}");
    }
}
