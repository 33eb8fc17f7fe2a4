//! A register to which no value is written twice.

use rustc_hash::FxHashMap;
use rustc_hash::FxHashSet;

use super::RegisterAction;
use crate::Value;
use crate::linear::distinct::{DistinctAction, DistinctRegister};
use crate::linear::monitor::{Monitor, Timed};

/// Gives values numbers and leaves the rest to [`DistinctRegister`], where the argument stands.
///
/// Reads that saw only what the value was *not* have no place in it. Without them, what fits no order still fits none
/// with them; what fits one may not.
#[derive(Debug)]
pub(super) struct RegisterMonitor {
    initial: Value,
    written: FxHashSet<Value>,
}

impl RegisterMonitor {
    pub(super) fn new(initial: Value) -> Self {
        Self { written: [initial.clone()].into_iter().collect(), initial }
    }
}

impl Monitor<RegisterAction> for RegisterMonitor {
    fn admits(&mut self, action: &RegisterAction) -> bool {
        match action {
            RegisterAction::Write(value) | RegisterAction::CompareAndSet(_, value) => {
                self.written.insert(value.clone())
            }
            RegisterAction::Read(_) | RegisterAction::Missed(_) => true,
        }
    }

    fn is_linearizable(&self, calls: &[Timed<'_, RegisterAction>]) -> Option<bool> {
        let mut numbers: FxHashMap<&Value, u32> = FxHashMap::default();
        numbers.insert(&self.initial, DistinctRegister::INITIAL);
        let mut number = |value| {
            let next = u32::try_from(numbers.len()).expect("fewer than 2^32 values fit in memory");
            *numbers.entry(value).or_insert(next)
        };
        let mut register = DistinctRegister::new();
        let mut has_missed = false;
        for call in calls {
            let action = match call.action {
                RegisterAction::Read(value) => DistinctAction::Read(number(value)),
                RegisterAction::Write(value) => DistinctAction::Write(number(value)),
                RegisterAction::CompareAndSet(from, to) => {
                    DistinctAction::CompareAndSet(number(from), number(to))
                }
                RegisterAction::Missed(_) => {
                    has_missed |= call.end.is_some();
                    continue;
                }
            };
            register.add(action, call.begin, call.end).ok()?;
        }
        match register.is_linearizable() {
            true if has_missed => None,
            verdict => Some(verdict),
        }
    }
}
