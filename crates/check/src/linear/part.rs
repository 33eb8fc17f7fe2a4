//! One object's history on its way to a verdict.

use super::frontier::{Frontier, Stop};
use super::lag::{Event, Lag, Place, Ticket};
use super::register::DistinctValues;
use super::{Budget, Model};
use crate::Value;

/// How many of the possible configurations a counterexample describes.
const DESCRIBED_CONFIGURATIONS: usize = 8;

/// What is known so far of one object's history.
#[derive(Debug)]
pub(super) struct Part<M: Model> {
    lag: Lag<M::Action>,
    frontier: Frontier<M>,
    /// As long as no value is written twice to a register: its blocks, and the events for the frontier should
    /// that change.
    distinct: Option<(DistinctValues, Vec<Event<u32>>)>,
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
    pub(super) fn new(model: M, initial_register: Option<Value>, budget: Budget) -> Self {
        Self {
            lag: Lag::new(),
            frontier: Frontier::new(model, budget),
            distinct: initial_register.map(|initial| (DistinctValues::new(initial), Vec::new())),
            outcome: Outcome::Linearizable,
            ended: 0,
        }
    }

    pub(super) fn begin(&mut self) -> Ticket {
        self.lag.begin()
    }

    /// The operation happened, or was seen to have had no effect.
    pub(super) fn end(&mut self, ticket: Ticket, action: M::Action, place: Place) {
        self.lag.end(ticket, action, place);
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
            let event = self.number(event);
            match &mut self.distinct {
                None => self.follow(event),
                Some((_, events)) => {
                    events.push(event);
                    if !self.add_to_blocks() {
                        let (_, events) = self.distinct.take().expect("the blocks are there");
                        for event in events {
                            self.follow(event);
                        }
                    }
                }
            }
        }
    }

    fn number(&mut self, event: Event<M::Action>) -> Event<u32> {
        match event {
            Event::Begin { action, begin, end } => {
                Event::Begin { action: self.frontier.memo_mut().intern_action(action), begin, end }
            }
            Event::Crash { action, begin } => {
                Event::Crash { action: self.frontier.memo_mut().intern_action(action), begin }
            }
            Event::End(place) => Event::End(place),
        }
    }

    /// Adds the last event to the blocks; false if they cannot take it.
    fn add_to_blocks(&mut self) -> bool {
        let Some((values, events)) = &mut self.distinct else { return true };
        let (action, begin, end) = match events.last() {
            Some(&Event::Begin { action, begin, end }) => (action, begin, Some(end)),
            Some(&Event::Crash { action, begin }) => (action, begin, None),
            Some(Event::End(_)) | None => return true,
        };
        let memo = self.frontier.memo();
        memo.model().as_register(memo.action(action)).is_some_and(|action| values.add(action, begin, end))
    }

    fn follow(&mut self, event: Event<u32>) {
        if !matches!(self.outcome, Outcome::Linearizable) {
            return;
        }
        let result = match event {
            Event::Begin { action, end, .. } => self.frontier.begin(action, end),
            Event::Crash { action, .. } => {
                self.frontier.crash(action);
                Ok(())
            }
            Event::End(place) => match self.frontier.end() {
                Err(Stop::Violation) => {
                    self.outcome = Outcome::Violated(Some(Box::new(self.counterexample(place))));
                    Ok(())
                }
                result => {
                    self.ended += 1;
                    result
                }
            },
        };
        if let Err(Stop::GaveUp(reason)) = result {
            self.outcome = Outcome::GaveUp(reason);
        }
    }

    fn counterexample(&self, place: Place) -> Counterexample {
        let memo = self.frontier.memo();
        let configurations = self.frontier.configurations();
        let describe = |action| memo.model().describe_action(memo.action(action));
        let possible = configurations.iter().take(DESCRIBED_CONFIGURATIONS).map(|configuration| {
            let pending = self.frontier.pending(configuration).map(describe);
            (memo.state(configuration.state).to_string(), pending.collect())
        });
        Counterexample {
            place,
            action: self.frontier.ending().map(describe).unwrap_or_default(),
            prefix: self.ended,
            possible: possible.collect(),
            possible_count: configurations.len(),
        }
    }
}
