//! What names a host, and what a host is: the words that every part of the world shares.

use serde::{Deserialize, Serialize};

/// Names a host for as long as the world lives. A node that is killed and started again is a new host with an old name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostIndex(pub(crate) u32);

impl HostIndex {
    pub(crate) fn slot(self) -> usize {
        self.0 as usize
    }
}

/// What a host is to the network: it decides which links have latency and which faults can strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HostRole {
    /// A node under test: `n0`.
    Node,
    /// A client, as if it sat beside the node that it talks to: `c3`. Its links have no latency.
    Client,
    /// A service of the workbench: `lin-kv`. Its links have latency, and no partition cuts them.
    Service,
}
