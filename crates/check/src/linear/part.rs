//! One object's history, and the ways in which it is decided.

use std::collections::BTreeMap;

use super::lag::{Event, Lag, Place, Ticket};
use super::register::DistinctValues;
use super::search::{Outcome, Search};
use super::{Budget, Model};
use crate::Interrupt;

/// What is known so far of one object's history.
#[derive(Debug)]
pub(super) struct Part<M: Model> {
    model: M,
    budget: Budget,
    interrupt: Interrupt,
    lag: Lag<M::Action>,
    /// Per part of the state, if the model has such; else there is one.
    searches: BTreeMap<u64, Search<M>>,
    /// As long as no value is written twice to a register: its blocks, and the events for the search should that
    /// change.
    distinct: Option<(DistinctValues, Vec<Event<M::Action>>)>,
    /// Whether one of the searches found that no order fits.
    is_violated: bool,
}

impl<M: Model> Part<M> {
    /// Whether no order can fit any more, whatever is still to come.
    pub(super) fn is_violated(&self) -> bool {
        self.is_violated
    }

    pub(super) fn new(model: M, budget: Budget, interrupt: Interrupt) -> Self {
        Self {
            lag: Lag::new(),
            searches: BTreeMap::new(),
            distinct: model.initial_register().map(|initial| (DistinctValues::new(initial), Vec::new())),
            is_violated: false,
            model,
            budget,
            interrupt,
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
    pub(super) fn crash(&mut self, ticket: Ticket, action: M::Action, place: Place) {
        self.lag.crash(ticket, action, place);
        self.advance();
    }

    /// The operation tells nothing.
    pub(super) fn ignore(&mut self, ticket: Ticket) {
        self.lag.ignore(ticket);
        self.advance();
    }

    /// The outcome of the whole history, every operation of which was ended, crashed or ignored.
    pub(super) fn finish(mut self) -> Outcome {
        let Some((values, events)) = self.distinct.take() else { return self.searched() };
        let verdict = values.verdict();
        if verdict == Some(true) {
            return Outcome::Linearizable;
        }
        for event in events {
            self.follow(event);
        }
        match self.searched() {
            Outcome::GaveUp(_) if verdict == Some(false) => Outcome::Violated(None),
            outcome => outcome,
        }
    }

    /// The outcome of all searches together.
    fn searched(self) -> Outcome {
        let mut searches: Vec<Search<M>> = self.searches.into_values().collect();
        searches.iter_mut().for_each(|search| search.advance(true));
        // What is certain needs no more search.
        if let Some(violated) = searches.iter().position(Search::is_violated) {
            return searches.swap_remove(violated).finish();
        }
        let mut outcome = Outcome::Linearizable;
        for search in searches {
            match search.finish() {
                Outcome::Linearizable => {}
                Outcome::GaveUp(reason) => outcome = Outcome::GaveUp(reason),
                violated @ Outcome::Violated(_) => return violated,
            }
        }
        outcome
    }

    fn advance(&mut self) {
        while let Some(event) = self.lag.next() {
            let Some((values, events)) = &mut self.distinct else {
                self.follow(event);
                continue;
            };
            let fits = match &event {
                Event::Begin { action, begin, end, .. } => {
                    add(&self.model, values, action, *begin, Some(*end))
                }
                Event::Crash { action, begin, .. } => add(&self.model, values, action, *begin, None),
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
        if self.is_violated {
            return;
        }
        let part = match &event {
            Event::Begin { action, .. } | Event::Crash { action, .. } => self.part(action),
            Event::End { part, .. } => *part,
        };
        let search = self
            .searches
            .entry(part)
            .or_insert_with(|| Search::new(self.model.clone(), self.budget, self.interrupt.clone()));
        search.follow(event);
        self.is_violated = search.is_violated();
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
