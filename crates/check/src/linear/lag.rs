//! Releases the events of a history as soon as it is known how their operations ended.
//!
//! A search must know of an operation, when it begins, what it saw and whether it happened at all. So events wait
//! until the outcome of every operation that began before them is known. What waits is bounded by how much happens
//! during the longest operation.

use std::collections::VecDeque;
use std::fmt;

use crate::Process;

/// An event whose operation's outcome is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event<A> {
    /// An operation begins.
    Begin {
        /// What it does.
        action: A,
        /// The number of this event.
        begin: u64,
        /// The number of the event at which it ends. Without one, it may take effect at any later time, or never.
        end: Option<u64>,
        /// Where the operation stands in the history.
        span: Span,
    },
    /// The operation whose end is the next of all ends, ends.
    End {
        /// The component of the state that it concerns.
        component: u64,
    },
}

/// Where an operation stands in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) process: Process,
    /// The index of the entry that began the operation.
    pub(super) begin_index: u64,
    /// The index of the entry that ended it, if there is one.
    pub(super) end_index: Option<u64>,
}

impl Span {
    /// The indices of the entries that are there.
    pub(super) fn indices(self) -> Vec<u64> {
        [self.begin_index].into_iter().chain(self.end_index).collect()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end_index {
            Some(end) => write!(formatter, "operations {} to {end}", self.begin_index),
            None => write!(formatter, "operation {}, whose outcome is unknown", self.begin_index),
        }
    }
}

/// A number by which [`Lag`] knows an operation that began.
pub(super) type Ticket = u64;

#[derive(Debug)]
pub(super) struct Lag<A> {
    waiting: VecDeque<Waiting<A>>,
    /// The number of the event in front.
    first: u64,
}

#[derive(Debug)]
enum Waiting<A> {
    /// Its outcome is not known yet.
    Unresolved,
    Ready(Event<A>),
    /// It turned out not to matter.
    Nothing,
}

impl<A> Lag<A> {
    pub(super) fn new() -> Self {
        Self { waiting: VecDeque::new(), first: 0 }
    }

    /// An operation begins.
    pub(super) fn begin(&mut self) -> Ticket {
        self.push(Waiting::Unresolved)
    }

    /// The operation ended, and this is its action.
    pub(super) fn end(&mut self, ticket: Ticket, action: A, span: Span, component: u64) {
        let end = self.push(Waiting::Ready(Event::End { component }));
        *self.at(ticket) = Waiting::Ready(Event::Begin { action, begin: ticket, end: Some(end), span });
    }

    /// The operation's outcome will never be known.
    pub(super) fn crash(&mut self, ticket: Ticket, action: A, span: Span) {
        *self.at(ticket) = Waiting::Ready(Event::Begin { action, begin: ticket, end: None, span });
    }

    /// The operation does not matter.
    pub(super) fn ignore(&mut self, ticket: Ticket) {
        *self.at(ticket) = Waiting::Nothing;
    }

    /// The next event, if the outcome of its operation is known.
    pub(super) fn next(&mut self) -> Option<Event<A>> {
        loop {
            if matches!(self.waiting.front()?, Waiting::Unresolved) {
                return None;
            }
            self.first += 1;
            if let Some(Waiting::Ready(event)) = self.waiting.pop_front() {
                return Some(event);
            }
        }
    }

    fn push(&mut self, event: Waiting<A>) -> u64 {
        self.waiting.push_back(event);
        self.first + self.waiting.len() as u64 - 1
    }

    fn at(&mut self, ticket: Ticket) -> &mut Waiting<A> {
        let place = usize::try_from(ticket - self.first).expect("what waits fits in memory");
        &mut self.waiting[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(begin_index: u64, end_index: Option<u64>) -> Span {
        Span { process: Process::Client(begin_index), begin_index, end_index }
    }

    #[test]
    fn events_wait_for_the_outcome_of_what_began_before_them() {
        let mut lag = Lag::new();
        let (slow, quick, lost) = (lag.begin(), lag.begin(), lag.begin());
        lag.end(quick, 'q', span(1, Some(3)), 0);
        lag.crash(lost, 'l', span(2, None));
        assert_eq!(lag.next(), None);
        lag.end(slow, 's', span(0, Some(4)), 0);
        let released: Vec<Event<char>> = std::iter::from_fn(|| lag.next()).collect();
        assert_eq!(
            released,
            [
                Event::Begin { action: 's', begin: 0, end: Some(4), span: span(0, Some(4)) },
                Event::Begin { action: 'q', begin: 1, end: Some(3), span: span(1, Some(3)) },
                Event::Begin { action: 'l', begin: 2, end: None, span: span(2, None) },
                Event::End { component: 0 },
                Event::End { component: 0 },
            ]
        );
    }
}
