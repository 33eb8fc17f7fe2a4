//! The server: gathers requests, and serves them round by round.

use std::rc::Rc;

use glomers_node::{Node, Retry, Router, RpcError, messages};
use serde::{Deserialize, Serialize};

use crate::census::Census;
use crate::fence::Fence;
use crate::rounds::Rounds;
use crate::sum::Sum;
use crate::total::Total;

/// Raises the counter.
#[derive(Debug, Serialize, Deserialize)]
pub struct Add {
    /// By how much.
    pub delta: u64,
}

/// Answers [`Add`]: it counts, once and for ever.
#[derive(Debug, Serialize, Deserialize)]
pub struct AddOk {}

/// Asks for the count.
#[derive(Debug, Serialize, Deserialize)]
pub struct Read {}

/// Answers [`Read`].
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadOk {
    /// The sum of all adds that were acknowledged before the read began, and perhaps of some that were under way.
    pub value: u128,
}

messages! {
    "add" Add => "add_ok" AddOk;
    "read" Read => "read_ok" ReadOk;
}

/// One node of the counter.
#[derive(Debug)]
pub struct GCounterServer {
    node: Node,
    total: Rc<Total>,
    sum: Rc<Sum>,
    additions: Rc<Rounds<u64, Result<(), RpcError>>>,
    readings: Rc<Rounds<(), Result<u128, RpcError>>>,
}

impl GCounterServer {
    /// Called once the init message has come: every start has a name of its own.
    pub fn new(node: Node) -> Self {
        let start = format!("{}-{:016x}", node.id(), node.rng().next_u64());
        // Every request to the store may be repeated: nothing is done twice.
        let store = node.seq_kv().retry(Retry::forever());
        let fence = Rc::new(Fence::new(&node, &store, &start));
        let census = Rc::new(Census::new(&store, Rc::clone(&fence)));
        let total = Rc::new(Total::new(&store, Rc::clone(&census), &start));
        let sum = Rc::new(Sum::new(&store, fence, census));
        Self { node, total, sum, additions: Rc::default(), readings: Rc::default() }
    }

    /// The server with its handlers.
    pub fn router(node: Node) -> Router<Self> {
        Router::new(Self::new(node)).on(Self::add).on(Self::read)
    }

    async fn add(&self, request: Add) -> Result<AddOk, RpcError> {
        let total = Rc::clone(&self.total);
        let round = async move |deltas: Vec<u64>| total.add(deltas.into_iter().map(u128::from).sum()).await;
        self.additions.join(&self.node, request.delta, round).await?;
        Ok(AddOk {})
    }

    async fn read(&self, _request: Read) -> Result<ReadOk, RpcError> {
        let sum = Rc::clone(&self.sum);
        let value = self.readings.join(&self.node, (), async move |_: Vec<()>| sum.read().await).await?;
        Ok(ReadOk { value })
    }
}
