//! What can be wrong with a history of transactions, and which wrong includes which.

use std::collections::BTreeSet;
use std::fmt;

/// A kind of anomaly, by the name that results use: `G1a`, `lost-update`, `G-single-item-realtime`.
///
/// The names and their implications are those of Elle (Kingsbury and Alvaro, *Elle: Inferring Isolation Anomalies
/// from Experimental Observations*, VLDB 2020), most of which are Adya's (*Weak Consistency*, MIT 1999). The catalogue
/// on [`txn`](crate::txn) explains each by an example.
///
/// ```
/// use glomers_check::txn::Anomaly;
/// let dirty: Anomaly = "G1a".parse()?;
/// assert_eq!(dirty.to_string(), "G1a");
/// assert!("G7".parse::<Anomaly>().is_err());
/// # Ok::<(), glomers_check::txn::UnknownAnomaly>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Anomaly(&'static str);

/// No anomaly has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no anomaly named {name:?}; anomalies are named like G0, G1a, G-single-item, lost-update")]
pub struct UnknownAnomaly {
    /// The name that was asked for.
    pub name: String,
}

macro_rules! anomalies {
    ($($constant:ident = $name:literal, $doc:literal;)*) => {
        impl Anomaly {
            $(#[doc = $doc] pub const $constant: Self = Self($name);)*
        }
    };
}

anomalies! {
    G1A = "G1a", "A transaction read what a failed transaction wrote.";
    G1B = "G1b", "A transaction read what another overwrote before it committed.";
    INTERNAL = "internal", "A transaction's read disagrees with its own earlier reads and writes.";
    FUTURE_READ = "future-read", "A transaction read what it wrote only later.";
    DIRTY_UPDATE = "dirty-update", "A committed transaction built on the write of a failed one.";
    LOST_UPDATE = "lost-update", "Two transactions read the same version of a key and both overwrote it.";
    DUPLICATE_ELEMENTS = "duplicate-elements", "An element that was appended once was read twice in one list.";
    INCOMPATIBLE_ORDER = "incompatible-order", "Two reads of a list, neither a prefix of the other.";
    CYCLIC_VERSIONS = "cyclic-versions", "The versions of a register cannot be brought into one order.";
    UNWRITTEN_READ = "unwritten-read", "A transaction read a value that nobody ever tried to write.";
    REPLY_MISMATCH = "reply-mismatch", "The reply's micro-operations are not those that were asked for.";
    EMPTY_TRANSACTION_GRAPH = "empty-transaction-graph", "No two transactions depend on each other: nothing was tested.";
    APPEND_ORDER = "append-order", "A transaction's appends to a key stand in another order than it made them, or only a later one is there.";
    NO_MONOTONIC_VIEW_ORDER = "no-monotonic-view-order", "No commit order explains the reads under monotonic atomic view.";
    NO_READ_ATOMIC_ORDER = "no-read-atomic-order", "No commit order explains the reads under read atomic.";
    NO_CAUSAL_ORDER = "no-causal-order", "No commit order explains the reads under causal consistency.";
    NO_CAUSAL_ORDER_PROCESS = "no-causal-order-process", "The same, where each process executes its transactions in order.";
    NO_SEQUENTIAL_KEY_ORDER = "no-sequential-key-order", "No order of a key's versions lets every process go forwards only.";
    NO_LINEARIZABLE_KEY_ORDER = "no-linearizable-key-order", "No order of a key's versions keeps real time.";
}

impl Anomaly {
    /// The name that results use.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// Everything that is present too where one of these is, these included.
    pub fn implied_by(anomalies: impl IntoIterator<Item = Self>) -> BTreeSet<Self> {
        closure(anomalies, |anomaly| edges().filter(move |edge| edge.0 == anomaly.0).map(|edge| Self(edge.1)))
    }

    /// Everything that makes one of these present, these included.
    pub fn implying(anomalies: impl IntoIterator<Item = Self>) -> BTreeSet<Self> {
        closure(anomalies, |anomaly| edges().filter(move |edge| edge.1 == anomaly.0).map(|edge| Self(edge.0)))
    }

    /// The anomaly of this name, for names that the tables of this crate spell.
    pub(crate) const fn known(name: &'static str) -> Self {
        Self(name)
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl fmt::Debug for Anomaly {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

/// Everything that can be reached from these by repeated steps.
pub(crate) fn closure<T: Copy + Ord, I: Iterator<Item = T>>(
    start: impl IntoIterator<Item = T>,
    step: impl Fn(T) -> I,
) -> BTreeSet<T> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<T> = start.into_iter().collect();
    while let Some(item) = open.pop() {
        if reached.insert(item) {
            open.extend(step(item));
        }
    }
    reached
}

/// The names in the table of implications. Some occur more than once.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    edges().flat_map(|(one, other)| [one, other])
}

fn edges() -> impl Iterator<Item = (&'static str, &'static str)> {
    IMPLICATIONS.iter().flat_map(|(one, implied)| implied.iter().map(move |other| (*one, *other)))
}

/// Each anomaly with those that it is a special case of.
#[rustfmt::skip]
const IMPLICATIONS: &[(&str, &[&str])] = &[
    // A process does one thing at a time, so that its order is part of the real-time order; and what needs neither
    // order to be wrong is wrong with them too.
    ("G0",                           &["G1c", "G0-process"]),
    ("G0-process",                   &["G1c-process", "G0-realtime"]),
    ("G0-realtime",                  &["G1c-realtime"]),
    ("G1a",                          &["G1"]),
    ("G1b",                          &["G1"]),
    ("G1c",                          &["G1", "G1c-process"]),
    ("G1c-process",                  &["G1c-realtime", "G1-process"]),
    ("G1c-realtime",                 &["G1-realtime"]),
    ("G1",                           &["G1-process"]),
    ("G1-process",                   &["G1-realtime"]),
    ("G-single-item",                &["G-single", "G-single-item-process", "G-nonadjacent-item"]),
    ("G-single-item-process",        &["G-single-process", "G-single-item-realtime", "G-nonadjacent-item-process"]),
    ("G-single-item-realtime",       &["G-single-realtime", "G-nonadjacent-item-realtime"]),
    ("G-single",                     &["G-nonadjacent", "GSIb", "G-single-process"]),
    ("G-single-process",             &["G-nonadjacent-process", "G-single-realtime"]),
    ("G-single-realtime",            &["G-nonadjacent-realtime"]),
    ("G-nonadjacent-item",           &["G-nonadjacent", "G2-item", "G-nonadjacent-item-process"]),
    ("G-nonadjacent-item-process",   &["G-nonadjacent-process", "G2-item-process", "G-nonadjacent-item-realtime"]),
    ("G-nonadjacent-item-realtime",  &["G2-item-realtime", "G-nonadjacent-realtime"]),
    ("G-nonadjacent",                &["G2", "G-nonadjacent-process"]),
    ("G-nonadjacent-process",        &["G2-process", "G-nonadjacent-realtime"]),
    ("G-nonadjacent-realtime",       &["G2-realtime"]),
    ("G2-item",                      &["G2", "G2-item-process"]),
    ("G2-item-process",              &["G2-process", "G2-item-realtime"]),
    ("G2-item-realtime",             &["G2-realtime"]),
    ("G2",                           &["G2-process"]),
    ("G2-process",                   &["G2-realtime"]),
    ("GSIa",                         &["GSI"]),
    ("GSIb",                         &["GSI"]),
    // Of two reads that cannot both have happened to one list, one was dirty.
    ("incompatible-order",           &["G1a"]),
    // A transaction that reads its own later write is a cycle of one.
    ("future-read",                  &["G1c"]),
    ("dirty-update",                 &["G1a"]),
    ("lost-update",                  &["write-skew", "G2-item"]),
    ("write-skew",                   &["G2"]),
    // What nobody wrote, no committed transaction wrote.
    ("unwritten-read",               &["G1a"]),
    // Each level of the exact search includes the one before it.
    ("no-monotonic-view-order",      &["no-read-atomic-order"]),
    ("no-read-atomic-order",         &["no-causal-order"]),
    ("no-causal-order",              &["no-causal-order-process"]),
    ("no-sequential-key-order",      &["no-linearizable-key-order"]),
];
