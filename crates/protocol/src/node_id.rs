//! The names of nodes, clients and services.

use std::borrow::Borrow;
use std::fmt;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// The name of a node (`n0`), a client (`c12`) or a service (`lin-kv`).
///
/// Names of up to 24 bytes are stored inline, so cloning one allocates nothing. They are ordered as text:
/// `n10` comes before `n2`.
///
/// ```
/// use glomers_protocol::NodeId;
///
/// assert!(NodeId::from("c12").is_client());
/// assert!(!NodeId::from("counter").is_client());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(CompactString);

impl NodeId {
    /// The name as it stands on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is a client of the workbench: a `c` followed by digits alone.
    pub fn is_client(&self) -> bool {
        match self.0.strip_prefix('c') {
            Some(digits) => !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()),
            None => false,
        }
    }
}

impl From<&str> for NodeId {
    fn from(name: &str) -> Self {
        Self(CompactString::new(name))
    }
}

impl From<String> for NodeId {
    fn from(name: String) -> Self {
        Self(CompactString::from(name))
    }
}

impl From<&NodeId> for NodeId {
    fn from(id: &NodeId) -> Self {
        id.clone()
    }
}

impl AsRef<str> for NodeId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for NodeId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for NodeId {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for NodeId {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::NodeId;

    #[test]
    fn only_a_c_and_digits_is_a_client() {
        for client in ["c0", "c12", "c999999999999999999999"] {
            assert!(NodeId::from(client).is_client(), "{client}");
        }
        for other in ["", "c", "n1", "c1x", "cc1", "lin-kv", "c-1", "C1"] {
            assert!(!NodeId::from(other).is_client(), "{other}");
        }
    }
}
