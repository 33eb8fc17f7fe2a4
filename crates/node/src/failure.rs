//! How a handler fails.

use std::any::Any;
use std::error::Error;

use glomers_protocol::{ErrorCode, RpcError};

/// Why a handler gives no reply: the error that its caller gets instead.
///
/// Every error converts into it with `?`. An [`RpcError`] stays as it is; any other becomes a `crash` (code
/// 13) with the error's text, since nobody knows how far the handler came.
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

// `Failure` itself is no `Error`: with that, this blanket conversion could not be.
impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let any: &dyn Any = &error;
        let error = match any.downcast_ref::<RpcError>() {
            Some(error) => error.clone(),
            None => RpcError::new(ErrorCode::CRASH, error.to_string()),
        };
        Self { error }
    }
}
