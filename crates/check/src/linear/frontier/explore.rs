//! The effects that may come before the end of one operation.

use super::{BEAM_WORK, Frontier, Stop};
use crate::linear::configuration::{Configuration, Open};
use crate::linear::slots::Slots;
use crate::linear::trail::{Entry, Placement};
use crate::linear::{Effect, Model};

use rustc_hash::FxHashMap;

/// What the open operations are, as sets of slots.
#[derive(Debug)]
pub(super) struct Masks<S> {
    /// Those that overwrite whatever was there.
    overwriting: S,
    /// Per open operation, in the order of their ends: those of the same action that end earlier.
    same_before: Vec<S>,
    /// Per state, the open operations that read and that it permits.
    permitted: Vec<Permitted<S>>,
    event: u64,
}

#[derive(Clone, Debug, Default)]
struct Permitted<S> {
    /// The event for which that was worked out.
    event: u64,
    slots: S,
}

impl<S: Slots> Default for Masks<S> {
    fn default() -> Self {
        Self { overwriting: S::default(), same_before: Vec::new(), permitted: Vec::new(), event: 1 }
    }
}

impl<S> Masks<S> {
    /// What is open changes, so that nothing that was worked out holds any more.
    pub(super) fn next_event(&mut self) {
        self.event += 1;
    }

    pub(super) fn forget_states(&mut self) {
        self.permitted.clear();
    }
}

impl<M: Model, S: Slots> Frontier<M, S> {
    /// Gives effects to open operations, in every order that may matter, until the ending one has its own.
    pub(super) fn explore(&mut self, ending: Open) -> Result<(), Stop> {
        self.prepare_masks();
        let concerned = self.concerned(ending.action);
        self.seen.clear();
        for configuration in &self.work {
            self.seen.insert(configuration.clone(), &self.crashes);
        }
        let mut done = 0;
        while done < self.work.len() {
            if self.is_beam && self.next.len() >= BEAM_WORK * self.limits.beam_width {
                self.is_truncated = true;
                break;
            }
            let from = self.work[done].clone();
            done += 1;
            self.charge()?;
            if let Some(after) = self.effect(&from, &ending) {
                self.close(after, ending.slot);
            }
            self.reached.clear();
            for place in 0..self.open.len() {
                let open = self.open[place];
                let is_next_of_its_action = from.spent.includes(&self.masks.same_before[place]);
                if !from.spent.contains(open.slot)
                    && is_next_of_its_action
                    && open.slot != ending.slot
                    && !self.memo.reads(open.action)
                    && concerned.includes(self.memo.component(open.action))
                    && let Some(after) = self.effect(&from, &open)
                {
                    self.note_reached(open.action, after.state);
                    self.go_on(after, &ending);
                }
            }
            self.try_crashed(&from, &ending, concerned, false);
            self.try_crashed(&from, &ending, concerned, true);
        }
        Ok(())
    }

    /// Lets crashed operations take effect: those that overwrite, or the others.
    fn try_crashed(
        &mut self,
        from: &Configuration<S>,
        ending: &Open,
        concerned: Concerned,
        overwriting: bool,
    ) {
        for kind in 0..self.crashes.kinds() {
            let action = self.crashes.action(kind);
            if self.memo.overwrites(action) != overwriting
                || !concerned.includes(self.memo.component(action))
                || self.has_unspent_twin(from, action)
            {
                continue;
            }
            let Some(state) = self.memo.step(from.state, action) else { continue };
            if overwriting && self.reached.contains(&state) {
                continue;
            }
            let operation = self.crashes.operation(from.used, kind).unwrap_or_default();
            if let Some(used) = self.crashes.use_one(from.used, kind) {
                let mut after = Configuration { used, ..from.clone() };
                self.take_effect(&mut after, state, operation, action);
                // What exceeds a count is no better than what it would spare.
                if used.exceeded().is_none() || from.used.exceeded().is_some() {
                    self.note_reached(action, state);
                }
                self.go_on(after, ending);
            }
        }
    }

    /// Notes that an action which sets the state leads to this one.
    fn note_reached(&mut self, action: u32, state: u32) {
        if self.memo.effect(action) == Effect::Sets {
            self.reached.push(state);
        }
    }

    /// Keeps what an effect led to: as an end if a read can end by it, or for more effects.
    fn go_on(&mut self, after: Configuration<S>, ending: &Open) {
        if self.memo.reads(ending.action) && after.settled.contains(ending.slot) {
            self.close(after, ending.slot);
        } else if self.is_beam && self.work.len() >= BEAM_WORK * self.limits.beam_width {
            self.is_truncated = true;
        } else if self.seen.insert(after.clone(), &self.crashes) {
            self.work.push(after);
        }
    }

