//! The effects that may come before the end of one operation.

use super::super::trail::{Effect, Entry};
use super::{Configuration, Frontier, HURRIED_WORK, Open, Stop};
use crate::linear::Model;
use crate::linear::slots::Slots;

use rustc_hash::FxHashMap;

/// What the open operations are, as sets of slots.
#[derive(Debug)]
pub(super) struct Masks<S> {
    /// Those that overwrite whatever was there.
    overwriting: S,
    /// Per open operation, in the order of their ends: those of the same action that end earlier.
    same_before: Vec<S>,
    /// Per state, what it means for the reading operations.
    reads: Vec<Reads<S>>,
    /// Whether configurations are dropped of which nothing can come, and whether any was.
    drop_hopeless: bool,
    dropped: bool,
    event: u64,
}

/// What a state means for the reading operations.
#[derive(Clone, Debug, Default)]
struct Reads<S> {
    /// The event for which that was worked out.
    event: u64,
    /// Those of the open ones that it permits.
    permitted: S,
    /// Those that it rules out for ever.
    ruled_out: S,
    /// Whether it rules out one that is foreseen.
    is_hopeless: bool,
}

impl<S: Slots> Default for Masks<S> {
    fn default() -> Self {
        Self {
            overwriting: S::default(),
            same_before: Vec::new(),
            reads: Vec::new(),
            drop_hopeless: true,
            dropped: false,
            event: 1,
        }
    }
}

impl<S> Masks<S> {
    /// What is open changes, so that nothing that was worked out holds any more.
    pub(super) fn next_event(&mut self) {
        self.event += 1;
    }

    pub(super) fn forget_states(&mut self) {
        self.reads.clear();
    }
}

impl<M: Model, S: Slots> Frontier<M, S> {
    /// Gives effects to open operations, in every order that may matter, until the ending one has its own.
    ///
    /// Where the ending operation is settled by another's effect, that other one may as well come after its end. What
    /// an open operation rules out is passed over, as long as anything else is left: so it is that operation which is
    /// told to break the history.
    pub(super) fn explore(&mut self, ending: Open) -> Result<(), Stop> {
        self.prepare_masks();
        let begun = self.work.len();
        (self.masks.drop_hopeless, self.masks.dropped) = (true, false);
        self.explore_all(ending)?;
        if self.next.is_empty() && self.masks.dropped {
            self.work.truncate(begun);
            self.masks.drop_hopeless = false;
            self.explore_all(ending)?;
        }
        Ok(())
    }

