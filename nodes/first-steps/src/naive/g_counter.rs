//! All nodes keep one total in the store.

// ANCHOR: node
use glomers_node::{Node, Router, RpcError, messages};

messages! {
    "add" struct Add { delta: u64 } => "add_ok" struct AddOk {};
    "read" struct Read {} => "read_ok" struct ReadOk { value: u64 };
}

/// Reads the total, adds, and writes it back.
#[derive(Debug)]
pub struct Counter {
    node: Node,
}

impl Counter {
    /// The server with its handlers.
    pub fn router(node: Node) -> Router<Self> {
        Router::new(Self { node }).on(Self::add).on(Self::read)
    }

    async fn add(&self, request: Add) -> Result<AddOk, RpcError> {
        let store = self.node.seq_kv();
        let total: u64 = store.read_or("total", 0).await?;
        store.write("total", total + request.delta).await?;
        Ok(AddOk {})
    }

    async fn read(&self, _request: Read) -> Result<ReadOk, RpcError> {
        Ok(ReadOk { value: self.node.seq_kv().read_or("total", 0).await? })
    }
}
// ANCHOR_END: node