    /// The configuration after an open operation has taken effect, if it can.
    fn effect(&mut self, from: &Configuration<S>, open: &Open) -> Option<Configuration<S>> {
        let state = self.memo.step(from.state, open.action)?;
        let mut after = from.clone();
        after.settled.insert(open.slot);
        after.spent.insert(open.slot);
        self.take_effect(&mut after, state, open.operation, open.action);
        Some(after)
    }

    fn take_effect(&mut self, after: &mut Configuration<S>, state: u32, operation: u32, action: u32) {
        let before = self.trail.is_some().then(|| after.settled.clone());
        after.state = state;
        let overwrites = self.memo.overwrites(action);
        if overwrites {
            after.settled.insert_all(&self.masks.overwriting);
        }
        self.prepare_permitted(state);
        let permitted = &self.masks.permitted[state as usize].slots;
        after.settled.insert_all(permitted);
        let Some((trail, before)) = self.trail.as_mut().zip(before) else { return };
        let placement = if overwrites { Placement::Overwriting } else { Placement::Last };
        after.trail = trail.push(after.trail, Entry { operation, action, state, placement });
        for open in &self.open {
            if permitted.contains(open.slot) && !before.contains(open.slot) {
                let Open { operation, action, .. } = *open;
                let entry = Entry { operation, action, state, placement: Placement::Last };
                after.trail = trail.push(after.trail, entry);
            }
        }
    }

    /// Works out which open operations that read are possible in this state.
    fn prepare_permitted(&mut self, state: u32) {
        let index = state as usize;
        if self.masks.permitted.len() <= index {
            self.masks.permitted.resize_with(index + 1, Permitted::default);
        }
        if self.masks.permitted[index].event == self.masks.event {
            return;
        }
        let mut slots = S::default();
        for open in &self.open {
            if self.memo.reads(open.action) && self.memo.step(state, open.action).is_some() {
                slots.insert(open.slot);
            }
        }
        self.masks.permitted[index] = Permitted { event: self.masks.event, slots };
    }

    fn has_unspent_twin(&self, from: &Configuration<S>, action: u32) -> bool {
        self.open.iter().any(|open| open.action == action && !from.spent.contains(open.slot))
    }

    fn charge(&mut self) -> Result<(), Stop> {
        self.steps += 1 + self.seen.take_comparisons() + self.next.take_comparisons();
        let bytes = self.bytes();
        self.is_beam |= self.steps > self.limits.beam_after
            || self.work.len() > self.limits.beam_from
            || bytes > self.limits.memory_bytes / 2;
        if self.limits.interrupt.is_raised() {
            Err(Stop::Interrupted)
        } else if self.steps > self.limits.steps {
            Err(Stop::Steps)
        } else if bytes > self.limits.memory_bytes {
            Err(Stop::Memory)
        } else {
            Ok(())
        }
    }

    /// About how much memory is in use.
    pub(in crate::linear) fn bytes(&self) -> usize {
        // What is tried stands in two places.
        let configurations = self.configurations.len() + 2 * self.work.len() + self.next.len();
        let slots = 2 * S::heap_bytes(self.open.len());
        configurations * (size_of::<Configuration<S>>() + slots) + self.memo.bytes() + self.crashes.bytes()
    }

    fn prepare_masks(&mut self) {
        self.masks.overwriting = S::default();
        self.masks.same_before.clear();
        let mut by_action: FxHashMap<u32, S> = FxHashMap::default();
        for open in &self.open {
            if self.memo.overwrites(open.action) {
                self.masks.overwriting.insert(open.slot);
            }
            let earlier = by_action.entry(open.action).or_default();
            self.masks.same_before.push(earlier.clone());
            earlier.insert(open.slot);
        }
    }

    /// Which components of the state matter to the end of an operation with this action.
    fn concerned(&self, action: u32) -> Concerned {
        let touches_all = |action| self.memo.component(action).is_none();
        // The ending operation is one of the open ones. One that only reads counts too: it may have to stand between two
        // components' effects.
        let everything = self.open.iter().any(|open| touches_all(open.action))
            || (0..self.crashes.kinds()).any(|kind| touches_all(self.crashes.action(kind)));
        match self.memo.component(action) {
            Some(component) if !everything => Concerned::Component(component),
            _ => Concerned::Everything,
        }
    }
}

#[derive(Clone, Copy)]
enum Concerned {
    Everything,
    Component(u64),
}

impl Concerned {
    fn includes(self, component: Option<u64>) -> bool {
        match self {
            Self::Everything => true,
            Self::Component(concerned) => component == Some(concerned),
        }
    }
}
