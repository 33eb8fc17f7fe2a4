//! The messages under way, kept until they arrive.

use super::Arrival;

/// A message under way.
#[derive(Debug)]
pub(super) struct InFlight {
    /// The message, and the host that had its receiver's name when it was sent.
    pub(super) arrival: Arrival,
    pub(super) body: String,
    /// Whether it has arrived already, and was held back. Rules are not asked about it again.
    pub(super) has_arrived: bool,
}

/// The messages under way. Their memory is used again: a simulation allocates nothing per message.
#[derive(Debug, Default)]
pub(super) struct InFlightStore {
    slots: Vec<Option<InFlight>>,
    free: Vec<u32>,
    spare: Vec<String>,
}

impl InFlightStore {
    /// Keeps a message, and returns its slot.
    pub(super) fn insert(&mut self, message: InFlight) -> u32 {
        match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(message);
                slot
            }
            None => {
                self.slots.push(Some(message));
                u32::try_from(self.slots.len() - 1)
                    .expect("four billion messages under way exceed any memory")
            }
        }
    }

    /// Takes a message out. Give its body back with [`recycle`](Self::recycle).
    pub(super) fn take(&mut self, slot: u32) -> InFlight {
        self.free.push(slot);
        self.slots[slot as usize].take().expect("a slot is planned or held once, and taken once")
    }

    /// A copy of a body, in the memory of an earlier one.
    pub(super) fn copy(&mut self, text: &str) -> String {
        let mut body = self.spare.pop().unwrap_or_default();
        body.push_str(text);
        body
    }

    /// Keeps the memory of a body for a later message.
    pub(super) fn recycle(&mut self, mut body: String) {
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
    use crate::ids::HostIndex;

    #[test]
    fn a_taken_message_leaves_its_slot_and_memory_to_the_next() {
        let arrival = |number| Arrival { number, src: HostIndex(0), dest: HostIndex(1), claimed_src: None };
        let mut store = InFlightStore::default();
        let body = store.copy("{}");
        let slot = store.insert(InFlight { arrival: arrival(1), body, has_arrived: false });
        let taken = store.take(slot);
        assert_eq!((taken.arrival.number, taken.body.as_str()), (1, "{}"));
        let memory = taken.body.as_ptr();
        store.recycle(taken.body);
        let body = store.copy("[]");
        assert_eq!((body.as_str(), body.as_ptr()), ("[]", memory));
        assert_eq!(store.insert(InFlight { arrival: arrival(2), body, has_arrived: false }), slot);
    }
}
