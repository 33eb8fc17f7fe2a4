//! One object's history: its events wait until outcomes are known, and go to the components that they concern.

use std::collections::BTreeMap;

use super::Model;
use super::budget::Allowance;
use super::component::Component;
use super::lag::{Event, Lag, Span, Ticket};
use crate::Interrupt;

/// What is known so far of one object's history.
#[derive(Debug)]
pub(super) struct Object<M: Model> {
    model: M,
    allowance: Allowance,
    interrupt: Interrupt,
    lag: Lag<M::Action>,
    /// One for each component of the state, if the model decomposes; else there is one.
    components: BTreeMap<u64, Component<M>>,
    /// Whether no order fits one of the components.
    is_violated: bool,
}

impl<M: Model> Object<M> {
    pub(super) fn new(model: M, allowance: Allowance, interrupt: Interrupt) -> Self {
        let (lag, components) = (Lag::new(), BTreeMap::new());
        Self { model, allowance, interrupt, lag, components, is_violated: false }
    }

    /// Whether no order can fit any more, whatever is still to come.
    pub(super) fn is_violated(&self) -> bool {
        self.is_violated
    }

    pub(super) fn begin(&mut self) -> Ticket {
        self.lag.begin()
    }

    /// The operation happened, or was seen to have had no effect.
    pub(super) fn end(&mut self, ticket: Ticket, action: M::Action, span: Span) {
        let component = self.component(&action);
        self.lag.end(ticket, action, span, component);
        self.advance();
    }

    /// The outcome of the operation is unknown.
    pub(super) fn crash(&mut self, ticket: Ticket, action: M::Action, span: Span) {
        self.lag.crash(ticket, action, span);
        self.advance();
    }

    /// The operation tells nothing.
    pub(super) fn ignore(&mut self, ticket: Ticket) {
        self.lag.ignore(ticket);
        self.advance();
    }

    /// The components, when every operation was ended, crashed or ignored. The object is linearizable if all of
    /// them are.
    pub(super) fn into_components(self) -> impl Iterator<Item = Component<M>> {
        self.components.into_values()
    }

    fn advance(&mut self) {
        while let Some(event) = self.lag.next() {
            if self.is_violated {
                continue;
            }
            let number = match &event {
                Event::Begin { action, .. } => self.component(action),
                Event::End { component } => *component,
            };
            let component = self.components.entry(number).or_insert_with(|| {
                Component::new(self.model.clone(), &self.allowance, self.interrupt.clone())
            });
            component.follow(event, &self.allowance);
            self.is_violated = component.is_violated();
        }
    }

    /// The component of the state that an action concerns, if the model decides components by themselves.
    fn component(&self, action: &M::Action) -> u64 {
        if self.model.decomposes() { self.model.component(action).unwrap_or_default() } else { 0 }
    }
}
