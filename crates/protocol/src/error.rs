//! Errors on the wire: their codes, and the body that carries them.

use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::Body;

/// The number that says what kind of error a reply of type `error` reports.
///
/// Codes from 1000 are free for a node's own use; they, like every unknown code, are indefinite.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorCode(pub u64);

impl ErrorCode {
    /// The request got no answer in time: it may have happened, or may happen yet.
    pub const TIMEOUT: Self = Self(0);
    /// The receiver does not exist.
    pub const NODE_NOT_FOUND: Self = Self(1);
    /// The receiver does not know this type of request.
    pub const NOT_SUPPORTED: Self = Self(10);
    /// The receiver cannot do this now; trying later may help.
    pub const TEMPORARILY_UNAVAILABLE: Self = Self(11);
    /// The receiver could not read the request.
    pub const MALFORMED_REQUEST: Self = Self(12);
    /// The receiver failed while it handled the request, which may have taken effect.
    pub const CRASH: Self = Self(13);
    /// The receiver gave the request up; it had no effect.
    pub const ABORT: Self = Self(14);
    /// There is nothing under this key.
    pub const KEY_DOES_NOT_EXIST: Self = Self(20);
    /// There is something under this key already.
    pub const KEY_ALREADY_EXISTS: Self = Self(21);
    /// What the request requires is not so, such as the old value of a compare-and-set.
    pub const PRECONDITION_FAILED: Self = Self(22);
    /// The transaction conflicts with another.
    pub const TXN_CONFLICT: Self = Self(30);

    /// Every code that the protocol defines, in ascending order.
    pub const REGISTRY: &'static [ErrorCodeInfo] = &[
        ErrorCodeInfo { code: Self::TIMEOUT, name: "timeout", is_definite: false },
        ErrorCodeInfo { code: Self::NODE_NOT_FOUND, name: "node-not-found", is_definite: true },
        ErrorCodeInfo { code: Self::NOT_SUPPORTED, name: "not-supported", is_definite: true },
        ErrorCodeInfo {
            code: Self::TEMPORARILY_UNAVAILABLE,
            name: "temporarily-unavailable",
            is_definite: true,
        },
        ErrorCodeInfo { code: Self::MALFORMED_REQUEST, name: "malformed-request", is_definite: true },
        ErrorCodeInfo { code: Self::CRASH, name: "crash", is_definite: false },
        ErrorCodeInfo { code: Self::ABORT, name: "abort", is_definite: true },
        ErrorCodeInfo { code: Self::KEY_DOES_NOT_EXIST, name: "key-does-not-exist", is_definite: true },
        ErrorCodeInfo { code: Self::KEY_ALREADY_EXISTS, name: "key-already-exists", is_definite: true },
        ErrorCodeInfo { code: Self::PRECONDITION_FAILED, name: "precondition-failed", is_definite: true },
        ErrorCodeInfo { code: Self::TXN_CONFLICT, name: "txn-conflict", is_definite: true },
    ];

    /// The protocol's entry for this code, unless it is a custom or unknown one.
    pub fn info(self) -> Option<&'static ErrorCodeInfo> {
        Self::REGISTRY.iter().find(|info| info.code == self)
    }

    /// The protocol's name for this code, such as `precondition-failed`.
    pub fn name(self) -> Option<&'static str> {
        self.info().map(|info| info.name)
    }

    /// Whether the request certainly had no effect and never will have. Unknown codes are indefinite: they say nothing about it.
    pub fn is_definite(self) -> bool {
        self.info().is_some_and(|info| info.is_definite)
    }
}

