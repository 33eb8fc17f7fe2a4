//! One object of a map.

use std::fmt::Debug;

use crate::Value;
use crate::linear::monitor::{Monitor, Timed};

/// Shows the actions on one key, which is all that it is asked about, to that object's monitor.
#[derive(Debug)]
pub(super) struct KeyedMonitor<A> {
    monitor: Box<dyn Monitor<A>>,
}

impl<A> KeyedMonitor<A> {
    pub(super) fn new(monitor: Box<dyn Monitor<A>>) -> Self {
        Self { monitor }
    }
}

impl<A: Debug + Send> Monitor<(Value, A)> for KeyedMonitor<A> {
    fn admits(&mut self, (_, action): &(Value, A)) -> bool {
        self.monitor.admits(action)
    }

    fn is_linearizable(&self, calls: &[Timed<'_, (Value, A)>]) -> Option<bool> {
        let calls: Vec<Timed<'_, A>> = calls
            .iter()
            .map(|call| Timed { action: &call.action.1, begin: call.begin, end: call.end })
            .collect();
        self.monitor.is_linearizable(&calls)
    }
}
