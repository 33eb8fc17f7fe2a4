//! Read committed, monotonic atomic view, read atomic and causal consistency, decided exactly.
//!
//! These levels do not ask for one order of versions that everybody agrees with, so that the search for cycles under
//! an inferred order misses some violations. Each level is a rule about a commit order of all transactions that contains the
//! order of each session and comes after what each transaction read (Biswas and Enea, *On the Complexity of Checking
//! Transactional Consistency*, OOPSLA 2019). Say that T3 reads x from T1, and that T2 writes x too. Then T2 must have
//! committed before T1 if,
//!
//! * for **monotonic atomic view**, T3 had read something of T2's before,
//! * for **read atomic**, T3 reads anything of T2's, or T2 comes before T3 in its session,
//! * for **causal consistency**, T2 comes before T3 by any chain of sessions and reads.
//!
//! Biswas and Enea call the first of these read committed. It is stronger than Adya's (PL-2), which lets a transaction go back
//! behind another that it has read from; Bailis and others call it monotonic atomic view. **Read committed** here is
//! Adya's: no demands, but that reads do not go in circles.
//!
//! The level holds just if these demands have no cycle. As AWDIT does (Møldrup and Pavlogiannis, *AWDIT: An Optimal Weak
//! Database Isolation Tester*, PLDI 2025, arXiv 2504.06975), only demands that others do not follow from are built:
//! `O(n^1.5)` for the first two of them in a history of `n` steps, `O(n·k·log n)` for causal consistency with `k` sessions.
//!
//! ```
//! use glomers_check::txn::weak::{Level, Sessions, Step::{Read, Write}};
//!
//! // One reader sees x before y, the other y before x: a long fork, which causal consistency allows.
//! let mut sessions = Sessions::new();
//! sessions.begin();
//! sessions.push([Write { key: 1, value: 1 }]);
//! sessions.begin();
//! sessions.push([Write { key: 2, value: 1 }]);
//! sessions.begin();
//! sessions.push([Read { key: 1, value: Some(1) }, Read { key: 2, value: None }]);
//! sessions.begin();
//! sessions.push([Read { key: 1, value: None }, Read { key: 2, value: Some(1) }]);
//! assert_eq!(sessions.strongest_level(), Some(Level::Causal));
//!
//! // This one sees half of a transaction: a fractured read.
//! sessions.begin();
//! sessions.push([Write { key: 3, value: 1 }, Write { key: 4, value: 1 }]);
//! sessions.begin();
//! sessions.push([Read { key: 4, value: None }, Read { key: 3, value: Some(1) }]);
//! assert_eq!(sessions.strongest_level(), Some(Level::MonotonicAtomicView));
//! ```

mod causal;
mod demands;
mod resolved;

use std::fmt;

use self::resolved::Resolved;
use super::component::Component;
use super::component::Edge;
use super::cycle::shortest_cycle;
use super::graph::Digraph;
use super::model::Model;
use super::relation::Relation;

/// An isolation level that is decided exactly, the weakest first; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Reads see what was committed and is final, and no two transactions see what the other wrote, directly or by others:
    /// Adya's PL-2. Sessions do not count.
    ReadCommitted,
    /// A transaction that has read from another does not go back behind it.
    MonotonicAtomicView,
    /// Of what a transaction wrote, others see all or nothing.
    ReadAtomic,
    /// Whoever sees something sees what led to it.
    Causal,
}

impl Level {
    /// Every level, the weakest first.
    pub const ALL: [Self; 4] =
        [Self::ReadCommitted, Self::MonotonicAtomicView, Self::ReadAtomic, Self::Causal];
}

impl From<Level> for Model {
    /// The consistency model of this name. Of the models only `causal` asks for the order of sessions.
    fn from(level: Level) -> Self {
        Self::known(match level {
            Level::ReadCommitted => "read-committed",
            Level::MonotonicAtomicView => "monotonic-atomic-view",
            Level::ReadAtomic => "read-atomic",
            Level::Causal => "causal",
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ReadCommitted => "read committed",
            Self::MonotonicAtomicView => "monotonic atomic view",
            Self::ReadAtomic => "read atomic",
            Self::Causal => "causal consistency",
        })
    }
}