    fn explore_all(&mut self, ending: Open) -> Result<(), Stop> {
        let concerned = self.concerned(ending.action);
        self.seen.clear();
        for configuration in &self.work {
            self.seen.insert(configuration.clone(), &self.crashes);
        }
        let mut done = 0;
        let hurried_work = HURRIED_WORK * self.limits.hurried;
        while done < self.work.len() {
            if self.hurried && self.next.len() >= hurried_work {
                break;
            }
            let from = self.work[done].clone();
            done += 1;
            self.charge()?;
            self.take_effect_and_close(&from, &ending);
            self.reached.clear();
            for place in 0..self.open.len() {
                let open = self.open[place];
                if !from.spent.contains(open.slot)
                    && from.spent.includes(&self.masks.same_before[place])
                    && open.slot != ending.slot
                    && !self.memo.is_pure(open.action)
                    && concerned.includes(self.memo.part(open.action))
                {
                    self.try_effect(&from, &open, &ending);
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
                || !concerned.includes(self.memo.part(action))
                || self.has_unspent_twin(from, action)
            {
                continue;
            }
            // What overwrites can do all that a conditional action to the same state can, now and later: keep it.
            let Some(state) = self.memo.step(from.state, action) else { continue };
            if overwriting && self.reached.contains(&state) {
                continue;
            }
            let operation = self.crashes.operation(from.used, kind).unwrap_or_default();
            if let Some(used) = self.crashes.use_one(from.used, kind) {
                let mut after = Configuration { used, ..from.clone() };
                self.take_effect(&mut after, state, operation, action);
                let is_loan = used.overdrawn().is_some() && from.used.overdrawn().is_none();
                self.go_on(after, overwriting || is_loan, ending);
            }
        }
    }

    /// Lets the ending operation take effect, if it can, and end.
    fn take_effect_and_close(&mut self, from: &Configuration<S>, ending: &Open) {
        if let Some(after) = self.effect(from, ending)
            && !self.gives_up(&after)
        {
            self.close(after, ending.slot);
        }
    }

    /// Lets another open operation take effect before the ending one.
    fn try_effect(&mut self, from: &Configuration<S>, open: &Open, ending: &Open) {
        if let Some(after) = self.effect(from, open) {
            self.go_on(after, self.memo.overwrites(open.action), ending);
        }
    }

    /// Keeps what an effect led to: as an end if the ending operation is settled, or for more effects.
    fn go_on(&mut self, after: Configuration<S>, is_overwritten: bool, ending: &Open) {
        if !is_overwritten {
            self.reached.push(after.state);
        }
        if self.gives_up(&after) {
            return;
        }
        if self.memo.is_pure(ending.action) && after.settled.contains(ending.slot) {
            self.close(after, ending.slot);
        } else if (!self.hurried || self.work.len() < HURRIED_WORK * self.limits.hurried)
            && self.seen.insert(after.clone(), &self.crashes)
        {
            self.work.push(after);
        }
    }

    /// Whether an operation is open or foreseen that never can read what it saw, so that nothing comes of this.
    fn gives_up(&mut self, configuration: &Configuration<S>) -> bool {
        let reads = &self.masks.reads[configuration.state as usize];
        let is_hopeless = self.masks.drop_hopeless
            && (reads.is_hopeless || !configuration.settled.includes(&reads.ruled_out));
        self.masks.dropped |= is_hopeless;
        is_hopeless
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
        self.prepare_reads(state);
        let permitted = &self.masks.reads[state as usize].permitted;
        after.settled.insert_all(permitted);
        let Some((trail, before)) = self.trail.as_mut().zip(before) else { return };
        let effect = if overwrites { Effect::Overwriting } else { Effect::Last };
        after.trail = trail.push(after.trail, Entry { operation, action, state, effect });
        for open in &self.open {
            if permitted.contains(open.slot) && !before.contains(open.slot) {
                let entry =
                    Entry { operation: open.operation, action: open.action, state, effect: Effect::Last };
                after.trail = trail.push(after.trail, entry);
            }
        }
    }

    /// Works out what this state means for the reading operations.
    fn prepare_reads(&mut self, state: u32) {
        let index = state as usize;
        if self.masks.reads.len() <= index {
            self.masks.reads.resize_with(index + 1, Reads::default);
        }
        if self.masks.reads[index].event == self.masks.event {
            return;
        }
        let (mut permitted, mut ruled_out) = (S::default(), S::default());
        for open in &self.open {
            if !self.memo.is_pure(open.action) {
                continue;
            }
            if self.memo.step(state, open.action).is_some() {
                permitted.insert(open.slot);
            } else if self.memo.rules_out(state, open.action) {
                ruled_out.insert(open.slot);
            }
        }
        let is_hopeless = self.foreseen.iter().any(|&action| self.memo.rules_out(state, action));
        self.masks.reads[index] = Reads { event: self.masks.event, permitted, ruled_out, is_hopeless };
    }

    fn has_unspent_twin(&self, from: &Configuration<S>, action: u32) -> bool {
        self.open.iter().any(|open| open.action == action && !from.spent.contains(open.slot))
    }

    fn charge(&mut self) -> Result<(), Stop> {
        self.steps += 1 + self.seen.take_comparisons() + self.next.take_comparisons();
        let crowd = self.work.len().max(self.memo.states().saturating_sub(self.forget_from));
        self.hurried |= self.steps > self.limits.hurry_after || crowd > self.limits.configurations;
        if self.limits.interrupt.is_raised() {
            return Err(Stop::Interrupted);
        }
        if self.steps > self.limits.steps { Err(Stop::Spent) } else { Ok(()) }
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
