//! One object's history on its way to a verdict.

use std::collections::BTreeMap;

use super::frontier::{Frontier, Stop};
use super::lag::{Event, Lag, Place, Ticket};
use super::register::DistinctValues;
use super::{Budget, Model};

/// How many of the possible configurations a counterexample describes.
const DESCRIBED_CONFIGURATIONS: usize = 8;

/// What is known so far of one object's history.
#[derive(Debug)]
pub(super) struct Part<M: Model> {
    model: M,
    budget: Budget,
    lag: Lag<M::Action>,
    /// Per part of the state, if the model has such; else there is one.
    frontiers: BTreeMap<u64, Frontier<M>>,
    /// As long as no value is written twice to a register: its blocks, and the events for the frontier should
    /// that change.
    distinct: Option<(DistinctValues, Vec<Event<M::Action>>)>,
    outcome: Outcome,
    /// Operations that the frontier saw end.
    ended: u64,
}

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

/// Where no order of effects is left.
#[derive(Clone, Debug)]
pub(super) struct Counterexample {
    /// The operation that cannot have happened.
    pub(super) place: Place,
    /// What it did, in words.
    pub(super) action: String,
    /// How many operations had ended before, which do fit an order.
    pub(super) prefix: u64,
    /// What the object may have looked like just before: a state, and what was still pending in it.
    pub(super) possible: Vec<(String, Vec<String>)>,
    /// How many such configurations there were.
    pub(super) possible_count: usize,
}

impl<M: Model> Part<M> {
    /// Whether no order can fit any more, whatever is still to come.
    pub(super) fn is_violated(&self) -> bool {
        matches!(self.outcome, Outcome::Violated(_))
    }

    pub(super) fn new(model: M, budget: Budget) -> Self {
        Self {
            lag: Lag::new(),
            frontiers: BTreeMap::new(),
            distinct: model.initial_register().map(|initial| (DistinctValues::new(initial), Vec::new())),
            outcome: Outcome::Linearizable,
            ended: 0,
            model,
            budget,
        }
    }

    pub(super) fn begin(&mut self) -> Ticket {
        self.lag.begin()
    }

    /// The operation happened, or was seen to have had no effect.
    pub(super) fn end(&mut self, ticket: Ticket, action: M::Action, place: Place) {
        let part = self.part(&action);
        self.lag.end(ticket, action, place, part);
        self.advance();
    }

    /// Nobody knows whether the operation happened or will.
    pub(super) fn crash(&mut self, ticket: Ticket, action: M::Action) {
        self.lag.crash(ticket, action);
        self.advance();
    }

    /// The operation tells nothing.
    pub(super) fn ignore(&mut self, ticket: Ticket) {
        self.lag.ignore(ticket);
        self.advance();
    }

    /// The outcome of the whole history, every operation of which was ended, crashed or ignored.
    pub(super) fn finish(mut self) -> Outcome {
        let Some((values, events)) = self.distinct.take() else { return self.outcome };
        let verdict = values.verdict();
        if verdict == Some(true) {
            return Outcome::Linearizable;
        }
        for event in events {
            self.follow(event);
        }
        match self.outcome {
            Outcome::GaveUp(_) if verdict == Some(false) => Outcome::Violated(None),
            outcome => outcome,
        }
    }

    fn advance(&mut self) {
        while let Some(event) = self.lag.next() {
            let Some((values, events)) = &mut self.distinct else {
                self.follow(event);
                continue;
            };
            let fits = match &event {
                Event::Begin { action, begin, end } => add(&self.model, values, action, *begin, Some(*end)),
                Event::Crash { action, begin } => add(&self.model, values, action, *begin, None),
                Event::End { .. } => true,
            };
            events.push(event);
            if !fits {
                for event in self.distinct.take().map(|(_, events)| events).into_iter().flatten() {
                    self.follow(event);
                }
            }
        }
    }

    /// The part of the state that an action concerns, if the model decides parts by themselves.
    fn part(&self, action: &M::Action) -> u64 {
        if self.model.is_split() { self.model.part(action).unwrap_or_default() } else { 0 }
    }

    fn follow(&mut self, event: Event<M::Action>) {
        if !matches!(self.outcome, Outcome::Linearizable) {
            return;
        }
        let part = match &event {
            Event::Begin { action, .. } | Event::Crash { action, .. } => self.part(action),
            Event::End { part, .. } => *part,
        };
        let frontier =
            self.frontiers.entry(part).or_insert_with(|| Frontier::new(self.model.clone(), self.budget));
        let result = match event {
            Event::Begin { action, end, .. } => {
                let action = frontier.memo_mut().intern_action(action);
                frontier.begin(action, end)
            }
            Event::Crash { action, .. } => {
                let action = frontier.memo_mut().intern_action(action);
                frontier.crash(action);
                Ok(())
            }
            Event::End { place, .. } => {
                let result = frontier.end();
                if matches!(result, Err(Stop::Violation)) {
                    let counterexample = counterexample(frontier, place, self.ended);
                    self.outcome = Outcome::Violated(Some(Box::new(counterexample)));
                    return;
                }
                self.ended += 1;
                result
            }
        };
        if let Err(Stop::GaveUp(reason)) = result {
            self.outcome = Outcome::GaveUp(reason);
        }
    }
}

/// Adds an operation to the blocks of a register; false if they cannot take it.
fn add<M: Model>(
    model: &M,
    values: &mut DistinctValues,
    action: &M::Action,
    begin: u64,
    end: Option<u64>,
) -> bool {
    model.as_register(action).is_some_and(|action| values.add(action, begin, end))
}

fn counterexample<M: Model>(frontier: &Frontier<M>, place: Place, ended: u64) -> Counterexample {
    let memo = frontier.memo();
    let configurations = frontier.configurations();
    let describe = |action| memo.model().describe_action(memo.action(action));
    let possible = configurations.iter().take(DESCRIBED_CONFIGURATIONS).map(|configuration| {
        let pending = frontier.pending(configuration).map(describe);
        (memo.state(configuration.state).to_string(), pending.collect())
    });
    Counterexample {
        place,
        action: frontier.ending().map(describe).unwrap_or_default(),
        prefix: ended,
        possible: possible.collect(),
        possible_count: configurations.len(),
    }
}
