//! The journals as they lie in `lin-kv`.

use std::time::Duration;

use glomers_node::services::KeyValue;
use glomers_node::{ErrorCode, Node, NodeId, Retry, RpcError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::entry::{Entry, JournalTail};

/// How many entries are gathered in one volume.
pub(crate) const ENTRIES_PER_VOLUME: u64 = 64;

/// How long to wait after an answer that makes no sense.
const PAUSE: Duration = Duration::from_millis(100);

/// The journals as they lie in `lin-kv`: a register for each slot, one for each full volume, and one for each tail.
///
/// The store never gives up. What a node has begun to write must be decided before it writes anything else, so there is nothing better to
/// do than to try again.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    node: Node,
    registers: KeyValue,
}

impl Store {
    pub(crate) fn new(node: &Node) -> Self {
        Self { node: node.clone(), registers: node.lin_kv().retry(Retry::forever()) }
    }

    /// Writes an entry into an empty slot; `false` where the slot is taken, maybe by an earlier attempt of this very call.
    pub(crate) async fn claim(&self, journal: &NodeId, slot: u64, entry: &Entry) -> bool {
        loop {
            // No slot ever holds null, so the comparison fails wherever there is something.
            match self.registers.cas_or_create(slot_key(journal, slot), (), entry).await {
                Ok(()) => return true,
                Err(error) if error.code == ErrorCode::PRECONDITION_FAILED => return false,
                // An attempt may have succeeded; one more finds out whether the slot is taken.
                Err(error) if error.code == ErrorCode::TIMEOUT => {}
                Err(error) => self.complain(&error).await,
            }
        }
    }

    /// The entry in a slot, if there is one.
    pub(crate) async fn entry(&self, journal: &NodeId, slot: u64) -> Option<Entry> {
        self.read(slot_key(journal, slot)).await
    }

    /// All entries of a volume, if it has been gathered.
    pub(crate) async fn volume(&self, journal: &NodeId, volume: u64) -> Option<Vec<Entry>> {
        self.read(volume_key(journal, volume)).await
    }

    /// Gathers a volume. Everybody would write the same.
    pub(crate) async fn write_volume(&self, journal: &NodeId, volume: u64, entries: &[impl Serialize]) {
        self.write(volume_key(journal, volume), entries).await;
    }

    pub(crate) async fn tail(&self, author: &NodeId) -> Option<JournalTail<Entry>> {
        self.read(tail_key(author)).await
    }

    pub(crate) async fn write_tail(&self, author: &NodeId, tail: &impl Serialize) {
        self.write(tail_key(author), tail).await;
    }

    async fn read<V: DeserializeOwned>(&self, key: String) -> Option<V> {
        loop {
            match self.registers.read(&key).await {
                Ok(value) => return Some(value),
                Err(error) if error.code == ErrorCode::KEY_DOES_NOT_EXIST => return None,
                Err(error) => self.complain(&error).await,
            }
        }
    }

    async fn write(&self, key: String, value: &(impl Serialize + ?Sized)) {
        while let Err(error) = self.registers.write(&key, value).await {
            self.complain(&error).await;
        }
    }

    async fn complain(&self, error: &RpcError) {
        tracing::warn!("{}: lin-kv answers {error}; trying again", self.node.id());
        self.node.sleep(PAUSE).await;
    }
}

fn slot_key(journal: &NodeId, slot: u64) -> String {
    format!("journal/{journal}/{slot}")
}

fn volume_key(journal: &NodeId, volume: u64) -> String {
    format!("volume/{journal}/{volume}")
}

fn tail_key(author: &NodeId) -> String {
    format!("tail/{author}")
}
