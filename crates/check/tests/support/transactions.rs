//! Histories of a database that runs each transaction at one moment between its invocation and its completion, so
//! that they are strictly serializable.

use std::collections::BTreeMap;

use glomers_check::{Operation, OperationKind, Value};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What the transactions are over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Data {
    Lists,
    Registers,
}

/// How the history is made.
#[derive(Clone, Copy)]
pub(crate) struct Workload {
    pub(crate) data: Data,
    pub(crate) transactions: usize,
    pub(crate) clients: u64,
    pub(crate) keys: u64,
    pub(crate) max_writes_per_key: i64,
    pub(crate) max_steps: u64,
    /// Of a hundred reads, how many see the state before the last write instead of the state.
    pub(crate) stale_percent: u64,
    /// Of a hundred transactions, how many end without an answer, having run or not, and how many fail.
    pub(crate) crash_percent: u64,
    pub(crate) fail_percent: u64,
    pub(crate) seed: u64,
}

impl Workload {
    /// Maelstrom's defaults.
    pub(crate) fn new(data: Data, transactions: usize) -> Self {
        Self {
            data,
            transactions,
            clients: 10,
            keys: 10,
            max_writes_per_key: 16,
            max_steps: 4,
            stale_percent: 0,
            crash_percent: 0,
            fail_percent: 0,
            seed: 7,
        }
    }

    /// The history.
    pub(crate) fn history(self) -> Vec<Operation> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut below = move |limit: u64| random.next_u64() % limit;
        let mut pool: Vec<(i64, i64)> = (0..self.keys as i64).map(|key| (key, 0)).collect();
        let mut next_key = self.keys as i64;
        let mut states: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        let mut open: BTreeMap<u64, (Operation, Option<Value>)> = BTreeMap::new();
        let mut operations = Vec::new();
        // A client that crashed goes on as another process.
        let mut crashes = vec![0; self.clients as usize];
        let mut invoked = 0;
        while invoked < self.transactions || !open.is_empty() {
            let client = below(self.clients);
            match open.remove(&client) {
                None if invoked < self.transactions => {
                    invoked += 1;
                    let steps = (0..1 + below(self.max_steps)).map(|_| {
                        // The first key of the pool is twice as likely as the next, and so on.
                        let slot = (below(1 << self.keys).leading_zeros() as usize
                            - (64 - self.keys as usize))
                            .min(pool.len() - 1);
                        let is_write = below(2) == 0;
                        if is_write && pool[slot].1 >= self.max_writes_per_key {
                            pool[slot] = (next_key, 0);
                            next_key += 1;
                        }
                        let (key, written) = &mut pool[slot];
                        *written += i64::from(is_write);
                        let (function, value) =
                            if is_write { (self.write(), Value::from(*written)) } else { ("r", Value::Nil) };
                        Value::Vector(vec![Value::keyword(function), Value::from(*key), value])
                    });
                    let steps = Value::Vector(steps.collect());
                    let operation =
                        Operation::invoke(client + crashes[client as usize] * self.clients, "txn", steps)
                            .at(operations.len() as u64, operations.len() as u64 * 1_000);
                    operations.push(operation.clone());
                    open.insert(client, (operation, None));
                }
                None => {}
                Some((operation, None)) if below(100) < self.fail_percent => {
                    let index = operations.len() as u64;
                    operations.push(
                        operation
                            .completed(OperationKind::Fail, operation.value.clone())
                            .at(index, index * 1_000),
                    );
                }
                Some((operation, executed)) if below(100) < self.crash_percent => {
                    let index = operations.len() as u64;
                    operations.push(
                        operation
                            .completed(OperationKind::Info, operation.value.clone())
                            .at(index, index * 1_000),
                    );
                    // Nobody waits for it any more, but it may still run, or have run.
                    if executed.is_none() && below(2) == 0 {
                        self.execute(&mut states, &operation.value, &mut below);
                    }
                    crashes[client as usize] += 1;
                }
                Some((operation, None)) => {
                    let value = self.execute(&mut states, &operation.value, &mut below);
                    open.insert(client, (operation, Some(value)));
                }
                Some((operation, Some(value))) => {
                    let index = operations.len() as u64;
                    operations.push(operation.completed(OperationKind::Ok, value).at(index, index * 1_000));
                }
            }
        }
        operations
    }

    fn write(self) -> &'static str {
        if self.data == Data::Lists { "append" } else { "w" }
    }

    fn execute(
        self,
        states: &mut BTreeMap<i64, Vec<i64>>,
        transaction: &Value,
        below: &mut impl FnMut(u64) -> u64,
    ) -> Value {
        let steps = transaction.as_sequence().expect("steps").iter().map(|step| {
            let step = step.as_sequence().expect("a step");
            let state = states.entry(step[1].as_int().expect("a key") as i64).or_default();
            if step[0].as_keyword() == Some("r") {
                let shown =
                    if below(100) < self.stale_percent { state.len().saturating_sub(1) } else { state.len() };
                let value = match self.data {
                    Data::Lists => Value::Vector(state[..shown].iter().copied().map(Value::from).collect()),
                    Data::Registers => state[..shown].last().map_or(Value::Nil, |value| Value::from(*value)),
                };
                return Value::Vector(vec![step[0].clone(), step[1].clone(), value]);
            }
            state.push(step[2].as_int().expect("a value") as i64);
            Value::Vector(step.to_vec())
        });
        Value::Vector(steps.collect())
    }
}
