//! The reserved keys of a body.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::json;

/// The keys of a body that belong to the protocol, so that no payload may use them.
pub const RESERVED_KEYS: [&str; 3] = ["type", "msg_id", "in_reply_to"];

/// The reserved keys of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header<'a> {
    /// The key `type`: what kind of message this is.
    pub kind: Cow<'a, str>,
    /// The number that a reply will repeat; absent (or null) where no reply is wanted.
    pub msg_id: Option<u64>,
    /// The `msg_id` of the request that this answers; absent (or null) in a request.
    pub in_reply_to: Option<u64>,
}

impl<'a> Header<'a> {
    /// Reads the reserved keys and skips all others, in one pass. Allocates only when `type` holds an escape.
    ///
    /// # Errors
    /// When the body is not an object, has no `type`, or a reserved key holds a value of another type.
    pub fn parse(body: &'a RawValue) -> Result<Self, HeaderError> {
        match serde_json::from_str::<Keys<'a>>(body.get()) {
            Ok(keys) => Ok(Self { kind: keys.kind, msg_id: keys.msg_id, in_reply_to: keys.in_reply_to }),
            Err(error) => Err(HeaderError::diagnose(body, &error)),
        }
    }
}

/// Why the reserved keys of a body cannot be read.
#[derive(Debug, Error)]
pub enum HeaderError {
    /// The body is not an object.
    #[error("expected a body to be an object, found {found}")]
    NotAnObject {
        /// The kind of value that came.
        found: &'static str,
    },
    /// The body has no `type`.
    #[error("`type` is missing: every body names its type as a string")]
    MissingType {
        /// The body's number, where it can be read: whom to answer.
        msg_id: Option<u64>,
    },
    /// A reserved key holds a value of another type.
    #[error("expected `{key}` to be {expected}, found {found}")]
    WrongType {
        /// The key.
        key: &'static str,
        /// The kind of value that belongs there.
        expected: &'static str,
        /// The kind of value that came.
        found: &'static str,
        /// The body's number, where it can be read: whom to answer.
        msg_id: Option<u64>,
    },
    /// The object breaks another rule, such as naming a key twice.
    #[error("expected each reserved key once: {reason}")]
    Malformed {
        /// What the JSON parser says.
        reason: String,
    },
}

impl HeaderError {
    /// The `msg_id` of the faulty body, where it can be read, so that its sender can be told.
    pub fn msg_id(&self) -> Option<u64> {
        match self {
            Self::MissingType { msg_id } | Self::WrongType { msg_id, .. } => *msg_id,
            Self::NotAnObject { .. } | Self::Malformed { .. } => None,
        }
    }

    /// Reads a refused body again, slowly, to say what is wrong with it.
    fn diagnose(body: &RawValue, error: &serde_json::Error) -> Self {
        if !json::is_object(body) {
            return Self::NotAnObject { found: json::describe(body) };
        }
        let Ok(keys) = serde_json::from_str::<LooseKeys<'_>>(body.get()) else {
            return Self::Malformed { reason: error.to_string() };
        };
        let number = |value: Option<&RawValue>| value.and_then(|value| value.get().parse().ok());
        let msg_id = number(keys.msg_id);
        match keys.kind {
            None => return Self::MissingType { msg_id },
            Some(kind) if json::describe(kind) != "a string" => {
                return Self::WrongType {
                    key: "type",
                    expected: "a string",
                    found: json::describe(kind),
                    msg_id,
                };
            }
            Some(_) => {}
        }
        let expected = "an integer from 0 to 2^64 - 1";
        for (key, value) in [("msg_id", keys.msg_id), ("in_reply_to", keys.in_reply_to)] {
            if let Some(value) = value
                && number(Some(value)).is_none()
            {
                return Self::WrongType { key, expected, found: json::describe(value), msg_id };
            }
        }
        Self::Malformed { reason: error.to_string() }
    }
}

#[derive(Deserialize)]
struct Keys<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    msg_id: Option<u64>,
    in_reply_to: Option<u64>,
}

#[derive(Deserialize)]
struct LooseKeys<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    msg_id: Option<&'a RawValue>,
    #[serde(borrow)]
    in_reply_to: Option<&'a RawValue>,
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::{Header, HeaderError};

    fn parse(body: &str) -> Result<Header<'_>, HeaderError> {
        Header::parse(serde_json::from_str::<&RawValue>(body).unwrap())
    }

    #[test]
    fn reserved_keys_are_read_wherever_they_stand() {
        let header =
            parse(r#"{"a":[{}],"in_reply_to":18446744073709551615,"type":"x_ok","msg_id":null}"#).unwrap();
        assert_eq!(header, Header { kind: "x_ok".into(), msg_id: None, in_reply_to: Some(u64::MAX) });
    }

    #[test]
    fn errors_say_what_was_expected_and_whom_to_tell() {
        let refuses = |body: &str, expected: &str, msg_id: Option<u64>| {
            let error = parse(body).expect_err("the header is faulty");
            assert!(error.to_string().contains(expected), "{error} does not say {expected:?}");
            assert_eq!(error.msg_id(), msg_id, "{body}");
        };
        refuses("[]", "found an array", None);
        refuses(r#"{"msg_id":3}"#, "`type` is missing", Some(3));
        refuses(r#"{"type":7,"msg_id":3}"#, "expected `type` to be a string, found a number", Some(3));
        refuses(r#"{"type":"x","msg_id":-1}"#, "`msg_id` to be an integer from 0", None);
        refuses(r#"{"type":"x","msg_id":1.5}"#, "found a fraction", None);
        refuses(r#"{"type":"x","msg_id":1,"in_reply_to":"2"}"#, "`in_reply_to` to be an integer", Some(1));
        refuses(r#"{"type":"x","type":"y"}"#, "duplicate field `type`", None);
    }
}
