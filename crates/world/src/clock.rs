//! The only reader of the machine's clock in this crate.

use std::time::Instant;

use glomers_node::Time;

/// Which clock a world runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockKind {
    /// The machine's monotonic clock, in nanoseconds since the world was made.
    Real,
    /// A clock that jumps to the next event: simulated runs take no longer than their work.
    Virtual,
}

/// The time of the world. It stands still between two calls of [`advance`](Self::advance), so that all that one turn does happens at
/// few, comparable moments, and a message costs no look at the clock.
#[derive(Debug)]
pub(crate) struct Clock {
    source: Source,
    now: Time,
}

#[derive(Debug)]
enum Source {
    Machine { start: Instant },
    Events,
}

impl Clock {
    pub(crate) fn new(kind: ClockKind) -> Self {
        let source = match kind {
            ClockKind::Real => Source::Machine { start: machine_now() },
            ClockKind::Virtual => Source::Events,
        };
        Self { source, now: Time::ZERO }
    }

    pub(crate) fn kind(&self) -> ClockKind {
        match self.source {
            Source::Machine { .. } => ClockKind::Real,
            Source::Events => ClockKind::Virtual,
        }
    }

    pub(crate) fn now(&self) -> Time {
        self.now
    }

    /// Reads the machine's clock; a virtual clock stays where it is.
    pub(crate) fn refresh(&mut self) {
        if let Source::Machine { start } = self.source {
            self.now = Time::ZERO + machine_now().saturating_duration_since(start);
        }
    }

    /// Moves a virtual clock on to the moment of the next event; the machine's clock moves by itself.
    pub(crate) fn advance(&mut self, to: Time) {
        match self.source {
            Source::Machine { .. } => {}
            Source::Events => self.now = self.now.max(to),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one clock.rs of the world")]
fn machine_now() -> Instant {
    Instant::now()
}
