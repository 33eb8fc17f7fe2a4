//! Why one transaction precedes another.

use std::fmt;

/// One reason why a transaction precedes another.
///
/// The first three are the dependencies of Adya's direct serialization graph (*Weak Consistency*, MIT 1999, section
/// 3.1); the other two come from when and by whom the transactions were executed.
///
/// ```
/// use glomers_check::txn::Relation;
/// assert_eq!(Relation::ReadWrite.name(), "rw");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// The second overwrote what the first wrote: a write dependency.
    WriteWrite,
    /// The second read what the first wrote: a read dependency.
    WriteRead,
    /// The second overwrote what the first read: an anti-dependency.
    ReadWrite,
    /// One process executed the first before the second.
    Process,
    /// The first had completed before the second was invoked.
    RealTime,
}

impl Relation {
    /// Every relation, the one that says most about the data first.
    pub const ALL: [Self; 5] =
        [Self::WriteWrite, Self::WriteRead, Self::ReadWrite, Self::Process, Self::RealTime];

    /// The name that results use: `ww`, `wr`, `rw`, `process`, `realtime`.
    pub fn name(self) -> &'static str {
        match self {
            Self::WriteWrite => "ww",
            Self::WriteRead => "wr",
            Self::ReadWrite => "rw",
            Self::Process => "process",
            Self::RealTime => "realtime",
        }
    }

    /// The relation of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|relation| relation.name() == name)
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A set of relations: all that hold between two transactions, or all that a search may follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Relations(u8);

impl Relations {
    /// The set of these relations.
    pub(crate) const fn of(relations: &[Relation]) -> Self {
        let mut bits = 0;
        let mut next = 0;
        while next < relations.len() {
            bits |= 1 << relations[next] as u8;
            next += 1;
        }
        Self(bits)
    }

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The first relation of the set, in the order given.
    pub(crate) fn first(self, order: &[Relation]) -> Option<Relation> {
        order.iter().copied().find(|&relation| self.intersects(relation.into()))
    }
}

impl From<Relation> for Relations {
    fn from(relation: Relation) -> Self {
        Self::of(&[relation])
    }
}
