//! A server that does what the real one must not, caught with a sentence that names the operations.

use std::{cell::Cell, time::Duration};

use glomers_node::{Node, Router, RpcError};
use glomers_workbench::{Outcome, Simulation, Validity};
use unique_ids::{Generate, GenerateOk};

/// Counts, and begins again at nothing when it is started again.
struct Forgetful {
    node: Node,
    given_out: Cell<u64>,
}

impl Forgetful {
    fn router(node: Node) -> Router<Self> {
        Router::new(Self { node, given_out: Cell::new(0) }).on(Self::generate)
    }

    async fn generate(&self, _request: Generate) -> Result<GenerateOk, RpcError> {
        self.given_out.set(self.given_out.get() + 1);
        Ok(GenerateOk { id: format!("{}-{}", self.node.id(), self.given_out.get()) })
    }
}

#[test]
fn a_count_that_begins_again_after_a_kill_is_caught() {
    let simulation = Simulation::new("unique-ids")
        .node_count(3)
        .rate_hz(100.0)
        .time_limit(Duration::from_secs(30))
        .nemesis(&["kill"], Duration::from_secs(2));
    let outcome = simulation.run(Forgetful::router);
    assert_eq!(outcome.validity, Validity::Invalid);
    assert_says(&outcome, &["The id \"n", "was given to operation", "and again to operation"]);
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
