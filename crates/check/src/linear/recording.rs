//! A history as the passes of a search need it.

use super::lag::Span;

/// The operations and events of a history, in order.
#[derive(Debug, Default)]
pub(super) struct Recording {
    pub(super) operations: Vec<Recorded>,
    pub(super) events: Vec<Mark>,
    pub(super) has_crashes: bool,
}

/// An operation of the history.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recorded {
    /// Its action, as interned.
    pub(super) action: u32,
    /// The number of the event at which it ends.
    pub(super) end: u64,
    pub(super) span: Span,
}

/// An event. Operations begin in the order in which they were recorded, and which one ends follows from their ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Begin,
    Crash,
    End,
}
