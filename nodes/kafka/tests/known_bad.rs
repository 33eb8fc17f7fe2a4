//! Servers that do what the real one must not, each caught with a sentence that names the operations.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use glomers_node::{Node, RawValue, Router, RpcError};
use glomers_workbench::{Outcome, Simulation, Validity};
use kafka::{
    CommitOffsets, CommitOffsetsOk, ListCommittedOffsets, ListCommittedOffsetsOk, Poll, PollOk, Send, SendOk,
};

/// A server that keeps its logs in memory, and knows no other node.
struct Careless {
    node: Node,
    habit: Habit,
    logs: RefCell<BTreeMap<String, BTreeMap<u64, Box<RawValue>>>>,
    committed: RefCell<BTreeMap<String, u64>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Habit {
    /// Acknowledges now and then what it does not keep.
    Forgets,
    /// Appends now and then a message twice.
    Doubles,
    /// Puts a message now and then where nobody looks any more: below what has been polled.
    FillsGaps,
    /// Shows now and then the messages of a poll in the wrong order.
    Reorders,
    /// Gives offsets by itself, though there is a second node that does so too.
    ActsAlone,
}

impl Careless {
    fn router(node: Node, habit: Habit) -> Router<Self> {
        let server = Self { node, habit, logs: RefCell::default(), committed: RefCell::default() };
        Router::new(server).on(Self::send).on(Self::poll).on(Self::commit).on(Self::list_committed)
    }

    fn slips(&self, habit: Habit) -> bool {
        self.habit == habit && self.node.rng().chance(0.05)
    }

    async fn send(&self, request: Send) -> Result<SendOk, RpcError> {
        let mut logs = self.logs.borrow_mut();
        let log = logs.entry(request.key).or_default();
        // Offsets are even, which leaves gaps to be filled.
        let mut offset = log.last_key_value().map_or(0, |(last, _)| last / 2 * 2 + 2);
        if self.slips(Habit::Forgets) {
            return Ok(SendOk { offset });
        }
        if self.slips(Habit::FillsGaps) {
            offset = offset.saturating_sub(3);
        }
        if self.slips(Habit::Doubles) {
            log.insert(offset + 2, request.msg.clone());
        }
        log.insert(offset, request.msg);
        Ok(SendOk { offset })
    }

    async fn poll(&self, request: Poll) -> Result<PollOk, RpcError> {
        let logs = self.logs.borrow();
        let mut msgs = BTreeMap::new();
        for (key, first) in request.offsets {
            let log = logs.get(&key).into_iter().flat_map(|log| log.range(first..));
            let mut messages: Vec<_> = log.map(|(offset, message)| (*offset, message.clone())).collect();
            if self.slips(Habit::Reorders) {
                messages.reverse();
            }
            if !messages.is_empty() {
                msgs.insert(key, messages);
            }
        }
        Ok(PollOk { msgs })
    }

    async fn commit(&self, request: CommitOffsets) -> Result<CommitOffsetsOk, RpcError> {
        self.committed.borrow_mut().extend(request.offsets);
        Ok(CommitOffsetsOk {})
    }

    async fn list_committed(
        &self,
        request: ListCommittedOffsets,
    ) -> Result<ListCommittedOffsetsOk, RpcError> {
        let committed = self.committed.borrow();
        let offset = |key: String| committed.get(&key).map(|offset| (key, *offset));
        Ok(ListCommittedOffsetsOk { offsets: request.keys.into_iter().filter_map(offset).collect() })
    }
}

fn run(habit: Habit, node_count: usize) -> Outcome {
    let simulation = Simulation::new("kafka")
        .node_count(node_count)
        .concurrency(4)
        .rate_hz(100.0)
        .time_limit(Duration::from_secs(10));
    simulation.run(move |node| Careless::router(node, habit))
}

/// The run is invalid, and it is said why in these words.
#[track_caller]
fn assert_caught(outcome: &Outcome, words: &[&str]) {
    assert_eq!(outcome.validity, Validity::Invalid, "{}", outcome.sentence);
    let mut sentences = std::iter::once(&outcome.sentence).chain(&outcome.findings);
    let says = |sentence: &String| words.iter().all(|word| sentence.contains(word));
    assert!(
        sentences.any(says),
        "nothing says {words:?} in {}\n{}",
        outcome.sentence,
        outcome.findings.join("\n")
    );
}

#[test]
fn a_server_that_forgets_is_caught() {
    assert_caught(&run(Habit::Forgets, 1), &["lost-write", "sent by operation", "was never polled"]);
}

#[test]
fn a_server_that_doubles_is_caught() {
    assert_caught(&run(Habit::Doubles, 1), &["duplicate", "message"]);
}

#[test]
fn a_server_that_fills_gaps_is_caught() {
    assert_caught(&run(Habit::FillsGaps, 1), &["poll-skip", "of the same process had polled", "skipping"]);
}

#[test]
fn a_server_that_reorders_is_caught() {
    assert_caught(&run(Habit::Reorders, 1), &["int-nonmonotonic-poll", "operation", "back in the log"]);
}

#[test]
fn two_servers_that_know_nothing_of_each_other_are_caught() {
    assert_caught(&run(Habit::ActsAlone, 2), &["inconsistent-offsets", "offset 0 is said to hold"]);
}
