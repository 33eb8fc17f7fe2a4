//! A search for one order, depth first.
//!
//! Where operations crash, or many are open, there may be far more configurations than can be followed, and still an order
//! is easily found: this search follows one configuration from event to event, with as few effects as will do, crashed
//! operations last, and goes back to the last choice when it comes to an end. What came to an end after an event is
//! remembered, so that nothing is tried twice.
//!
//! It is here to find an order. When it does not within its limits, that says nothing, and the frontier decides. The
//! rules 1 to 5 and 8 of the [`frontier`](super::frontier) hold here too.

use rustc_hash::FxHashMap;

use super::Model;
use super::configuration::{Configuration, Open};
use super::crashes::{Counting, Crashes, Used};
use super::memo::Memo;
use super::recording::{Mark, Recording};
use super::slots::Slots;
use super::trail::Trail;
use crate::Interrupt;

/// Slots are one number: where more operations are open at once, this search gives up.
type Set = u128;

/// Why no order was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GaveUp;

/// How many more steps it may take for each event.
const STEPS_AN_EVENT: u64 = 20;

/// How many configurations are worked out for one end. Crashed operations lead from each to many more.
const WORK_AN_END: usize = 128;

/// After so many steps without coming further than ever before, it goes back over several choices at once: the wrong one
/// may be far behind. Twice as many of both each time.
const STEPS_TO_JUMP: u64 = 2_000;

/// The search, at one point of the history.
#[derive(Debug)]
pub(super) struct DepthFirst<M: Model> {
    memo: Memo<M>,
    interrupt: Interrupt,
    /// How many steps it may take beside those for each event.
    base_steps: u64,
    steps: u64,
    /// How many events are behind the current configuration.
    at: usize,
    current: Configuration<Set>,
    /// The open operations, the one that ends first in front.
    open: Vec<Open>,
    taken_slots: Set,
    crashes: Crashes,
    /// The operations that have begun are the first ones of the recording; these have ended, in order.
    begun: u32,
    ended: Vec<Open>,
    /// The ends at which there was a choice, the last one on top.
    choices: Vec<Choice>,
    /// By the number of the event: the configurations after it that came to an end.
    failed: FxHashMap<usize, Vec<Configuration<Set>>>,
    failed_count: usize,
    /// How far it has come, at which step that was or it jumped back, and how often it has jumped back since.
    farthest: usize,
    farthest_step: u64,
    jumps: u32,
}

/// An end of an operation to which several ways may lead. They are worked out as they are needed.
#[derive(Debug)]
struct Choice {
    /// The number of the event.
    event: usize,
    /// What effects lead to before the end, in the order in which it is tried.
    work: Vec<Configuration<Set>>,
    /// How many of these were continued with open operations, and how many with crashed ones.
    continued: usize,
    crashed: usize,
    /// Configurations after the end, and how many of them were tried.
    closed: Vec<Configuration<Set>>,
    tried: usize,
}

impl<M: Model> DepthFirst<M> {
    pub(super) fn new(mut memo: Memo<M>, base_steps: u64, interrupt: Interrupt) -> Self {
        let current = Configuration {
            state: memo.initial(),
            trail: Trail::BEGINNING,
            used: Used::default(),
            settled: 0,
            spent: 0,
        };
        Self {
            memo,
            interrupt,
            base_steps,
            steps: 0,
            at: 0,
            current,
            open: Vec::new(),
            taken_slots: 0,
            crashes: Crashes::new(Counting::Exact),
            begun: 0,
            ended: Vec::new(),
            choices: Vec::new(),
            failed: FxHashMap::default(),
            failed_count: 0,
            farthest: 0,
            farthest_step: 0,
            jumps: 0,
        }
    }

    pub(super) fn memo_mut(&mut self) -> &mut Memo<M> {
        &mut self.memo
    }

    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// About how much memory is in use.
    pub(super) fn bytes(&self) -> usize {
        let choices = self.choices.len() * (size_of::<Choice>() + 3 * size_of::<Configuration<Set>>());
        let failed = self.failed_count * (size_of::<Configuration<Set>>() + 32);
        choices + failed + self.memo.bytes() + self.crashes.bytes()
    }

    fn is_out_of_steps(&self, recording: &Recording) -> bool {
        self.steps > self.base_steps + STEPS_AN_EVENT * recording.events.len() as u64
    }

