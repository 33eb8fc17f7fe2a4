//! broadcast: every message must reach every node.

mod topology;

use std::collections::BTreeMap;

use glomers_check::{Value, registry::Keys};

use self::topology::TOPOLOGY_SETTING;
use super::{
    Definition, SetUp, Workload,
    adds_and_reads::{self, AddAndRead},
};
use crate::{
    clients::raw,
    generator::repeat,
    plan::Plan,
    schema::{Field, Rpc, Shape},
};

pub(crate) const DEFINITION: Definition = Definition {
    name: "broadcast",
    doc: "Every message that is broadcast to one node must reach every node.",
    rpcs: &[&TOPOLOGY, &BROADCAST, &READ],
    build,
    settings: &[&TOPOLOGY_SETTING],
    checker: "broadcast",
    keys: Keys::None,
};

const TOPOLOGY: Rpc = Rpc {
    name: "topology",
    doc: "Suggests a topology before the first operation, as a map from every node to its neighbours. A node may ignore it and send to any \
          other node.",
    request: &[Field { name: "topology", shape: Shape::Object(&Shape::List(&Shape::Any)) }],
    reply_name: "topology_ok",
    reply: &[],
};

const BROADCAST: Rpc = Rpc {
    name: "broadcast",
    doc: "Gives a node a message to pass on to all others. Answer only when the message can no longer be lost.",
    request: &[Field { name: "message", shape: Shape::Any }],
    reply_name: "broadcast_ok",
    reply: &[],
};

const READ: Rpc = Rpc {
    name: "read",
    doc: "Reads all messages that the node has, each once, in any order.",
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
    let client = AddAndRead { add: &BROADCAST, read: &READ };
    let mut workload = Workload::new(repeat(adds_and_reads::numbers("broadcast")), client)
        .ending_with(adds_and_reads::final_reads());
    workload.set_up = Some(SetUp { rpc: &TOPOLOGY, payload });
    workload
}
