//! The only clock that a node's core knows.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A moment, in nanoseconds since the run began. The driver of the core says what time it is.
///
/// ```
/// use std::time::Duration;
/// use glomers_node::Time;
///
/// let later = Time::ZERO + Duration::from_millis(3);
/// assert_eq!(later.as_ns(), 3_000_000);
/// assert_eq!(later - Time::ZERO, Duration::from_millis(3));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time {
    ns: u64,
}

impl Time {
    /// The beginning of the run.
    pub const ZERO: Self = Self { ns: 0 };
    /// A moment that never comes: 584 years after the beginning.
    pub const MAX: Self = Self { ns: u64::MAX };

    /// The moment `ns` nanoseconds after the beginning.
    pub const fn from_ns(ns: u64) -> Self {
        Self { ns }
    }

    /// Nanoseconds since the beginning.
    pub const fn as_ns(self) -> u64 {
        self.ns
    }

    /// The time from `earlier` until now; zero where `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.ns.saturating_sub(earlier.ns))
    }
}

/// Saturates at [`Time::MAX`].
impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self { ns: self.ns.saturating_add(ns) }
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

/// The same as [`Time::since`].
impl Sub for Time {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

/// Seconds with all nine decimals.
impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{:09} s", self.ns / 1_000_000_000, self.ns % 1_000_000_000)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Time;

    #[test]
    fn the_end_of_time_is_not_passed() {
        assert_eq!(Time::from_ns(5) + Duration::MAX, Time::MAX);
        assert_eq!(Time::ZERO - Time::MAX, Duration::ZERO);
        assert_eq!(Time::from_ns(1_500_000_000).to_string(), "1.500000000 s");
    }
}
