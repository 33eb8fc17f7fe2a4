//! The values that this node's clients gave it, in a service that outlives the node.

use std::cell::{Cell, RefCell};
use std::fmt;

use glomers_node::{ErrorCode, Node, RpcError, services::KeyValue};

use crate::values::Value;

/// The values that this node's clients gave it, under its name in `lin-kv`.
///
/// The list there only grows, and only by compare-and-set. So a late write of an earlier life of this node either comes before this
/// life's first write, and is seen by it, or fails. Each write carries the whole list, before and after, so its cost grows with the
/// number of values.
pub(crate) struct DurableLog {
    node: Node,
    service: KeyValue,
    /// What the service holds, as far as this node knows.
    stored: RefCell<Vec<Value>>,
    /// How many values of this node's log that includes.
    stored_length: Cell<u64>,
}

impl DurableLog {
    pub(crate) fn new(node: Node) -> Self {
        let service = node.lin_kv();
        Self { node, service, stored: RefCell::default(), stored_length: Cell::new(0) }
    }

    /// What is stored, from this life and earlier ones.
    pub(crate) async fn load(&self) -> Result<Vec<Value>, RpcError> {
        let stored: Vec<Value> = self.service.read_or(self.node.id(), Vec::new()).await?;
        self.stored.borrow_mut().clone_from(&stored);
        Ok(stored)
    }

    /// How many values of this node's log are stored.
    pub(crate) fn stored_length(&self) -> u64 {
        self.stored_length.get()
    }

    /// The log begins with this many values that were stored before.
    pub(crate) fn begin_at(&self, length: u64) {
        self.stored_length.set(length);
    }

    /// Stores the values of this node's log that are not stored yet. Not to be called again before it has ended.
    ///
    /// # Errors
    /// Those of an RPC. Whether the values are stored is not known then; calling again finds out.
    pub(crate) async fn store(&self, log: &[Value]) -> Result<(), RpcError> {
        let former = self.stored.borrow().clone();
        let new = log.iter().skip(self.stored_length.get() as usize).cloned();
        let wanted: Vec<Value> = former.iter().cloned().chain(new).collect();
        match self.service.cas_or_create(self.node.id(), &former, &wanted).await {
            Ok(()) => {}
            // This node's own attempt may have succeeded without its answer.
            Err(error) if error.code == ErrorCode::PRECONDITION_FAILED => {
                if self.load().await? != wanted {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
        *self.stored.borrow_mut() = wanted;
        self.stored_length.set(log.len() as u64);
        Ok(())
    }
}

impl fmt::Debug for DurableLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DurableLog")
            .field("stored_length", &self.stored_length)
            .finish_non_exhaustive()
    }
}
