//! Replicas of a register.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use glomers_node::{ErrorCode, Node, NodeId, Router, RpcError, messages};

use super::{run, told};

messages! {
    "read" struct Read { key: u64 } => "read_ok" struct ReadOk { value: u64 };
    "write" struct Write { key: u64, value: u64 } => "write_ok" struct WriteOk {};
    "replicate" struct Replicate { key: u64, value: u64 };
    "ping" struct Ping {};
}

/// What a node does wrong.
#[derive(Clone, Copy, PartialEq)]
enum Habit {
    /// Answers a read from its own copy, which may be old.
    ReadsItsCopy,
    /// Takes itself for the leader when it has not heard from the leader, with no word from a majority.
    LeadsAlone,
}

struct Replica {
    node: Node,
    habit: Habit,
    values: RefCell<BTreeMap<u64, u64>>,
}

impl Replica {
    fn router(node: Node, habit: Habit) -> Router<Self> {
        Router::new(Self { node, habit, values: RefCell::default() })
            .on(Self::read)
            .on(Self::write)
            .on_notice(Self::replicate)
            .on_notice(Self::ping)
    }

    async fn read(&self, request: Read) -> Result<ReadOk, RpcError> {
        match self.values.borrow().get(&request.key) {
            Some(value) => Ok(ReadOk { value: *value }),
            None => Err(RpcError::new(ErrorCode::KEY_DOES_NOT_EXIST, "no such key")),
        }
    }

    async fn write(&self, Write { key, value }: Write) -> Result<WriteOk, RpcError> {
        if self.habit == Habit::LeadsAlone {
            // Long enough for an answer, which nobody waits for.
            for peer in self.node.peers() {
                self.node.send(peer, &Ping {});
            }
            self.node.sleep(Duration::from_millis(50)).await;
        }
        self.values.borrow_mut().insert(key, value);
        for peer in self.node.peers() {
            self.node.send(peer, &Replicate { key, value });
        }
        Ok(WriteOk {})
    }

    async fn replicate(&self, _: NodeId, Replicate { key, value }: Replicate) {
        self.values.borrow_mut().insert(key, value);
    }

    async fn ping(&self, _: NodeId, _: Ping) {}
}

#[test]
fn a_replica_that_answers_from_its_own_copy() {
    let script = "at 1s client 0 write [0 3]\nat 1.9s for 2s cut n0 from n2\nat 2s client 0 write [0 4]\n\
                  at 2.5s client 1 read [0 nil]\nat 3s client 2 read [0 nil]\n";
    let outcome = run("lin-kv", script, |node| Replica::router(node, Habit::ReadsItsCopy));
    insta::assert_snapshot!(told(&outcome));
}

#[test]
fn two_nodes_that_lead() {
    let script = "at 1s for 5s cut n0 from n1, n2\nat 2s client 0 write [0 3]\nat 2.5s client 1 write [0 4]\nat 3s client 0 read [0 nil]\n";
    let outcome = run("lin-kv", script, |node| Replica::router(node, Habit::LeadsAlone));
    insta::assert_snapshot!(told(&outcome));
}
