//! Echo: a client sends a message and expects to get that same message back.

use glomers_check::{Operation, Value, registry::Keys};
use glomers_protocol::RawValue;
use serde::Serialize;

use super::{Definition, Workload};
use crate::{
    clients::{Client, Completion, Connection, DEFAULT_TIMEOUT, complete, raw},
    generator::repeat,
    plan::Plan,
    schema::{Field, Rpc, Shape},
};

pub(crate) const DEFINITION: Definition = Definition {
    name: "echo",
    doc: "Every reply must contain what the request contained.",
    rpcs: &[&ECHO],
    build,
    settings: &[],
    checker: "echo",
    keys: Keys::None,
};

const ECHO: Rpc = Rpc {
    name: "echo",
    doc: "Sends any JSON value. Answer `echo_ok` with the same value.",
    request: &[Field { name: "echo", shape: Shape::Any }],
    reply_name: "echo_ok",
    reply: &[Field { name: "echo", shape: Shape::Any }],
};

fn build(_: &Plan) -> Workload {
    let generator =
        repeat(|random| ("echo".into(), Value::from(format!("Please echo {}", random.below(128)))));
    Workload::new(generator, EchoClient)
}

struct EchoClient;

#[derive(Serialize)]
struct EchoRequest {
    echo: Box<RawValue>,
}

impl Client for EchoClient {
    fn invoke(&self, connection: Connection, operation: Operation) -> Completion {
        Box::pin(async move {
            let request = EchoRequest { echo: raw(&operation.value) };
            let result = connection.call(&ECHO, &request, DEFAULT_TIMEOUT).await;
            complete(operation, result, false)
        })
    }
}
