//! States and actions as small numbers, and every step of a model worked out once.

use rustc_hash::FxHashMap;

use super::Model;

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
    actions: Vec<Known<M::Action>>,
    action_numbers: FxHashMap<M::Action, u32>,
    steps: FxHashMap<(u32, u32), u32>,
}

/// What is known of an action.
#[derive(Debug)]
struct Known<A> {
    action: A,
    is_pure: bool,
    overwrites: bool,
    part: Option<u64>,
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

    pub(super) fn is_pure(&self, action: u32) -> bool {
        self.actions[action as usize].is_pure
    }

    pub(super) fn overwrites(&self, action: u32) -> bool {
        self.actions[action as usize].overwrites
    }

    pub(super) fn part(&self, action: u32) -> Option<u64> {
        self.actions[action as usize].part
    }

    pub(super) fn intern_action(&mut self, action: M::Action) -> u32 {
        if let Some(&number) = self.action_numbers.get(&action) {
            return number;
        }
        let number =
            u32::try_from(self.actions.len()).expect("fewer than 2^32 different actions fit in memory");
        self.actions.push(Known {
            is_pure: self.model.is_pure(&action),
            overwrites: self.model.overwrites(&action),
            part: self.model.part(&action),
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
        self.states.push(state.clone());
        self.state_numbers.insert(state, number);
        number
    }

    /// How many states are known.
    pub(super) fn states(&self) -> usize {
        self.states.len()
    }

    /// Forgets all states but these, and gives these new numbers.
    pub(super) fn keep_only<'a>(&mut self, numbers: impl Iterator<Item = &'a mut u32>) {
        let states = std::mem::take(&mut self.states);
        self.state_numbers.clear();
        self.steps.clear();
        for known in &mut self.actions {
            known.table.clear();
        }
        for number in numbers {
            *number = self.intern_state(states[*number as usize].clone());
        }
    }

    /// Whether reads should be known before they begin.
    pub(super) fn looks_ahead(&self) -> bool {
        self.model.looks_ahead()
    }

    /// Whether the action is not possible in this state, and never will be.
    pub(super) fn rules_out(&self, state: u32, action: u32) -> bool {
        self.model.rules_out(&self.states[state as usize], &self.actions[action as usize].action)
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
            self.steps.insert((state, action), after);
        }
        after
    }
}
