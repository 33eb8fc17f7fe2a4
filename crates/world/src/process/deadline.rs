//! How long to wait for other processes.

use std::time::{Duration, Instant};

/// A moment of real time. What processes do takes real time, whatever the world's clock says.
pub(super) struct Deadline {
    end: Instant,
}

impl Deadline {
    #[expect(clippy::disallowed_methods, reason = "only real time bounds how long other processes take")]
    pub(super) fn after(duration: Duration) -> Self {
        Self { end: Instant::now() + duration }
    }

    #[expect(clippy::disallowed_methods, reason = "only real time bounds how long other processes take")]
    pub(super) fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }
}
