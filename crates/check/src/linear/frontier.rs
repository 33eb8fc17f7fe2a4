//! The frontier of configurations: what the system may look like at one point of the history.
//!
//! A configuration is a state together with the open operations that have taken effect in it. The frontier holds
//! every configuration that some order of effects can reach. An operation is given its effect as late as possible:
//! only when one ends that has none yet (just-in-time linearization; Gavin Lowe, *Testing for linearizability*,
//! 2017). When an operation can end in no configuration, the history is not linearizable.
//!
//! What keeps the frontier small:
//!
//! - An operation that reads takes effect as soon as it can, since that never hurts.
//! - An operation that overwrites whatever was there may have come just before another that overwrites too. It is
//!   then *settled* but not *spent*: it may end, and it may still be given an effect that is seen.
//! - Operations that nobody knows the end of are counted by action, not told apart.
//! - Of two open operations with the same action, the one that ends first takes effect first.
//! - A configuration that another one can imitate in all that may follow is dropped.
//! - A crashed operation that overwrites is spared where a conditional one, such as a compare-and-set, does the same.
//! - Where the model says which part of the state an action touches, an operation waits for no other part.

use super::antichain::Antichain;
use super::crashes::CrashCounts;
use super::memo::Memo;
use super::{Budget, Model};

/// How many operations of one history (of one key) may be open at the same time, those that crashed not counted.
pub(super) const MAX_OPEN: usize = u128::BITS as usize;

/// How many configurations are followed in a hurry, and how many are tried for the end of one operation.
const HURRIED_CONFIGURATIONS: usize = 128;
const HURRIED_WORK: usize = 1024;

/// From how many known states on those are forgotten that are no longer possible. States of a log or a queue are
/// large, and new ones come with every operation.
const FORGET_FROM_STATES: usize = 4096;

/// What the system may look like: a state, and what the open operations did to reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Configuration {
    /// The state, as interned by the [`Memo`].
    pub(super) state: u32,
    /// How many crashed operations of each action took effect, as interned in [`CrashCounts`].
    pub(super) crashed: u32,
    /// The open operations that may end: they took effect, or may have taken it unseen. One bit a slot.
    pub(super) settled: u128,
    /// The open operations whose effect is used up. One bit a slot.
    pub(super) spent: u128,
}

/// Why a history could not be followed further.
#[derive(Clone, Debug)]
pub(super) enum Stop {
    /// No order of effects lets the operation end here.
    Violation,
    /// The search was given up; the sentence says at which limit.
    GaveUp(String),
}

/// An operation that is open.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// The event at which it ends; events are numbered in the order of the history.
    end: u64,
    action: u32,
    slot: u32,
}

/// Follows one history, event by event.
#[derive(Debug)]
pub(super) struct Frontier<M: Model> {
    memo: Memo<M>,
    budget: Budget,
    steps: u64,
    /// Whether only the most promising configurations are followed, since all are too many. Then the history may
    /// still be found linearizable, but no longer the contrary.
    hurried: bool,
    /// When more states than this are known, some can be forgotten.
    forget_from: usize,
    /// The open operations, the one that ends first in front.
    open: Vec<Open>,
    free_slots: u128,
    crashes: CrashCounts,
    configurations: Vec<Configuration>,
    /// Scratch space of [`Frontier::end`], kept to spare allocations.
    seen: Antichain,
    next: Antichain,
    work: Vec<Configuration>,
    /// The states that a conditional action leads to from the configuration at hand.
    reached: Vec<u32>,
    /// Masks of slots, valid during one event.
    masks: Masks,
}

/// What the open operations are, as masks of slots.
#[derive(Debug, Default)]
struct Masks {
    overwriting: u128,
    /// Per open operation, in the order of [`Frontier::open`]: those of the same action that end earlier.
    same_before: Vec<u128>,
    /// Per state: the reading operations that it permits, and the event for which that was worked out.
    permitted: Vec<(u64, u128)>,
    event: u64,
}

