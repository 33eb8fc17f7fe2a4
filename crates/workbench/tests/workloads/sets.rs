//! broadcast and g-set.

use std::{cell::RefCell, rc::Rc};

use glomers_node::{Node, RawValue, Router, RpcError, messages};
use glomers_workbench::{Outcome, Simulation};
use serde::{Deserialize, Serialize};

use super::{assert_caught, busy};

#[derive(Serialize, Deserialize)]
struct Topology {
    topology: Box<RawValue>,
}
#[derive(Serialize, Deserialize)]
struct TopologyOk {}
#[derive(Serialize, Deserialize)]
struct Broadcast {
    message: u64,
}
#[derive(Serialize, Deserialize)]
struct BroadcastOk {}
#[derive(Serialize, Deserialize)]
struct ReadMessages {}
#[derive(Serialize, Deserialize)]
struct Messages {
    messages: Vec<u64>,
}

messages! {
    "topology" Topology => "topology_ok" TopologyOk;
    "broadcast" Broadcast => "broadcast_ok" BroadcastOk;
    "read" ReadMessages => "read_ok" Messages;
}

/// What a server does with the set that all of them share.
#[derive(Clone, Copy, PartialEq)]
enum Habit {
    Correct,
    /// Every tenth message is acknowledged and forgotten.
    Forgets,
    /// A read shows its first element twice.
    Repeats,
    /// A read shows something that nobody sent.
    Invents,
}

struct Server {
    habit: Habit,
    known: Rc<RefCell<Vec<u64>>>,
}

impl Server {
    async fn topology(&self, _: Topology) -> Result<TopologyOk, RpcError> {
        Ok(TopologyOk {})
    }

    async fn broadcast(&self, request: Broadcast) -> Result<BroadcastOk, RpcError> {
        if self.habit != Habit::Forgets || request.message % 10 != 3 {
            self.known.borrow_mut().push(request.message);
        }
        Ok(BroadcastOk {})
    }

    async fn read(&self, _: ReadMessages) -> Result<Messages, RpcError> {
        let mut messages = self.known.borrow().clone();
        match self.habit {
            Habit::Repeats => messages.extend(messages.first().copied()),
            Habit::Invents => messages.push(1_000_000),
            Habit::Correct | Habit::Forgets => {}
        }
        Ok(Messages { messages })
    }
}

fn run(simulation: &Simulation, habit: Habit) -> Outcome {
    let known = Rc::new(RefCell::new(Vec::new()));
    simulation.run(move |_: Node| {
        Router::new(Server { habit, known: Rc::clone(&known) })
            .on(Server::topology)
            .on(Server::broadcast)
            .on(Server::read)
    })
}

#[test]
fn a_broadcast_that_reaches_all_is_valid() {
    for topology in ["grid", "line", "tree3", "total"] {
        let outcome = run(&busy("broadcast", 1).setting("topology", topology), Habit::Correct);
        outcome.assert_valid();
        assert_eq!(outcome.figure("stable-latency.max"), Some(0.0));
    }
}

#[test]
fn a_message_that_is_forgotten_is_named() {
    assert_caught(&run(&busy("broadcast", 2), Habit::Forgets), &["3"]);
}

#[test]
fn a_message_twice_in_one_read_is_named_with_what_upstream_would_say() {
    assert_caught(&run(&busy("broadcast", 3), Habit::Repeats), &["Maelstrom would call this valid"]);
}

#[test]
fn a_message_that_nobody_sent_is_named() {
    assert_caught(&run(&busy("broadcast", 4), Habit::Invents), &["1000000"]);
}
