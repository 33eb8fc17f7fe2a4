//! The search: passes of the frontier over one component's history.
//!
//! The first pass goes along while the history grows and follows a narrow *beam* of the most promising configurations.
//! An order that it finds is an order, and a violation that it finds without having left anything out is one. That
//! decides most histories in time proportional to their length. Where the beam comes to an end because something was
//! left out, an exact pass begins anew, and goes along from there.
//!
//! Where so many operations crash that an exact pass is too large, more passes are made at the end, which count few of
//! the crashed actions exactly at first, and more as need be ([`Counting`]).

use std::collections::BTreeSet;

use super::Model;
use super::budget::{Allowance, Budget};
use super::counterexample::Counterexample;
use super::crashes::Counting;
use super::frontier::{Limits, Stop};
use super::lag::Event;
use super::memo::Memo;
use super::pass::Pass;
use super::recording::{Mark, Recorded, Recording};
use super::trail::Trail;
use crate::Interrupt;

/// What came out.
#[derive(Clone, Debug)]
pub(super) enum Outcome<M: Model> {
    /// An order fits.
    Linearizable,
    /// No order fits, and this is where it ends, unless that was not found.
    Violated(Option<Box<Counterexample<M>>>),
    /// The search ended at the limit that the sentence names.
    GaveUp(String),
}

/// How many configurations the beam of the first pass has.
const FIRST_BEAM_WIDTH: usize = 16;

/// How many a beam has that is followed because an exact pass is too large.
const BEAM_WIDTH: usize = 128;

/// How many steps an exact pass takes before a beam takes over, as a part of the budget: where operations crash, passes
/// with relaxed counts find more.
const EXACT_PART: u64 = 2;
const EXACT_PART_WITH_CRASHES: u64 = 1024;

/// What part of the memory a pass with relaxed counts may use. States that grow with every operation, as those of a
/// log, would never come to an end.
const RELAXED_MEMORY_PART: usize = 8;

/// For how many more actions a new pass counts exactly.
const MORE_EXACT_COUNTS: usize = 2;

/// Follows one history, and remembers it for further passes.
#[derive(Debug)]
pub(super) struct Search<M: Model> {
    allowance: Allowance,
    interrupt: Interrupt,
    pass: Pass<M>,
    /// The step at which the exact pass began, if the beam came to an end.
    exact_from: Option<u64>,
    /// How many events the pass has seen.
    followed: usize,
    /// How much memory it holds.
    held_bytes: usize,
    /// Where and why the passes along the way ended before the history did.
    stopped: Option<(usize, Stop)>,
    recording: Recording,
}

impl<M: Model> Search<M> {
    pub(super) fn new(model: M, allowance: Allowance, interrupt: Interrupt) -> Self {
        let limits = Limits {
            beam_after: 0,
            beam_width: FIRST_BEAM_WIDTH,
            steps: allowance.steps_left(),
            memory_bytes: allowance.budget().memory_bytes,
            interrupt: interrupt.clone(),
        };
        Self {
            pass: Pass::new(Memo::new(model), limits, Counting::Exact, None),
            exact_from: None,
            followed: 0,
            held_bytes: 0,
            allowance,
            interrupt,
            stopped: None,
            recording: Recording::default(),
        }
    }

    /// Takes in the next event.
    pub(super) fn follow(&mut self, event: Event<M::Action>) {
        let mark = match event {
            Event::Begin { action, end, span, .. } => {
                let action = self.pass.memo_mut().intern_action(action);
                let recorded = Recorded { action, end: end.unwrap_or(u64::MAX), span };
                self.recording.operations.push(recorded);
                if end.is_some() { Mark::Begin } else { Mark::Crash }
            }
            Event::End { .. } => Mark::End,
        };
        self.recording.has_crashes |= mark == Mark::Crash;
        self.recording.events.push(mark);
        self.advance();
    }

    /// Whether no order fits, whatever else may come.
    pub(super) fn is_violated(&self) -> bool {
        matches!(self.stopped, Some((_, Stop::Violation)))
    }

    /// Whether nothing is left to do at the end but to tell.
    pub(super) fn is_decided(&self) -> bool {
        self.stopped.is_none() || self.is_violated()
    }

    fn advance(&mut self) {
        while self.stopped.is_none() && self.followed < self.recording.events.len() {
            let mark = self.recording.events[self.followed];
            let steps = self.pass.steps();
            let bytes_left = self.allowance.bytes_left() + self.held_bytes;
            let exact_part = match self.recording.has_crashes {
                true => self.allowance.budget().steps / EXACT_PART_WITH_CRASHES,
                false => self.allowance.budget().steps / EXACT_PART,
            };
            self.pass.set_limits(Limits {
                beam_after: self.exact_from.map_or(0, |from| from.saturating_add(exact_part)),
                beam_width: if self.exact_from.is_some() { BEAM_WIDTH } else { FIRST_BEAM_WIDTH },
                steps: steps.saturating_add(self.allowance.steps_left()),
                memory_bytes: bytes_left,
                interrupt: self.interrupt.clone(),
            });
            let result = self.pass.follow(mark, &self.recording);
            self.allowance.use_steps(self.pass.steps() - steps);
            let bytes = self.pass.bytes();
            self.allowance.hold_bytes(self.held_bytes, bytes);
            self.held_bytes = bytes;
            self.followed += 1;
            match result {
                Ok(()) => {}
                Err(Stop::Lost) if self.exact_from.is_none() => {
                    self.exact_from = Some(self.pass.steps());
                    self.followed = 0;
                    self.pass.restart();
                }
                Err(stop) => self.stopped = Some((self.followed - 1, stop)),
            }
        }
    }

