//! What this start added.

use std::cell::Cell;
use std::rc::Rc;

use glomers_node::services::KeyValue;
use glomers_node::{ErrorCode, RpcError};

use crate::census::Census;

/// The total of what this start added, as its own key in the store holds it.
#[derive(Debug)]
pub(crate) struct Total {
    store: KeyValue,
    census: Rc<Census>,
    start: String,
    /// What the key is known to hold.
    stored: Cell<u128>,
    /// What it is to hold next. After an attempt without a reply the key may hold either of the two.
    wanted: Cell<u128>,
}

impl Total {
    pub(crate) fn new(store: &KeyValue, census: Rc<Census>, start: &str) -> Self {
        let start = start.to_owned();
        Self { store: store.clone(), census, start, stored: Cell::new(0), wanted: Cell::new(0) }
    }

    /// Adds to the total. Not to be called again before it has ended.
    pub(crate) async fn add(&self, delta: u128) -> Result<(), RpcError> {
        self.census.enter(&self.start).await?;
        // What an earlier call left open must be settled first: the key holds one of two totals, and a third would confuse them.
        self.store_wanted().await?;
        self.wanted.set(self.wanted.get() + delta);
        self.store_wanted().await
    }

    async fn store_wanted(&self) -> Result<(), RpcError> {
        let (stored, wanted) = (self.stored.get(), self.wanted.get());
        if stored == wanted {
            return Ok(());
        }
        loop {
            match self.store.cas_or_create(key(&self.start), stored, wanted).await {
                // Nobody else writes this key: where it does not hold what was stored, an earlier attempt has succeeded.
                Err(error) if error.code != ErrorCode::PRECONDITION_FAILED => {
                    // One attempt more finds out whether an earlier one has succeeded.
                    if error.code != ErrorCode::TIMEOUT {
                        return Err(error);
                    }
                }
                _ => break,
            }
        }
        self.stored.set(wanted);
        Ok(())
    }
}

/// The total of a start, as recent as the last fence.
pub(crate) async fn read(store: &KeyValue, start: &str) -> Result<u128, RpcError> {
    store.read_or(key(start), 0).await
}

fn key(start: &str) -> String {
    format!("g-counter total {start}")
}
