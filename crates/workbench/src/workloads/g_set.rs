//! g-set: a set that grows. Every node must show every element in the end.

use glomers_check::{Checker, Operation, SetFull};
use glomers_protocol::RawValue;
use serde::Serialize;

use super::{Definition, Workload, mixes};
use crate::{
    check::checkers::Promise,
    clients::{Bare, Client, Completion, Connection, DEFAULT_TIMEOUT, complete, raw},
    generator::{Draft, EachThread, repeat},
    plan::Plan,
    schema::{Field, Rpc, Shape},
};

pub(crate) const DEFINITION: Definition = Definition {
    name: "g-set",
    doc: "A set that only grows: what was added at one node must show up at all.",
    rpcs: &[&ADD, &READ],
    build,
    settings: &[],
    checker,
};

const ADD: Rpc = Rpc {
    name: "add",
    doc: "Adds an element to the set. The node answers once it will not forget it.",
    request: &[Field { name: "element", shape: Shape::Any }],
    reply_name: "add_ok",
    reply: &[],
};

const READ: Rpc = Rpc {
    name: "read",
    doc: "Asks for all elements that the node knows of, each once, in any order.",
    request: &[],
    reply_name: "read_ok",
    reply: &[Field { name: "value", shape: Shape::List(&Shape::Any) }],
};

fn build(_: &Plan) -> Workload {
    Workload::new(repeat(mixes::adds_and_reads("add")), SetClient).ending_with(EachThread::new(Draft::new(
        0,
        "read",
        (),
    )))
}

fn checker(promise: &Promise) -> Box<dyn Checker> {
    Box::new(SetFull::new(promise.mode))
}

struct SetClient;

#[derive(Serialize)]
struct Add {
    element: Box<RawValue>,
}

impl Client for SetClient {
    fn invoke(&self, connection: Connection, operation: Operation) -> Completion {
        Box::pin(async move {
            if operation.f == "add" {
                let request = Add { element: raw(&operation.value) };
                let result = connection.call(&ADD, &request, DEFAULT_TIMEOUT).await;
                let element = operation.value.clone();
                complete(operation, result.map(|_| element), false)
            } else {
                let result = connection.call(&READ, &Bare {}, DEFAULT_TIMEOUT).await;
                complete(operation, result.map(|mut body| body.remove("value").unwrap_or_default()), true)
            }
        })
    }
}