    /// The outcome, when the history has ended. What was left undecided may use this budget.
    pub(super) fn finish(self, budget: Budget) -> Outcome<M> {
        let limits = Limits {
            beam_after: u64::MAX,
            beam_width: BEAM_WIDTH,
            steps: budget.steps,
            memory_bytes: budget.memory_bytes,
            interrupt: self.interrupt.clone(),
        };
        match self.stopped {
            None => Outcome::Linearizable,
            Some((end, Stop::Violation)) => {
                self.recording.violated(self.pass.into_memo(), Counting::Exact, limits, end)
            }
            Some((_, stop)) if stop != Stop::Interrupted && self.recording.has_crashes => {
                self.recording.refine(self.pass.into_memo(), &limits)
            }
            Some((_, stop)) => Outcome::GaveUp(reason(stop, self.allowance.budget())),
        }
    }
}

fn reason(stop: Stop, budget: Budget) -> String {
    match stop {
        Stop::Steps => format!("the search took all of its {} steps", budget.steps),
        Stop::Memory => format!("the search needed more than {} MiB", budget.memory_bytes >> 20),
        Stop::Interrupted => "it was interrupted".to_owned(),
        Stop::Full => "too many operations were open at the same time".to_owned(),
        Stop::Lost | Stop::Violation => {
            "too much was possible to follow all of it, and what was followed came to an end".to_owned()
        }
    }
}

impl Recording {
    /// Makes passes that count ever more actions exactly until one of them decides, and, if none does, one that counts
    /// all of them.
    fn refine<M: Model>(&self, mut memo: Memo<M>, limits: &Limits) -> Outcome<M> {
        let budget = Budget::default().with_steps(limits.steps).with_memory_bytes(limits.memory_bytes);
        let mut exact = BTreeSet::new();
        let mut steps_left = limits.steps;
        let mut end = self.events.len();
        let mut is_violated = false;
        loop {
            let limits = Limits {
                beam_after: steps_left / 8,
                steps: steps_left / 4,
                memory_bytes: limits.memory_bytes / RELAXED_MEMORY_PART,
                ..limits.clone()
            };
            let counting = Counting::ExactFor(exact.clone());
            let (pass, result) = self.pass(memo, counting.clone(), limits.clone(), None, end);
            steps_left = steps_left.saturating_sub(pass.steps());
            let is_within_counts = pass.is_within_counts();
            let exceeded = pass.exceeded();
            memo = pass.into_memo();
            let breaks_here = match result {
                Ok(()) if is_within_counts && !is_violated => return Outcome::Linearizable,
                // Up to the violation an order fits, so that this is where it breaks.
                Ok(()) => is_within_counts,
                Err((at, Stop::Violation)) => {
                    (is_violated, end) = (true, at);
                    is_within_counts
                }
                Err((_, Stop::Interrupted)) if !is_violated => {
                    return Outcome::GaveUp(reason(Stop::Interrupted, budget));
                }
                Err(_) if is_violated => true,
                // Relaxed counts leave so many configurations that exact ones are better.
                Err(_) => break,
            };
            let more: Vec<u32> = exceeded
                .into_iter()
                .filter(|action| !exact.contains(action))
                .take(MORE_EXACT_COUNTS)
                .collect();
            if breaks_here || (is_violated && more.is_empty()) {
                return self.violated(memo, counting, limits, end);
            }
            if more.is_empty() {
                break;
            }
            exact.extend(more);
        }
        let limits = Limits { beam_after: steps_left / 2, steps: steps_left, ..limits.clone() };
        let (pass, result) = self.pass(memo, Counting::Exact, limits.clone(), None, end);
        match result {
            Ok(()) => Outcome::Linearizable,
            Err((at, Stop::Violation)) => self.violated(pass.into_memo(), Counting::Exact, limits, at),
            Err((_, stop)) => Outcome::GaveUp(reason(stop, budget)),
        }
    }

    /// Goes over the first events, so many of them, or up to where the pass stops.
    fn pass<M: Model>(
        &self,
        memo: Memo<M>,
        counting: Counting,
        limits: Limits,
        trail: Option<Trail>,
        end: usize,
    ) -> (Pass<M>, Result<(), (usize, Stop)>) {
        let mut pass = Pass::new(memo, limits, counting, trail);
        for (place, &mark) in self.events[..end].iter().enumerate() {
            if let Err(stop) = pass.follow(mark, self) {
                return (pass, Err((place, stop)));
            }
        }
        (pass, Ok(()))
    }

    /// Goes over the history once more, to tell how it came to the violation at this event.
    fn violated<M: Model>(&self, memo: Memo<M>, counting: Counting, limits: Limits, end: usize) -> Outcome<M> {
        let (pass, result) = self.pass(memo, counting, limits, Some(Trail::new()), end);
        let described = result.is_ok().then(|| pass.counterexample(&self.operations));
        Outcome::Violated(described.map(Box::new))
    }
}
