//! Broadcast nodes with the faults that people write, each of which the workbench must catch and name.

use std::{cell::RefCell, time::Duration};

use broadcast::{Broadcast, BroadcastOk, Read, ReadOk, Settings, Topology, TopologyOk, Value};
use glomers_node::{Node, NodeId, Router, RpcError, messages};
use glomers_workbench::{Outcome, Simulation, Validity};
use serde::{Deserialize, Serialize};

use crate::support::{node, small};

/// Passes one value on.
#[derive(Serialize, Deserialize)]
struct Pass {
    message: Value,
}

messages! { "pass" Pass; }

/// What is wrong with a server that sends every value to everybody once.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// It tells nobody.
    KeepsToItself,
    /// It does not ask whether what it sent arrived.
    NeverRepeats,
    /// It adds a value as often as it comes.
    AddsTwice,
}

struct BadServer {
    node: Node,
    fault: Fault,
    messages: RefCell<Vec<Value>>,
}

impl BadServer {
    fn router(node: Node, fault: Fault) -> Router<Self> {
        Router::new(Self { node, fault, messages: RefCell::default() })
            .on(Self::broadcast)
            .on(Self::read)
            .on(Self::topology)
            .on_notice(Self::pass)
    }

    async fn broadcast(&self, request: Broadcast) -> Result<BroadcastOk, RpcError> {
        self.add(&request.message);
        if self.fault != Fault::KeepsToItself {
            for peer in self.node.peers() {
                self.node.send(peer, &Pass { message: request.message.clone() });
            }
        }
        Ok(BroadcastOk {})
    }

    async fn read(&self, _: Read) -> Result<ReadOk, RpcError> {
        Ok(ReadOk { messages: self.messages.borrow().clone() })
    }

    async fn topology(&self, _: Topology) -> Result<TopologyOk, RpcError> {
        Ok(TopologyOk {})
    }

    async fn pass(&self, _src: NodeId, pass: Pass) {
        self.add(&pass.message);
    }

    fn add(&self, message: &Value) {
        let mut messages = self.messages.borrow_mut();
        if self.fault == Fault::AddsTwice || !messages.contains(message) {
            messages.push(message.clone());
        }
    }
}

fn run(simulation: &Simulation, fault: Fault) -> Outcome {
    simulation.run(move |node| BadServer::router(node, fault))
}

/// The finding names an operation, and what is wrong with it.
fn assert_caught(outcome: &Outcome, words: &[&str]) {
    assert_eq!(outcome.validity, Validity::Invalid, "{}", outcome.sentence);
    let told = format!("{}\n{}", outcome.sentence, outcome.findings.join("\n"));
    for word in words {
        assert!(told.contains(word), "{word:?} is not in:\n{told}");
    }
}

#[test]
fn a_node_that_keeps_values_to_itself_is_caught() {
    assert_caught(&run(&small(5), Fault::KeepsToItself), &["lost", "operation"]);
}

#[test]
fn a_node_that_never_repeats_what_was_lost_is_caught_by_a_partition() {
    let partitioned = small(5).nemesis(&["partition"], Duration::from_secs(5));
    run(&small(5), Fault::NeverRepeats).assert_valid();
    assert_caught(&run(&partitioned, Fault::NeverRepeats), &["lost", "operation"]);
    partitioned.run(node(Settings::LOW_LATENCY)).assert_valid();
}

#[test]
fn a_node_that_adds_what_came_twice_is_caught_by_duplication() {
    let duplicated = small(5).nemesis(&["duplication"], Duration::from_secs(5));
    run(&small(5), Fault::AddsTwice).assert_valid();
    assert_caught(&run(&duplicated, Fault::AddsTwice), &["stands 2 times", "operation"]);
    duplicated.run(node(Settings::LOW_LATENCY)).assert_valid();
}
