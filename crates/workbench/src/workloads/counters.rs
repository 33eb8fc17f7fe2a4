//! What g-counter and pn-counter share: the messages, the deltas, the final reads.

use glomers_check::Value;

use super::{
    Workload,
    adds_and_reads::{AddAndRead, final_reads},
};
use crate::{
    generator::Generator,
    schema::{Field, Rpc, Shape},
};

pub(super) const ADD: Rpc = Rpc {
    name: "add",
    doc: "Adds `delta`, an integer, to the counter. Answer only when the addition can no longer be lost.",
    request: &[Field { name: "delta", shape: Shape::Integer }],
    reply_name: "add_ok",
    reply: &[],
};

pub(super) const READ: Rpc = Rpc {
    name: "read",
    doc: "Reads the sum of all additions that the node knows of.",
    request: &[],
    reply_name: "read_ok",
    reply: &[Field { name: "value", shape: Shape::Integer }],
};

/// The deltas, which are Maelstrom's: from -5 to 4.
pub(super) const LOWEST_DELTA: i64 = -5;
pub(super) const DELTA_COUNT: u64 = 10;

/// A workload of these operations on a counter; at the end every client reads once.
pub(super) fn workload(generator: impl Generator + 'static) -> Workload {
    Workload::new(generator, AddAndRead { add: &ADD, read: &READ }).ending_with(final_reads())
}

/// A delta from a number below [`DELTA_COUNT`].
pub(super) fn delta(drawn: u64) -> Value {
    Value::Int(i128::from(LOWEST_DELTA) + i128::from(drawn))
}
