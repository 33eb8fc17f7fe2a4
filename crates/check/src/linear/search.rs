//! The search over one component's history, along the way and at the end.
//!
//! Along the way three kinds of search follow the history while it grows, each from its beginning when the one before
//! has given up:
//!
//! 1. A narrow *beam*: a frontier of the few most promising configurations. An order that it finds is an order, and a
//!    violation that it finds without having left anything out is one. Where nothing crashes that mostly decides.
//! 2. A search *depth first*, which finds an order, if there is one, where configurations are many. [`Budget`] may leave
//!    it out.
//! 3. An *exact* frontier.
//!
//! Where so many operations crash that an exact frontier is too large, passes are made at the end, which count few of the
//! crashed actions exactly at first, and more as need be ([`Counting`]).

use std::collections::BTreeSet;

use super::Model;
use super::budget::{Allowance, Budget};
use super::counterexample::Counterexample;
use super::crashes::Counting;
use super::depth_first::{DepthFirst, GaveUp};
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

impl<M: Model> Outcome<M> {
    /// What comes first among several: violations in the order of the history, then those whose place was not found,
    /// then what was not judged.
    pub(super) fn rank(&self) -> (u8, Option<u64>) {
        match self {
            Self::Violated(Some(found)) => (0, found.operation.span.end_index),
            Self::Violated(None) => (1, None),
            Self::GaveUp(_) => (2, None),
            Self::Linearizable => (3, None),
        }
    }
}

/// How many configurations the first beam has.
const FIRST_BEAM_WIDTH: usize = 16;

/// How many a beam has that is followed because an exact pass is too large.
const BEAM_WIDTH: usize = 128;

/// How many steps an exact frontier takes before a beam takes over, as a part of the budget, and how many configurations
/// it tries for one end. Where operations crash both are few: passes with relaxed counts find more.
const EXACT_PART: u64 = 2;
const EXACT_PART_WITH_CRASHES: u64 = 1024;
const EXACT_CONFIGURATIONS_WITH_CRASHES: usize = 1536;

/// How many configurations a pass with relaxed counts tries for one end. States that grow with every operation, as those
/// of a log, would never come to an end.
const RELAXED_CONFIGURATIONS: usize = 8192;

/// For how many more actions a new pass counts exactly.
const MORE_EXACT_COUNTS: usize = 2;

/// Follows one history, and remembers it for further passes.
#[derive(Debug)]
pub(super) struct Search<M: Model> {
    allowance: Allowance,
    interrupt: Interrupt,
    way: Way<M>,
    /// How many events it has seen.
    followed: usize,
    /// How much memory it holds.
    held_bytes: usize,
    /// Where and why the last of the searches along the way ended before the history did.
    stopped: Option<(usize, Stop)>,
    recording: Recording,
}

/// A search along the way.
#[derive(Debug)]
enum Way<M: Model> {
    Beam(Pass<M>),
    DepthFirst(Box<DepthFirst<M>>),
    Exact(Pass<M>),
}

impl<M: Model> Way<M> {
    fn memo_mut(&mut self) -> &mut Memo<M> {
        match self {
            Self::Beam(pass) | Self::Exact(pass) => pass.memo_mut(),
            Self::DepthFirst(search) => search.memo_mut(),
        }
    }

    fn take_memo(&mut self) -> Memo<M> {
        let model = self.memo_mut().model().clone();
        std::mem::replace(self.memo_mut(), Memo::new(model))
    }