impl<M: Model> Frontier<M> {
    pub(super) fn new(model: M, budget: Budget) -> Self {
        let memo = Memo::new(model);
        let initial = Configuration { state: memo.initial(), crashed: 0, settled: 0, spent: 0 };
        Self {
            memo,
            budget,
            steps: 0,
            hurried: false,
            forget_from: FORGET_FROM_STATES,
            open: Vec::new(),
            free_slots: u128::MAX,
            crashes: CrashCounts::new(),
            configurations: vec![initial],
            seen: Antichain::default(),
            next: Antichain::default(),
            work: Vec::new(),
            reached: Vec::new(),
            masks: Masks::default(),
        }
    }

    pub(super) fn memo(&self) -> &Memo<M> {
        &self.memo
    }

    pub(super) fn memo_mut(&mut self) -> &mut Memo<M> {
        &mut self.memo
    }

    pub(super) fn configurations(&self) -> &[Configuration] {
        &self.configurations
    }

    /// The action of the operation that ends next.
    pub(super) fn ending(&self) -> Option<u32> {
        self.open.first().map(|open| open.action)
    }

    /// The actions of the other open operations that have not taken effect in this configuration, first to end
    /// first.
    pub(super) fn pending(&self, configuration: &Configuration) -> impl Iterator<Item = u32> {
        let settled = configuration.settled;
        self.open.iter().skip(1).filter(move |open| settled & bit(open.slot) == 0).map(|open| open.action)
    }

    /// An operation begins that will end at this event.
    pub(super) fn begin(&mut self, action: u32, end: u64) -> Result<(), Stop> {
        if self.free_slots == 0 {
            return Err(Stop::GaveUp(format!("more than {MAX_OPEN} operations were open at the same time")));
        }
        let slot = self.free_slots.trailing_zeros();
        self.free_slots &= !bit(slot);
        let place = self.open.partition_point(|other| other.end < end);
        self.open.insert(place, Open { end, action, slot });
        if self.memo.is_pure(action) {
            for configuration in &mut self.configurations {
                if self.memo.step(configuration.state, action).is_some() {
                    configuration.settled |= bit(slot);
                }
            }
        }
        self.masks.event += 1;
        Ok(())
    }

    /// An operation begins of which nobody knows whether and when it takes effect.
    pub(super) fn crash(&mut self, action: u32) {
        // Nobody learned what a crashed read saw, and it changes nothing.
        if !self.memo.is_pure(action) {
            self.crashes.add(action);
        }
    }

    /// The operation that ends first ends now. On an error the frontier is as it was before.
    pub(super) fn end(&mut self) -> Result<(), Stop> {
        let ending = self.open[0];
        if self.hurried && self.configurations.len() > HURRIED_CONFIGURATIONS {
            let crashes = &self.crashes;
            self.configurations.sort_by_key(|configuration| crashes.total(configuration.crashed));
            self.configurations.truncate(HURRIED_CONFIGURATIONS);
        }
        self.next.clear();
        self.work.clear();
        let may_have_effect = !self.memo.is_pure(ending.action);
        for &configuration in &self.configurations {
            let settled = configuration.settled & bit(ending.slot) != 0;
            if settled {
                self.next.insert(closed(configuration, ending.slot), &self.crashes);
            }
            // A settled operation may end unseen, and this is the last moment at which its effect may be seen.
            if !settled || (may_have_effect && configuration.spent & bit(ending.slot) == 0) {
                self.work.push(configuration);
            }
        }
        if !self.work.is_empty() {
            self.explore(ending)?;
        }
        if self.next.is_empty() {
            return Err(self.stuck());
        }
        self.next.drain_into(&mut self.configurations);
        self.open.remove(0);
        self.free_slots |= bit(ending.slot);
        self.masks.event += 1;
        if self.memo.states() > self.forget_from {
            self.forget_states();
        }
        Ok(())
    }

