//! Which read, of those that an element was absent from, began last.

use std::rc::Rc;

use crate::Operation;

/// Reads by the order in which they ended, as far as they matter for absences.
///
/// An element that some reads in a row did not contain is only looked at when it is seen again: of these reads, the one
/// that began last is asked for. A read that ended before another and began before it too is never the answer,
/// so that what remains is bounded by how many reads overlap.
#[derive(Debug, Default)]
pub(super) struct RecentReads {
    /// How many reads have ended.
    count: u64,
    /// The number of a read in the order of ends, and its beginning. The later it ended, the earlier it began.
    undominated: Vec<(u64, Rc<Operation>)>,
}

impl RecentReads {
    /// How many reads have ended.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// A read ends.
    pub(super) fn push(&mut self, beginning: Rc<Operation>) {
        while self.undominated.last().is_some_and(|(_, earlier)| earlier.index < beginning.index) {
            self.undominated.pop();
        }
        self.undominated.push((self.count, beginning));
        self.count += 1;
    }

    /// Of the reads that ended from this number on, the one that began last.
    pub(super) fn last_begun_since(&self, number: u64) -> Option<&Rc<Operation>> {
        let place = self.undominated.partition_point(|(ended, _)| *ended < number);
        self.undominated.get(place).map(|(_, beginning)| beginning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_begun_is_found_among_any_that_ended_last() {
        let begun = [3_u64, 9, 5, 1, 7, 2];
        let mut reads = RecentReads::default();
        for index in begun {
            reads.push(Rc::new(Operation::invoke(0, "read", ()).at(index, 0)));
        }
        for start in 0..=begun.len() {
            let expected = begun[start..].iter().copied().max();
            assert_eq!(reads.last_begun_since(start as u64).map(|read| read.index), expected);
        }
    }
}
