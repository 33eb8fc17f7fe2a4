//! How far a check may go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// How far the searches of one check may go, all keys together.
///
/// It counts steps, not seconds, so that a verdict does not depend on the machine. Histories that a
/// [`Monitor`](crate::linear::Monitor) decides take no steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Budget {
    /// Configurations that are expanded or compared. A step takes some ten nanoseconds.
    pub steps: u64,
    /// About how much memory the configurations and states of all searches may take, in bytes. The history itself, of
    /// which each operation is kept, comes on top.
    pub memory_bytes: usize,
    /// How many steps the search depth first may take on one component, and 20 more for each entry of the history. It
    /// can only find that an order fits; where it does not, an exact search decides. With 0 it is left out, which makes
    /// two ways to the same verdict that can be compared.
    pub depth_first_steps: u64,
}

impl Default for Budget {
    /// A thousand million steps, which take some ten seconds, and 64 MiB; 200,000 steps of them depth first.
    fn default() -> Self {
        Self { steps: 1_000_000_000, memory_bytes: 64 << 20, depth_first_steps: 200_000 }
    }
}

impl Budget {
    /// The same with so many steps.
    #[must_use]
    pub fn with_steps(self, steps: u64) -> Self {
        Self { steps, ..self }
    }

    /// The same with so much memory.
    #[must_use]
    pub fn with_memory_bytes(self, memory_bytes: usize) -> Self {
        Self { memory_bytes, ..self }
    }

    /// The same with so many steps for the search depth first.
    #[must_use]
    pub fn with_depth_first_steps(self, depth_first_steps: u64) -> Self {
        Self { depth_first_steps, ..self }
    }
}

/// A budget, and how much of it is used. Clones use up the same.
///
/// While a history grows its searches take turns on one thread, so that who finds the budget used up is the same every
/// time. At the end each search gets a budget of its own, and it does not matter which thread is faster.
#[derive(Clone, Debug)]
pub(super) struct Allowance {
    budget: Budget,
    steps: Arc<AtomicU64>,
    bytes: Arc<AtomicUsize>,
}

impl Allowance {
    pub(super) fn new(budget: Budget) -> Self {
        Self { budget, steps: Arc::default(), bytes: Arc::default() }
    }

    pub(super) fn budget(&self) -> Budget {
        self.budget
    }

    pub(super) fn steps_left(&self) -> u64 {
        self.budget.steps.saturating_sub(self.steps.load(Ordering::Relaxed))
    }

    pub(super) fn bytes_left(&self) -> usize {
        self.budget.memory_bytes.saturating_sub(self.bytes.load(Ordering::Relaxed))
    }

    pub(super) fn use_steps(&self, steps: u64) {
        self.steps.fetch_add(steps, Ordering::Relaxed);
    }

    /// Somebody holds so much memory instead of so much.
    pub(super) fn hold_bytes(&self, before: usize, now: usize) {
        self.bytes.fetch_add(now, Ordering::Relaxed);
        self.bytes.fetch_sub(before, Ordering::Relaxed);
    }
}
