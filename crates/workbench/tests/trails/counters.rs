//! A counter of which a part is left out.

use std::cell::Cell;

use glomers_node::{Node, Router, RpcError, messages};

use super::{run, told};

messages! {
    "add" struct Add { delta: i64 } => "add_ok" struct AddOk {};
    "read" struct Read {} => "read_ok" struct ReadOk { value: i64 };
}

/// Counts for itself, and tells nobody.
struct Counter {
    sum: Cell<i64>,
}

impl Counter {
    fn router(_: Node) -> Router<Self> {
        Router::new(Self { sum: Cell::new(0) }).on(Self::add).on(Self::read)
    }

    async fn add(&self, request: Add) -> Result<AddOk, RpcError> {
        self.sum.set(self.sum.get() + request.delta);
        Ok(AddOk {})
    }

    async fn read(&self, _: Read) -> Result<ReadOk, RpcError> {
        Ok(ReadOk { value: self.sum.get() })
    }
}

#[test]
fn nodes_that_count_for_themselves() {
    let script = "at 1s client 0 add 5\nat 1.5s client 1 add 7\nat 2s client 1 add 2\n";
    let outcome = run("pn-counter", script, Counter::router);
    insta::assert_snapshot!(told(&outcome));
}
