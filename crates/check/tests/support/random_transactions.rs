//! Small random histories of transactions, well formed and otherwise as wrong as can be: stale, torn and made-up reads,
//! permuted lists, elements twice, writes of nil, failed transactions that were executed, and transactions of unknown outcome.

use std::collections::BTreeMap;

use glomers_check::{Operation, OperationKind, Value};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What the transactions are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    Lists,
    Registers,
}

/// How wild the histories are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) max_transactions: u64,
    /// Whether transactions may fail or end with an unknown outcome.
    pub(crate) crashes: bool,
    /// Whether values may be written twice or be nil.
    pub(crate) repeats: bool,
}

/// The history that this seed draws.
pub(crate) fn history(data: Data, shape: Shape, seed: u64) -> Vec<Operation> {
    let mut drawing =
        Drawing { random: ChaCha8Rng::seed_from_u64(seed), data, shape, states: BTreeMap::new() };
    drawing.history()
}

/// A transaction that has begun, and what it read and wrote if it was executed.
struct Open {
    invoke: Operation,
    executed: Option<Value>,
}

struct Drawing {
    random: ChaCha8Rng,
    data: Data,
    shape: Shape,
    /// Every state of each key, in order.
    states: BTreeMap<u64, Vec<Vec<i64>>>,
}

impl Drawing {
    fn below(&mut self, limit: u64) -> u64 {
        self.random.next_u64() % limit
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn history(&mut self) -> Vec<Operation> {
        let clients = 1 + self.below(4);
        let keys = 1 + self.below(3);
        let max_steps = 1 + self.below(4);
        let mut left = 1 + self.below(self.shape.max_transactions);
        let wrong_percent = [5, 15, 30, 60][self.below(4) as usize];
        let mut processes: Vec<u64> = (0..clients).collect();
        let mut next_process = clients;
        let mut open: BTreeMap<u64, Open> = BTreeMap::new();
        let mut next_value = 1;
        let mut operations = Vec::new();
        while left > 0 || !open.is_empty() {
            let client = self.below(clients);
            let Some(Open { invoke, executed }) = open.remove(&client) else {
                if left == 0 {
                    continue;
                }
                left -= 1;
                let steps =
                    (0..1 + self.below(max_steps)).map(|_| self.step(keys, &mut next_value)).collect();
                let invoke = Operation::invoke(processes[client as usize], "txn", Value::Vector(steps));
                operations.push(invoke.clone());
                open.insert(client, Open { invoke, executed: None });
                continue;
            };
            let Some(value) = executed else {
                let value = self.execute(&invoke.value, wrong_percent);
                open.insert(client, Open { invoke, executed: Some(value) });
                continue;
            };
            let fate = if self.shape.crashes { self.below(10) } else { 9 };
            match fate {
                // It never ends.
                0 if left == 0 => {}
                0 | 1 => {
                    operations.push(invoke.completed(OperationKind::Info, invoke.value.clone()));
                    processes[client as usize] = next_process;
                    next_process += 1;
                }
                2 => operations.push(invoke.completed(OperationKind::Fail, invoke.value.clone())),
                _ => operations.push(invoke.completed(OperationKind::Ok, value)),
            }
        }
        (0..).zip(operations).map(|(index, operation)| operation.at(index, index * 1_000)).collect()
    }

    fn step(&mut self, keys: u64, next_value: &mut i64) -> Value {
        let key = Value::from(self.below(keys));
        if self.chance(50) {
            return Value::Vector(vec![Value::keyword("r"), key, Value::Nil]);
        }
        let write = if self.data == Data::Lists { "append" } else { "w" };
        *next_value += 1;
        let value = match self.below(100) {
            0 if self.shape.repeats => Value::from(1),
            1..4 if self.shape.repeats && self.data == Data::Registers => Value::Nil,
            _ => Value::from(*next_value),
        };
        Value::Vector(vec![Value::keyword(write), key, value])
    }

    fn execute(&mut self, transaction: &Value, wrong_percent: u64) -> Value {
        let steps = transaction.as_sequence().expect("steps").to_vec();
        let executed = steps.into_iter().map(|step| {
            let parts = step.as_sequence().expect("a step");
            let key = parts[1].as_int().expect("a key") as u64;
            let states = self.states.entry(key).or_insert_with(|| vec![Vec::new()]).clone();
            let last = states.last().expect("the first").clone();
            if parts[0].as_keyword() != Some("r") {
                let mut next = last;
                next.push(parts[2].as_int().map_or(-1, |value| value as i64));
                self.states.entry(key).or_default().push(next);
                return step;
            }
            let mut seen = last;
            if self.chance(wrong_percent) {
                match self.below(6) {
                    0..4 => seen = states[self.below(states.len() as u64) as usize].clone(),
                    4 => {
                        let count = seen.len() as u64;
                        if count > 1 {
                            let (one, other) = (self.below(count) as usize, self.below(count) as usize);
                            seen.swap(one, other);
                        }
                    }
                    _ => seen.push(if self.chance(50) { 99 } else { seen.first().copied().unwrap_or(98) }),
                }
            }
            let value = match self.data {
                Data::Lists => Value::Vector(seen.into_iter().map(Value::from).collect()),
                Data::Registers => match seen.last() {
                    None | Some(-1) => Value::Nil,
                    Some(value) => Value::from(*value),
                },
            };
            Value::Vector(vec![parts[0].clone(), parts[1].clone(), value])
        });
        Value::Vector(executed.collect())
    }
}
