//! broadcast: what one node is told, all must know in the end.

mod topology;

use std::collections::BTreeMap;

use glomers_check::{Checker, Operation, SetFull, Value};
use glomers_protocol::RawValue;
use serde::Serialize;

use self::topology::TOPOLOGY_SETTING;
use super::{Definition, SetUp, Workload, mixes};
use crate::{
    check::checkers::Promise,
    clients::{Bare, Client, Completion, Connection, DEFAULT_TIMEOUT, complete, raw},
    generator::{Draft, EachThread, repeat},
    plan::Plan,
    schema::{Field, Rpc, Shape},
};

pub(crate) const DEFINITION: Definition = Definition {
    name: "broadcast",
    doc: "What one node is told, every node must know in the end.",
    rpcs: &[&TOPOLOGY, &BROADCAST, &READ],
    build,
    settings: &[&TOPOLOGY_SETTING],
    checker,
};

const TOPOLOGY: Rpc = Rpc {
    name: "topology",
    doc: "Tells a node before the first operation who its neighbours are, as a map from every node to its neighbours. A node may ignore it and \
          talk to any other.",
    request: &[Field { name: "topology", shape: Shape::Object(&Shape::List(&Shape::Any)) }],
    reply_name: "topology_ok",
    reply: &[],
};

const BROADCAST: Rpc = Rpc {
    name: "broadcast",
    doc: "Tells a node a message, which it is to spread to all others. The node answers once it will not forget it.",
    request: &[Field { name: "message", shape: Shape::Any }],
    reply_name: "broadcast_ok",
    reply: &[],
};

const READ: Rpc = Rpc {
    name: "read",
    doc: "Asks for all messages that the node knows of, each once, in any order.",
    request: &[],
    reply_name: "read_ok",
    reply: &[Field { name: "messages", shape: Shape::List(&Shape::Any) }],
};

fn build(plan: &Plan) -> Workload {
    let neighbours = topology::neighbours(plan.settings.text(&TOPOLOGY_SETTING), &plan.nodes);
    let topology = neighbours.into_iter().map(|(node, neighbours)| {
        let neighbours = neighbours.iter().map(|neighbour| Value::from(neighbour.as_str()));
        (Value::from(node.as_str()), Value::Vector(neighbours.collect()))
    });
    let payload = BTreeMap::from([("topology", raw(&Value::Map(topology.collect())))]);
    let mut workload = Workload::new(repeat(mixes::adds_and_reads("broadcast")), BroadcastClient)
        .ending_with(EachThread::new(Draft::new(0, "read", ()).with("final?", true)));
    workload.set_up = Some(SetUp { rpc: &TOPOLOGY, payload });
    workload
}

fn checker(promise: &Promise) -> Box<dyn Checker> {
    Box::new(SetFull::new(promise.mode).adding_with("broadcast"))
}

struct BroadcastClient;

#[derive(Serialize)]
struct Broadcast {
    message: Box<RawValue>,
}

impl Client for BroadcastClient {
    fn invoke(&self, connection: Connection, operation: Operation) -> Completion {
        Box::pin(async move {
            if operation.f == "broadcast" {
                let request = Broadcast { message: raw(&operation.value) };
                let result = connection.call(&BROADCAST, &request, DEFAULT_TIMEOUT).await;
                let message = operation.value.clone();
                complete(operation, result.map(|_| message), false)
            } else {
                let result = connection.call(&READ, &Bare {}, DEFAULT_TIMEOUT).await;
                complete(operation, result.map(|mut body| body.remove("messages").unwrap_or_default()), true)
            }
        })
    }
}
