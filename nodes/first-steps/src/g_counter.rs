//! The counter: each node keeps its own part in the store, under its name, so that no two ever write the same key.

// ANCHOR: node
use std::{cell::Cell, rc::Rc};

use glomers_node::{Batcher, Node, Router, RpcError, messages};

messages! {
    "add" struct Add { delta: u64 } => "add_ok" struct AddOk {};
    "read" struct Read {} => "read_ok" struct ReadOk { value: u64 };
}

/// Counts up.
#[derive(Debug)]
pub struct Counter {
    node: Node,
    additions: Rc<Batcher<u64, Result<(), RpcError>>>,
}

impl Counter {
    /// The server with its handlers.
    pub fn router(node: Node) -> Router<Self> {
        let additions: Rc<Batcher<u64, Result<(), RpcError>>> = Rc::default();
        let (store, name, part) = (node.seq_kv(), node.id().clone(), Cell::new(0));
        // One write at a time, for all additions that came meanwhile.
        additions.start(&node, async move |deltas: Vec<u64>| {
            part.set(part.get() + deltas.iter().sum::<u64>());
            vec![store.write(&name, part.get()).await; deltas.len()]
        });
        Router::new(Self { node, additions }).on(Self::add).on(Self::read)
    }

    async fn add(&self, request: Add) -> Result<AddOk, RpcError> {
        self.additions.submit(request.delta).await?;
        Ok(AddOk {})
    }

    async fn read(&self, _request: Read) -> Result<ReadOk, RpcError> {
        let store = self.node.seq_kv();
        // A sequentially consistent store may answer from the past, but not from before what this node last did
        // there. A write of something new happens now, so the reads after it are of now, too.
        let fence = self.node.rng().next_u64();
        store.write(format!("fence of {}", self.node.id()), fence).await?;
        let mut value = 0;
        for name in self.node.node_ids() {
            value += store.read_or(name, 0).await?;
        }
        Ok(ReadOk { value })
    }
}
// ANCHOR_END: node