    /// Forgets the states that are no longer possible, and what was worked out for them.
    fn forget_states(&mut self) {
        self.memo.keep_only(self.configurations.iter_mut().map(|configuration| &mut configuration.state));
        self.seen = Antichain::default();
        self.next = Antichain::default();
        self.masks.permitted.clear();
        self.forget_from = FORGET_FROM_STATES.max(4 * self.memo.states());
    }

    /// Gives effects to open operations, in every order that may matter, until the ending one has its own.
    ///
    /// Where the ending operation is settled by another's effect, that other one may as well come after its end.
    fn explore(&mut self, ending: Open) -> Result<(), Stop> {
        self.prepare_masks();
        let concerned = self.concerned(ending.action);
        self.seen.clear();
        for &configuration in &self.work {
            self.seen.insert(configuration, &self.crashes);
        }
        let mut done = 0;
        while done < self.work.len() {
            if self.hurried && self.next.len() >= HURRIED_WORK {
                break;
            }
            let from = self.work[done];
            done += 1;
            self.charge()?;
            self.take_effect_and_close(from, ending);
            self.reached.clear();
            for place in 0..self.open.len() {
                let open = self.open[place];
                let earlier_twin = self.masks.same_before[place] & !from.spent;
                if from.spent & bit(open.slot) == 0
                    && earlier_twin == 0
                    && open.slot != ending.slot
                    && !self.memo.is_pure(open.action)
                    && concerned.includes(self.memo.part(open.action))
                {
                    self.try_effect(from, open.action, bit(open.slot), ending);
                }
            }
            self.try_crashed(from, ending, concerned, false);
            self.try_crashed(from, ending, concerned, true);
        }
        Ok(())
    }

    /// Lets crashed operations take effect: those that overwrite, or the others.
    fn try_crashed(&mut self, from: Configuration, ending: Open, concerned: Concerned, overwriting: bool) {
        for kind in 0..self.crashes.kinds() {
            let action = self.crashes.action(kind);
            if self.memo.overwrites(action) != overwriting
                || !self.crashes.unused(from.crashed, kind)
                || !concerned.includes(self.memo.part(action))
                || self.has_unspent_twin(from, action)
            {
                continue;
            }
            // What overwrites can do all that a conditional action to the same state can, now and later: keep it.
            let spare = overwriting
                && self.memo.step(from.state, action).is_none_or(|after| self.reached.contains(&after));
            if !spare {
                let crashed = self.crashes.use_one(from.crashed, kind);
                self.try_effect(Configuration { crashed, ..from }, action, 0, ending);
            }
        }
    }

    fn charge(&mut self) -> Result<(), Stop> {
        self.steps += 1 + self.seen.take_comparisons() + self.next.take_comparisons();
        let crowd = self.work.len().max(self.memo.states().saturating_sub(self.forget_from));
        self.hurried |= self.steps > self.budget.steps / 2 || crowd > self.budget.configurations;
        if self.steps > self.budget.steps {
            return Err(Stop::GaveUp(format!("the search took more than {} steps", self.budget.steps)));
        }
        Ok(())
    }

    fn stuck(&self) -> Stop {
        if self.hurried {
            let reason = "too much was possible to follow all of it, and what was followed came to an end";
            Stop::GaveUp(reason.to_owned())
        } else {
            Stop::Violation
        }
    }

    /// Lets the ending operation take effect, if it can, and end.
    fn take_effect_and_close(&mut self, from: Configuration, ending: Open) {
        if let Some(after) = self.effect(from, ending.action, bit(ending.slot)) {
            self.next.insert(closed(after, ending.slot), &self.crashes);
        }
    }

    /// Lets another operation take effect before the ending one.
    fn try_effect(&mut self, from: Configuration, action: u32, slot: u128, ending: Open) {
        let Some(after) = self.effect(from, action, slot) else { return };
        if !self.memo.overwrites(action) {
            self.reached.push(after.state);
        }
        if self.memo.is_pure(ending.action) && after.settled & bit(ending.slot) != 0 {
            self.next.insert(closed(after, ending.slot), &self.crashes);
        } else if (!self.hurried || self.work.len() < HURRIED_WORK) && self.seen.insert(after, &self.crashes)
        {
            self.work.push(after);
        }
    }