    /// Finds an order of all events that are recorded so far.
    pub(super) fn advance(&mut self, recording: &Recording, memory_bytes: usize) -> Result<(), GaveUp> {
        while self.at < recording.events.len() {
            if self.is_out_of_steps(recording) || self.bytes() > memory_bytes || self.interrupt.is_raised() {
                return Err(GaveUp);
            }
            match recording.events[self.at] {
                Mark::End => self.end(recording)?,
                Mark::Crash => {
                    let recorded = recording.operations[self.begun as usize];
                    if !self.memo.reads(recorded.action) {
                        self.crashes.add(recorded.action, self.begun);
                    }
                    self.begun += 1;
                    self.at += 1;
                }
                Mark::Begin => self.begin(recording)?,
            }
        }
        Ok(())
    }

    fn begin(&mut self, recording: &Recording) -> Result<(), GaveUp> {
        if self.open.len() == Set::CAPACITY {
            return Err(GaveUp);
        }
        let recorded = recording.operations[self.begun as usize];
        // Which slot it gets depends on the events alone, so that it is the same whenever the search comes here again.
        let slot = self.taken_slots.first_absent();
        self.taken_slots.insert(slot);
        let (action, end) = (recorded.action, recorded.end);
        let place = self.open.partition_point(|other| other.end < end);
        self.open.insert(place, Open { end, operation: self.begun, action, slot });
        if self.memo.reads(action) && self.memo.step(self.current.state, action).is_some() {
            self.current.settled.insert(slot);
        }
        self.begun += 1;
        self.at += 1;
        Ok(())
    }

    /// Lets the operation that ends first end, or goes back to the last choice.
    fn end(&mut self, recording: &Recording) -> Result<(), GaveUp> {
        self.steps += 1;
        let ending = self.open[0];
        let is_settled = self.current.settled.contains(ending.slot);
        if is_settled && (self.memo.reads(ending.action) || self.current.spent.contains(ending.slot)) {
            let closed = closed(self.current.clone(), ending.slot);
            if self.has_failed(self.at, &closed) {
                return self.go_back(recording);
            }
            self.go_on(closed);
            return Ok(());
        }
        let mut choice = Choice {
            event: self.at,
            work: Vec::new(),
            continued: 0,
            crashed: 0,
            closed: Vec::new(),
            tried: 0,
        };
        self.consider(&mut choice, self.current.clone(), &ending);
        self.choose(choice, recording)
    }

    /// Takes the next way out of a choice, or goes back to the one before if there is none.
    fn choose(&mut self, mut choice: Choice, recording: &Recording) -> Result<(), GaveUp> {
        loop {
            while choice.tried == choice.closed.len() {
                if !self.work_out(&mut choice) {
                    return self.go_back(recording);
                }
                if self.is_out_of_steps(recording) {
                    return Err(GaveUp);
                }
            }
            let next = choice.closed[choice.tried].clone();
            choice.tried += 1;
            if !self.has_failed(choice.event, &next) {
                self.choices.push(choice);
                self.go_on(next);
                return Ok(());
            }
        }
    }

    /// Passes the end of the operation in front.
    fn go_on(&mut self, closed: Configuration<Set>) {
        let ending = self.open.remove(0);
        self.taken_slots.remove(ending.slot);
        self.ended.push(ending);
        self.current = closed;
        self.at += 1;
        if self.at > self.farthest {
            (self.farthest, self.farthest_step, self.jumps) = (self.at, self.steps, 0);
        }
    }

    /// Goes back to the last choice, since nothing came of it, or further.
    fn go_back(&mut self, recording: &Recording) -> Result<(), GaveUp> {
        let choice = self.choices.pop().ok_or(GaveUp)?;
        let failed = choice.closed[choice.tried - 1].clone();
        self.failed.entry(choice.event).or_default().push(failed);
        self.failed_count += 1;
        if self.steps - self.farthest_step < STEPS_TO_JUMP << self.jumps {
            return self.return_to(choice, recording);
        }
        self.jumps = (self.jumps + 1).min(20);
        self.farthest_step = self.steps;
        self.choices.truncate(self.choices.len().saturating_sub(1 << self.jumps).max(1));
        let choice = self.choices.pop().ok_or(GaveUp)?;
        self.return_to(choice, recording)
    }

