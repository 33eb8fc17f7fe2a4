//! Histories of one register whose clients often never learn what became of their operations.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use glomers_check::{History, Operation, OperationKind, Value};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// How a history is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) processes: u64,
    pub(crate) operations: u64,
    /// Values are drawn from so many.
    pub(crate) values: u64,
    /// Of a thousand operations, so many end unknown. Of these a third has happened by then, a third happens at some
    /// later time, and a third never.
    pub(crate) crashes_per_mille: u64,
    /// Of a thousand reads, so many see a value that was there some changes ago.
    pub(crate) stale_per_mille: u64,
    pub(crate) seed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            processes: 10,
            operations: 1_000,
            values: 5,
            crashes_per_mille: 100,
            stale_per_mille: 0,
            seed: 1,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    Begin,
    Effect,
    End,
}

/// What is under way: the operation as it will end, and whether its client has left.
struct Underway {
    operation: Operation,
    end: OperationKind,
    client: usize,
}

impl Plan {
    /// The history. Without stale reads it is linearizable.
    pub(crate) fn history(self) -> History {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut below = move |limit: u64| random.next_u64() % limit;
        let mut past: VecDeque<u64> = [0].into();
        let mut names: Vec<u64> = (0..self.processes).collect();
        let mut underway: Vec<Underway> = Vec::new();
        let mut operations: Vec<Operation> = Vec::new();
        let mut queue = BinaryHeap::new();
        for client in 0..self.processes as usize {
            queue.push(Reverse((below(1_000), Moment::Begin, client)));
        }
        while let Some(Reverse((now, moment, number))) = queue.pop() {
            match moment {
                Moment::Begin if underway.len() as u64 == self.operations => {}
                Moment::Begin => {
                    let (from, to) = (below(self.values), below(self.values));
                    let operation = match below(3) {
                        0 => Operation::invoke(names[number], "read", ()),
                        1 => Operation::invoke(names[number], "write", to),
                        _ => Operation::invoke(
                            names[number],
                            "cas",
                            vec![from, to].into_iter().map(Value::from).collect::<Vec<_>>(),
                        ),
                    };
                    operations.push(operation.clone().at(operations.len() as u64, now));
                    let place = underway.len();
                    let end = 2 + below(1_000);
                    let is_lost = below(1_000) < self.crashes_per_mille;
                    let effect = match below(3) {
                        _ if !is_lost => Some(1 + below(end - 1)),
                        0 => Some(1 + below(end - 1)),
                        1 => Some(end + below(100_000)),
                        _ => None,
                    };
                    queue.extend(effect.map(|after| Reverse((now + after, Moment::Effect, place))));
                    queue.push(Reverse((now + end, Moment::End, place)));
                    let end = if is_lost { OperationKind::Info } else { OperationKind::Ok };
                    underway.push(Underway { operation, end, client: number });
                }
                Moment::Effect => {
                    let Underway { operation, end, .. } = &mut underway[number];
                    let state = past.back().copied().unwrap_or_default();
                    let after = match operation.f.as_str() {
                        "read" => {
                            let is_stale = below(1_000) < self.stale_per_mille;
                            let seen = if is_stale { past[0] } else { state };
                            if *end == OperationKind::Ok {
                                operation.value = Value::from(seen);
                            }
                            state
                        }
                        "write" => operation.value.as_int().unwrap_or_default() as u64,
                        _ => match operation.value.as_sequence() {
                            Some([from, to]) if *from == Value::from(state) => {
                                to.as_int().unwrap_or_default() as u64
                            }
                            _ => {
                                *end = (*end).max(OperationKind::Fail);
                                state
                            }
                        },
                    };
                    if after != state {
                        past.push_back(after);
                        past.drain(..past.len().saturating_sub(4));
                    }
                }
                Moment::End => {
                    let Underway { operation, end, client } = &underway[number];
                    let end = operation.completed(*end, operation.value.clone());
                    operations.push(end.at(operations.len() as u64, now));
                    if underway[number].end == OperationKind::Info {
                        names[*client] += self.processes;
                    }
                    queue.push(Reverse((now + 1, Moment::Begin, *client)));
                }
            }
        }
        History::new(operations)
    }
}
