//! How late the workbench itself wakes up: on an overloaded machine, every latency that it measures is too long.

use std::time::Duration;

use hdrhistogram::Histogram;

/// What is later than this, in microseconds, counts as that late.
const LONGEST_US: u64 = 3_600_000_000;

/// How long after the moment that it had asked for the event loop was woken, each time. Under virtual time that is always zero.
#[derive(Debug, Clone)]
pub struct Lateness {
    histogram: Histogram<u64>,
}

impl Default for Lateness {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, 2);
        Self { histogram: histogram.expect("the bounds are in order, and two digits are a precision") }
    }
}

impl Lateness {
    pub(crate) fn record(&mut self, lateness: Duration) {
        let lateness_us = u64::try_from(lateness.as_micros()).unwrap_or(u64::MAX);
        self.histogram.saturating_record(lateness_us);
    }

    /// How often it was woken for a moment that it had asked for.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The lateness that 99 of 100 times kept below, in milliseconds.
    pub fn p99_ms(&self) -> f64 {
        self.histogram.value_at_quantile(0.99) as f64 / 1e3
    }

    /// The greatest, in milliseconds.
    pub fn max_ms(&self) -> f64 {
        self.histogram.max() as f64 / 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_those_of_what_was_recorded() {
        let mut lateness = Lateness::default();
        assert_eq!((lateness.count(), lateness.p99_ms(), lateness.max_ms()), (0, 0.0, 0.0));
        (0..98).for_each(|_| lateness.record(Duration::from_micros(50)));
        (0..2).for_each(|_| lateness.record(Duration::from_millis(40)));
        assert_eq!(lateness.count(), 100);
        assert!((39.0..41.0).contains(&lateness.p99_ms()), "{}", lateness.p99_ms());
        assert!(lateness.max_ms() < 41.0);
    }
}
