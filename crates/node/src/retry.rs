//! When a request is sent again.

use std::time::Duration;

/// How often, and after which pauses, a request is sent again when it times out or its receiver is temporarily unavailable (code 11).
///
/// Every attempt has a `msg_id` of its own, and a reply to any of them counts, however late. The receiver may see and carry out the
/// request several times, so retry only what may happen more than once.
///
/// An error is definite only if no attempt can have had an effect, see [`Attempts`](crate::Attempts): where an attempt was not answered
/// and a later one is refused, the error is a time-out (code 0). A request that changes nothing says so with
/// [`read_only`](crate::Rpc::read_only), and fails with the error of its last attempt.
///
/// The pauses double from the first to the longest. Each is shortened by up to a half, at random, so that nodes which failed together
/// do not try again together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How many more attempts there may be after the first.
    pub retries: u32,
    /// The pause after the first attempt.
    pub first_pause: Duration,
    /// No pause is longer than this.
    pub longest_pause: Duration,
}

impl Retry {
    /// Up to this many more attempts, with pauses from 50 milliseconds to one second.
    pub const fn times(retries: u32) -> Self {
        Self { retries, first_pause: Duration::from_millis(50), longest_pause: Duration::from_secs(1) }
    }

    /// Tries until there is a reply.
    pub const fn forever() -> Self {
        Self::times(u32::MAX)
    }

    /// The pause after the failed attempt with this number, from 0; `chance` from 0 to 1 shortens it.
    pub(crate) fn pause(&self, attempt: u32, chance: f64) -> Duration {
        let pause = self.first_pause.saturating_mul(1 << attempt.min(31)).min(self.longest_pause);
        pause.mul_f64(1.0 - chance / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_chance_only_shortens_them() {
        let retry = Retry::forever();
        assert_eq!(
            [0, 1, 2, 9, 4_000_000].map(|attempt| retry.pause(attempt, 0.0)),
            [50, 100, 200, 1000, 1000].map(Duration::from_millis)
        );
        assert_eq!(retry.pause(0, 1.0), Duration::from_millis(25));
    }
}
