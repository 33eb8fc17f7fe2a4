//! g-set: a set that only grows. In the end every node must return every element.

use glomers_check::registry::Keys;

use super::{
    Definition, Workload,
    adds_and_reads::{self, AddAndRead},
};
use crate::{
    generator::{EachThread, OperationRequest, repeat},
    plan::Plan,
    schema::{Field, Rpc, Shape},
};

pub(crate) const DEFINITION: Definition = Definition {
    name: "g-set",
    doc: "A set that only grows: an element that was added at one node must appear at all of them.",
    rpcs: &[&ADD, &READ],
    build,
    settings: &[],
    checker: "set-full",
    keys: Keys::None,
};

const ADD: Rpc = Rpc {
    name: "add",
    doc: "Adds an element to the set. Answer only when the element can no longer be lost.",
    request: &[Field { name: "element", shape: Shape::Any }],
    reply_name: "add_ok",
    reply: &[],
};

const READ: Rpc = Rpc {
    name: "read",
    doc: "Reads all elements that the node has, each once, in any order.",
    request: &[],
    reply_name: "read_ok",
    reply: &[Field { name: "value", shape: Shape::List(&Shape::Any) }],
};

fn build(_: &Plan) -> Workload {
    // Maelstrom does not mark these reads as final.
    Workload::new(repeat(adds_and_reads::numbers("add")), AddAndRead { add: &ADD, read: &READ })
        .ending_with(EachThread::new(OperationRequest::new(0, "read", ())))
}
