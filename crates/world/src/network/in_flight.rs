//! The messages under way, kept until they arrive.

use crate::ids::HostIndex;

/// A message under way.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) number: u64,
    pub(super) src: HostIndex,
    pub(super) dest: HostIndex,
    pub(super) body: String,
}

/// The messages under way. Their memory is used again: a simulation allocates nothing per message.
#[derive(Debug, Default)]
pub(super) struct InFlightStore {
    slots: Vec<InFlight>,
    free: Vec<u32>,
    spare: Vec<String>,
}

impl InFlightStore {
    /// Keeps a copy of a message, and returns its slot.
    pub(super) fn insert(&mut self, number: u64, src: HostIndex, dest: HostIndex, text: &str) -> u32 {
        let mut body = self.spare.pop().unwrap_or_default();
        body.push_str(text);
        let in_flight = InFlight { number, src, dest, body };
        match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = in_flight;
                slot
            }
            None => {
                self.slots.push(in_flight);
                u32::try_from(self.slots.len() - 1)
                    .expect("four billion messages under way exceed any memory")
            }
        }
    }

    pub(super) fn get(&self, slot: u32) -> &InFlight {
        &self.slots[slot as usize]
    }

    /// Takes a message out. Give its body back with [`recycle`](Self::recycle).
    pub(super) fn take(&mut self, slot: u32) -> InFlight {
        self.free.push(slot);
        let kept = &mut self.slots[slot as usize];
        InFlight { number: kept.number, src: kept.src, dest: kept.dest, body: std::mem::take(&mut kept.body) }
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

    #[test]
    fn a_taken_message_leaves_its_slot_and_memory_to_the_next() {
        let mut store = InFlightStore::default();
        let (src, dest) = (HostIndex(0), HostIndex(1));
        let slot = store.insert(1, src, dest, "{}");
        let taken = store.take(slot);
        assert_eq!((taken.number, taken.body.as_str()), (1, "{}"));
        let memory = taken.body.as_ptr();
        store.recycle(taken.body);
        assert_eq!(store.insert(2, src, dest, "[]"), slot);
        assert_eq!((store.get(slot).body.as_str(), store.get(slot).body.as_ptr()), ("[]", memory));
    }
}
