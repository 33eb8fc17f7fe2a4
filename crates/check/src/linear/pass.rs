//! One pass of the frontier over a history.

use super::Model;
use super::counterexample::{Counterexample, counterexample};
use super::crashes::Counting;
use super::frontier::{Frontier, Limits, Stop};
use super::memo::Memo;
use super::recording::{Mark, Recorded, Recording};
use super::slots::ManySlots;
use super::trail::Trail;

/// A frontier, and how much of the history it has seen.
#[derive(Debug)]
pub(super) struct Pass<M: Model> {
    frontier: Slotted<M>,
    /// How many operations have begun and ended.
    begun: u32,
    ended: u64,
}

/// A frontier with few slots, or, since so many operations were open, one with many.
#[derive(Debug)]
enum Slotted<M: Model> {
    Few(Box<Frontier<M, u128>>),
    Many(Box<Frontier<M, ManySlots>>),
}

/// What is the same for both.
macro_rules! either {
    ($slotted:expr, $frontier:ident => $result:expr) => {
        match $slotted {
            Slotted::Few($frontier) => $result,
            Slotted::Many($frontier) => $result,
        }
    };
}

impl<M: Model> Pass<M> {
    pub(super) fn new(memo: Memo<M>, limits: Limits, counting: Counting, trail: Option<Trail>) -> Self {
        let frontier = Frontier::new(memo, limits, counting, trail);
        Self { frontier: Slotted::Few(Box::new(frontier)), begun: 0, ended: 0 }
    }

    pub(super) fn follow(&mut self, mark: Mark, recording: &Recording) -> Result<(), Stop> {
        if mark == Mark::End {
            either!(&mut self.frontier, frontier => frontier.end())?;
            self.ended += 1;
            return Ok(());
        }
        let number = self.begun;
        self.begun += 1;
        let Recorded { action, end, .. } = recording.operations[number as usize];
        if mark == Mark::Crash {
            either!(&mut self.frontier, frontier => frontier.crash(number, action));
            return Ok(());
        }
        match either!(&mut self.frontier, frontier => frontier.begin(number, action, end)) {
            Err(Stop::Full) => {
                self.take_more_slots();
                either!(&mut self.frontier, frontier => frontier.begin(number, action, end))
            }
            result => result,
        }
    }

    fn take_more_slots(&mut self) {
        if let Slotted::Few(frontier) = &mut self.frontier {
            self.frontier = Slotted::Many(Box::new(frontier.take_with_slots()));
        }
    }

    /// What there is to say if the next operation cannot end.
    pub(super) fn counterexample(&self, operations: &[Recorded]) -> Counterexample<M> {
        either!(&self.frontier, frontier => counterexample(frontier, operations, self.ended))
    }

    pub(super) fn memo_mut(&mut self) -> &mut Memo<M> {
        either!(&mut self.frontier, frontier => frontier.memo_mut())
    }

    pub(super) fn into_memo(self) -> Memo<M> {
        either!(self.frontier, frontier => frontier.into_memo())
    }

    pub(super) fn limits(&self) -> &Limits {
        either!(&self.frontier, frontier => frontier.limits())
    }

    pub(super) fn set_limits(&mut self, limits: Limits) {
        either!(&mut self.frontier, frontier => frontier.set_limits(limits));
    }

    pub(super) fn steps(&self) -> u64 {
        either!(&self.frontier, frontier => frontier.steps())
    }

    pub(super) fn bytes(&self) -> usize {
        either!(&self.frontier, frontier => frontier.bytes())
    }

    pub(super) fn is_within_counts(&self) -> bool {
        either!(&self.frontier, frontier => frontier.is_within_counts())
    }

    pub(super) fn exceeded(&self) -> Vec<u32> {
        either!(&self.frontier, frontier => frontier.exceeded())
    }
}
