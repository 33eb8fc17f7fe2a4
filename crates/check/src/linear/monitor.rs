//! Decision procedures for the histories that need no search.

use std::fmt::Debug;

/// Decides histories of one object in polynomial time, where it can.
///
/// Deciding linearizability is NP-complete in general, but for many objects it is easy when no value is written (or
/// enqueued, or appended) twice, since every value that is seen then names the operation that it came from.
pub trait Monitor<A>: Debug + Send {
    /// Whether the history can still be decided if this action is part of it. After the first no it is not asked
    /// again, and the history is left to the search.
    fn admits(&mut self, action: &A) -> bool;

    /// Whether these calls fit one order. None if that cannot be told, and a search must.
    ///
    /// The calls are sorted by their beginning. Events, which are beginnings and ends, have numbers that are all
    /// different. A call that has no end may be left out of the order, or stand anywhere after its beginning.
    fn is_linearizable(&self, calls: &[Timed<'_, A>]) -> Option<bool>;
}

/// An action, and when it was under way.
#[derive(Debug)]
pub struct Timed<'a, A> {
    /// What the call did and saw.
    pub action: &'a A,
    /// The number of the event with which it began.
    pub begin: u64,
    /// The number of the event with which it ended, if it did.
    pub end: Option<u64>,
}

impl<A> Clone for Timed<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Timed<'_, A> {}

/// The number of the event at which a call ends that never does.
pub(super) const NEVER: u64 = u64::MAX;

impl<A> Timed<'_, A> {
    /// The number of the event with which it ended, or one that is after all others.
    pub(super) fn end_or_never(&self) -> u64 {
        self.end.unwrap_or(NEVER)
    }
}
