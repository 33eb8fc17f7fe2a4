//! One object's history on its way to a verdict: the passes of the frontier over it.
//!
//! The first pass goes along while the history grows, and keeps account of every crashed operation. That decides nearly
//! every history. Where so many operations crash that it can only hurry, and a hurried search finds no order, more
//! passes are made at the end, with accounts of few actions at first, and of more as need be ([`Accounts`]).

use std::collections::BTreeSet;

use super::counterexample::{Counterexample, counterexample};
use super::crashes::Accounts;
use super::frontier::{Frontier, Limits, Stop};
use super::lag::{Event, Place};
use super::memo::Memo;
use super::slots::ManySlots;
use super::trail::Trail;
use super::{Budget, Model};
use crate::Interrupt;

/// What came out.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// Nothing speaks against it.
    Linearizable,
    /// No order fits, and this is where it ends, unless that was not found.
    Violated(Option<Box<Counterexample>>),
    /// The search ended at the limit that the sentence names.
    GaveUp(String),
}

/// How many configurations are followed in a hurry.
const HURRIED: usize = 128;

/// Where operations crash, the first pass hurries sooner and more: after this part of all steps, when so many fewer
/// configurations are tried, and with so few that are followed. What it does not find others will.
const FIRST_PASS_STEPS: u64 = 512;
const FIRST_PASS_CONFIGURATIONS: usize = 64;
const FIRST_PASS_HURRIED: usize = 16;

/// How many reads a model that looks ahead is told of before they begin.
const FORESEEN: usize = 16;

/// For how many actions an account is opened at once.
const ACCOUNTS_AT_ONCE: usize = 2;

/// Follows one object, and remembers its history for further passes.
#[derive(Debug)]
pub(super) struct Search<M: Model> {
    budget: Budget,
    limits: Limits,
    first: Pass<M>,
    /// How many events the first pass has seen.
    followed: usize,
    /// Where and why the first pass ended before the history did.
    stopped: Option<(usize, Stop)>,
    history: Recording,
}

impl<M: Model> Search<M> {
    pub(super) fn new(model: M, budget: Budget, interrupt: Interrupt) -> Self {
        let limits = Limits {
            hurry_after: budget.steps / 2,
            steps: budget.steps,
            configurations: budget.configurations,
            hurried: HURRIED,
            interrupt,
        };
        Self {
            first: Pass::new(Memo::new(model), limits.clone(), Accounts::All, None),
            followed: 0,
            budget,
            limits,
            stopped: None,
            history: Recording::default(),
        }
    }

    /// Takes in the next event.
    pub(super) fn follow(&mut self, event: Event<M::Action>) {
        let (mark, operation) = match event {
            Event::Begin { action, end, place, .. } => (Mark::Begin, Some((action, end, place))),
            Event::Crash { action, place, .. } => (Mark::Crash, Some((action, u64::MAX, place))),
            Event::End { .. } => (Mark::End, None),
        };
        if let Some((action, end, place)) = operation {
            let memo = self.first.memo_mut();
            let action = memo.intern_action(action);
            if mark == Mark::Begin && memo.looks_ahead() && memo.is_pure(action) {
                self.history.reads.push(self.history.operations.len() as u32);
            }
            self.history.operations.push(Recorded { action, end, place });
        }
        if mark == Mark::Crash && !self.history.has_crashes {
            self.history.has_crashes = true;
            self.limits.hurry_after /= FIRST_PASS_STEPS;
            self.limits.configurations /= FIRST_PASS_CONFIGURATIONS;
            self.limits.hurried = FIRST_PASS_HURRIED;
            self.first.set_limits(self.limits.clone());
        }
        self.history.events.push(mark);
        self.advance(false);
    }

    /// Takes the first pass as far as it can go. If reads are to be foreseen it stays behind, until the end.
    pub(super) fn advance(&mut self, to_the_end: bool) {
        while self.stopped.is_none() && self.followed < self.history.events.len() {
            if !to_the_end
                && self.first.memo_mut().looks_ahead()
                && self.first.unseen_reads(&self.history) < FORESEEN
            {
                return;
            }
            let mark = self.history.events[self.followed];
            if let Err(stop) = self.first.follow(mark, &self.history) {
                self.stopped = Some((self.followed, stop));
            }
            self.followed += 1;
        }
    }