    /// Undoes all events back to a choice, and takes its next way.
    fn return_to(&mut self, choice: Choice, recording: &Recording) -> Result<(), GaveUp> {
        while self.at > choice.event {
            self.at -= 1;
            self.steps += 1;
            match recording.events[self.at] {
                Mark::End => {
                    let ending = self.ended.pop().expect("every end that is behind is noted");
                    self.taken_slots.insert(ending.slot);
                    self.open.insert(0, ending);
                }
                Mark::Begin => {
                    self.begun -= 1;
                    let begun = self.open.iter().position(|open| open.operation == self.begun);
                    let open = self.open.remove(begun.expect("its end is undone"));
                    self.taken_slots.remove(open.slot);
                }
                Mark::Crash => {
                    self.begun -= 1;
                    let action = recording.operations[self.begun as usize].action;
                    if !self.memo.reads(action) {
                        self.crashes.remove_last(action);
                    }
                }
            }
        }
        self.choose(choice, recording)
    }

    fn has_failed(&mut self, event: usize, closed: &Configuration<Set>) -> bool {
        let Some(failed) = self.failed.get(&event) else { return false };
        self.steps += failed.len() as u64;
        failed.iter().any(|failed| failed.state == closed.state && failed.dominates(closed, &self.crashes))
    }

    /// Works out more ways to an end; false if there are no more. Crashed operations come last.
    fn work_out(&mut self, choice: &mut Choice) -> bool {
        self.steps += 1;
        let ending = self.open[0];
        if choice.continued < choice.work.len() {
            let from = choice.work[choice.continued].clone();
            choice.continued += 1;
            for place in 1..self.open.len() {
                let open = self.open[place];
                if from.spent.contains(open.slot)
                    || self.memo.reads(open.action)
                    || self.has_earlier_twin(&from, place)
                {
                    continue;
                }
                let Some(state) = self.memo.step(from.state, open.action) else { continue };
                let mut after = from.clone();
                after.settled.insert(open.slot);
                after.spent.insert(open.slot);
                self.take_effect(&mut after, state, open.action);
                self.consider(choice, after, &ending);
            }
            return true;
        }
        let Some(from) = choice.work.get(choice.crashed).cloned() else { return false };
        if choice.work.len() > WORK_AN_END {
            return false;
        }
        choice.crashed += 1;
        for kind in 0..self.crashes.kinds() {
            let action = self.crashes.action(kind);
            let is_open = |open: &Open| open.action == action && !from.spent.contains(open.slot);
            if self.open.iter().any(is_open) {
                continue;
            }
            let Some(state) = self.memo.step(from.state, action) else { continue };
            let Some(used) = self.crashes.use_one(from.used, kind) else { continue };
            let mut after = Configuration { used, ..from.clone() };
            self.take_effect(&mut after, state, action);
            self.consider(choice, after, &ending);
        }
        true
    }

    /// Whether an open operation with the same action ends earlier and has not taken effect.
    fn has_earlier_twin(&self, from: &Configuration<Set>, place: usize) -> bool {
        let action = self.open[place].action;
        self.open[..place].iter().any(|open| open.action == action && !from.spent.contains(open.slot))
    }

    /// Adds a configuration to the work, unless another one dominates it, and the ends to which it leads.
    fn consider(&mut self, choice: &mut Choice, after: Configuration<Set>, ending: &Open) {
        self.steps += 1 + choice.work.len() as u64;
        let is_known =
            |known: &Configuration<Set>| known.state == after.state && known.dominates(&after, &self.crashes);
        if choice.work.iter().any(is_known) {
            return;
        }
        if after.settled.contains(ending.slot) {
            choice.closed.push(closed(after.clone(), ending.slot));
            if self.memo.reads(ending.action) || after.spent.contains(ending.slot) {
                return;
            }
        }
        if !self.memo.reads(ending.action)
            && !after.spent.contains(ending.slot)
            && let Some(state) = self.memo.step(after.state, ending.action)
        {
            let mut last = after.clone();
            self.take_effect(&mut last, state, ending.action);
            choice.closed.push(closed(last, ending.slot));
        }
        choice.work.push(after);
    }

    /// The open operations that may end once this action has led to this state.
    fn take_effect(&mut self, after: &mut Configuration<Set>, state: u32, action: u32) {
        after.state = state;
        let overwrites = self.memo.overwrites(action);
        for open in &self.open {
            let may_be_unseen = overwrites && self.memo.overwrites(open.action);
            let is_read = self.memo.reads(open.action)
                && !after.settled.contains(open.slot)
                && self.memo.step(state, open.action).is_some();
            if may_be_unseen || is_read {
                after.settled.insert(open.slot);
            }
        }
    }
}

/// The configuration when the operation in this slot has ended.
fn closed(mut configuration: Configuration<Set>, slot: u32) -> Configuration<Set> {
    configuration.settled.remove(slot);
    configuration.spent.remove(slot);
    configuration
}
