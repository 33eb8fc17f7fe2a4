//! Errors of operations that were attempted more than once.

use glomers_protocol::RpcError;

/// What is known about an operation that is attempted several times, so that its error promises no more than is true.
///
/// A [definite](glomers_protocol::ErrorCode::is_definite) error says that *one attempt* had no effect. After an attempt that was not
/// answered, or failed indefinitely, the operation as a whole may have happened, whatever later attempts say. A client that is told
/// "this did not happen" will then see it anyway. That holds for idempotent operations too: a write that is refused the second time may
/// have been done the first time.
///
/// [`Rpc`](crate::Rpc) with a [`Retry`](crate::Retry) does this by itself. This type is for loops written by hand:
///
/// ```
/// use glomers_node::{Attempts, ErrorCode, Node, RpcError};
///
/// /// Sets a lock that nobody holds; tries again while the service does not answer.
/// async fn lock(node: &Node) -> Result<(), RpcError> {
///     let mut attempts = Attempts::new();
///     loop {
///         match node.lin_kv().cas_or_create("lock", (), node.id()).await {
///             Ok(()) => return Ok(()),
///             Err(error) if error.code == ErrorCode::TIMEOUT => attempts.note(&error),
///             // Says that the lock is taken, unless it may have been taken by an earlier attempt.
///             Err(error) => return Err(attempts.conclude(error)),
///         }
///     }
/// }
///
/// let mut attempts = Attempts::new();
/// let taken = RpcError::new(ErrorCode::PRECONDITION_FAILED, "n2 has it");
/// assert!(attempts.conclude(taken.clone()).code.is_definite());
/// attempts.note(&RpcError::new(ErrorCode::TIMEOUT, "no answer"));
/// assert_eq!(attempts.conclude(taken).code, ErrorCode::TIMEOUT);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attempts {
    /// The first error that leaves open whether its attempt had an effect.
    indefinite: Option<RpcError>,
}

impl Attempts {
    /// No attempts yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes how an attempt failed.
    pub fn note(&mut self, error: &RpcError) {
        if self.indefinite.is_none() && !error.code.is_definite() {
            self.indefinite = Some(error.clone());
        }
    }

    /// Whether any of the attempts noted so far may have had an effect.
    pub fn may_have_taken_effect(&self) -> bool {
        self.indefinite.is_some()
    }

    /// The error of the whole operation, whose last attempt failed with `last`: that error, unless it is definite and an earlier
    /// attempt may have taken effect. Then the code is that of the earlier attempt, and the text tells both.
    #[must_use]
    pub fn conclude(&self, last: RpcError) -> RpcError {
        match &self.indefinite {
            Some(earlier) if last.code.is_definite() => {
                let text = format!(
                    "an attempt may have taken effect ({}), and a later one failed: {last}",
                    earlier.text
                );
                RpcError::new(earlier.code, text)
            }
            _ => last,
        }
    }
}

#[cfg(test)]
mod tests {
    use glomers_protocol::ErrorCode;
    use proptest::prelude::*;

    use super::*;

    fn error(code: u64) -> RpcError {
        RpcError::new(ErrorCode(code), "x")
    }

    proptest! {
        /// Codes from 0 to 31 hold every definite and every indefinite code of the protocol, and unknown ones.
        #[test]
        fn an_error_is_definite_only_if_that_of_every_attempt_is(codes in prop::collection::vec(0_u64..32, 1..5)) {
            let mut attempts = Attempts::new();
            let (last, earlier) = codes.split_last().expect("there is a last attempt");
            earlier.iter().for_each(|code| attempts.note(&error(*code)));
            let concluded = attempts.conclude(error(*last));
            prop_assert_eq!(concluded.code.is_definite(), codes.iter().all(|code| ErrorCode(*code).is_definite()));
        }
    }
}
