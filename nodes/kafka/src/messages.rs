//! What clients ask, and what they get.

use std::collections::BTreeMap;

use glomers_node::{RawValue, messages};

messages! {
    /// Appends a message to the log of a key.
    "send" pub struct Send {
        /// The name of the log.
        pub key: String,
        /// Any JSON.
        pub msg: Box<RawValue>,
    } =>
    /// Answers [`Send`]: the message is durable.
    #[derive(Copy, PartialEq, Eq)]
    "send_ok" pub struct SendOk {
        /// Where the message is in its log, for ever.
        pub offset: u64,
    };

    /// Asks for messages, from each key's offset on.
    "poll" pub struct Poll {
        /// The first offset wanted of each key.
        pub offsets: BTreeMap<String, u64>,
    } =>
    /// Answers [`Poll`].
    "poll_ok" pub struct PollOk {
        /// For each key that has messages to show, their offsets and the messages themselves, in order and without a gap.
        pub msgs: BTreeMap<String, Vec<(u64, Box<RawValue>)>>,
    };

    /// Says how far the messages of some keys have been processed.
    "commit_offsets" pub struct CommitOffsets {
        /// The last offset processed of each key.
        pub offsets: BTreeMap<String, u64>,
    } =>
    /// Answers [`CommitOffsets`]: the offsets are durable.
    "commit_offsets_ok" pub struct CommitOffsetsOk {};

    /// Asks how far the messages of some keys have been processed.
    "list_committed_offsets" pub struct ListCommittedOffsets {
        /// The names of the logs.
        pub keys: Vec<String>,
    } =>
    /// Answers [`ListCommittedOffsets`].
    "list_committed_offsets_ok" pub struct ListCommittedOffsetsOk {
        /// The highest committed offset that this node knows, for each key that has one.
        pub offsets: BTreeMap<String, u64>,
    };
}
