//! The server: gathers requests, and serves them round by round.

use std::rc::Rc;

use glomers_node::{Batcher, Node, Retry, Router, RpcError, messages};

use crate::census::Census;
use crate::fence::Fence;
use crate::sum::Sum;
use crate::total::Total;

messages! {
    /// Raises the counter.
    "add" pub struct Add {
        /// By how much.
        pub delta: u64,
    } =>
    /// Answers [`Add`]: it counts, once and for ever.
    "add_ok" pub struct AddOk {};

    /// Asks for the count.
    "read" pub struct Read {} =>
    /// Answers [`Read`].
    "read_ok" pub struct ReadOk {
        /// The sum of all adds that were acknowledged before the read began, and perhaps of some that were under way.
        pub value: u128,
    };
}

/// One node of the counter.
#[derive(Debug)]
pub struct GCounterServer {
    additions: Rc<Batcher<u64, Result<(), RpcError>>>,
    readings: Rc<Batcher<(), Result<u128, RpcError>>>,
}

impl GCounterServer {
    /// Called once the init message has come: every start has a name of its own.
    pub fn new(node: &Node) -> Self {
        let start = format!("{}-{:016x}", node.id(), node.rng().next_u64());
        // Every request to the store may be repeated: nothing is done twice.
        let store = node.seq_kv().retry(Retry::forever());
        let fence = Rc::new(Fence::new(node, &store, &start));
        let census = Rc::new(Census::new(&store, Rc::clone(&fence)));
        let total = Total::new(&store, Rc::clone(&census), &start);
        let sum = Sum::new(&store, fence, census);
        let server = Self { additions: Rc::default(), readings: Rc::default() };
        server.additions.start(node, async move |deltas: Vec<u64>| {
            let added = total.add(deltas.iter().copied().map(u128::from).sum()).await;
            vec![added; deltas.len()]
        });
        server.readings.start(node, async move |readers: Vec<()>| vec![sum.read().await; readers.len()]);
        server
    }

    /// The server with its handlers.
    #[expect(clippy::needless_pass_by_value, reason = "a server is made from its node")]
    pub fn router(node: Node) -> Router<Self> {
        Router::new(Self::new(&node)).on(Self::add).on(Self::read)
    }

    async fn add(&self, request: Add) -> Result<AddOk, RpcError> {
        self.additions.submit(request.delta).await?;
        Ok(AddOk {})
    }

    async fn read(&self, _request: Read) -> Result<ReadOk, RpcError> {
        Ok(ReadOk { value: self.readings.submit(()).await? })
    }
}
