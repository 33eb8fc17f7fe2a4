//! The reserved keys of a body.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::{MsgId, json_text};

/// The keys of a body that belong to the protocol, so that no payload may use them.
pub const RESERVED_KEYS: [&str; 3] = ["type", "msg_id", "in_reply_to"];

/// The reserved keys of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header<'a> {
    /// The key `type`: what kind of message this is.
    pub kind: Cow<'a, str>,
    /// The id that a reply repeats; absent (or null) where the sender wants no reply.
    pub msg_id: Option<MsgId>,
    /// The `msg_id` of the request that this answers; absent (or null) in a request.
    pub in_reply_to: Option<MsgId>,
}

impl<'a> Header<'a> {
    /// Reads the reserved keys and skips all others.
    ///
    /// Takes one pass and allocates only where `type` holds an escape. A body with unusual ids takes a second pass.
    ///
    /// # Errors
    /// When the body is not an object, has no `type`, or a reserved key holds a value of another type.
    pub fn parse(body: &'a RawValue) -> Result<Self, HeaderError> {
        match serde_json::from_str::<Keys<'a>>(body.get()) {
            Ok(Keys { kind, msg_id, in_reply_to }) => {
                let (msg_id, in_reply_to) = (msg_id.map(MsgId::from), in_reply_to.map(MsgId::from));
                Ok(Self { kind, msg_id, in_reply_to })
            }
            Err(error) => Self::parse_unusual(body, &error),
        }
    }

    /// Reads a body whose ids are not plain numbers, or says what is wrong with it.
    fn parse_unusual(body: &'a RawValue, error: &serde_json::Error) -> Result<Self, HeaderError> {
        if !json_text::is_object(body) {
            return Err(HeaderError::NotAnObject { found: json_text::describe(body) });
        }
        let malformed = |error: &serde_json::Error| HeaderError::Malformed { reason: error.to_string() };
        let keys = serde_json::from_str::<RawKeys<'a>>(body.get()).map_err(|_| malformed(error))?;
        let (msg_id, in_reply_to) = (keys.msg_id.map(MsgId::from_raw), keys.in_reply_to.map(MsgId::from_raw));
        let Some(kind) = keys.kind else { return Err(HeaderError::MissingType { msg_id }) };
        if json_text::describe(kind) != "a string" {
            let (expected, found) = ("a string", json_text::describe(kind));
            return Err(HeaderError::WrongType { key: "type", expected, found, msg_id });
        }
        for (key, value) in [("msg_id", keys.msg_id), ("in_reply_to", keys.in_reply_to)] {
            if let Some(value) = value
                && !json_text::is_integer(value)
                && !json_text::is_string(value)
            {
                let (expected, found) = ("an integer or a string", json_text::describe(value));
                return Err(HeaderError::WrongType { key, expected, found, msg_id });
            }
        }
        let kind = serde_json::from_str::<String>(kind.get()).map_err(|error| malformed(&error))?;
        Ok(Self { kind: Cow::Owned(kind), msg_id, in_reply_to })
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
        /// The body's id, so that its sender can be told.
        msg_id: Option<MsgId>,
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
        /// The body's id, so that its sender can be told.
        msg_id: Option<MsgId>,
    },
    /// The object breaks another rule, such as naming a key twice.
    #[error("expected each reserved key once: {reason}")]
    Malformed {
        /// What the JSON parser says.
        reason: String,
    },
}

impl HeaderError {
    /// The `msg_id` of the faulty body, where it can be read, so that its sender can be told. It is the value as it came, even where
    /// that value is what is wrong with the body.
    pub fn msg_id(&self) -> Option<&MsgId> {
        match self {
            Self::MissingType { msg_id } | Self::WrongType { msg_id, .. } => msg_id.as_ref(),
            Self::NotAnObject { .. } | Self::Malformed { .. } => None,
        }
    }
}

/// The keys as nearly all bodies have them.
#[derive(Deserialize)]
struct Keys<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    msg_id: Option<u64>,
    in_reply_to: Option<u64>,
}

#[derive(Deserialize)]
struct RawKeys<'a> {
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
    use crate::MsgId;

    fn parse(body: &str) -> Result<Header<'_>, HeaderError> {
        Header::parse(serde_json::from_str::<&RawValue>(body).unwrap())
    }

    #[test]
    fn reserved_keys_are_read_wherever_they_stand() {
        let header =
            parse(r#"{"a":[{}],"in_reply_to":18446744073709551615,"type":"x_ok","msg_id":null}"#).unwrap();
        let in_reply_to = Some(MsgId::from(u64::MAX));
        assert_eq!(header, Header { kind: "x_ok".into(), msg_id: None, in_reply_to });
    }

    #[test]
    fn an_id_of_any_length_or_a_string_is_kept_as_it_was_sent() {
        for id in ["-1", "-0", "18446744073709551616", "-99999999999999999999999", r#""a\u00e9 7""#, r#""""#]
        {
            for (key, other) in [("msg_id", "in_reply_to"), ("in_reply_to", "msg_id")] {
                let body = format!(r#"{{"type":"\u0078","{key}":{id},"{other}":3}}"#);
                let header = parse(&body).unwrap();
                assert_eq!(header.kind, "x");
                let (unusual, usual) = match key {
                    "msg_id" => (header.msg_id.unwrap(), header.in_reply_to),
                    _ => (header.in_reply_to.unwrap(), header.msg_id),
                };
                assert_eq!((unusual.to_string().as_str(), unusual.as_u64()), (id, None));
                assert_eq!(usual, Some(MsgId::from(3)));
            }
        }
    }

    #[test]
    fn errors_say_what_was_expected_and_whom_to_tell() {
        let refuses = |body: &str, expected: &str, msg_id: Option<&str>| {
            let error = parse(body).expect_err("the header is faulty");
            assert!(error.to_string().contains(expected), "{error} does not say {expected:?}");
            assert_eq!(error.msg_id().map(ToString::to_string).as_deref(), msg_id, "{body}");
        };
        refuses("[]", "found an array", None);
        refuses(r#"{"msg_id":3}"#, "`type` is missing", Some("3"));
        refuses(r#"{"msg_id":-3}"#, "`type` is missing", Some("-3"));
        refuses(r#"{"type":7,"msg_id":3}"#, "expected `type` to be a string, found a number", Some("3"));
        refuses(
            r#"{"type":"x","msg_id":1.5}"#,
            "`msg_id` to be an integer or a string, found a fraction",
            Some("1.5"),
        );
        refuses(r#"{"type":"x","msg_id":[ 1 ]}"#, "found an array", Some("[ 1 ]"));
        refuses(r#"{"type":"x","msg_id":1,"in_reply_to":true}"#, "`in_reply_to` to be an integer", Some("1"));
        refuses(r#"{"type":"x","type":"y"}"#, "duplicate field `type`", None);
    }
}
