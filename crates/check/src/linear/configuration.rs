//! What the object may look like at one point of a history.

use super::crashes::{Crashes, Used};
use super::slots::Slots;

/// An operation that is open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    /// The event at which it ends; events are numbered in the order of the history.
    pub(super) end: u64,
    /// The operation's number.
    pub(super) operation: u32,
    /// Its action, as interned.
    pub(super) action: u32,
    pub(super) slot: u32,
}

/// A state, and what the open operations did to reach it.
#[derive(Clone, Debug)]
pub(super) struct Configuration<S> {
    /// The state, as interned by the [`Memo`](super::memo::Memo).
    pub(super) state: u32,
    /// Where the order that leads here ends.
    pub(super) trail: u32,
    /// The crashed operations that took effect.
    pub(super) used: Used,
    /// The open operations that may end: they took effect, or may have taken it unseen.
    pub(super) settled: S,
    /// The open operations whose effect is used up.
    pub(super) spent: S,
}

impl<S: Slots> Configuration<S> {
    /// Whether whatever may follow `other`, which has the same state, may follow this one too: at least the same
    /// operations may end, at least the same ones may still take effect, and no more crashed ones are used.
    pub(super) fn dominates(&self, other: &Self, crashes: &Crashes) -> bool {
        self.settled.includes(&other.settled)
            && other.spent.includes(&self.spent)
            && crashes.at_most(self.used, other.used)
    }
}
