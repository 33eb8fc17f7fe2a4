//! A run as its choices, and the edits that make it smaller.

use std::{ops::Range, time::Duration};

use super::Size;
use crate::{
    nemeses::script::{self, Start, Statement},
    plan::{Plan, PlannedOperation},
};

/// A run as its choices.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scenario {
    /// The rest of the plan; its operations and its script are empty.
    pub(super) plan: Plan,
    pub(super) operations: Vec<PlannedOperation>,
    pub(super) faults: Vec<Statement>,
}

impl Scenario {
    /// The choices of a plan that has been checked.
    pub(super) fn of(plan: &Plan) -> Self {
        let faults = plan.nemesis_script.as_ref().map(|script| script::statements(script, &plan.nodes));
        Self {
            operations: plan.operations.clone().unwrap_or_default(),
            faults: faults.unwrap_or(Ok(Vec::new())).expect("a plan is checked before it is carried out"),
            plan: Plan { operations: None, nemesis_script: None, ..plan.clone() },
        }
    }

    pub(super) fn to_plan(&self) -> Plan {
        let script = script::write(&self.faults);
        Plan {
            operations: Some(self.operations.clone()),
            nemesis_script: Some(script).filter(|_| !self.faults.is_empty()),
            ..self.plan.clone()
        }
    }

    pub(super) fn size(&self) -> Size {
        Size { nodes: self.plan.nodes.len(), operations: self.operations.len(), faults: self.faults.len() }
    }

    pub(super) fn without_operations(&self, range: Range<usize>) -> Self {
        let mut smaller = self.clone();
        smaller.operations.drain(range);
        smaller
    }

    pub(super) fn without_faults(&self, range: Range<usize>) -> Self {
        let mut smaller = self.clone();
        smaller.faults.drain(range);
        smaller
    }

    /// Leaves out a node, with the operations of its clients and its part in faults. The others keep their names and their clients.
    pub(super) fn without_node(&self, place: usize) -> Self {
        let count = self.plan.nodes.len();
        let mut smaller = self.clone();
        let node = smaller.plan.nodes.remove(place);
        smaller.operations.retain(|operation| operation.thread % count != place);
        let renumber = |thread: usize| {
            let (round, old) = (thread / count, thread % count);
            round * (count - 1) + old - usize::from(old > place)
        };
        for operation in &mut smaller.operations {
            operation.thread = renumber(operation.thread);
        }
        smaller.plan.concurrency = self.plan.concurrency.div_ceil(count) * (count - 1);
        smaller.faults.retain_mut(|statement| statement.leave_out(&node));
        smaller
    }

    /// Moves the operations of the clients of one node to those of another.
    pub(super) fn with_clients_moved(&self, from: usize, to: usize) -> Self {
        let count = self.plan.nodes.len();
        let rounds = self.plan.concurrency.div_ceil(count);
        let mut moved = self.clone();
        for operation in moved.operations.iter_mut().filter(|operation| operation.thread % count == from) {
            operation.thread = (operation.thread / count + rounds) * count + to;
        }
        moved.plan.concurrency = 2 * rounds * count;
        moved
    }

    /// Gives each node one client, which does what all its clients did.
    pub(super) fn with_one_client_per_node(&self) -> Self {
        let count = self.plan.nodes.len();
        let mut merged = self.clone();
        for operation in &mut merged.operations {
            operation.thread %= count;
        }
        merged.plan.concurrency = count;
        merged
    }

    /// The time of the last operation or fault.
    pub(super) fn last_event(&self) -> Duration {
        let faults = self.faults.iter().filter_map(|statement| match statement.start {
            Start::At(time) => Some(time + statement.lasts.unwrap_or_default()),
            Start::When { .. } => None,
        });
        self.operations.iter().map(|operation| operation.at).chain(faults).max().unwrap_or_default()
    }

    /// Moves every operation and fault to a multiple of a step, the nearest below.
    pub(super) fn on_grid(&self, step: Duration) -> Self {
        let floor = |time: Duration| {
            let step_ns = step.as_nanos();
            Duration::from_nanos((time.as_nanos() / step_ns * step_ns) as u64)
        };
        let mut rounded = self.clone();
        for operation in &mut rounded.operations {
            operation.at = floor(operation.at);
        }
        for statement in &mut rounded.faults {
            if let Start::At(time) = &mut statement.start {
                *time = floor(*time);
            }
            // A fault that is shorter than a step stays as long as it is.
            statement.lasts = statement.lasts.map(|lasts| if lasts < step { lasts } else { floor(lasts) });
        }
        rounded
    }

    /// Takes so much time out of the run: what comes later comes earlier by it.
    pub(super) fn without_time(&self, from: Duration, length: Duration) -> Self {
        let earlier = |time: Duration| if time >= from + length { time - length } else { time.min(from) };
        let mut shorter = self.clone();
        for operation in &mut shorter.operations {
            operation.at = earlier(operation.at);
        }
        for statement in &mut shorter.faults {
            if let Start::At(time) = &mut statement.start {
                let end = statement.lasts.map(|lasts| earlier(*time + lasts));
                *time = earlier(*time);
                statement.lasts = end.map(|end| end.saturating_sub(*time));
            }
        }
        shorter
    }
}
