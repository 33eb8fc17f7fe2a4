//! The log of one key.

use std::collections::BTreeMap;

/// The log of one key: where the message of each offset is, and up to which offset the log is final.
#[derive(Debug, Default)]
pub(crate) struct Log {
    places: BTreeMap<u64, Place>,
    /// Below this offset nothing will ever be added.
    final_end: u64,
}

/// Where a message is: the journal, the slot, and the position in that slot's entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) journal: usize,
    pub(crate) slot: u64,
    pub(crate) position: usize,
}

impl Log {
    pub(crate) fn insert(&mut self, offset: u64, place: Place) {
        debug_assert!(
            offset >= self.final_end,
            "offset {offset} comes after the log was final up to {}",
            self.final_end
        );
        self.places.insert(offset, place);
    }

    /// The offset after the last that is known, or 0.
    pub(crate) fn end(&self) -> u64 {
        self.places.last_key_value().map_or(0, |(offset, _)| offset + 1)
    }

    /// The final messages from an offset on. `is_stable` says of a place whether all nodes have promised to stay behind it; the first
    /// that is not ends what is final, whatever comes after it.
    pub(crate) fn final_from(
        &mut self,
        first: u64,
        is_stable: impl Fn(Place) -> bool,
    ) -> impl Iterator<Item = (u64, Place)> {
        for (offset, place) in self.places.range(self.final_end..) {
            if !is_stable(*place) {
                break;
            }
            self.final_end = offset + 1;
        }
        self.places.range(first.min(self.final_end)..self.final_end).map(|(offset, place)| (*offset, *place))
    }
}
