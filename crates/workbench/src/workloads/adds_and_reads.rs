//! What the workloads that add values and read all of them have in common: broadcast, g-set and the counters.

use std::collections::BTreeMap;

use glomers_check::{Name, Operation, Value};
use glomers_node::Random;

use crate::{
    clients::{Bare, Client, Completion, Connection, DEFAULT_TIMEOUT, complete, raw},
    generator::{EachThread, Generator, OperationRequest},
    schema::Rpc,
};

/// Adds of 0, 1, 2, … and reads, in equal shares.
pub(super) fn numbers(add: &'static str) -> impl FnMut(&mut Random) -> (Name, Value) {
    let mut next = 0_u64;
    move |random| {
        if random.chance(0.5) {
            next += 1;
            (add.into(), Value::from(next - 1))
        } else {
            ("read".into(), Value::Nil)
        }
    }
}

/// At the end every client reads once, marked as final.
pub(super) fn final_reads() -> impl Generator {
    EachThread::new(OperationRequest::new(0, "read", ()).with("final?", true))
}

/// A client that adds the value of an operation, or reads everything.
pub(super) struct AddAndRead {
    /// The request that adds: its name is the operation's, and its one field takes the operation's value.
    pub(super) add: &'static Rpc,
    /// The request that reads: the one field of its reply is the operation's value.
    pub(super) read: &'static Rpc,
}

impl Client for AddAndRead {
    fn invoke(&self, connection: Connection, operation: Operation) -> Completion {
        let Self { add, read } = *self;
        Box::pin(async move {
            if operation.f == add.name {
                let request = BTreeMap::from([(add.request[0].name, raw(&operation.value))]);
                let result = connection.call(add, &request, DEFAULT_TIMEOUT).await;
                let added = operation.value.clone();
                complete(operation, result.map(|_| added), false)
            } else {
                let result = connection.call(read, &Bare {}, DEFAULT_TIMEOUT).await;
                let shown = read.reply[0].name;
                complete(operation, result.map(|mut body| body.remove(shown).unwrap_or_default()), true)
            }
        })
    }
}
