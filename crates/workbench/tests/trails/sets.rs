//! Nodes that gossip a set of messages.

use std::{cell::RefCell, rc::Rc, time::Duration};

use glomers_node::{Node, NodeId, Router, RpcError, messages};

use super::{plan, run, run_plan, told};

messages! {
    "topology" struct Topology {} => "topology_ok" struct TopologyOk {};
    "broadcast" struct Broadcast { message: u64 } => "broadcast_ok" struct BroadcastOk {};
    "read" struct Read {} => "read_ok" struct ReadOk { messages: Vec<u64> };
    "gossip" struct Gossip { messages: Vec<u64> };
}

/// What a node does wrong.
#[derive(Clone, Copy, PartialEq)]
enum Habit {
    ForgetsToGossip,
    GossipsOnce,
    CountsTwice,
    LosesAllWhenKilled,
    AcknowledgesBeforeItStores,
    WaitsForASlowHub,
}

struct Gossiper {
    node: Node,
    habit: Habit,
    known: Rc<RefCell<Vec<u64>>>,
}

impl Gossiper {
    fn router(node: Node, habit: Habit) -> Router<Self> {
        let stored = node.storage().read("messages").expect("memory can be read").unwrap_or_default();
        let known = String::from_utf8(stored)
            .expect("numbers")
            .lines()
            .map(|line| line.parse().expect("a number"))
            .collect();
        Router::new(Self { node, habit, known: Rc::new(RefCell::new(known)) })
            .on(Self::topology)
            .on(Self::broadcast)
            .on(Self::read)
            .on_notice(Self::gossip)
    }

    async fn topology(&self, _: Topology) -> Result<TopologyOk, RpcError> {
        Ok(TopologyOk {})
    }

    async fn broadcast(&self, request: Broadcast) -> Result<BroadcastOk, RpcError> {
        let message = request.message;
        match self.habit {
            Habit::ForgetsToGossip => self.known.borrow_mut().push(message),
            Habit::GossipsOnce | Habit::LosesAllWhenKilled => {
                self.known.borrow_mut().push(message);
                self.tell_all(message);
            }
            Habit::CountsTwice => {
                self.known.borrow_mut().push(message);
                self.tell_all(message);
                self.node.sleep(Duration::from_millis(500)).await;
                self.tell_all(message);
            }
            Habit::AcknowledgesBeforeItStores => {
                let (node, known) = (self.node.clone(), Rc::clone(&self.known));
                self.node.spawn(async move {
                    node.sleep(Duration::from_millis(200)).await;
                    known.borrow_mut().push(message);
                    node.storage()
                        .append("messages", format!("{message}\n").as_bytes())
                        .expect("memory has room");
                    for peer in node.peers() {
                        node.send(peer, &Gossip { messages: vec![message] });
                    }
                });
            }
            Habit::WaitsForASlowHub => {
                self.known.borrow_mut().push(message);
                self.node.send("n0", &Gossip { messages: vec![message] });
            }
        }
        Ok(BroadcastOk {})
    }

    fn tell_all(&self, message: u64) {
        for peer in self.node.peers() {
            self.node.send(peer, &Gossip { messages: vec![message] });
        }
    }

    async fn read(&self, _: Read) -> Result<ReadOk, RpcError> {
        Ok(ReadOk { messages: self.known.borrow().clone() })
    }

    async fn gossip(&self, src: NodeId, gossip: Gossip) {
        let is_hub = self.habit == Habit::WaitsForASlowHub && *self.node.id() == "n0";
        let known = self.known.borrow().clone();
        let is_new = |message: &u64| self.habit == Habit::CountsTwice || !known.contains(message);
        self.known.borrow_mut().extend(gossip.messages.iter().copied().filter(is_new));
        if is_hub {
            self.node.sleep(Duration::from_secs(2)).await;
            for peer in self.node.peers().iter().filter(|peer| **peer != src) {
                self.node.send(peer, &gossip);
            }
        }
        for message in gossip.messages.iter().filter(|_| self.habit == Habit::AcknowledgesBeforeItStores) {
            self.node
                .storage()
                .append("messages", format!("{message}\n").as_bytes())
                .expect("memory has room");
        }
    }
}

#[test]
fn a_node_that_forgets_to_gossip() {
    let outcome = run("broadcast", "at 1s client 0 broadcast 77\nat 2s client 0 read nil\n", |node| {
        Gossiper::router(node, Habit::ForgetsToGossip)
    });
    insta::assert_snapshot!(told(&outcome));
}

#[test]
fn a_node_that_gossips_once() {
    let script = "at 500ms for 2s cut n0 from n2\nat 1s client 0 broadcast 77\nat 2s client 1 read nil\n";
    let outcome = run("broadcast", script, |node| Gossiper::router(node, Habit::GossipsOnce));
    insta::assert_snapshot!(told(&outcome));
}

#[test]
fn a_node_that_counts_what_comes_twice() {
    let outcome =
        run("broadcast", "at 1s client 0 broadcast 77\n", |node| Gossiper::router(node, Habit::CountsTwice));
    insta::assert_snapshot!(told(&outcome));
}

#[test]
fn nodes_that_lose_all_when_they_are_killed() {
    let script = "at 1s client 0 broadcast 77\nat 2s client 1 broadcast 78\nat 3s client 2 read nil\nat 4s for 1s kill n0, n1, n2\n";
    let outcome = run("broadcast", script, |node| Gossiper::router(node, Habit::LosesAllWhenKilled));
    insta::assert_snapshot!(told(&outcome));
}

#[test]
fn a_node_that_acknowledges_before_it_stores() {
    let script = "at 1s client 0 broadcast 77\nat 2s client 0 read nil\nat 3s client 0 broadcast 78\nat 3.1s for 1s kill n0\n";
    let outcome = run("broadcast", script, |node| Gossiper::router(node, Habit::AcknowledgesBeforeItStores));
    insta::assert_snapshot!(told(&outcome));
}

#[test]
fn nodes_that_wait_for_a_slow_hub() {
    let mut plan = plan("broadcast");
    plan.expectations.push("stable-latency.max<500ms".parse().expect("an expectation"));
    let script = "at 1s client 1 broadcast 77\nat 2s client 2 read nil\nat 4s client 2 read nil\n";
    let outcome = run_plan(&plan, script, |node| Gossiper::router(node, Habit::WaitsForASlowHub));
    insta::assert_snapshot!(told(&outcome));
}
