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
//! - Operations that nobody knows the end of are counted by action, not told apart, and not even counted where that
//!   leaves too many possibilities ([`Crashes`]).
//! - Of two open operations with the same action, the one that ends first takes effect first.
//! - A configuration that another one can imitate in all that may follow is dropped. So is one in which an operation
//!   that is open, or begins soon, never can read what it saw, if the model knows that.
//! - A crashed operation that overwrites is spared where a conditional one, such as a compare-and-set, does the same.
//! - Where the model says which part of the state an action touches, an operation waits for no other part.

mod explore;

use rustc_hash::FxHashMap;

use self::explore::Masks;
use super::Model;
use super::antichain::Antichain;
use super::crashes::{Accounts, Crashes, Used};
use super::memo::Memo;
use super::slots::Slots;
use super::trail::{Effect, Entry, Trail};
use crate::Interrupt;

/// How many times as many configurations are tried in a hurry, for the end of one operation, as are followed.
const HURRIED_WORK: usize = 8;

/// From how many known states on those are forgotten that are no longer possible. States of a log or a queue are
/// large, and new ones come with every operation.
const FORGET_FROM_STATES: usize = 4096;

/// What the system may look like: a state, and what the open operations did to reach it.
#[derive(Clone, Debug)]
pub(super) struct Configuration<S> {
    /// The state, as interned by the [`Memo`].
    pub(super) state: u32,
    /// Where the order that leads here ends.
    pub(super) trail: u32,
    /// The crashed operations that took effect.
    pub(super) used: Used,
    /// The open operations that may end: they took effect, or may have taken it unseen.
    pub(super) settled: S,
    /// The open operations whose effect is used up.
    pub(super) spent: S,
}

/// Why a history could not be followed further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// No order of effects lets the operation end here.
    Violation,
    /// As many operations are open as there are slots.
    Full,
    /// The limit of steps was reached.
    Spent,
    /// Only some configurations were followed, and these came to an end.
    Lost,
    /// Whoever waits for the verdict waits no longer.
    Interrupted,
}

/// How far one pass may go.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// When so many steps were taken, only the most promising configurations are followed.
    pub(super) hurry_after: u64,
    /// When so many were taken, the search ends.
    pub(super) steps: u64,
    /// When so many configurations are tried for the end of one operation, it hurries as well.
    pub(super) configurations: usize,
    /// How many configurations are followed in a hurry.
    pub(super) hurried: usize,
    pub(super) interrupt: Interrupt,
}

/// An operation that is open.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// The event at which it ends; events are numbered in the order of the history.
    end: u64,
    /// The operation's number.
    operation: u32,
    action: u32,
    slot: u32,
}

/// Follows one history, event by event.
#[derive(Debug)]
pub(super) struct Frontier<M: Model, S> {
    memo: Memo<M>,
    limits: Limits,
    steps: u64,
    /// Whether only the most promising configurations are followed, since all are too many. Then the history may
    /// still be found linearizable, but no longer the contrary.
    hurried: bool,
    /// When more states than this are known, some can be forgotten.
    forget_from: usize,
    /// The open operations, the one that ends first in front.
    open: Vec<Open>,
    taken_slots: S,
    crashes: Crashes,
    configurations: Vec<Configuration<S>>,
    /// The actions of reading operations that will begin soon.
    foreseen: Vec<u32>,
    /// How often each action was overdrawn in the configurations at hand when the last honest one was lost.
    overdrawn: Option<FxHashMap<u32, usize>>,
    trail: Option<Trail>,
    /// Scratch space of [`Frontier::end`], kept to spare allocations.
    seen: Antichain<S>,
    next: Antichain<S>,
    work: Vec<Configuration<S>>,
    /// The states that a conditional action leads to from the configuration at hand.
    reached: Vec<u32>,
    masks: Masks<S>,
}

impl<M: Model, S: Slots> Frontier<M, S> {
    /// The beginning of a history.
    pub(super) fn new(mut memo: Memo<M>, limits: Limits, accounts: Accounts, trail: Option<Trail>) -> Self {
        let initial = Configuration {
            state: memo.initial(),
            trail: Trail::BEGINNING,
            used: Used::default(),
            settled: S::default(),
            spent: S::default(),
        };
        Self {
            memo,
            limits,
            steps: 0,
            hurried: false,
            forget_from: FORGET_FROM_STATES,
            open: Vec::new(),
            taken_slots: S::default(),
            crashes: Crashes::new(accounts),
            configurations: vec![initial],
            foreseen: Vec::new(),
            overdrawn: None,
            trail,
            seen: Antichain::new(),
            next: Antichain::new(),
            work: Vec::new(),
            reached: Vec::new(),
            masks: Masks::default(),
        }
    }

