//! The frontier of configurations: what the object may look like at one point of the history.
//!
//! The frontier holds every [`Configuration`] that some order of effects can reach. An operation is given its effect as
//! late as possible: only when one ends that has none yet (just-in-time linearization; Gavin Lowe, *Testing for
//! linearizability*, 2017). When an operation can end in no configuration, the history is not linearizable.
//!
//! # What keeps it small, and why nothing is lost
//!
//! Each rule drops an order only if another order remains that ends in a configuration which
//! [dominates](Configuration::dominates) that of the first. `tests/linear_pruning.rs` tries all rules on random automata, and some by themselves.
//!
//! 1. **Reads at once.** An action that never changes the state takes effect as soon as it is possible. Moving it
//!    forward to that moment leaves every state as it was.
//! 2. **Unseen overwrites.** When an action overwrites, all open actions that overwrite are *settled*: each may have
//!    come just before, since it is possible in every state, and then nothing is left of it. It is not *spent*: it may
//!    take an effect that is seen as long as it is open.
//! 3. **Equal actions in order of their ends.** Of two open operations with the same action, the one that ends first
//!    takes effect first. Exchanging the two changes no state, and each still has its effect while it is open.
//! 4. **Open before crashed.** A crashed operation is not used while an open one with the same action is unspent.
//!    The same exchange; the crashed one remains for later, and may even be left out.
//! 5. **Dominated configurations** are dropped.
//! 6. **Crashed overwrites are spared** if an action that [sets](crate::linear::Effect::Sets) the state leads from the
//!    same configuration to the same state. Whatever the order without the rule does with that action later leads
//!    to this state again, and the overwrite, which remains, can do it in its place. This is not true of an
//!    action that merely happens to lead here: an append can lead elsewhere later, which no overwrite does.
//! 7. **Other components wait.** If every open and crashed action concerns one component of the state, only those of the
//!    ending operation's component take effect before its end. The others commute with it and can follow.
//! 8. **Reads end at once.** When another's effect makes it possible that a read ends, nothing more happens before its
//!    end: all that could happen there can happen after it.
//!
//! Crashed operations are counted by action, since only their number matters, and only as exactly as it is worth
//! ([`Crashes`]).

mod explore;

use rustc_hash::FxHashMap;

use self::explore::Masks;
use super::Model;
use super::antichain::Antichain;
use super::configuration::{Configuration, Open};
use super::crashes::{Counting, Crashes, Used};
use super::memo::Memo;
use super::slots::Slots;
use super::trail::{Entry, Placement, Trail};
use crate::Interrupt;

/// How many times as many configurations are tried for the end of one operation as a beam has.
const BEAM_WORK: usize = 8;

/// From how many known states on those are forgotten that are no longer possible. States of a log or a queue are
/// large, and new ones come with every operation.
const FORGET_FROM_STATES: usize = 4096;

/// Why a history could not be followed further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// No order of effects lets the operation end here.
    Violation,
    /// As many operations are open as there are slots.
    Full,
    /// The limit of steps was reached.
    Steps,
    /// The limit of memory was reached.
    Memory,
    /// Only some configurations were followed, and these came to an end.
    Lost,
    /// Whoever waits for the verdict waits no longer.
    Interrupted,
}

/// How far one pass may go.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// When so many steps were taken, a beam is followed: only the most promising configurations.
    pub(super) beam_after: u64,
    /// When so many configurations are tried for the end of one operation, a beam is followed as well.
    pub(super) beam_from: usize,
    /// How many configurations a beam has.
    pub(super) beam_width: usize,
    /// When so many steps were taken, the pass ends.
    pub(super) steps: u64,
    /// When half of this is needed, a beam is followed; when all of it is, the pass ends.
    pub(super) memory_bytes: usize,
    pub(super) interrupt: Interrupt,
}

/// Follows one history, event by event.
#[derive(Debug)]
pub(super) struct Frontier<M: Model, S> {
    memo: Memo<M>,
    limits: Limits,
    steps: u64,
    /// Whether a beam is followed.
    is_beam: bool,
    /// Whether the beam left configurations out. The history may still be found linearizable, but not the contrary.
    is_truncated: bool,
    /// When more states than this are known, or they take more memory, some can be forgotten.
    forget_from_states: usize,
    forget_from_bytes: usize,
    /// The open operations, the one that ends first in front.
    open: Vec<Open>,
    taken_slots: S,
    crashes: Crashes,
    configurations: Vec<Configuration<S>>,
    /// How often each action's relaxed count was exceeded, in the configurations at hand when the last one without
    /// any was lost.
    exceeded: Option<FxHashMap<u32, usize>>,
    trail: Option<Trail>,
    /// Scratch space of [`Frontier::end`], kept to spare allocations.
    seen: Antichain<S>,
    next: Antichain<S>,
    work: Vec<Configuration<S>>,
    /// The states to which actions that set the state lead from the configuration at hand.
    reached: Vec<u32>,
    masks: Masks<S>,
}