    /// Whether no order fits, whatever else may come.
    pub(super) fn is_violated(&self) -> bool {
        matches!(self.stopped, Some((_, Stop::Violation)))
    }

    /// The outcome, when the history has ended.
    pub(super) fn finish(self) -> Outcome {
        match self.stopped {
            None => Outcome::Linearizable,
            Some((end, Stop::Violation)) => {
                self.history.violated(self.first.into_memo(), Accounts::All, self.limits, end)
            }
            Some((_, stop)) if stop != Stop::Interrupted && self.history.has_crashes => self.refine(),
            Some((_, stop)) => Outcome::GaveUp(reason(stop, self.budget)),
        }
    }

    /// Makes passes with ever more accounts until one of them tells.
    fn refine(self) -> Outcome {
        let Self { budget, mut limits, first, history, .. } = self;
        let mut memo = first.into_memo();
        let mut accounts = BTreeSet::new();
        let mut steps_left = budget.steps;
        let mut end = history.events.len();
        let mut is_violated = false;
        loop {
            limits = Limits {
                hurry_after: steps_left / 4,
                steps: steps_left / 2,
                configurations: budget.configurations,
                hurried: HURRIED,
                ..limits
            };
            let (pass, result) =
                history.pass(memo, Accounts::Of(accounts.clone()), limits.clone(), None, end);
            steps_left = steps_left.saturating_sub(pass.steps());
            let is_honest = pass.is_honest();
            let overdrawn = pass.overdrawn();
            memo = pass.into_memo();
            match result {
                Ok(()) if is_honest && !is_violated => return Outcome::Linearizable,
                // Up to the violation an order fits, so that this is where it breaks.
                Ok(()) if is_honest => break,
                Ok(()) | Err((_, Stop::Lost)) => {}
                Err((at, Stop::Violation)) => {
                    (is_violated, end) = (true, at);
                    if is_honest {
                        break;
                    }
                }
                Err(_) if is_violated => break,
                Err((_, stop)) => return Outcome::GaveUp(reason(stop, budget)),
            }
            let before = accounts.len();
            let without = overdrawn.into_iter().filter(|action| !accounts.contains(action));
            let opened: Vec<u32> = without.take(ACCOUNTS_AT_ONCE).collect();
            accounts.extend(opened);
            if accounts.len() == before {
                if is_violated {
                    break;
                }
                return Outcome::GaveUp(reason(Stop::Lost, budget));
            }
        }
        history.violated(memo, Accounts::Of(accounts), limits, end)
    }
}

fn reason(stop: Stop, budget: Budget) -> String {
    match stop {
        Stop::Spent => format!("the search took more than {} steps", budget.steps),
        Stop::Interrupted => "it was interrupted".to_owned(),
        Stop::Full => "too many operations were open at the same time".to_owned(),
        Stop::Lost | Stop::Violation => {
            "too much was possible to follow all of it, and what was followed came to an end".to_owned()
        }
    }
}

/// A history as the passes need it.
#[derive(Debug, Default)]
struct Recording {
    operations: Vec<Recorded>,
    events: Vec<Mark>,
    /// The operations that read, by number, if the model looks ahead.
    reads: Vec<u32>,
    has_crashes: bool,
}

/// An operation of the history.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recorded {
    pub(super) action: u32,
    /// The number of the event at which it ends.
    end: u64,
    pub(super) place: Place,
}

/// An event. Operations begin in the order in which they were recorded, and which one ends follows from their ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Begin,
    Crash,
    End,
}

impl Recording {
    /// Goes over the first events, so many of them, or up to where the pass stops.
    fn pass<M: Model>(
        &self,
        memo: Memo<M>,
        accounts: Accounts,
        limits: Limits,
        trail: Option<Trail>,
        end: usize,
    ) -> (Pass<M>, Result<(), (usize, Stop)>) {
        let mut pass = Pass::new(memo, limits, accounts, trail);
        for (place, &mark) in self.events[..end].iter().enumerate() {
            if let Err(stop) = pass.follow(mark, self) {
                return (pass, Err((place, stop)));
            }
        }
        (pass, Ok(()))
    }

