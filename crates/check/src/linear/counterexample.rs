//! Where no order of effects is left, and how the history came there.

use super::Model;
use super::configuration::Configuration;
use super::frontier::Frontier;
use super::lag::Span;
use super::recording::Recorded;
use super::slots::Slots;

/// How many of the possible configurations a counterexample describes.
const DESCRIBED_CONFIGURATIONS: usize = 8;

/// How many operations of the order before it.
const DESCRIBED_OPERATIONS: usize = 8;

/// An operation that fits in no order, and what comes before it.
#[derive(Clone, Debug)]
pub(super) struct Counterexample<M: Model> {
    /// The operation that cannot have happened.
    pub(super) operation: Described<M::Action>,
    /// How many operations had ended before.
    pub(super) prefix: u64,
    /// Whether an order fits all that had ended before. If not, all that is known is that none fits up to here.
    pub(super) is_exact: bool,
    /// The end of such an order, if one was found: operations, each with the state after it.
    pub(super) order: Vec<(Described<M::Action>, M::State)>,
    /// How many more come before these.
    pub(super) left_out: u32,
    /// What the object may have looked like just before: a state, and what was still pending in it.
    pub(super) possible: Vec<(M::State, Vec<M::Action>)>,
    /// How many such configurations there were.
    pub(super) possible_count: usize,
}

/// An operation: where it stands, and what it did.
#[derive(Clone, Debug)]
pub(super) struct Described<A> {
    pub(super) span: Span,
    pub(super) action: A,
}

/// What there is to say when the next operation cannot end.
pub(super) fn counterexample<M: Model, S: Slots>(
    frontier: &Frontier<M, S>,
    operations: &[Recorded],
    ended: u64,
) -> Counterexample<M> {
    let memo = frontier.memo();
    let action = |number| memo.action(number).clone();
    let described = |number: u32| {
        let recorded = operations[number as usize];
        Described { span: recorded.span, action: action(recorded.action) }
    };
    let configurations = frontier.configurations();
    let is_within_counts = |configuration: &&Configuration<S>| configuration.used.exceeded().is_none();
    let witness = configurations.iter().find(is_within_counts).zip(frontier.trail());
    let (order, left_out) = witness.map_or_else(Default::default, |(configuration, trail)| {
        trail.last(configuration.trail, DESCRIBED_OPERATIONS)
    });
    let order = order.iter().map(|entry| (described(entry.operation), memo.state(entry.state).clone()));
    let possible = configurations.iter().take(DESCRIBED_CONFIGURATIONS).map(|configuration| {
        let pending = frontier.pending(configuration).map(action);
        (memo.state(configuration.state).clone(), pending.collect())
    });
    Counterexample {
        operation: described(frontier.ending().unwrap_or_default()),
        prefix: ended,
        order: order.collect(),
        left_out,
        is_exact: witness.is_some(),
        possible: possible.collect(),
        possible_count: configurations.len(),
    }
}