/// What the protocol says about an [`ErrorCode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCodeInfo {
    /// The number on the wire.
    pub code: ErrorCode,
    /// The name in documentation and results.
    pub name: &'static str,
    /// Whether the request certainly had no effect and never will.
    pub is_definite: bool,
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(formatter, "{name} ({})", self.0),
            None => write!(formatter, "error {}", self.0),
        }
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The body of a reply of type `error`.
///
/// ```
/// use glomers_protocol::{ErrorCode, RpcError};
///
/// let error = RpcError::new(ErrorCode::PRECONDITION_FAILED, "expected 1, had 2");
/// assert_eq!(error.to_string(), "precondition-failed (22): expected 1, had 2");
/// assert!(error.code.is_definite());
/// ```
#[derive(Debug, Clone)]
pub struct RpcError {
    /// What kind of error.
    pub code: ErrorCode,
    /// The explanation for people; empty where the sender gave none.
    pub text: String,
    /// Keys that the protocol does not define, in the order they came, with their values' text.
    pub extra: Vec<(String, Box<RawValue>)>,
}

impl RpcError {
    /// An error without extra keys.
    pub fn new(code: ErrorCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), extra: Vec::new() }
    }
}

impl Body for RpcError {
    const TYPE: &'static str = "error";
}

impl std::error::Error for RpcError {}

impl fmt::Display for RpcError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.text.is_empty() {
            self.code.fmt(formatter)
        } else {
            write!(formatter, "{}: {}", self.code, self.text)
        }
    }
}

impl PartialEq for RpcError {
    fn eq(&self, other: &Self) -> bool {
        let extra = |error: &Self| -> Vec<(String, String)> {
            error.extra.iter().map(|(key, value)| (key.clone(), value.get().to_owned())).collect()
        };
        self.code == other.code && self.text == other.text && extra(self) == extra(other)
    }
}

impl Serialize for RpcError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2 + self.extra.len()))?;
        map.serialize_entry("code", &self.code)?;
        map.serialize_entry("text", &self.text)?;
        for (key, value) in &self.extra {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for RpcError {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RpcErrorVisitor)
    }
}

// Written by hand, because serde's `flatten` cannot keep the text of unknown values.
struct RpcErrorVisitor;

impl<'de> Visitor<'de> for RpcErrorVisitor {
    type Value = RpcError;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an error body with an integer `code` and a string `text`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RpcError, A::Error> {
        let mut code = None;
        let mut text = None;
        let mut extra = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "code" => code = Some(map.next_value()?),
                "text" => text = map.next_value::<Option<String>>()?,
                _ => extra.push((key, map.next_value()?)),
            }
        }
        let code = code.ok_or_else(|| de::Error::missing_field("code"))?;
        Ok(RpcError { code, text: text.unwrap_or_default(), extra })
    }
}

#[cfg(test)]
mod tests {
    use super::{ErrorCode, RpcError};
    use crate::{RawBody, decode_body, write_body};

    #[test]
    fn definiteness_follows_the_protocol() {
        let indefinite: Vec<u64> =
            ErrorCode::REGISTRY.iter().filter(|info| !info.is_definite).map(|info| info.code.0).collect();
        assert_eq!(indefinite, [0, 13]);
        assert!(!ErrorCode(1000).is_definite());
        assert!(ErrorCode::REGISTRY.is_sorted_by_key(|info| info.code));
        assert_eq!(ErrorCode(1234).to_string(), "error 1234");
    }

    #[test]
    fn unknown_keys_of_an_error_survive() {
        let text = r#"{"type":"error","in_reply_to":4,"code":1001,"text":"no","leader":"n2","term":123456789012345678901234567890}"#;
        let error: RpcError = decode_body(serde_json::from_str(text).unwrap()).unwrap();
        let mut out = Vec::new();
        write_body(&mut out, "error", None, Some(&4.into()), &error).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), text);
    }

    #[test]
    fn an_error_needs_a_code_but_no_text() {
        let decode = |text: &str| decode_body::<RpcError>(serde_json::from_str(text).unwrap());
        assert_eq!(decode(r#"{"type":"error","code":11}"#).unwrap(), RpcError::new(ErrorCode(11), ""));
        let error = decode(r#"{"type":"error","text":"no"}"#).unwrap_err().to_string();
        assert!(error.contains("missing field `code`"), "{error}");
        assert!(RawBody::of(&RpcError::new(ErrorCode::CRASH, "x")).unwrap().text().contains("\"code\":13"));
    }
}