    /// The same with slots of another kind. What is left here is empty, and of no use any more.
    pub(super) fn take_with_slots<T: Slots + From<S>>(&mut self) -> Frontier<M, T> {
        let convert = |configuration: Configuration<S>| Configuration {
            state: configuration.state,
            trail: configuration.trail,
            used: configuration.used,
            settled: T::from(configuration.settled),
            spent: T::from(configuration.spent),
        };
        let model = self.memo.model().clone();
        Frontier {
            memo: std::mem::replace(&mut self.memo, Memo::new(model)),
            limits: self.limits.clone(),
            steps: self.steps,
            hurried: self.hurried,
            forget_from: self.forget_from,
            open: std::mem::take(&mut self.open),
            taken_slots: T::from(std::mem::take(&mut self.taken_slots)),
            crashes: std::mem::replace(&mut self.crashes, Crashes::new(Accounts::All)),
            configurations: std::mem::take(&mut self.configurations).into_iter().map(convert).collect(),
            foreseen: std::mem::take(&mut self.foreseen),
            overdrawn: self.overdrawn.take(),
            trail: self.trail.take(),
            seen: Antichain::new(),
            next: Antichain::new(),
            work: Vec::new(),
            reached: Vec::new(),
            masks: Masks::default(),
        }
    }

    /// Goes on with these limits.
    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    pub(super) fn memo(&self) -> &Memo<M> {
        &self.memo
    }

    pub(super) fn memo_mut(&mut self) -> &mut Memo<M> {
        &mut self.memo
    }

    pub(super) fn into_memo(self) -> Memo<M> {
        self.memo
    }

    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    pub(super) fn trail(&self) -> Option<&Trail> {
        self.trail.as_ref()
    }

    /// Whether some configuration used no more crashed operations than there were.
    pub(super) fn is_honest(&self) -> bool {
        self.overdrawn.is_none()
    }

    /// The actions of which too few operations crashed for any order that is left, the most frequent first.
    pub(super) fn overdrawn(&self) -> Vec<u32> {
        let mut actions: Vec<(u32, usize)> =
            self.overdrawn.iter().flatten().map(|(&action, &count)| (action, count)).collect();
        actions.sort_unstable_by_key(|&(action, count)| (std::cmp::Reverse(count), action));
        actions.into_iter().map(|(action, _)| action).collect()
    }

    pub(super) fn configurations(&self) -> &[Configuration<S>] {
        &self.configurations
    }

    /// The operation that ends next.
    pub(super) fn ending(&self) -> Option<u32> {
        self.open.first().map(|open| open.operation)
    }

    /// The actions of the other open operations that have not taken effect in this configuration, first to end
    /// first.
    pub(super) fn pending(&self, configuration: &Configuration<S>) -> impl Iterator<Item = u32> {
        let is_pending = |open: &&Open| !configuration.settled.contains(open.slot);
        self.open.iter().skip(1).filter(is_pending).map(|open| open.action)
    }

    /// An operation begins that will end at this event. On an error nothing has changed.
    pub(super) fn begin(&mut self, operation: u32, action: u32, end: u64) -> Result<(), Stop> {
        if self.open.len() == S::CAPACITY {
            return Err(Stop::Full);
        }
        let slot = self.taken_slots.first_absent();
        self.taken_slots.insert(slot);
        let place = self.open.partition_point(|other| other.end < end);
        self.open.insert(place, Open { end, operation, action, slot });
        if self.memo.is_pure(action) {
            let is_ruled_out =
                |configuration: &Configuration<S>| self.memo.rules_out(configuration.state, action);
            if !self.configurations.iter().all(is_ruled_out) {
                self.configurations.retain(|configuration| !self.memo.rules_out(configuration.state, action));
            }
            for configuration in &mut self.configurations {
                let state = configuration.state;
                if self.memo.step(state, action).is_some() {
                    configuration.settled.insert(slot);
                    if let Some(trail) = &mut self.trail {
                        let entry = Entry { operation, action, state, effect: Effect::Last };
                        configuration.trail = trail.push(configuration.trail, entry);
                    }
                }
            }
        }
        self.masks.next_event();
        Ok(())
    }

    /// An operation begins of which nobody knows whether and when it takes effect.
    pub(super) fn crash(&mut self, operation: u32, action: u32) {
        // Nobody learned what a crashed read saw, and it changes nothing.
        if !self.memo.is_pure(action) {
            self.crashes.add(action, operation);
        }
    }

    /// Operations with these actions, which read, will begin next. It matters to a model that looks ahead.
    pub(super) fn foresee(&mut self, actions: impl Iterator<Item = u32>) {
        self.foreseen.clear();
        self.foreseen.extend(actions);
    }

