//! What clients and nodes say to a broadcast node.

use glomers_node::{RawValue, messages};
use serde::{Deserialize, Serialize};

use crate::values::{News, Summary, Value};

/// A client's: this value is to reach every node.
#[derive(Debug, Serialize, Deserialize)]
pub struct Broadcast {
    /// The value, any JSON.
    pub message: Value,
}

/// Answers [`Broadcast`]: as many nodes hold the value as the settings ask for.
#[derive(Debug, Serialize, Deserialize)]
pub struct BroadcastOk {}

/// A client's: which values are here?
#[derive(Debug, Serialize, Deserialize)]
pub struct Read {}

/// Answers [`Read`].
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadOk {
    /// Every value that the node holds, once.
    pub messages: Vec<Value>,
}

/// A client's: who might be whose neighbour. The node takes no advice, since it may talk to anybody.
#[derive(Debug, Serialize, Deserialize)]
pub struct Topology {
    /// The neighbours of each node.
    pub topology: Box<RawValue>,
}

/// Answers [`Topology`].
#[derive(Debug, Serialize, Deserialize)]
pub struct TopologyOk {}

/// The one message between nodes: it brings values, says what arrived, and asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gossip {
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
}

/// A node's that has just started and holds nothing: what have I missed?
#[derive(Debug, Serialize, Deserialize)]
pub struct Sync {}

/// Answers [`Sync`].
#[derive(Debug, Serialize, Deserialize)]
pub struct SyncOk {
    /// All that the answering node holds.
    pub gossip: Gossip,
}

messages! {
    "broadcast" Broadcast => "broadcast_ok" BroadcastOk;
    "read" Read => "read_ok" ReadOk;
    "topology" Topology => "topology_ok" TopologyOk;
    "sync" Sync => "sync_ok" SyncOk;
    "gossip" Gossip;
}
