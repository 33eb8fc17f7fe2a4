//! What is still to come, in the order in which it is due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use glomers_node::Time;

use crate::host::HostIndex;

/// The events that lie in the future. Of two that are due at once, the one that was planned first comes first.
#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    heap: BinaryHeap<Reverse<Planned>>,
    next_order: u64,
    messages: MessageStore,
}

/// Everything that can be planned. What processes do cannot: it comes from the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// A message is due; the number is its place in the store.
    Message(u32),
    /// A local host wants to be woken.
    HostDeadline(HostIndex),
    /// A process closed its standard input a while ago: if it still lives, that is a fault.
    InputClosed(HostIndex),
    /// A process closed its standard output a while ago: if it still lives, that is a fault.
    OutputClosed(HostIndex),
    /// A process printed the beginning of a line a while ago: if nothing has come since, it may have forgotten the newline.
    LineUnfinished(HostIndex),
}

/// A message under way.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) message: u64,
    pub(crate) src: HostIndex,
    pub(crate) dest: HostIndex,
    pub(crate) body: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Planned {
    due: Time,
    order: u64,
    event: Event,
}

impl EventQueue {
    pub(crate) fn plan(&mut self, due: Time, event: Event) {
        let order = self.next_order;
        self.next_order += 1;
        self.heap.push(Reverse(Planned { due, order, event }));
    }

    /// Plans the delivery of a message, and keeps a copy of its body until then.
    pub(crate) fn plan_message(
        &mut self,
        due: Time,
        message: u64,
        src: HostIndex,
        dest: HostIndex,
        body: &str,
    ) {
        let place = self.messages.insert(message, src, dest, body);
        self.plan(due, Event::Message(place));
    }

    /// When the next event is due.
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse(planned)| planned.due)
    }

    /// Takes the next event, if it is due by then.
    pub(crate) fn pop(&mut self, by: Time) -> Option<(Time, Event)> {
        if self.next_due()? > by {
            return None;
        }
        self.heap.pop().map(|Reverse(planned)| (planned.due, planned.event))
    }

    pub(crate) fn message(&self, place: u32) -> &InFlight {
        &self.messages.slots[place as usize]
    }

    /// Takes a message out of the store. Give it back with [`recycle`](Self::recycle).
    pub(crate) fn take_message(&mut self, place: u32) -> InFlight {
        self.messages.take(place)
    }

    /// Keeps the memory of a body for a later message.
    pub(crate) fn recycle(&mut self, body: String) {
        self.messages.recycle(body);
    }
}

/// The bodies of messages under way. Their memory is used again: a simulation allocates nothing per message.
#[derive(Debug, Default)]
struct MessageStore {
    slots: Vec<InFlight>,
    free: Vec<u32>,
    spare: Vec<String>,
}

impl MessageStore {
    fn insert(&mut self, message: u64, src: HostIndex, dest: HostIndex, text: &str) -> u32 {
        let mut body = self.spare.pop().unwrap_or_default();
        body.push_str(text);
        let in_flight = InFlight { message, src, dest, body };
        match self.free.pop() {
            Some(place) => {
                self.slots[place as usize] = in_flight;
                place
            }
            None => {
                self.slots.push(in_flight);
                u32::try_from(self.slots.len() - 1)
                    .expect("four billion messages under way exceed any memory")
            }
        }
    }

    fn take(&mut self, place: u32) -> InFlight {
        self.free.push(place);
        let slot = &mut self.slots[place as usize];
        InFlight {
            message: slot.message,
            src: slot.src,
            dest: slot.dest,
            body: std::mem::take(&mut slot.body),
        }
    }

    fn recycle(&mut self, mut body: String) {
        const KEPT_BODIES: usize = 1024;
        const KEPT_BYTES: usize = 4096;
        if self.spare.len() < KEPT_BODIES && body.capacity() <= KEPT_BYTES {
            body.clear();
            self.spare.push(body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_by_the_order_of_planning() {
        let mut queue = EventQueue::default();
        let plans = [(30, 0), (10, 1), (20, 2), (10, 3)];
        for (due_ns, host) in plans {
            queue.plan(Time::from_ns(due_ns), Event::HostDeadline(HostIndex(host)));
        }
        assert_eq!(queue.pop(Time::from_ns(9)), None);
        let hosts: Vec<u32> = std::iter::from_fn(|| queue.pop(Time::MAX))
            .map(|(_, event)| match event {
                Event::HostDeadline(host) => host.0,
                other => unreachable!("{other:?} was not planned"),
            })
            .collect();
        assert_eq!(hosts, [1, 3, 2, 0]);
    }

    #[test]
    fn a_taken_message_leaves_its_place_and_memory_to_the_next() {
        let mut queue = EventQueue::default();
        let (src, dest) = (HostIndex(0), HostIndex(1));
        queue.plan_message(Time::ZERO, 1, src, dest, "{}");
        let Some((_, Event::Message(place))) = queue.pop(Time::ZERO) else {
            unreachable!("one message is due")
        };
        let taken = queue.take_message(place);
        assert_eq!((taken.message, taken.body.as_str()), (1, "{}"));
        queue.recycle(taken.body);
        queue.plan_message(Time::ZERO, 2, src, dest, "[]");
        assert_eq!(queue.message(place).body, "[]");
    }
}