    /// The operation that ends first ends now. On an error the frontier is as it was before.
    pub(super) fn end(&mut self) -> Result<(), Stop> {
        let ending = self.open[0];
        if self.hurried && self.configurations.len() > self.limits.hurried {
            let crashes = &self.crashes;
            self.configurations.sort_by_key(|configuration| {
                (configuration.used.overdrawn().is_some(), crashes.total(configuration.used))
            });
            self.configurations.truncate(self.limits.hurried);
        }
        self.next.clear();
        self.work.clear();
        let may_have_effect = !self.memo.is_pure(ending.action);
        let configurations = std::mem::take(&mut self.configurations);
        for configuration in &configurations {
            let is_settled = configuration.settled.contains(ending.slot);
            let is_unseen = may_have_effect && !configuration.spent.contains(ending.slot);
            if is_settled {
                let mut closed = configuration.clone();
                if is_unseen {
                    self.leave_unseen(&mut closed, &ending);
                }
                self.close(closed, ending.slot);
            }
            // A settled operation may end unseen, and this is the last moment at which its effect may be seen.
            if !is_settled || is_unseen {
                self.work.push(configuration.clone());
            }
        }
        self.configurations = configurations;
        if !self.work.is_empty() {
            self.explore(ending)?;
        }
        if self.next.is_empty() {
            return Err(if self.hurried { Stop::Lost } else { Stop::Violation });
        }
        self.next.drain_into(&mut self.configurations);
        self.open.remove(0);
        self.taken_slots.remove(ending.slot);
        self.masks.next_event();
        self.look_for_honesty();
        self.forget();
        Ok(())
    }

    /// Lets the operation in this slot end.
    fn close(&mut self, mut configuration: Configuration<S>, slot: u32) {
        configuration.settled.remove(slot);
        configuration.spent.remove(slot);
        self.next.insert(configuration, &self.crashes);
    }

    /// Puts an operation that overwrites, and whose effect nobody saw, into the order that leads here.
    fn leave_unseen(&mut self, configuration: &mut Configuration<S>, open: &Open) {
        if let Some(trail) = &mut self.trail {
            let Open { operation, action, .. } = *open;
            // It leaves the same whatever was there before.
            let state = self.memo.step(configuration.state, action).unwrap_or(configuration.state);
            let entry = Entry { operation, action, state, effect: Effect::Unseen };
            configuration.trail = trail.push(configuration.trail, entry);
        }
    }

    /// Notes what was overdrawn when no configuration is honest any more.
    fn look_for_honesty(&mut self) {
        if self.overdrawn.is_none() {
            let mut overdrawn = FxHashMap::default();
            for configuration in &self.configurations {
                let Some(action) = configuration.used.overdrawn() else { return };
                *overdrawn.entry(action).or_insert(0) += 1;
            }
            self.overdrawn = Some(overdrawn);
        }
    }

    /// Forgets what is no longer possible, and what was worked out for it, when that is much.
    fn forget(&mut self) {
        self.crashes
            .forget_all_but(self.configurations.iter_mut().map(|configuration| &mut configuration.used));
        let forgets_states = self.memo.states() > self.forget_from;
        if let Some(trail) = &mut self.trail
            && (forgets_states || trail.is_long())
        {
            trail
                .forget_all_but(self.configurations.iter_mut().map(|configuration| &mut configuration.trail));
        }
        if forgets_states {
            let states = self.configurations.iter_mut().map(|configuration| &mut configuration.state);
            let on_trail = self.trail.iter_mut().flat_map(Trail::states_mut);
            self.memo.keep_only(states.chain(on_trail));
            self.seen = Antichain::new();
            self.next = Antichain::new();
            self.masks.forget_states();
            self.forget_from = FORGET_FROM_STATES.max(4 * self.memo.states());
        }
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
        let limits = Limits {
            hurry_after: u64::MAX,
            steps: u64::MAX,
            configurations: usize::MAX,
            hurried: 1,
            interrupt: Interrupt::default(),
        };
        let memo = Memo::new(Register::new(Value::Nil, Mode::Strict));
        let mut frontier = Frontier::<_, u128>::new(memo, limits, Accounts::All, Some(Trail::new()));
        for number in 0..20_000_u32 {
            for action in [RegisterAction::Write(number.into()), RegisterAction::Read(number.into())] {
                let action = frontier.memo_mut().intern_action(action);
                frontier.begin(number, action, number.into()).unwrap();
                frontier.end().unwrap();
            }
        }
        assert!(frontier.memo().states() <= FORGET_FROM_STATES + 1);
        let configuration = &frontier.configurations()[0];
        assert_eq!(frontier.memo().state(configuration.state), &Value::from(19_999));
        let (order, before) = frontier.trail().unwrap().last(configuration.trail, 3);
        assert_eq!((order.len(), before), (3, 39_997));
        assert_eq!(frontier.memo().state(order[0].state), &Value::from(19_998));
    }
}
