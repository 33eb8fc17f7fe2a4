//! What g-counter and pn-counter share: the messages, the client, the end.

use glomers_check::{Checker, Operation, PnCounter, Value};
use glomers_protocol::RawValue;
use serde::Serialize;

use super::Workload;
use crate::{
    check::checkers::Promise,
    clients::{Bare, Client, Completion, Connection, DEFAULT_TIMEOUT, complete, raw},
    generator::{Draft, EachThread, Generator},
    schema::{Field, Rpc, Shape},
};

pub(super) const ADD: Rpc = Rpc {
    name: "add",
    doc: "Adds `delta`, an integer, to the counter. The node answers once it will not forget it.",
    request: &[Field { name: "delta", shape: Shape::Integer }],
    reply_name: "add_ok",
    reply: &[],
};

pub(super) const READ: Rpc = Rpc {
    name: "read",
    doc: "Asks for the sum of all that was added, as far as the node knows.",
    request: &[],
    reply_name: "read_ok",
    reply: &[Field { name: "value", shape: Shape::Integer }],
};

/// The deltas that upstream draws: from -5 to 4.
pub(super) const LOWEST_DELTA: i64 = -5;
pub(super) const DELTA_COUNT: u64 = 10;

/// A counter on which these operations are tried; at the end every client reads once.
pub(super) fn workload(generator: impl Generator + 'static) -> Workload {
    Workload::new(generator, CounterClient)
        .ending_with(EachThread::new(Draft::new(0, "read", ()).with("final?", true)))
}

pub(super) fn checker(promise: &Promise) -> Box<dyn Checker> {
    Box::new(PnCounter::new(promise.mode))
}

struct CounterClient;

#[derive(Serialize)]
struct Add {
    delta: Box<RawValue>,
}

impl Client for CounterClient {
    fn invoke(&self, connection: Connection, operation: Operation) -> Completion {
        Box::pin(async move {
            if operation.f == "add" {
                let request = Add { delta: raw(&operation.value) };
                let result = connection.call(&ADD, &request, DEFAULT_TIMEOUT).await;
                let delta = operation.value.clone();
                complete(operation, result.map(|_| delta), false)
            } else {
                let result = connection.call(&READ, &Bare {}, DEFAULT_TIMEOUT).await;
                complete(operation, result.map(|mut body| body.remove("value").unwrap_or_default()), true)
            }
        })
    }
}

/// A delta from a number below [`DELTA_COUNT`].
pub(super) fn delta(drawn: u64) -> Value {
    Value::Int(i128::from(LOWEST_DELTA) + i128::from(drawn))
}