/// One step of a transaction. Nobody writes the same value to a key twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A read of a key that saw this value; none if it saw that nothing had been written.
    Read {
        /// Where.
        key: u64,
        /// What.
        value: Option<u64>,
    },
    /// A write of this value to a key.
    Write {
        /// Where.
        key: u64,
        /// What.
        value: u64,
    },
}

/// Committed transactions, by the session that executed them, in its order. Transactions are numbered from 0 in the
/// order in which they are pushed.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    steps: Vec<Step>,
    /// Where each transaction's steps begin.
    transactions: Vec<usize>,
    /// Where each session's transactions begin.
    sessions: Vec<usize>,
}

/// Why a level does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A transaction's read is wrong whatever the order: it contradicts the transaction's own steps, or saw what nobody
    /// wrote, what its writer overwrote, or what the transaction itself wrote only later.
    Read {
        /// The reader.
        transaction: usize,
        /// The key that it read.
        key: u64,
    },
    /// Each of these transactions had to commit before the next, and the last before the first.
    Cycle {
        /// The transactions.
        transactions: Vec<usize>,
    },
}

impl Sessions {
    /// No sessions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins another session.
    pub fn begin(&mut self) {
        self.sessions.push(self.transactions.len());
    }

    /// Adds a transaction to the session that was begun last, or to a first one.
    pub fn push(&mut self, steps: impl IntoIterator<Item = Step>) {
        if self.sessions.is_empty() {
            self.begin();
        }
        self.transactions.push(self.steps.len());
        self.steps.extend(steps);
    }

    /// The strongest level that holds; none if not even read committed does.
    pub fn strongest_level(&self) -> Option<Level> {
        Level::ALL.into_iter().take_while(|&level| self.violation(level).is_none()).last()
    }

    /// Why the level does not hold; none if it does.
    pub fn violation(&self, level: Level) -> Option<Violation> {
        let (resolved, wrong) = Resolved::new(self, level == Level::ReadCommitted);
        wrong.or_else(|| resolved_violation(&resolved, level, &[]))
    }

    /// A cycle that rules the level out, whatever reads are wrong in themselves. Each pair of `order`, by numbers of
    /// transactions, is known to commit in this order.
    pub(crate) fn cycle(&self, level: Level, order: &[(u32, u32)]) -> Option<Vec<usize>> {
        let (resolved, _) = Resolved::new(self, true);
        match resolved_violation(&resolved, level, order) {
            Some(Violation::Cycle { transactions }) => Some(transactions),
            Some(Violation::Read { .. }) | None => None,
        }
    }

    fn transaction_steps(&self, transaction: usize) -> &[Step] {
        let end = self.transactions.get(transaction + 1).copied().unwrap_or(self.steps.len());
        &self.steps[self.transactions[transaction]..end]
    }
}

fn resolved_violation(resolved: &Resolved, level: Level, known: &[(u32, u32)]) -> Option<Violation> {
    let mut order = match level {
        Level::ReadCommitted => resolved.reads_from().collect(),
        _ => resolved.happens_before(),
    };
    // Vertices are counted from 1.
    let known = known.iter().map(|&(earlier, later)| (earlier + 1, later + 1));
    match level {
        Level::ReadCommitted => {}
        Level::MonotonicAtomicView => demands::monotonic_atomic_view(resolved, &mut order),
        Level::ReadAtomic => demands::read_atomic(resolved, &mut order),
        Level::Causal => {
            // Clocks need an order to begin with.
            if let Some(violation) = cycle(resolved, &order) {
                return Some(violation);
            }
            causal::demands(resolved, &mut order);
        }
    }
    order.extend(known);
    cycle(resolved, &order)
}

/// A short cycle of this order, if it has one.
fn cycle(resolved: &Resolved, order: &[(u32, u32)]) -> Option<Violation> {
    let count = resolved.vertex_count();
    let groups = Digraph::new(count, || order.iter().copied()).components().cyclic(count);
    let smallest = groups.into_iter().min_by_key(Vec::len)?;
    let edges = order.iter().map(|&(source, target)| Edge { source, target, relation: Relation::WriteWrite });
    let component = Component::cut(vec![smallest], edges, count).pop()?;
    let vertices = shortest_cycle(&component, Relation::WriteWrite.into())?;
    // The state before all transactions stands for none of them.
    let transactions =
        vertices.into_iter().filter_map(|vertex| resolved.transaction(component.members[vertex as usize]));
    Some(Violation::Cycle { transactions: transactions.collect() })
}
