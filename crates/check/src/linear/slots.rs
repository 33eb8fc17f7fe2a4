//! Sets of slots, where each open operation has one.

use std::fmt::Debug;

/// A set of small numbers.
pub(super) trait Slots: Clone + Debug + Default {
    /// How many slots there can be.
    const CAPACITY: usize;

    /// How much memory such a set takes beside itself, when so many operations are open.
    fn heap_bytes(open: usize) -> usize;

    /// Whether the slot is in the set.
    fn contains(&self, slot: u32) -> bool;

    /// Adds a slot.
    fn insert(&mut self, slot: u32);

    /// Takes a slot out.
    fn remove(&mut self, slot: u32);

    /// Adds all slots of another set.
    fn insert_all(&mut self, others: &Self);

    /// Whether every slot of the other set is in this one.
    fn includes(&self, other: &Self) -> bool;

    /// The first slot that is not in the set, which must not be full.
    fn first_absent(&self) -> u32;
}

/// At most 128 slots, which is what nearly all histories need: the whole set is one number.
impl Slots for u128 {
    const CAPACITY: usize = Self::BITS as usize;

    fn heap_bytes(_: usize) -> usize {
        0
    }

    fn contains(&self, slot: u32) -> bool {
        self >> slot & 1 != 0
    }

    fn insert(&mut self, slot: u32) {
        *self |= 1 << slot;
    }

    fn remove(&mut self, slot: u32) {
        *self &= !(1 << slot);
    }

    fn insert_all(&mut self, others: &Self) {
        *self |= others;
    }

    fn includes(&self, other: &Self) -> bool {
        other & !self == 0
    }

    fn first_absent(&self) -> u32 {
        self.trailing_ones()
    }
}

/// As many slots as there are operations open at the same time.
#[derive(Clone, Debug, Default)]
pub(super) struct ManySlots {
    /// Words that are missing at the end are zero.
    words: Vec<u64>,
}

impl ManySlots {
    fn word(&self, index: usize) -> u64 {
        self.words.get(index).copied().unwrap_or(0)
    }
}

impl Slots for ManySlots {
    const CAPACITY: usize = u32::MAX as usize;

    fn heap_bytes(open: usize) -> usize {
        open / 8 + 8
    }

    fn contains(&self, slot: u32) -> bool {
        self.word(slot as usize / 64) >> (slot % 64) & 1 != 0
    }

    fn insert(&mut self, slot: u32) {
        let index = slot as usize / 64;
        if self.words.len() <= index {
            self.words.resize(index + 1, 0);
        }
        self.words[index] |= 1 << (slot % 64);
    }

    fn remove(&mut self, slot: u32) {
        if let Some(word) = self.words.get_mut(slot as usize / 64) {
            *word &= !(1 << (slot % 64));
        }
    }

    fn insert_all(&mut self, others: &Self) {
        if self.words.len() < others.words.len() {
            self.words.resize(others.words.len(), 0);
        }
        for (word, other) in self.words.iter_mut().zip(&others.words) {
            *word |= other;
        }
    }

    fn includes(&self, other: &Self) -> bool {
        other.words.iter().enumerate().all(|(index, word)| word & !self.word(index) == 0)
    }

    fn first_absent(&self) -> u32 {
        let full = self.words.iter().take_while(|&&word| word == u64::MAX).count();
        full as u32 * 64 + self.word(full).trailing_ones()
    }
}

impl From<u128> for ManySlots {
    fn from(slots: u128) -> Self {
        Self { words: vec![slots as u64, (slots >> 64) as u64] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots<S: Slots>(numbers: &[u32]) -> S {
        let mut slots = S::default();
        numbers.iter().for_each(|&slot| slots.insert(slot));
        slots
    }

    fn behaves_as_a_set<S: Slots>() {
        let mut some: S = slots(&[0, 1, 2, 70, 127]);
        assert!(some.contains(70) && !some.contains(71) && some.first_absent() == 3);
        assert!(some.includes(&slots(&[1, 127])) && !some.includes(&slots(&[1, 3])));
        some.insert_all(&slots(&[3, 64]));
        some.remove(1);
        assert!(some.contains(64) && some.first_absent() == 1);
        assert_eq!(slots::<S>(&(0..100).collect::<Vec<_>>()).first_absent(), 100);
    }

    #[test]
    fn both_kinds_of_set_behave_the_same() {
        behaves_as_a_set::<u128>();
        behaves_as_a_set::<ManySlots>();
        assert!(ManySlots::from(1 << 127 | 1).includes(&slots(&[0, 127])));
        assert!(slots::<ManySlots>(&[700]).contains(700));
    }
}
