//! Stores that look well and are not: the checker must say so, and name the operations.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use glomers_node::{
    ErrorCode, Json, Node, NodeId, Router, RpcError, messages,
    services::{Cas, CasOk, Read, ReadOk, Write, WriteOk},
};
use glomers_workbench::{LatencyDistribution, Outcome, Simulation, Validity};
use serde::{Deserialize, Serialize};

/// A change that the first node has made, for the others.
#[derive(Serialize, Deserialize)]
struct Replicate {
    key: Json,
    value: Json,
}

#[derive(Serialize, Deserialize)]
struct Replicated {}

messages! { "replicate" Replicate => "replicated" Replicated; }

/// What is wrong with it.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    /// Every node answers reads from its own copy, which may be older than what others have seen.
    DirtyReads,
    /// The first node answers before the others have the change, and they take over its reads.
    AsynchronousReplication,
    /// One write in twenty is acknowledged and then lost.
    Forgetfulness,
}

/// The first node decides on every change, and tells the others.
struct Bad {
    node: Node,
    fault: Fault,
    values: RefCell<BTreeMap<String, Json>>,
    write_count: RefCell<u64>,
}

impl Bad {
    fn router(node: Node, fault: Fault) -> Router<Self> {
        let bad = Self { node, fault, values: RefCell::default(), write_count: RefCell::default() };
        Router::new(bad).on(Self::read).on(Self::write).on(Self::cas).on(Self::replicate)
    }

    fn first(&self) -> Option<NodeId> {
        let first = &self.node.node_ids()[0];
        (first != self.node.id()).then(|| first.clone())
    }

    async fn read(&self, request: Read) -> Result<ReadOk, RpcError> {
        if let (Fault::Forgetfulness, Some(first)) = (self.fault, self.first()) {
            return self.node.rpc(first, request).await;
        }
        let values = self.values.borrow();
        let value = values.get(Json::new(request.key).canonical());
        let value = value.ok_or_else(|| RpcError::new(ErrorCode::KEY_DOES_NOT_EXIST, ""))?;
        Ok(ReadOk { value: value.to_raw() })
    }

    async fn write(&self, request: Write) -> Result<WriteOk, RpcError> {
        if let Some(first) = self.first() {
            return self.node.rpc(first, request).await;
        }
        *self.write_count.borrow_mut() += 1;
        let is_forgotten = self.fault == Fault::Forgetfulness && self.write_count.borrow().is_multiple_of(20);
        if !is_forgotten {
            self.change(Json::new(request.key), Json::new(request.value)).await;
        }
        Ok(WriteOk {})
    }

    async fn cas(&self, request: Cas) -> Result<CasOk, RpcError> {
        if let Some(first) = self.first() {
            return self.node.rpc(first, request).await;
        }
        let (key, from, to) = (Json::new(request.key), Json::new(request.from), Json::new(request.to));
        match self.values.borrow().get(key.canonical()) {
            Some(value) if *value == from => {}
            Some(_) => return Err(RpcError::new(ErrorCode::PRECONDITION_FAILED, "")),
            None => return Err(RpcError::new(ErrorCode::KEY_DOES_NOT_EXIST, "")),
        }
        self.change(key, to).await;
        Ok(CasOk {})
    }

    async fn change(&self, key: Json, value: Json) {
        self.values.borrow_mut().insert(key.canonical().to_owned(), value.clone());
        for peer in self.node.peers() {
            let replicate = Replicate { key: key.clone(), value: value.clone() };
            let rpc = self.node.rpc(peer, replicate);
            match self.fault {
                Fault::DirtyReads => drop(rpc.await),
                Fault::AsynchronousReplication => self.node.spawn(async move { drop(rpc.await) }),
                Fault::Forgetfulness => {}
            }
        }
    }

    async fn replicate(&self, request: Replicate) -> Result<Replicated, RpcError> {
        self.values.borrow_mut().insert(request.key.canonical().to_owned(), request.value);
        Ok(Replicated {})
    }
}

fn run(fault: Fault) -> Outcome {
    Simulation::new("lin-kv")
        .node_count(3)
        .concurrency(6)
        .rate_hz(50.0)
        .latency(10.0, LatencyDistribution::Exponential)
        .time_limit(Duration::from_secs(20))
        .seed(3)
        .run(move |node| Bad::router(node, fault))
}

#[track_caller]
fn check_caught(fault: Fault) {
    let outcome = run(fault);
    assert_eq!(outcome.validity, Validity::Invalid, "{}", outcome.sentence);
    let said = format!("{} {}", outcome.sentence, outcome.findings.join(" "));
    assert!(said.contains("cannot `read") && said.contains("operations"), "no operation is named: {said}");
}

#[test]
fn reads_of_a_copy_are_caught() {
    check_caught(Fault::DirtyReads);
}

#[test]
fn an_answer_before_the_others_know_is_caught() {
    check_caught(Fault::AsynchronousReplication);
}

#[test]
fn a_forgotten_write_is_caught() {
    check_caught(Fault::Forgetfulness);
}
