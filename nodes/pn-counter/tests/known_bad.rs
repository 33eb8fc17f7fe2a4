//! Servers that do what the real one must not, each caught with a sentence that names the operations.

use std::{cell::Cell, time::Duration};

use glomers_node::{Node, Retry, Router, RpcError, messages};
use glomers_workbench::{Outcome, Simulation, Validity};
use pn_counter::{Add, AddOk, Read, ReadOk};
use serde::{Deserialize, Serialize};

/// Tells the others what to add, again and again until they answer: whoever has added and can't say so adds once more.
struct Repeating {
    node: Node,
    total: Cell<i64>,
}

#[derive(Serialize, Deserialize)]
struct AddToo {
    delta: i64,
}

messages! {
    "add_too" AddToo => AddOk;
}

impl Repeating {
    fn router(node: Node) -> Router<Self> {
        Router::new(Self { node, total: Cell::new(0) }).on(Self::add).on(Self::add_too).on(Self::read)
    }

    async fn add(&self, request: Add) -> Result<AddOk, RpcError> {
        self.total.set(self.total.get() + request.delta);
        for peer in self.node.peers() {
            let call = self.node.rpc(peer, AddToo { delta: request.delta }).retry(Retry::forever());
            self.node.spawn(async move {
                let _ = call.await;
            });
        }
        Ok(AddOk {})
    }

    async fn add_too(&self, request: AddToo) -> Result<AddOk, RpcError> {
        self.total.set(self.total.get() + request.delta);
        Ok(AddOk {})
    }

    async fn read(&self, _request: Read) -> Result<ReadOk, RpcError> {
        Ok(ReadOk { value: self.total.get().into() })
    }
}

#[test]
fn adding_twice_because_an_answer_was_lost_is_caught() {
    let simulation = Simulation::new("pn-counter")
        .node_count(2)
        .rate_hz(20.0)
        .time_limit(Duration::from_secs(10))
        .nemesis(&["one-way"], Duration::from_secs(2));
    let outcome = simulation.run(Repeating::router);
    assert_eq!(outcome.validity, Validity::Invalid);
    assert_says(&outcome, &["The final read of operation", "additions that were acknowledged make"]);
}

/// The sentence has these words, in this order.
#[track_caller]
fn assert_says(outcome: &Outcome, words: &[&str]) {
    let mut rest = outcome.sentence.as_str();
    for word in words {
        let place =
            rest.find(word).unwrap_or_else(|| panic!("no {word:?} in its place in: {}", outcome.sentence));
        rest = &rest[place + word.len()..];
    }
}
