//! The first message of every node: who it is, and who else there is.

use serde::{Deserialize, Serialize};

use crate::{Body, NodeId, Request};

/// Tells a node its own name and the names of all nodes. Sent once, before any other message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Init {
    /// The receiver's name.
    pub node_id: NodeId,
    /// All nodes, the receiver among them, in an order that is the same for every node.
    pub node_ids: Vec<NodeId>,
}

/// Answers [`Init`]: the node is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitOk {}

impl Body for Init {
    const TYPE: &'static str = "init";
}

impl Body for InitOk {
    const TYPE: &'static str = "init_ok";
}

impl Request for Init {
    type Reply = InitOk;
}
