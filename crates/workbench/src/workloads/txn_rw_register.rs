//! txn-rw-register: transactions over registers, which are written and read.

use glomers_check::registry::Keys;

use super::{
    Definition, Workload,
    transactions::{self, READ_REQUEST, TransactionClient, Transactions},
};
use crate::{
    generator::repeat,
    plan::Plan,
    schema::{Field, Rpc, Shape},
};

pub(crate) const DEFINITION: Definition = Definition {
    name: "txn-rw-register",
    doc: "Transactions that read and write registers.",
    rpcs: &[&TXN],
    build,
    settings: transactions::SETTINGS,
    checker: "rw-register",
    keys: Keys::None,
};

const TXN: Rpc = Rpc {
    name: "txn",
    doc: "Carries out a transaction: micro-operations `[f, key, value]`, in order. `[\"r\", key, null]` reads the value of a key: the reply has \
          the value in place of `null`, which stays if the key does not exist. `[\"w\", key, value]` sets the value, and the reply \
          repeats it.",
    request: &[Field { name: "txn", shape: Shape::List(&Shape::Either(&[READ_REQUEST, WRITE])) }],
    reply_name: "txn_ok",
    reply: &[Field { name: "txn", shape: Shape::List(&Shape::Either(&[READ_REPLY, WRITE])) }],
};

const READ_REPLY: Shape = Shape::Tuple(&[Shape::Word("r"), Shape::Any, Shape::Any]);
const WRITE: Shape = Shape::Tuple(&[Shape::Word("w"), Shape::Any, Shape::Any]);

fn build(plan: &Plan) -> Workload {
    let mut transactions = Transactions::new("w", &plan.settings);
    Workload::new(repeat(move |random| transactions.draw(random)), TransactionClient { rpc: &TXN })
}
