//! Servers that do what the real one must not, each caught with a sentence that names the operations.

use std::time::Duration;

use g_counter::{Add, AddOk, Read, ReadOk};
use glomers_node::{ErrorCode, Node, Router, RpcError};
use glomers_workbench::{LatencyDistribution, Outcome, Simulation, Validity};

/// One number in the store, which all nodes raise.
struct Naive {
    node: Node,
    habit: Habit,
}

#[derive(Clone, Copy)]
enum Habit {
    /// Believes the first number that the store shows it.
    ReadsThePast,
    /// Tries again when no answer comes in time, not knowing whether it has added.
    AddsAgain,
}

impl Naive {
    fn router(node: Node, habit: Habit) -> Router<Self> {
        Router::new(Self { node, habit }).on(Self::add).on(Self::read)
    }

    async fn add(&self, request: Add) -> Result<AddOk, RpcError> {
        let patience = match self.habit {
            Habit::ReadsThePast => Duration::from_secs(5),
            Habit::AddsAgain => Duration::from_millis(30),
        };
        let store = self.node.seq_kv().timeout(patience);
        loop {
            let former: u64 = store.read_or("total", 0).await.unwrap_or_default();
            match store.cas_or_create("total", former, former + request.delta).await {
                Ok(()) => return Ok(AddOk {}),
                Err(error) if error.code == ErrorCode::PRECONDITION_FAILED => {}
                Err(error) if error.code == ErrorCode::TIMEOUT => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn read(&self, _request: Read) -> Result<ReadOk, RpcError> {
        let store = self.node.seq_kv();
        if matches!(self.habit, Habit::AddsAgain) {
            let token = self.node.rng().next_u64();
            store.write("fence", token).await?;
        }
        Ok(ReadOk { value: store.read_or("total", 0).await? })
    }
}

fn run(habit: Habit) -> Outcome {
    let simulation = Simulation::new("g-counter")
        .node_count(3)
        .rate_hz(20.0)
        .time_limit(Duration::from_secs(10))
        .latency(10.0, LatencyDistribution::Exponential);
    let outcome = simulation.run(move |node| Naive::router(node, habit));
    assert_eq!(outcome.validity, Validity::Invalid, "{}", outcome.sentence);
    outcome
}

#[test]
fn a_read_that_shows_the_past_is_caught() {
    let outcome = run(Habit::ReadsThePast);
    assert_eq!(outcome.validity, Validity::Invalid);
    assert_says(&outcome, &["The final read of operation", "additions that were acknowledged make"]);
}

#[test]
fn adding_twice_because_an_answer_was_late_is_caught() {
    let outcome = run(Habit::AddsAgain);
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
