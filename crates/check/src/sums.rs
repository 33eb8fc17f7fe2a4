//! What sums are possible, where some of the terms may be left out.

use std::fmt;

/// How many separate ranges are followed before it is given up: terms that grow by factors double them each time.
const RANGE_LIMIT: usize = 1 << 16;

/// The sums that are possible, as closed ranges in ascending order that neither overlap nor touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    ranges: Vec<(i128, i128)>,
}

/// Why the possible sums cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untold {
    /// A sum does not fit.
    Overflow,
    /// The sums are too scattered.
    Scattered,
}

impl Sums {
    /// Only this sum is possible.
    pub(crate) fn exactly(sum: i128) -> Self {
        Self { ranges: vec![(sum, sum)] }
    }

    /// Any sum so far, with this term or without it. Linear in the number of ranges.
    pub(crate) fn with_or_without(&self, term: i128) -> Result<Self, Untold> {
        let shifted = self
            .ranges
            .iter()
            .map(|(lower, upper)| Some((lower.checked_add(term)?, upper.checked_add(term)?)))
            .collect::<Option<Vec<_>>>()
            .ok_or(Untold::Overflow)?;
        let mut merged: Vec<(i128, i128)> = Vec::with_capacity(self.ranges.len() + shifted.len());
        let (mut left, mut right) = (self.ranges.iter().peekable(), shifted.iter().peekable());
        loop {
            let next = match (left.peek(), right.peek()) {
                (Some(a), Some(b)) if a <= b => left.next(),
                (Some(_), None) => left.next(),
                (_, Some(_)) => right.next(),
                (None, None) => break,
            };
            let Some(&(lower, upper)) = next else { break };
            match merged.last_mut() {
                Some((_, end)) if lower <= end.saturating_add(1) => *end = (*end).max(upper),
                _ => merged.push((lower, upper)),
            }
        }
        if merged.len() > RANGE_LIMIT { Err(Untold::Scattered) } else { Ok(Self { ranges: merged }) }
    }

    /// Whether this sum is possible.
    pub(crate) fn contains(&self, sum: i128) -> bool {
        let place = self.ranges.partition_point(|&(_, upper)| upper < sum);
        self.ranges.get(place).is_some_and(|&(lower, _)| lower <= sum)
    }

    /// The ranges, in ascending order, both ends included.
    pub(crate) fn ranges(&self) -> &[(i128, i128)] {
        &self.ranges
    }
}

impl fmt::Display for Sums {
    /// The first few ranges, as a person says them: `1, 3 to 5 or 9`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LISTED_LIMIT: usize = 8;
        let said: Vec<String> = self
            .ranges
            .iter()
            .take(LISTED_LIMIT)
            .map(
                |&(lower, upper)| {
                    if lower == upper { lower.to_string() } else { format!("{lower} to {upper}") }
                },
            )
            .collect();
        let rest = self.ranges.len() - said.len();
        match said.split_last() {
            Some((_, _)) if rest > 0 => write!(formatter, "{} and {rest} more ranges", said.join(", ")),
            Some((last, [])) => formatter.write_str(last),
            Some((last, first)) => write!(formatter, "{} or {last}", first.join(", ")),
            None => unreachable!("at least one sum is possible"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_sums_are_those_of_all_subsets(sure in -9_i128..9, terms in prop::collection::vec(-9_i128..9, 0..8)) {
            let mut expected = BTreeSet::from([sure]);
            let mut sums = Sums::exactly(sure);
            for term in &terms {
                expected.extend(expected.clone().into_iter().map(|sum| sum + term));
                sums = sums.with_or_without(*term).unwrap();
            }
            for sum in -100..100 {
                prop_assert_eq!(sums.contains(sum), expected.contains(&sum));
            }
            let gaps = sums.ranges().windows(2).all(|pair| pair[0].1 + 1 < pair[1].0);
            prop_assert!(gaps, "{:?} touch", sums.ranges());
        }
    }

    #[test]
    fn scattered_sums_are_given_up() {
        let mut sums = Ok(Sums::exactly(0));
        for exponent in 0..40 {
            sums = sums.and_then(|sums: Sums| sums.with_or_without(3_i128.pow(exponent)));
        }
        assert_eq!(sums, Err(Untold::Scattered));
        assert_eq!(Sums::exactly(i128::MAX).with_or_without(1), Err(Untold::Overflow));
    }
}