    /// Goes over the history once more, to tell how it came to the violation at this event.
    fn violated<M: Model>(&self, memo: Memo<M>, accounts: Accounts, limits: Limits, end: usize) -> Outcome {
        let (pass, result) = self.pass(memo, accounts, limits, Some(Trail::new()), end);
        let described = result.is_ok().then(|| pass.counterexample(&self.operations));
        Outcome::Violated(described.map(Box::new))
    }
}

/// One pass over a history.
#[derive(Debug)]
struct Pass<M: Model> {
    follower: Follower<M>,
    /// How many operations have begun and ended.
    begun: u32,
    ended: u64,
    /// How many of the reads have begun.
    reads_begun: usize,
}

/// A frontier with few slots, or, since so many operations were open, one with many.
#[derive(Debug)]
enum Follower<M: Model> {
    Few(Box<Frontier<M, u128>>),
    Many(Box<Frontier<M, ManySlots>>),
}

/// What is the same for both.
macro_rules! either {
    ($follower:expr, $frontier:ident => $result:expr) => {
        match $follower {
            Follower::Few($frontier) => $result,
            Follower::Many($frontier) => $result,
        }
    };
}

impl<M: Model> Pass<M> {
    fn new(memo: Memo<M>, limits: Limits, accounts: Accounts, trail: Option<Trail>) -> Self {
        let frontier = Frontier::new(memo, limits, accounts, trail);
        Self { follower: Follower::Few(Box::new(frontier)), begun: 0, ended: 0, reads_begun: 0 }
    }

    /// How many of the reads that are known have not begun in this pass.
    fn unseen_reads(&self, history: &Recording) -> usize {
        history.reads.len() - self.reads_begun
    }

    fn follow(&mut self, mark: Mark, history: &Recording) -> Result<(), Stop> {
        let Recording { operations, reads, .. } = history;
        if mark == Mark::End {
            if !reads.is_empty() {
                let foreseen = reads[self.reads_begun..].iter().take(FORESEEN);
                let actions = foreseen.map(|&read| operations[read as usize].action);
                either!(&mut self.follower, frontier => frontier.foresee(actions));
            }
            either!(&mut self.follower, frontier => frontier.end())?;
            self.ended += 1;
            return Ok(());
        }
        let number = self.begun;
        self.begun += 1;
        self.reads_begun += usize::from(reads.get(self.reads_begun) == Some(&number));
        let Recorded { action, end, .. } = operations[number as usize];
        if mark == Mark::Crash {
            either!(&mut self.follower, frontier => frontier.crash(number, action));
            return Ok(());
        }
        match either!(&mut self.follower, frontier => frontier.begin(number, action, end)) {
            Err(Stop::Full) => {
                self.take_more_slots();
                either!(&mut self.follower, frontier => frontier.begin(number, action, end))
            }
            result => result,
        }
    }

    fn take_more_slots(&mut self) {
        if let Follower::Few(frontier) = &mut self.follower {
            self.follower = Follower::Many(Box::new(frontier.take_with_slots()));
        }
    }

    /// What there is to say if the next operation cannot end.
    fn counterexample(&self, operations: &[Recorded]) -> Counterexample {
        either!(&self.follower, frontier => counterexample(frontier, operations, self.ended))
    }

    fn memo_mut(&mut self) -> &mut Memo<M> {
        either!(&mut self.follower, frontier => frontier.memo_mut())
    }

    fn into_memo(self) -> Memo<M> {
        either!(self.follower, frontier => frontier.into_memo())
    }

    fn set_limits(&mut self, limits: Limits) {
        either!(&mut self.follower, frontier => frontier.set_limits(limits));
    }

    fn steps(&self) -> u64 {
        either!(&self.follower, frontier => frontier.steps())
    }

    fn is_honest(&self) -> bool {
        either!(&self.follower, frontier => frontier.is_honest())
    }

    fn overdrawn(&self) -> Vec<u32> {
        either!(&self.follower, frontier => frontier.overdrawn())
    }
}