impl<M: Model, S: Slots> Frontier<M, S> {
    /// The beginning of a history.
    pub(super) fn new(mut memo: Memo<M>, limits: Limits, counting: Counting, trail: Option<Trail>) -> Self {
        let initial = Configuration {
            state: memo.initial(),
            trail: Trail::BEGINNING,
            used: Used::default(),
            settled: S::default(),
            spent: S::default(),
        };
        let forget_from_bytes = limits.memory_bytes / 8;
        Self {
            memo,
            limits,
            steps: 0,
            is_beam: false,
            is_truncated: false,
            forget_from_states: FORGET_FROM_STATES,
            forget_from_bytes,
            open: Vec::new(),
            taken_slots: S::default(),
            crashes: Crashes::new(counting),
            configurations: vec![initial],
            exceeded: None,
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
            is_beam: self.is_beam,
            is_truncated: self.is_truncated,
            forget_from_states: self.forget_from_states,
            forget_from_bytes: self.forget_from_bytes,
            open: std::mem::take(&mut self.open),
            taken_slots: T::from(std::mem::take(&mut self.taken_slots)),
            crashes: std::mem::replace(&mut self.crashes, Crashes::new(Counting::Exact)),
            configurations: std::mem::take(&mut self.configurations).into_iter().map(convert).collect(),
            exceeded: self.exceeded.take(),
            trail: self.trail.take(),
            seen: Antichain::new(),
            next: Antichain::new(),
            work: Vec::new(),
            reached: Vec::new(),
            masks: Masks::default(),
        }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
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
    pub(super) fn is_within_counts(&self) -> bool {
        self.exceeded.is_none()
    }

    /// The actions whose relaxed counts are exceeded in every order that is left, the most frequent first.
    pub(super) fn exceeded(&self) -> Vec<u32> {
        let mut actions: Vec<(u32, usize)> =
            self.exceeded.iter().flatten().map(|(&action, &count)| (action, count)).collect();
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
        if self.memo.reads(action) {
            for configuration in &mut self.configurations {
                let state = configuration.state;
                if self.memo.step(state, action).is_some() {
                    configuration.settled.insert(slot);
                    if let Some(trail) = &mut self.trail {
                        let entry = Entry { operation, action, state, placement: Placement::Last };
                        configuration.trail = trail.push(configuration.trail, entry);
                    }
                }
            }
        }
        self.masks.next_event();
        Ok(())
    }

    /// An operation begins that may take effect at any later time, or never.
    pub(super) fn crash(&mut self, operation: u32, action: u32) {
        // A crashed read changes nothing, and what it saw is not known.
        if !self.memo.reads(action) {
            self.crashes.add(action, operation);
        }
    }

    /// The operation that ends first ends now. On an error the frontier is as it was before.
    pub(super) fn end(&mut self) -> Result<(), Stop> {
        let ending = self.open[0];
        if self.is_beam && self.configurations.len() > self.limits.beam_width {
            self.is_truncated = true;
            let crashes = &self.crashes;
            self.configurations.sort_by_key(|configuration| {
                (configuration.used.exceeded().is_some(), crashes.total(configuration.used))
            });
            self.configurations.truncate(self.limits.beam_width);
        }
        self.next.clear();
        self.work.clear();
        let may_have_effect = !self.memo.reads(ending.action);
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
            return Err(if self.is_truncated { Stop::Lost } else { Stop::Violation });
        }
        self.next.drain_into(&mut self.configurations);
        self.open.remove(0);
        self.taken_slots.remove(ending.slot);
        self.masks.next_event();
        self.note_exceeded();
        self.forget();
        Ok(())
    }

    /// Lets the operation in this slot end.
    fn close(&mut self, mut configuration: Configuration<S>, slot: u32) {
        configuration.settled.remove(slot);
        configuration.spent.remove(slot);
        self.next.insert(configuration, &self.crashes);
    }

    /// Puts an operation that overwrites, and whose effect was not seen, into the order that leads here.
    fn leave_unseen(&mut self, configuration: &mut Configuration<S>, open: &Open) {
        if let Some(trail) = &mut self.trail {
            let Open { operation, action, .. } = *open;
            // It leaves the same whatever was there before.
            let state = self.memo.step(configuration.state, action).unwrap_or(configuration.state);
            let entry = Entry { operation, action, state, placement: Placement::Unseen };
            configuration.trail = trail.push(configuration.trail, entry);
        }
    }

    /// Notes what was exceeded when no configuration is within the counts any more.
    fn note_exceeded(&mut self) {
        if self.exceeded.is_none() {
            let mut exceeded = FxHashMap::default();
            for configuration in &self.configurations {
                let Some(action) = configuration.used.exceeded() else { return };
                *exceeded.entry(action).or_insert(0) += 1;
            }
            self.exceeded = Some(exceeded);
        }
    }

    /// Forgets what is no longer possible, and what was worked out for it, when that is much.
    fn forget(&mut self) {
        self.crashes
            .forget_all_but(self.configurations.iter_mut().map(|configuration| &mut configuration.used));
        let forgets_states =
            self.memo.states() > self.forget_from_states || self.memo.bytes() > self.forget_from_bytes;
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
            self.forget_from_states = FORGET_FROM_STATES.max(4 * self.memo.states());
            self.forget_from_bytes = (self.limits.memory_bytes / 8).max(2 * self.memo.bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::models::{Register, RegisterAction};
    use crate::{Mode, Value};

    #[test]
    fn states_that_are_no_longer_possible_are_forgotten() {
        let limits = Limits {
            beam_after: u64::MAX,
            beam_from: usize::MAX,
            beam_width: 1,
            steps: u64::MAX,
            memory_bytes: usize::MAX,
            interrupt: Interrupt::default(),
        };
        let memo = Memo::new(Register::new(Value::Nil, Mode::Strict));
        let mut frontier = Frontier::<_, u128>::new(memo, limits, Counting::Exact, Some(Trail::new()));
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
