//! What clients ask, and what they get.

use std::collections::BTreeMap;

use glomers_node::{RawValue, messages};
use serde::{Deserialize, Serialize};

/// Appends a message to the log of a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Send {
    /// The name of the log.
    pub key: String,
    /// Any JSON.
    pub msg: Box<RawValue>,
}

/// Answers [`Send`]: the message is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendOk {
    /// Where the message is in its log, for ever.
    pub offset: u64,
}

/// Asks for messages, from each key's offset on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Poll {
    /// The first offset wanted of each key.
    pub offsets: BTreeMap<String, u64>,
}

/// Answers [`Poll`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PollOk {
    /// For each key that has messages to show, their offsets and the messages themselves, in order and without a gap.
    pub msgs: BTreeMap<String, Vec<(u64, Box<RawValue>)>>,
}

/// Says how far the messages of some keys have been processed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CommitOffsets {
    /// The last offset processed of each key.
    pub offsets: BTreeMap<String, u64>,
}

/// Answers [`CommitOffsets`]: the offsets are durable.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct CommitOffsetsOk {}

/// Asks how far the messages of some keys have been processed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListCommittedOffsets {
    /// The names of the logs.
    pub keys: Vec<String>,
}

/// Answers [`ListCommittedOffsets`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListCommittedOffsetsOk {
    /// The highest committed offset that this node knows, for each key that has one.
    pub offsets: BTreeMap<String, u64>,
}

messages! {
    "send" Send => "send_ok" SendOk;
    "poll" Poll => "poll_ok" PollOk;
    "commit_offsets" CommitOffsets => "commit_offsets_ok" CommitOffsetsOk;
    "list_committed_offsets" ListCommittedOffsets => "list_committed_offsets_ok" ListCommittedOffsetsOk;
}
