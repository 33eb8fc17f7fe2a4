//! Random histories of simulated objects, the same at every run.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use glomers_check::{History, Operation, OperationKind, Value};

/// A small generator of numbers (xorshift64*): benches need neither a crate nor good statistics.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}

/// What a simulated register's history is like.
pub(crate) struct Plan {
    /// Clients that are busy all the time.
    pub(crate) processes: u64,
    pub(crate) operations: u64,
    /// Values are drawn from so many; with 0, each is written once.
    pub(crate) values: i64,
    /// Of a thousand operations, so many end unknown.
    pub(crate) crashes_per_mille: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    Begin,
    Effect,
    End,
}

/// A linearizable history: every operation takes effect at a random moment between its beginning and its end.
pub(crate) fn register(plan: &Plan) -> History {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut state = 0_i64;
    let mut written = 0_i64;
    let mut left = plan.operations;
    let mut open: Vec<Option<(Operation, OperationKind)>> = vec![None; plan.processes as usize];
    let mut names: Vec<u64> = (0..plan.processes).collect();
    let mut next_name = plan.processes;
    let mut operations = Vec::new();
    let mut queue = BinaryHeap::new();
    for process in 0..plan.processes {
        queue.push(Reverse((random.below(1000), Moment::Begin, process)));
    }
    while let Some(Reverse((now, moment, process))) = queue.pop() {
        let place = process as usize;
        let at = |operation: Operation, operations: &[Operation]| operation.at(operations.len() as u64, now);
        match moment {
            Moment::Begin if left == 0 => {}
            Moment::Begin => {
                left -= 1;
                written += 1;
                let fresh = written;
                let mut value = |fresh: i64| {
                    if plan.values == 0 { fresh } else { random.below(plan.values.unsigned_abs()) as i64 }
                };
                let (from, to) = (value(state), value(fresh));
                let operation = match random.below(3) {
                    0 => Operation::invoke(names[place], "read", ()),
                    1 => Operation::invoke(names[place], "write", to),
                    _ => Operation::invoke(names[place], "cas", vec![from, to]),
                };
                operations.push(at(operation.clone(), &operations));
                open[place] = Some((operation, OperationKind::Ok));
                let effect = 1 + random.below(1000);
                let end = effect + 1 + random.below(1000);
                queue.push(Reverse((now + effect, Moment::Effect, process)));
                queue.push(Reverse((now + end, Moment::End, process)));
            }
            Moment::Effect => {
                let Some((operation, kind)) = &mut open[place] else { continue };
                match operation.f.as_str() {
                    "read" => operation.value = Value::from(state),
                    "write" => state = operation.value.as_int().unwrap_or(0) as i64,
                    _ => {
                        let pair = operation.value.as_sequence().unwrap_or_default();
                        if pair[0] == Value::from(state) {
                            state = pair[1].as_int().unwrap_or(0) as i64;
                        } else {
                            *kind = OperationKind::Fail;
                        }
                    }
                }
            }
            Moment::End => {
                let Some((operation, mut kind)) = open[place].take() else { continue };
                if random.below(1000) < plan.crashes_per_mille {
                    kind = OperationKind::Info;
                    names[place] = next_name;
                    next_name += 1;
                }
                let value = operation.value.clone();
                operations.push(at(operation.completed(kind, value), &operations));
                queue.push(Reverse((now + 1, Moment::Begin, process)));
            }
        }
    }
    History::new(operations)
}

/// Clients that append to texts and read them, as a key-value store that only grows is tested: each client does so many
/// operations, seven of ten of them appends, to one of ten keys. Linearizable.
pub(crate) fn logs(clients: u64, operations_each: u64) -> History {
    const KEYS: u64 = 10;
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    let mut texts = vec![String::new(); KEYS as usize];
    let mut open: Vec<Option<Operation>> = vec![None; clients as usize];
    let mut done = vec![0; clients as usize];
    let mut operations = Vec::new();
    let mut queue = BinaryHeap::new();
    for client in 0..clients {
        queue.push(Reverse((random.below(1000), Moment::Begin, client)));
    }
    while let Some(Reverse((now, moment, client))) = queue.pop() {
        let place = client as usize;
        match moment {
            Moment::Begin if done[place] == operations_each => {}
            Moment::Begin => {
                let key = random.below(KEYS);
                let mut operation = if random.below(10) < 7 {
                    Operation::invoke(client, "append", format!("x {client} {} y", done[place]))
                } else {
                    Operation::invoke(client, "get", ())
                };
                done[place] += 1;
                operation.extra.push(("key".into(), Value::from(key)));
                operations.push(operation.clone().at(operations.len() as u64, now));
                open[place] = Some(operation);
                let effect = 1 + random.below(1000);
                queue.push(Reverse((now + effect, Moment::Effect, client)));
                queue.push(Reverse((now + effect + 1 + random.below(1000), Moment::End, client)));
            }
            Moment::Effect => {
                let Some(operation) = &mut open[place] else { continue };
                let key = operation.get("key").and_then(Value::as_int).unwrap_or_default() as usize;
                match operation.value.as_str() {
                    Some(item) => texts[key].push_str(item),
                    None => operation.value = Value::from(texts[key].as_str()),
                }
            }
            Moment::End => {
                let Some(operation) = open[place].take() else { continue };
                let end = operation.completed(OperationKind::Ok, operation.value.clone());
                operations.push(end.at(operations.len() as u64, now));
                queue.push(Reverse((now + 1, Moment::Begin, client)));
            }
        }
    }
    History::new(operations)
}
