//! The one place where the application reads a clock.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Now, for the name of a run's directory and the dates in its log.
#[expect(clippy::disallowed_methods, reason = "this file is where the time of day is asked for")]
pub(crate) fn time_of_day() -> Timestamp {
    Timestamp::now()
}

/// Measures how long something takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "this file is where the clock is read")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
