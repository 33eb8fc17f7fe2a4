//! What happens to a register, and values as numbers.

use std::fmt;

use rustc_hash::FxHashMap;

use super::distinct::{DistinctAction, DistinctRegister};
use crate::Value;

/// The number of a register's initial value.
pub(super) const INITIAL: u32 = 0;

/// What one operation did to a register and saw of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RegisterAction {
    /// It saw this value.
    Read(Value),
    /// It wrote this value, whatever was there.
    Write(Value),
    /// It found the first value and wrote the second.
    CompareAndSet(Value, Value),
    /// It found any value but this one, and changed nothing.
    Missed(Value),
}

impl RegisterAction {
    /// The value after this action, if it is possible.
    pub fn step(&self, state: &Value) -> Option<Value> {
        match self {
            Self::Read(seen) => (seen == state).then(|| state.clone()),
            Self::Write(value) => Some(value.clone()),
            Self::CompareAndSet(from, to) => (from == state).then(|| to.clone()),
            Self::Missed(value) => (value != state).then(|| state.clone()),
        }
    }

    /// Whether it never changes the value.
    pub fn is_pure(&self) -> bool {
        matches!(self, Self::Read(_) | Self::Missed(_))
    }
}

impl fmt::Display for RegisterAction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(value) => write!(formatter, "read {value}"),
            Self::Write(value) => write!(formatter, "write {value}"),
            Self::CompareAndSet(from, to) => write!(formatter, "compare-and-set from {from} to {to}"),
            Self::Missed(value) => write!(formatter, "see that the value is not {value}"),
        }
    }
}

/// Collects a register's history as long as no value is written twice.
#[derive(Debug)]
pub(super) struct DistinctValues {
    numbers: FxHashMap<Value, u32>,
    register: DistinctRegister,
    /// Whether an operation was left out that saw what the value was not. These do not fit the theory of blocks.
    incomplete: bool,
}

impl DistinctValues {
    pub(super) fn new(initial: Value) -> Self {
        let numbers = [(initial, INITIAL)].into_iter().collect();
        Self { numbers, register: DistinctRegister::new(), incomplete: false }
    }

    /// Adds an operation; false if it writes a value that was written before.
    pub(super) fn add(&mut self, action: &RegisterAction, begin: u64, end: Option<u64>) -> bool {
        let action = match action {
            RegisterAction::Read(value) => DistinctAction::Read(self.number(value)),
            RegisterAction::Write(value) => DistinctAction::Write(self.number(value)),
            RegisterAction::CompareAndSet(from, to) => {
                DistinctAction::CompareAndSet(self.number(from), self.number(to))
            }
            RegisterAction::Missed(_) => {
                self.incomplete = true;
                return true;
            }
        };
        self.register.add(action, begin, end).is_ok()
    }

    /// Whether the history is linearizable, if blocks alone can tell.
    pub(super) fn verdict(&self) -> Option<bool> {
        match self.register.is_linearizable() {
            true if self.incomplete => None,
            verdict => Some(verdict),
        }
    }

    fn number(&mut self, value: &Value) -> u32 {
        if let Some(&number) = self.numbers.get(value) {
            return number;
        }
        let number = u32::try_from(self.numbers.len()).expect("fewer than 2^32 values fit in memory");
        self.numbers.insert(value.clone(), number);
        number
    }
}
