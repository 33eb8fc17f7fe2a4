//! Unique ids: the node's name and a count, which nobody has to be asked about.

// ANCHOR: node
use std::cell::Cell;

use glomers_node::{Node, Router, RpcError, messages};

messages! {
    "generate" struct Generate {} => "generate_ok" struct GenerateOk { id: String };
}

/// Gives out ids, each once.
#[derive(Debug)]
pub struct UniqueIds {
    node: Node,
    count: Cell<u64>,
}

impl UniqueIds {
    /// The server with its handler.
    pub fn router(node: Node) -> Router<Self> {
        Router::new(Self { node, count: Cell::new(0) }).on(Self::generate)
    }

    async fn generate(&self, _request: Generate) -> Result<GenerateOk, RpcError> {
        self.count.set(self.count.get() + 1);
        Ok(GenerateOk { id: format!("{}-{}", self.node.id(), self.count.get()) })
    }
}
// ANCHOR_END: node
