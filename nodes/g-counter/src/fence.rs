//! Seeing the present.

use std::cell::Cell;

use glomers_node::services::KeyValue;
use glomers_node::{Node, RpcError};

/// Makes the store show this node a state that is no older than the request.
#[derive(Debug)]
pub(crate) struct Fence {
    store: KeyValue,
    key: String,
    /// What the tokens of this start begin with.
    start: String,
    written_count: Cell<u64>,
}

impl Fence {
    pub(crate) fn new(node: &Node, store: &KeyValue, start: &str) -> Self {
        let key = format!("g-counter fence {}", node.id());
        Self { store: store.clone(), key, start: start.to_owned(), written_count: Cell::new(0) }
    }

    /// After this, the store shows this node all that had happened when it was called. The token is new, so that writing it changes every
    /// state, the newest as well.
    pub(crate) async fn pass(&self) -> Result<(), RpcError> {
        let number = self.written_count.get();
        self.written_count.set(number + 1);
        self.store.write(&self.key, format!("{} {number}", self.start)).await
    }
}
