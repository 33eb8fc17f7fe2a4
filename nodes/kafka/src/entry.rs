//! What the nodes write down.

use std::collections::BTreeMap;

use glomers_node::{NodeId, RawValue};
use serde::{Deserialize, Serialize};

/// For each journal, in the order of the nodes' names, how many of its entries a node has read.
pub(crate) type Progress = Vec<u64>;

/// One entry of a journal. It is written once and never changes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Who wrote it: the journal's owner, or a node that closed the owner's past.
    pub(crate) author: NodeId,
    /// Which life of its author wrote it: the slot of the entry with which that life began.
    pub(crate) life: u64,
    /// How much of every journal its author had read. No later entry of this journal holds an offset below one of those.
    pub(crate) seen: Progress,
    /// Messages, with the offsets that they have got.
    pub(crate) appends: Vec<Append>,
    /// Offsets up to which clients have processed their logs.
    pub(crate) commits: BTreeMap<String, u64>,
}

/// A message in its log, written as `[key, offset, message]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Append(pub(crate) String, pub(crate) u64, pub(crate) Box<RawValue>);

impl Entry {
    /// An entry that says what its author has seen, and nothing else.
    pub(crate) fn without_content(author: NodeId, life: u64, seen: Progress) -> Self {
        Self { author, life, seen, appends: Vec::new(), commits: BTreeMap::new() }
    }

    pub(crate) fn is_of(&self, author: &NodeId, life: u64) -> bool {
        self.author == *author && self.life == life
    }
}

/// The newest of a node's journal in one piece, overwritten again and again. It saves its readers a request for each entry, and tells
/// promises that are in no entry yet. It is a message, not a record: nothing depends on anybody reading it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct JournalTail<E> {
    /// Counts the tails of a life, so that each shows that its author lives.
    pub(crate) number: u64,
    /// What its author has read.
    pub(crate) read: Progress,
    /// No entry of the author's journal after those here holds an offset below one that is in these.
    pub(crate) promise: Progress,
    /// The slot of the first entry here.
    pub(crate) first: u64,
    /// The entries, up to the last.
    pub(crate) entries: Vec<E>,
}
