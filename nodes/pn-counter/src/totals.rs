//! What one start of one node added up.

use crdt::{Interval, Part};
use serde::{Deserialize, Serialize};

/// The totals of all changes that one start of one node took.
#[derive(Debug, Default)]
pub struct Totals {
    version: u64,
    sums: Sums,
}

/// All increments and all decrements. Both only grow, and hold any sum of fewer than 2^63 changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// The sum of all increments.
    pub added: i128,
    /// The sum of all decrements, as a positive number.
    pub subtracted: i128,
}

impl Totals {
    /// The increments less the decrements.
    pub fn balance(&self) -> i128 {
        self.sums.added - self.sums.subtracted
    }
}

/// What some changes did is what the totals are after them.
impl Part for Totals {
    type Change = i64;
    type Delta = Sums;

    fn version(&self) -> u64 {
        self.version
    }

    fn since(&self, version: u64) -> Interval<Sums> {
        Interval { since: version, until: self.version, delta: self.sums }
    }

    fn extended_by(&self, changes: Vec<i64>) -> Interval<Sums> {
        let until = self.version + changes.len() as u64;
        let mut sums = self.sums;
        for change in changes {
            let total = if change < 0 { &mut sums.subtracted } else { &mut sums.added };
            *total += i128::from(change.unsigned_abs());
        }
        Interval { since: self.version, until, delta: sums }
    }

    fn absorb(&mut self, interval: Interval<Sums>) {
        (self.version, self.sums) = (interval.until, interval.delta);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_never_fall_and_their_difference_is_the_count() {
        let mut totals = Totals::default();
        totals.absorb(totals.extended_by(vec![5, -7, i64::MIN]));
        totals.absorb(totals.extended_by(vec![0, i64::MAX]));
        assert_eq!(totals.version(), 5);
        assert_eq!(totals.balance(), 5 - 7 + i128::from(i64::MIN) + i128::from(i64::MAX));
    }
}
