//! kafka: append-only logs by key. A message gets an offset when it is sent, and every poll returns messages in that order.

mod catch_up;
mod client;
mod reached;
mod traffic;

use std::{cell::RefCell, rc::Rc, time::Duration};

use glomers_check::registry::Keys;

use self::{catch_up::CatchUp, client::LogClient, traffic::Traffic};
use super::{Definition, Workload, transactions};
use crate::{
    generator::TimeLimit,
    plan::Plan,
    schema::{Field, Rpc, Shape},
};

pub(crate) const DEFINITION: Definition = Definition {
    name: "kafka",
    doc: "Append-only logs, one for each key: every acknowledged message is polled once, in the order of the offsets.",
    rpcs: &[&SEND, &POLL, &COMMIT_OFFSETS, &LIST_COMMITTED_OFFSETS],
    build,
    settings: &[&transactions::KEY_COUNT, &transactions::MAX_WRITES_PER_KEY],
    checker: "kafka",
    keys: Keys::None,
};

const SEND: Rpc = Rpc {
    name: "send",
    doc: "Appends a message to the log of a key. Answer with the message's offset, which must be greater than those of all earlier messages in \
          that log. Offsets may have gaps.",
    request: &[Field { name: "key", shape: Shape::Text }, Field { name: "msg", shape: Shape::Any }],
    reply_name: "send_ok",
    reply: &[Field { name: "offset", shape: Shape::Integer }],
};

const POLL: Rpc = Rpc {
    name: "poll",
    doc: "Reads messages from some logs: `offsets` maps each key to the offset to start from. Answer with `[offset, message]` pairs for each \
          key, in ascending order and without skipping any, from the first message at or above that offset. The lists may end anywhere, \
          and keys without messages may be left out.",
    request: &[Field { name: "offsets", shape: Shape::Object(&Shape::Integer) }],
    reply_name: "poll_ok",
    reply: &[Field {
        name: "msgs",
        shape: Shape::Object(&Shape::List(&Shape::Tuple(&[Shape::Integer, Shape::Any]))),
    }],
};

const COMMIT_OFFSETS: Rpc = Rpc {
    name: "commit_offsets",
    doc: "Commits offsets: a client has processed the messages of each key up to and including this offset, so the next client of the key can \
          continue after it.",
    request: &[Field { name: "offsets", shape: Shape::Object(&Shape::Integer) }],
    reply_name: "commit_offsets_ok",
    reply: &[],
};

const LIST_COMMITTED_OFFSETS: Rpc = Rpc {
    name: "list_committed_offsets",
    doc: "Reads the committed offset of each of these keys. Leave out keys without one.",
    request: &[Field { name: "keys", shape: Shape::List(&Shape::Text) }],
    reply_name: "list_committed_offsets_ok",
    reply: &[Field { name: "offsets", shape: Shape::Object(&Shape::Integer) }],
};

/// How long the final polls may take. Where messages were lost they would never end.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(10);

fn build(plan: &Plan) -> Workload {
    let reached = Rc::new(RefCell::default());
    let traffic = Traffic::new(plan, Rc::clone(&reached));
    Workload::new(traffic, LogClient::default())
        .ending_with(TimeLimit::new(CATCH_UP_LIMIT, CatchUp::new(reached)))
}
