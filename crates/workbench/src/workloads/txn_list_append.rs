//! txn-list-append: transactions over lists, which grow by appending and are read whole.

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
    name: "txn-list-append",
    doc: "Transactions that append to lists and read whole lists.",
    rpcs: &[&TXN],
    build,
    settings: transactions::SETTINGS,
    checker: "list-append",
    keys: Keys::None,
};

const TXN: Rpc = Rpc {
    name: "txn",
    doc: "Carries out a transaction: micro-operations `[f, key, value]`, in order and atomically. `[\"r\", key, null]` reads the list of a key: the \
          reply has the list in place of `null`, or `[]` or `null` if the key does not exist. `[\"append\", key, element]` appends an \
          element, and the reply repeats it.",
    request: &[Field { name: "txn", shape: Shape::List(&Shape::Either(&[READ_REQUEST, APPEND])) }],
    reply_name: "txn_ok",
    reply: &[Field { name: "txn", shape: Shape::List(&Shape::Either(&[READ_REPLY, APPEND])) }],
};

const READ_REPLY: Shape = Shape::Tuple(&[Shape::Word("r"), Shape::Any, Shape::List(&Shape::Any)]);
const APPEND: Shape = Shape::Tuple(&[Shape::Word("append"), Shape::Any, Shape::Any]);

fn build(plan: &Plan) -> Workload {
    let mut transactions = Transactions::new("append", &plan.settings);
    Workload::new(repeat(move |random| transactions.draw(random)), TransactionClient { rpc: &TXN })
}