    fn effect(&mut self, from: Configuration, action: u32, slot: u128) -> Option<Configuration> {
        let state = self.memo.step(from.state, action)?;
        let mut settled = from.settled | slot;
        if self.memo.overwrites(action) {
            settled |= self.masks.overwriting;
        }
        settled |= self.permitted(state);
        Some(Configuration { state, settled, spent: from.spent | slot, crashed: from.crashed })
    }

    /// The open reading operations that this state permits.
    fn permitted(&mut self, state: u32) -> u128 {
        let index = state as usize;
        if self.masks.permitted.len() <= index {
            self.masks.permitted.resize(index + 1, (0, 0));
        }
        let (event, mask) = self.masks.permitted[index];
        if event == self.masks.event {
            return mask;
        }
        let mut mask = 0;
        for open in &self.open {
            if self.memo.is_pure(open.action) && self.memo.step(state, open.action).is_some() {
                mask |= bit(open.slot);
            }
        }
        self.masks.permitted[index] = (self.masks.event, mask);
        mask
    }

    fn has_unspent_twin(&self, from: Configuration, action: u32) -> bool {
        self.open.iter().any(|open| open.action == action && from.spent & bit(open.slot) == 0)
    }

    fn prepare_masks(&mut self) {
        self.masks.overwriting = 0;
        self.masks.same_before.clear();
        for (place, open) in self.open.iter().enumerate() {
            if self.memo.overwrites(open.action) {
                self.masks.overwriting |= bit(open.slot);
            }
            let earlier = self.open[..place].iter().filter(|other| other.action == open.action);
            self.masks.same_before.push(earlier.fold(0, |mask, other| mask | bit(other.slot)));
        }
    }

    /// Which parts of the state matter to the end of an operation with this action.
    fn concerned(&self, action: u32) -> Concerned {
        let touches_all = |action| self.memo.part(action).is_none();
        let everything = touches_all(action)
            // An operation that only reads counts too: it may have to stand between two parts' effects.
            || self.open.iter().any(|open| touches_all(open.action))
            || (0..self.crashes.kinds()).any(|kind| touches_all(self.crashes.action(kind)));
        match self.memo.part(action) {
            Some(part) if !everything => Concerned::Part(part),
            _ => Concerned::Everything,
        }
    }
}

#[derive(Clone, Copy)]
enum Concerned {
    Everything,
    Part(u64),
}

impl Concerned {
    fn includes(self, part: Option<u64>) -> bool {
        match self {
            Self::Everything => true,
            Self::Part(concerned) => part == Some(concerned),
        }
    }
}

fn bit(slot: u32) -> u128 {
    1 << slot
}

/// The configuration after the operation in this slot has ended.
fn closed(configuration: Configuration, slot: u32) -> Configuration {
    Configuration {
        settled: configuration.settled & !bit(slot),
        spent: configuration.spent & !bit(slot),
        ..configuration
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::RegisterAction;
    use crate::linear::models::Register;
    use crate::{Mode, Value};

    #[test]
    fn states_that_are_no_longer_possible_are_forgotten() {
        let mut frontier = Frontier::new(Register::new(Value::Nil, Mode::Strict), Budget::default());
        for number in 0..20_000_u64 {
            for action in [RegisterAction::Write(number.into()), RegisterAction::Read(number.into())] {
                let action = frontier.memo_mut().intern_action(action);
                frontier.begin(action, number).unwrap();
                frontier.end().unwrap();
            }
        }
        assert!(frontier.memo().states() <= FORGET_FROM_STATES + 1);
        assert_eq!(frontier.memo().state(frontier.configurations()[0].state), &Value::from(19_999));
    }
}