    fn steps(&self) -> u64 {
        match self {
            Self::Beam(pass) | Self::Exact(pass) => pass.steps(),
            Self::DepthFirst(search) => search.steps(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Beam(pass) | Self::Exact(pass) => pass.bytes(),
            Self::DepthFirst(search) => search.bytes(),
        }
    }
}

impl<M: Model> Search<M> {
    pub(super) fn new(model: M, allowance: Allowance, interrupt: Interrupt) -> Self {
        let limits = Limits { beam_after: 0, ..limits(&allowance, &interrupt) };
        let pass = Pass::new(Memo::new(model), limits, Counting::Exact, None);
        Self {
            way: Way::Beam(pass),
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
                let action = self.way.memo_mut().intern_action(action);
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

    /// How many events it has taken in.
    pub(super) fn events(&self) -> usize {
        self.recording.events.len()
    }

    fn advance(&mut self) {
        while self.stopped.is_none() && self.followed < self.recording.events.len() {
            let steps = self.way.steps();
            let result = self.follow_next();
            self.allowance.use_steps(self.way.steps() - steps);
            if let Err(stop) = result {
                self.give_way(stop);
            }
            let bytes = self.way.bytes();
            self.allowance.hold_bytes(self.held_bytes, bytes);
            self.held_bytes = bytes;
        }
    }

    /// Follows the next event, or all of them.
    fn follow_next(&mut self) -> Result<(), Stop> {
        let memory_bytes = self.allowance.bytes_left() + self.held_bytes;
        match &mut self.way {
            // Crashed operations are what a beam is bad at.
            Way::Beam(_) if self.recording.has_crashes => Err(Stop::Lost),
            Way::Beam(pass) | Way::Exact(pass) => {
                let steps = pass.steps().saturating_add(self.allowance.steps_left());
                pass.set_limits(Limits { steps, memory_bytes, ..pass.limits().clone() });
                pass.follow(self.recording.events[self.followed], &self.recording)?;
                self.followed += 1;
                Ok(())
            }
            Way::DepthFirst(search) => {
                search.advance(&self.recording, memory_bytes).map_err(|GaveUp| Stop::Lost)?;
                self.followed = self.recording.events.len();
                Ok(())
            }
        }
    }

    /// Begins anew with the next kind of search, if this one cannot decide.
    fn give_way(&mut self, stop: Stop) {
        if stop != Stop::Lost || matches!(self.way, Way::Exact(_)) {
            self.stopped = Some((self.followed, stop));
            return;
        }
        let memo = self.way.take_memo();
        let budget = self.allowance.budget();
        self.way = if matches!(self.way, Way::Beam(_)) && budget.depth_first_steps > 0 {
            Way::DepthFirst(Box::new(DepthFirst::new(memo, budget.depth_first_steps, self.interrupt.clone())))
        } else {
            let all = limits(&self.allowance, &self.interrupt);
            let limits = if self.recording.has_crashes {
                let beam_from = EXACT_CONFIGURATIONS_WITH_CRASHES;
                Limits { beam_after: budget.steps / EXACT_PART_WITH_CRASHES, beam_from, ..all }
            } else {
                Limits { beam_after: budget.steps / EXACT_PART, beam_width: BEAM_WIDTH, ..all }
            };
            Way::Exact(Pass::new(memo, limits, Counting::Exact, None))
        };
        self.followed = 0;
    }

    /// The outcome, when the history has ended. What was left undecided may use this budget.
    pub(super) fn finish(mut self, budget: Budget) -> Outcome<M> {
        let limits = Limits {
            beam_after: u64::MAX,
            beam_from: usize::MAX,
            beam_width: BEAM_WIDTH,
            steps: budget.steps,
            memory_bytes: budget.memory_bytes,
            interrupt: self.interrupt.clone(),
        };
        match self.stopped {
            None => Outcome::Linearizable,
            Some((end, Stop::Violation)) => {
                self.recording.violated(self.way.take_memo(), Counting::Exact, limits, end)
            }
            Some((_, stop)) if stop != Stop::Interrupted && self.recording.has_crashes => {
                self.recording.refine(self.way.take_memo(), &limits)
            }
            Some((_, stop)) => Outcome::GaveUp(reason(stop, self.allowance.budget())),
        }
    }
}

/// The limits of a search along the way.
fn limits(allowance: &Allowance, interrupt: &Interrupt) -> Limits {
    Limits {
        beam_after: u64::MAX,
        beam_from: usize::MAX,
        beam_width: FIRST_BEAM_WIDTH,
        steps: allowance.steps_left(),
        memory_bytes: allowance.budget().memory_bytes,
        interrupt: interrupt.clone(),
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
                beam_from: RELAXED_CONFIGURATIONS,
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
    fn violated<M: Model>(
        &self,
        memo: Memo<M>,
        counting: Counting,
        limits: Limits,
        end: usize,
    ) -> Outcome<M> {
        let (pass, result) = self.pass(memo, counting, limits, Some(Trail::new()), end);
        let described = result.is_ok().then(|| pass.counterexample(&self.operations));
        Outcome::Violated(described.map(Box::new))
    }
}
