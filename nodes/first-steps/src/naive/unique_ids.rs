//! Each node counts by itself.

// ANCHOR: node
use std::cell::Cell;

use glomers_node::{Node, Router, RpcError, messages};

messages! {
    "generate" struct Generate {} => "generate_ok" struct GenerateOk { id: u64 };
}

/// Counts from one.
#[derive(Debug, Default)]
pub struct UniqueIds {
    count: Cell<u64>,
}

impl UniqueIds {
    /// The server with its handler.
    pub fn router(_node: Node) -> Router<Self> {
        Router::new(Self::default()).on(Self::generate)
    }

    async fn generate(&self, _request: Generate) -> Result<GenerateOk, RpcError> {
        self.count.set(self.count.get() + 1);
        Ok(GenerateOk { id: self.count.get() })
    }
}
// ANCHOR_END: node
