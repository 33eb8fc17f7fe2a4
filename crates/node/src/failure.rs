//! How a handler fails.

use std::any::Any;
use std::error::Error;

use glomers_protocol::{ErrorCode, RpcError};

use crate::{Elapsed, QuorumError};

/// Why a handler gives no reply: the error that its caller gets instead.
///
/// Every error converts into it with `?`. An [`RpcError`] stays as it is; the library's own errors ([`Elapsed`], [`QuorumError`]) have
/// their codes; any other error becomes a `crash` (code 13) with the error's text, because the handler may have done part of its work.
///
/// ```
/// use glomers_node::{ErrorCode, Failure};
///
/// fn parse(text: &str) -> Result<u64, Failure> { Ok(text.parse::<u64>()?) }
///
/// let error = parse("x").unwrap_err().into_rpc_error();
/// assert_eq!((error.code, error.text.as_str()), (ErrorCode::CRASH, "invalid digit found in string"));
/// ```
#[derive(Debug)]
pub struct Failure {
    error: RpcError,
}

impl Failure {
    /// The error that the caller gets.
    pub fn into_rpc_error(self) -> RpcError {
        self.error
    }
}

// `Failure` must not be an `Error` itself, or this conversion would clash with the one from every type into itself.
impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let any: &dyn Any = &error;
        let error = if let Some(error) = any.downcast_ref::<RpcError>() {
            error.clone()
        } else if let Some(elapsed) = any.downcast_ref::<Elapsed>() {
            (*elapsed).into()
        } else if let Some(error) = any.downcast_ref::<QuorumError>() {
            error.clone().into()
        } else {
            RpcError::new(ErrorCode::CRASH, error.to_string())
        };
        Self { error }
    }
}
