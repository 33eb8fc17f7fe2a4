//! What clients and nodes say to a broadcast node.

use glomers_node::{RawValue, messages};

use crate::values::{News, Summary, Value};

messages! {
    /// A client's: this value is to reach every node.
    "broadcast" pub struct Broadcast {
        /// The value, any JSON.
        pub message: Value,
    } =>
    /// Answers [`Broadcast`]: as many nodes hold the value as the settings ask for.
    "broadcast_ok" pub struct BroadcastOk {};

    /// A client's: which values are here?
    "read" pub struct Read {} =>
    /// Answers [`Read`].
    "read_ok" pub struct ReadOk {
        /// Every value that the node holds, once.
        pub messages: Vec<Value>,
    };

    /// A client's: a suggestion of neighbours for each node. The node may talk to anybody, and ignores it.
    "topology" pub struct Topology {
        /// The neighbours of each node.
        pub topology: Box<RawValue>,
    } =>
    /// Answers [`Topology`].
    "topology_ok" pub struct TopologyOk {};

    /// A node's that has just started and holds nothing: what have I missed?
    "sync" pub struct Sync {} =>
    /// Answers [`Sync`].
    "sync_ok" pub struct SyncOk {
        /// All that the answering node holds.
        pub gossip: Gossip,
    };

    /// The one message between nodes: it brings values, says what arrived, and asks.
    #[derive(PartialEq, Eq)]
    "gossip" pub struct Gossip {
        /// All that the sender holds: what the receiver sent it, and finds here, has arrived.
        pub have: Summary,
        /// All that the receiver lacks, as far as the sender knows.
        #[serde(default, skip_serializing_if = "News::is_empty")]
        pub news: News,
        /// The receiver is the sender's relay: it passes on what the sender has, and serves it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub relay: bool,
        /// The receiver is to answer now, not when it suits.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub urgent: bool,
    };
}
