//! The list of all starts that add.

use std::cell::Cell;
use std::rc::Rc;

use glomers_node::services::KeyValue;
use glomers_node::{ErrorCode, RpcError};

use crate::fence::Fence;

const KEY: &str = "g-counter starts";

/// The list of all starts that add, as the store holds it.
#[derive(Debug)]
pub(crate) struct Census {
    store: KeyValue,
    fence: Rc<Fence>,
    is_entered: Cell<bool>,
}

impl Census {
    pub(crate) fn new(store: &KeyValue, fence: Rc<Fence>) -> Self {
        Self { store: store.clone(), fence, is_entered: Cell::new(false) }
    }

    /// The starts, oldest first, as recent as the last fence.
    pub(crate) async fn starts(&self) -> Result<Vec<String>, RpcError> {
        self.store.read_or(KEY, Vec::new()).await
    }

    /// Enters a start, unless it has been entered.
    pub(crate) async fn enter(&self, start: &str) -> Result<(), RpcError> {
        while !self.is_entered.get() {
            // Without the fence, the same old list could be read for ever, and each attempt to replace it would fail.
            self.fence.pass().await?;
            let starts = self.starts().await?;
            let is_listed = starts.iter().any(|listed| listed == start);
            self.is_entered.set(is_listed || self.append(&starts, start).await?);
        }
        Ok(())
    }

    /// `false` where another start has been entered meanwhile, or an earlier attempt has succeeded after all.
    async fn append(&self, starts: &[String], start: &str) -> Result<bool, RpcError> {
        let appended: Vec<&str> = starts.iter().map(String::as_str).chain([start]).collect();
        match self.store.cas_or_create(KEY, starts, appended).await {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.code, ErrorCode::PRECONDITION_FAILED | ErrorCode::TIMEOUT) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}
