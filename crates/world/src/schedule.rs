//! Things to come, ordered by when they are due.

use std::cell::Cell;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::rc::Rc;

use glomers_node::Time;

/// Things to come. Of two that are due at once, the one that was planned first comes first, also across schedules that share a
/// [`PlanningOrder`].
#[derive(Debug)]
pub(crate) struct Schedule<T> {
    heap: BinaryHeap<Reverse<Planned<T>>>,
    order: PlanningOrder,
}

/// Numbers everything that is planned in a world, whichever schedule it is in. Clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct PlanningOrder(Rc<Cell<u64>>);

/// The moment of something planned. It orders all that is planned: no two are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Due {
    pub(crate) time: Time,
    order: u64,
}

#[derive(Debug)]
struct Planned<T> {
    due: Due,
    what: T,
}

impl<T> Schedule<T> {
    pub(crate) fn new(order: PlanningOrder) -> Self {
        Self { heap: BinaryHeap::new(), order }
    }

    pub(crate) fn plan(&mut self, time: Time, what: T) {
        let due = Due { time, order: self.order.next() };
        self.heap.push(Reverse(Planned { due, what }));
    }

    /// When the next thing is due.
    pub(crate) fn next_due(&self) -> Option<Due> {
        self.heap.peek().map(|Reverse(planned)| planned.due)
    }

    /// Takes the next thing.
    pub(crate) fn pop(&mut self) -> Option<(Time, T)> {
        self.heap.pop().map(|Reverse(planned)| (planned.due.time, planned.what))
    }
}

impl PlanningOrder {
    fn next(&self) -> u64 {
        self.0.replace(self.0.get() + 1)
    }
}

impl<T> PartialEq for Planned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl<T> Eq for Planned<T> {}

impl<T> PartialOrd for Planned<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Planned<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.due.cmp(&other.due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_come_by_time_and_then_by_the_order_of_planning() {
        let order = PlanningOrder::default();
        let (mut first, mut second) = (Schedule::new(order.clone()), Schedule::new(order));
        for (time_ns, name) in [(30, "a"), (10, "b")] {
            first.plan(Time::from_ns(time_ns), name);
        }
        for (time_ns, name) in [(20, "c"), (10, "d")] {
            second.plan(Time::from_ns(time_ns), name);
        }
        first.plan(Time::from_ns(10), "e");
        let mut names = Vec::new();
        while let Some(due) = [first.next_due(), second.next_due()].into_iter().flatten().min() {
            let schedule = if first.next_due() == Some(due) { &mut first } else { &mut second };
            names.extend(schedule.pop().map(|(_, name)| name));
        }
        assert_eq!(names, ["b", "d", "e", "c", "a"]);
    }
}
