//! Who writes a part.

use std::fmt;

use glomers_node::Node;
use serde::{Deserialize, Serialize};

/// One start of one node, which is the only writer of one part.
///
/// A node that is killed and started again is a new origin, drawn from its random stream: with 64 random bits, no two of a million starts
/// are alike but for one chance in tens of millions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Origin(String);

impl Origin {
    /// A new origin for this start of the node.
    pub(crate) fn draw(node: &Node) -> Self {
        let start = node.rng().next_u64();
        Self(format!("{}-{start:016x}", node.id()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
impl From<&str> for Origin {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}
