//! States and actions as small numbers, and every step of a model worked out once.

use rustc_hash::FxHashMap;

use super::{Effect, Model};

/// Steps out of the first states are kept in a table; those out of later ones, of which there may be millions, in
/// a map.
const TABLE_STATES: usize = 256;

const UNKNOWN: u32 = u32::MAX;
const IMPOSSIBLE: u32 = u32::MAX - 1;

/// A model whose states and actions are interned and whose steps are remembered.
#[derive(Debug)]
pub(super) struct Memo<M: Model> {
    model: M,
    states: Vec<M::State>,
    state_numbers: FxHashMap<M::State, u32>,
    actions: Vec<ActionEntry<M::Action>>,
    action_numbers: FxHashMap<M::Action, u32>,
    steps: FxHashMap<(u32, u32), u32>,
    /// About how much memory the states and their steps take.
    bytes: usize,
}

/// What a state takes beside itself, of which there are two copies: its number in a map, and some steps.
const STATE_OVERHEAD_BYTES: usize = 96;

/// What a remembered step takes.
const STEP_BYTES: usize = 24;

/// An action, and what the model says of it.
#[derive(Debug)]
struct ActionEntry<A> {
    action: A,
    effect: Effect,
    component: Option<u64>,
    /// The state after it, by the state before it.
    table: Vec<u32>,
}

impl<M: Model> Memo<M> {
    pub(super) fn new(model: M) -> Self {
        Self {
            model,
            states: Vec::new(),
            state_numbers: FxHashMap::default(),
            actions: Vec::new(),
            action_numbers: FxHashMap::default(),
            steps: FxHashMap::default(),
            bytes: 0,
        }
    }

    pub(super) fn model(&self) -> &M {
        &self.model
    }

    pub(super) fn initial(&mut self) -> u32 {
        self.intern_state(self.model.initial())
    }

    pub(super) fn state(&self, number: u32) -> &M::State {
        &self.states[number as usize]
    }

    pub(super) fn action(&self, number: u32) -> &M::Action {
        &self.actions[number as usize].action
    }

    pub(super) fn effect(&self, action: u32) -> Effect {
        self.actions[action as usize].effect
    }

    /// Whether the action never changes the state.
    pub(super) fn reads(&self, action: u32) -> bool {
        self.effect(action) == Effect::Reads
    }

    /// Whether the action is always possible, and always leaves the same.
    pub(super) fn overwrites(&self, action: u32) -> bool {
        self.effect(action) == Effect::Overwrites
    }

    pub(super) fn component(&self, action: u32) -> Option<u64> {
        self.actions[action as usize].component
    }

    pub(super) fn intern_action(&mut self, action: M::Action) -> u32 {
        if let Some(&number) = self.action_numbers.get(&action) {
            return number;
        }
        let number =
            u32::try_from(self.actions.len()).expect("fewer than 2^32 different actions fit in memory");
        self.actions.push(ActionEntry {
            effect: self.model.effect(&action),
            component: self.model.component(&action),
            table: Vec::new(),
            action: action.clone(),
        });
        self.action_numbers.insert(action, number);
        number
    }

    fn intern_state(&mut self, state: M::State) -> u32 {
        if let Some(&number) = self.state_numbers.get(&state) {
            return number;
        }
        let number = u32::try_from(self.states.len()).ok().filter(|&number| number < IMPOSSIBLE);
        let number = number.expect("fewer than 2^32 different states fit in memory");
        self.bytes += 2 * self.model.state_bytes(&state) + STATE_OVERHEAD_BYTES;
        self.states.push(state.clone());
        self.state_numbers.insert(state, number);
        number
    }

    /// How many states are known.
    pub(super) fn states(&self) -> usize {
        self.states.len()
    }

    /// About how much memory they take, with what is remembered of them.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets all states but these, and gives these new numbers.
    pub(super) fn keep_only<'a>(&mut self, numbers: impl Iterator<Item = &'a mut u32>) {
        let states = std::mem::take(&mut self.states);
        self.state_numbers = FxHashMap::default();
        self.steps = FxHashMap::default();
        self.bytes = 0;
        for entry in &mut self.actions {
            entry.table.clear();
        }
        for number in numbers {
            *number = self.intern_state(states[*number as usize].clone());
        }
    }

    /// The state after an action, if the action is possible.
    pub(super) fn step(&mut self, state: u32, action: u32) -> Option<u32> {
        let index = state as usize;
        let known = if index < TABLE_STATES {
            self.actions[action as usize].table.get(index).copied().unwrap_or(UNKNOWN)
        } else {
            self.steps.get(&(state, action)).copied().unwrap_or(UNKNOWN)
        };
        let after = if known == UNKNOWN { self.work_out(state, action) } else { known };
        (after != IMPOSSIBLE).then_some(after)
    }

    #[cold]
    fn work_out(&mut self, state: u32, action: u32) -> u32 {
        let index = state as usize;
        let after = self.model.step(&self.states[index], &self.actions[action as usize].action);
        let after = after.map_or(IMPOSSIBLE, |state| self.intern_state(state));
        if index < TABLE_STATES {
            let table = &mut self.actions[action as usize].table;
            if table.len() <= index {
                table.resize(index + 1, UNKNOWN);
            }
            table[index] = after;
        } else {
            self.bytes += STEP_BYTES;
            self.steps.insert((state, action), after);
        }
        after
    }
}
