//! What the order of a register's versions is inferred from.

use std::collections::BTreeMap;
use std::str::FromStr;

/// From what the order of a register's versions is inferred, besides that nil comes first.
///
/// Each is an assumption about the system under test. Where an inferred order has a cycle, the assumption does not hold:
/// that is reported as `cyclic-versions`, and the order is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionOrders {
    /// Where the system under test told the order in which its transactions committed: the place of each
    /// transaction, by the index of its completion. Versions follow each other in this order.
    pub transactions: Option<BTreeMap<u64, i128>>,
    /// A transaction that reads a version and writes another overwrites what it read.
    pub writes_follow_reads: bool,
    /// Each key is sequentially consistent: no process goes back to an older version.
    pub sequential_keys: bool,
    /// Each key is linearizable: nobody goes back to a version older than one that somebody had seen or written
    /// before. Implies `sequential_keys` for processes that do one thing at a time.
    pub linearizable_keys: bool,
}

impl VersionOrders {
    /// Nothing but that nil comes first.
    pub const NONE: Self = Self {
        transactions: None,
        writes_follow_reads: false,
        sequential_keys: false,
        linearizable_keys: false,
    };
}

impl Default for VersionOrders {
    /// What Maelstrom assumes: that writes follow reads.
    fn default() -> Self {
        Self { writes_follow_reads: true, ..Self::NONE }
    }
}

/// A name that stands for no source of a version order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name:?} is no source of a version order; there are wfr-keys, sequential-keys and linearizable-keys, or none alone"
)]
pub struct UnknownVersionOrder {
    /// The name.
    pub name: String,
}

impl FromStr for VersionOrders {
    type Err = UnknownVersionOrder;

    /// Reads Elle's names, separated by commas; `none` stands for no source.
    ///
    /// ```
    /// use glomers_check::txn::VersionOrders;
    /// assert_eq!("wfr-keys".parse(), Ok(VersionOrders::default()));
    /// let both = VersionOrders { sequential_keys: true, ..VersionOrders::default() };
    /// assert_eq!("sequential-keys, wfr-keys".parse(), Ok(both));
    /// assert!("wall-clock".parse::<VersionOrders>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Self, UnknownVersionOrder> {
        let mut orders = Self::NONE;
        if text.trim() == "none" {
            return Ok(orders);
        }
        for name in text.split(',').map(str::trim) {
            match name {
                "wfr-keys" => orders.writes_follow_reads = true,
                "sequential-keys" => orders.sequential_keys = true,
                "linearizable-keys" => orders.linearizable_keys = true,
                _ => return Err(UnknownVersionOrder { name: name.to_owned() }),
            }
        }
        Ok(orders)
    }
}
