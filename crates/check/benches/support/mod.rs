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

/// Clients of an object that keep it busy, each doing one operation after the other.
pub(crate) struct Clients {
    pub(crate) clients: u64,
    pub(crate) operations: u64,
    /// Of a thousand operations, so many end unknown: half of them with effect.
    pub(crate) crashes_per_mille: u64,
    pub(crate) seed: u64,
}

impl Clients {
    /// The history of what they do. `ask` makes an operation of its number, and `perform` does it: what it returns is
    /// what the client sees.
    pub(crate) fn history(
        &self,
        mut ask: impl FnMut(&mut Random, u64, u64) -> Operation,
        mut perform: impl FnMut(&Operation) -> Value,
    ) -> History {
        let mut random = Random(0x2545_F491_4F6C_DD1D ^ self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut open: Vec<Option<(Operation, OperationKind)>> = vec![None; self.clients as usize];
        let mut names: Vec<u64> = (0..self.clients).collect();
        let mut asked = 0;
        let mut operations = Vec::new();
        let mut queue = BinaryHeap::new();
        for client in 0..self.clients {
            queue.push(Reverse((random.below(1000), Moment::Begin, client)));
        }
        while let Some(Reverse((now, moment, client))) = queue.pop() {
            let place = client as usize;
            match moment {
                Moment::Begin if asked == self.operations => {}
                Moment::Begin => {
                    let operation = ask(&mut random, names[place], asked);
                    asked += 1;
                    operations.push(operation.clone().at(operations.len() as u64, now));
                    let is_lost = random.below(1000) < self.crashes_per_mille;
                    open[place] =
                        Some((operation, if is_lost { OperationKind::Info } else { OperationKind::Ok }));
                    let effect = 1 + random.below(1000);
                    if !is_lost || random.below(2) == 0 {
                        queue.push(Reverse((now + effect, Moment::Effect, client)));
                    }
                    queue.push(Reverse((now + effect + 1 + random.below(1000), Moment::End, client)));
                }
                Moment::Effect => {
                    let Some((operation, kind)) = &mut open[place] else { continue };
                    let seen = perform(operation);
                    if *kind == OperationKind::Ok {
                        operation.value = seen;
                    }
                }
                Moment::End => {
                    let Some((operation, kind)) = open[place].take() else { continue };
                    let end = operation.completed(kind, operation.value.clone());
                    operations.push(end.at(operations.len() as u64, now));
                    if kind == OperationKind::Info {
                        names[place] += self.clients;
                    }
                    queue.push(Reverse((now + 1, Moment::Begin, client)));
                }
            }
        }
        History::new(operations)
    }
}

/// What clients do to texts.
#[derive(Clone, Copy)]
pub(crate) struct TextOperations {
    pub(crate) keys: u64,
    /// Of a thousand operations, so many read and so many put; the others append.
    pub(crate) gets_per_mille: u64,
    pub(crate) puts_per_mille: u64,
    /// The number of a read that misses the last item, so that the history is not linearizable.
    pub(crate) stale_read: Option<u64>,
}

/// Clients that append to texts, put them and read them, as key-value stores are tested.
pub(crate) fn texts(clients: &Clients, operations: TextOperations) -> History {
    let mut texts = vec![Vec::<String>::new(); operations.keys as usize];
    let mut reads = 0;
    clients.history(
        |random, client, number| {
            let key = random.below(operations.keys);
            let item = format!("x {client} {number} y");
            let choice = random.below(1000);
            let mut operation = if choice < operations.gets_per_mille {
                Operation::invoke(client, "get", ())
            } else if choice < operations.gets_per_mille + operations.puts_per_mille {
                Operation::invoke(client, "put", item)
            } else {
                Operation::invoke(client, "append", item)
            };
            operation.extra.push(("key".into(), Value::from(key)));
            operation
        },
        |operation| {
            let text = &mut texts[operation.get("key").and_then(Value::as_int).unwrap_or_default() as usize];
            match (operation.f.as_str(), operation.value.as_str()) {
                ("append", Some(item)) => text.push(item.to_owned()),
                ("put", Some(item)) => *text = vec![item.to_owned()],
                _ => {
                    reads += 1;
                    let is_stale =
                        operations.stale_read.is_some_and(|stale| reads >= stale) && text.len() > 6;
                    let seen = if is_stale { text.len() - 6 } else { text.len() };
                    return Value::from(text[..seen].concat().as_str());
                }
            }
            operation.value.clone()
        },
    )
}

/// Clients that append to texts and read them, as a key-value store that only grows is tested: seven of ten operations
/// are appends, to one of ten keys. Linearizable.
pub(crate) fn logs(clients: u64, operations_each: u64) -> History {
    let clients = Clients { clients, operations: clients * operations_each, crashes_per_mille: 0, seed: 0 };
    let operations = TextOperations { keys: 10, gets_per_mille: 300, puts_per_mille: 0, stale_read: None };
    texts(&clients, operations)
}

/// Clients of a queue: as many enqueue values that all differ as dequeue. Linearizable.
pub(crate) fn queue(clients: &Clients) -> History {
    let mut queue = std::collections::VecDeque::new();
    clients.history(
        |random, client, number| match random.below(2) {
            0 => Operation::invoke(client, "enqueue", number),
            _ => Operation::invoke(client, "dequeue", ()),
        },
        |operation| {
            if operation.f == "dequeue" {
                return queue.pop_front().unwrap_or(Value::Nil);
            }
            queue.push_back(operation.value.clone());
            operation.value.clone()
        },
    )
}

/// Clients of a set: half of the operations add elements that all differ, the others read. Linearizable.
pub(crate) fn set(clients: &Clients) -> History {
    let mut elements = Vec::new();
    clients.history(
        |random, client, number| match random.below(2) {
            0 => Operation::invoke(client, "add", number),
            _ => Operation::invoke(client, "read", ()),
        },
        |operation| {
            if operation.f == "read" {
                return Value::Vector(elements.clone());
            }
            elements.push(operation.value.clone());
            operation.value.clone()
        },
    )
}
