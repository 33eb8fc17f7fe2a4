//! lin-kv: a key-value store in which every operation takes effect at one moment between its request and its reply.

use std::{collections::BTreeSet, time::Duration};

use glomers_check::{Operation, Value, registry::Keys};
use glomers_node::Random;
use glomers_protocol::RawValue;
use serde::Serialize;

use super::{Definition, Workload};
use crate::{
    clients::{Client, Completion, Connection, RequestFailure, complete, raw},
    generator::{Context, Generator, Next, OperationRequest},
    plan::Plan,
    schema::{Field, Rpc, Shape},
};

pub(crate) const DEFINITION: Definition = Definition {
    name: "lin-kv",
    doc: "A linearizable key-value store: reads, writes and compare-and-sets of single keys.",
    rpcs: &[&READ, &WRITE, &CAS],
    build,
    settings: &[],
    checker: "register",
    keys: Keys::InValue,
};

const KEY: Field = Field { name: "key", shape: Shape::Any };

const READ: Rpc = Rpc {
    name: "read",
    doc: "Reads the value of a key. Answer with error 20 if the key does not exist.",
    request: &[KEY],
    reply_name: "read_ok",
    reply: &[Field { name: "value", shape: Shape::Any }],
};

const WRITE: Rpc = Rpc {
    name: "write",
    doc: "Sets the value of a key, whether or not it exists.",
    request: &[KEY, Field { name: "value", shape: Shape::Any }],
    reply_name: "write_ok",
    reply: &[],
};

const CAS: Rpc = Rpc {
    name: "cas",
    doc: "Atomically replaces the value of a key with `to` if it is `from`. Answer with error 20 if the key does not exist, and with error 22 if \
          it has another value.",
    request: &[KEY, Field { name: "from", shape: Shape::Any }, Field { name: "to", shape: Shape::Any }],
    reply_name: "cas_ok",
    reply: &[],
};

/// A key is replaced by a new one once this many processes have used it, because each process that ended unknown makes it harder to
/// check.
const PROCESSES_PER_KEY: usize = 20;

/// There are few values, so that a compare-and-set has a chance to succeed.
const VALUES: u64 = 5;

fn build(plan: &Plan) -> Workload {
    let timeout_ms = (10.0 * plan.latency.mean_ms).max(1000.0);
    let client = KeyValueClient { timeout: Duration::from_secs_f64(timeout_ms / 1e3) };
    Workload::new(Registers::new(plan.concurrency, plan.nodes.len()), client)
}

/// Groups of threads, each at work on one key at a time: half of a group reads, the others write and compare-and-set.
struct Registers {
    groups: Vec<Group>,
    group_size: usize,
    next_key: u64,
}

struct Group {
    key: u64,
    processes: BTreeSet<u64>,
}

impl Registers {
    /// Two threads a node make a group, so that every node is read from and written to; with fewer threads all of them are one group.
    fn new(thread_count: usize, node_count: usize) -> Self {
        let group_size = (2 * node_count).min(thread_count);
        let group_count = thread_count / group_size;
        let groups = (0..group_count as u64).map(|key| Group { key, processes: BTreeSet::new() });
        Self { groups: groups.collect(), group_size, next_key: group_count as u64 }
    }

    /// The group of a thread, and its place in there. Threads that are left over join the last group.
    fn place(&self, thread: usize) -> (usize, usize) {
        let group = (thread / self.group_size).min(self.groups.len() - 1);
        (group, thread - group * self.group_size)
    }
}

impl Generator for Registers {
    fn next(&mut self, context: &mut Context<'_>) -> Next {
        let Some(thread) = context.free.pick(context.random) else { return Next::WhenFree };
        let (group, place) = self.place(thread);
        let process = context.processes[thread];
        let limit = PROCESSES_PER_KEY.max(2 * self.group_size);
        let Group { key, processes } = &mut self.groups[group];
        if processes.insert(process) && processes.len() > limit {
            *key = self.next_key;
            self.next_key += 1;
            processes.clear();
            processes.insert(process);
        }
        let key = Value::from(*key);
        // Half of the threads read; the others write once for every two compare-and-sets. A single thread does all of these in turn.
        let is_alone = self.group_size == 1;
        let reads = place < self.group_size / 2 || (is_alone && context.random.chance(0.5));
        let (f, argument) = if reads {
            ("read", Value::Nil)
        } else if context.random.below(3) == 0 {
            ("write", drawn(context.random))
        } else {
            ("cas", Value::Vector(vec![drawn(context.random), drawn(context.random)]))
        };
        Next::Operation(OperationRequest::new(thread, f, Value::Vector(vec![key, argument])))
    }
}

fn drawn(random: &mut Random) -> Value {
    Value::from(random.below(VALUES))
}

struct KeyValueClient {
    timeout: Duration,
}

#[derive(Serialize)]
struct Read {
    key: Box<RawValue>,
}

#[derive(Serialize)]
struct Write {
    key: Box<RawValue>,
    value: Box<RawValue>,
}

#[derive(Serialize)]
struct Cas {
    key: Box<RawValue>,
    from: Box<RawValue>,
    to: Box<RawValue>,
}

impl Client for KeyValueClient {
    fn invoke(&self, connection: Connection, operation: Operation) -> Completion {
        let timeout = self.timeout;
        Box::pin(async move {
            let result = request(&connection, &operation, timeout).await;
            let is_read = operation.f == "read";
            complete(operation, result, is_read)
        })
    }

    fn is_reusable(&self) -> bool {
        true
    }
}

async fn request(
    connection: &Connection,
    operation: &Operation,
    timeout: Duration,
) -> Result<Value, RequestFailure> {
    let Some([key, argument]) = operation.value.as_sequence() else {
        panic!("the argument {} is no key with a value", operation.value)
    };
    match (operation.f.as_str(), argument.as_sequence()) {
        ("read", _) => {
            let mut body = connection.call(&READ, &Read { key: raw(key) }, timeout).await?;
            Ok(Value::Vector(vec![key.clone(), body.remove("value").unwrap_or_default()]))
        }
        ("write", _) => {
            connection.call(&WRITE, &Write { key: raw(key), value: raw(argument) }, timeout).await?;
            Ok(operation.value.clone())
        }
        ("cas", Some([from, to])) => {
            let request = Cas { key: raw(key), from: raw(from), to: raw(to) };
            connection.call(&CAS, &request, timeout).await?;
            Ok(operation.value.clone())
        }
        (other, _) => panic!("a register has no {other:?} with {}", operation.value),
    }
}
