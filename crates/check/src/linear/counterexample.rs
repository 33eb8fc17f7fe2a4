//! Where no order of effects is left, and how the history came there.

use super::Model;
use super::frontier::{Configuration, Frontier};
use super::lag::Place;
use super::search::Recorded;
use super::slots::Slots;

/// How many of the possible configurations a counterexample describes.
const DESCRIBED_CONFIGURATIONS: usize = 8;

/// How many operations of the order before it.
const DESCRIBED_OPERATIONS: usize = 8;

/// An operation that fits in no order, and what comes before it.
#[derive(Clone, Debug)]
pub(super) struct Counterexample {
    /// The operation that cannot have happened.
    pub(super) operation: Described,
    /// How many operations had ended before.
    pub(super) prefix: u64,
    /// An order of the operations before it that fits, its last ones: each with the state after it.
    pub(super) order: Vec<(Described, String)>,
    /// How many more come before these.
    pub(super) left_out: u32,
    /// Whether that order was found. If not, all that is known is that none fits up to here.
    pub(super) is_exact: bool,
    /// What the object may have looked like just before: a state, and what was still pending in it.
    pub(super) possible: Vec<(String, Vec<String>)>,
    /// How many such configurations there were.
    pub(super) possible_count: usize,
}

/// An operation: where it stands, and what it did, in words.
#[derive(Clone, Debug)]
pub(super) struct Described {
    pub(super) place: Place,
    pub(super) action: String,
}

/// What there is to say when the next operation cannot end.
pub(super) fn counterexample<M: Model, S: Slots>(
    frontier: &Frontier<M, S>,
    operations: &[Recorded],
    ended: u64,
) -> Counterexample {
    let memo = frontier.memo();
    let describe = |action| memo.model().describe_action(memo.action(action));
    let described = |number: u32| {
        let Recorded { action, place, .. } = operations[number as usize];
        Described { place, action: describe(action) }
    };
    let configurations = frontier.configurations();
    let is_honest = |configuration: &&Configuration<S>| configuration.used.overdrawn().is_none();
    let witness = configurations.iter().find(is_honest).zip(frontier.trail());
    let (order, left_out) = witness.map_or_else(Default::default, |(configuration, trail)| {
        trail.last(configuration.trail, DESCRIBED_OPERATIONS)
    });
    let order = order.iter().map(|entry| (described(entry.operation), memo.state(entry.state).to_string()));
    let possible = configurations.iter().take(DESCRIBED_CONFIGURATIONS).map(|configuration| {
        let pending = frontier.pending(configuration).map(describe);
        (memo.state(configuration.state).to_string(), pending.collect())
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
