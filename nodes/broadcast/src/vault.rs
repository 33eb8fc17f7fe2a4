//! What this node's clients gave it, in a service that outlives the node.

use std::cell::{Cell, RefCell};
use std::fmt;

use glomers_node::{ErrorCode, Node, RpcError, services::KeyValue};

use crate::values::Value;

/// What this node's clients gave it, under its name in `lin-kv`.
///
/// The list there only grows, and only by compare-and-set. So a write of an earlier life of this node that
/// was long on its way either comes before this life's first and is seen, or fails. Each write carries the
/// whole list, before and after, so what it costs grows with what this node's clients gave it.
pub(crate) struct Vault {
    node: Node,
    service: KeyValue,
    /// What the service holds, as far as this node knows.
    kept: RefCell<Vec<Value>>,
    /// How much of this node's log that includes.
    kept_length: Cell<u64>,
    is_writing: Cell<bool>,
}

impl Vault {
    pub(crate) fn new(node: Node) -> Self {
        let service = node.lin_kv();
        let (kept, kept_length) = (RefCell::default(), Cell::new(0));
        Self { node, service, kept, kept_length, is_writing: Cell::new(false) }
    }

    /// What is kept, from this life and earlier ones.
    pub(crate) async fn load(&self) -> Result<Vec<Value>, RpcError> {
        let kept: Vec<Value> = self.service.read_or(self.node.id(), Vec::new()).await?;
        self.kept.borrow_mut().clone_from(&kept);
        Ok(kept)
    }

    /// How much of this node's log is kept.
    pub(crate) fn kept_length(&self) -> u64 {
        self.kept_length.get()
    }

    /// The log begins with what was kept before.
    pub(crate) fn begin_at(&self, length: u64) {
        self.kept_length.set(length);
    }

    /// Whether [`keep`](Self::keep) is under way.
    pub(crate) fn is_writing(&self) -> bool {
        self.is_writing.get()
    }

    /// Keeps what of this node's log is not kept yet. Not to be called while it is under way.
    ///
    /// # Errors
    /// Those of an RPC; whether the values are kept is not known then, and to call again finds it out.
    pub(crate) async fn keep(&self, log: Vec<Value>) -> Result<(), RpcError> {
        self.is_writing.set(true);
        let result = self.append(&log).await;
        self.is_writing.set(false);
        result
    }

    async fn append(&self, log: &[Value]) -> Result<(), RpcError> {
        let former = self.kept.borrow().clone();
        let new = log.iter().skip(self.kept_length.get() as usize).cloned();
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
        *self.kept.borrow_mut() = wanted;
        self.kept_length.set(log.len() as u64);
        Ok(())
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Vault").field("kept_length", &self.kept_length).finish_non_exhaustive()
    }
}
