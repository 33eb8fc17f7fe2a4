//! The ids that requests carry and replies repeat.

use std::fmt;

use serde_json::value::RawValue;

use crate::json_text;

/// The value of `msg_id`, and of the `in_reply_to` that repeats it, exactly as it was sent.
///
/// The protocol allows any integer, and programs in the wild also send strings. A reply has to repeat whatever came, digit for digit,
/// so an id that does not fit into 64 bits is kept as text. The ids that nearly everybody sends, integers from 0 to 2^64 - 1, are
/// kept as a number: they cost no allocation.
///
/// ```
/// use glomers_protocol::{Header, MsgId};
///
/// let body = serde_json::from_str(r#"{"type":"read","msg_id":-18446744073709551616}"#)?;
/// let msg_id = Header::parse(body)?.msg_id.expect("the body has an id");
/// assert_eq!(msg_id.to_string(), "-18446744073709551616");
/// assert_eq!((msg_id.as_u64(), MsgId::from(7).as_u64()), (None, Some(7)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MsgId(Repr);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Number(u64),
    /// JSON text on one line; never the text of a number that the other variant can hold.
    Text(Box<str>),
}

impl MsgId {
    /// The id that this JSON text says, whatever kind of value it is.
    pub(crate) fn from_raw(value: &RawValue) -> Self {
        let text = value.get();
        match text.parse::<u64>() {
            Ok(number) => Self(Repr::Number(number)),
            Err(_) => Self(Repr::Text(text.replace(['\n', '\r'], " ").into())),
        }
    }

    /// The id as a number; `None` where it is not an integer from 0 to 2^64 - 1.
    pub fn as_u64(&self) -> Option<u64> {
        match self.0 {
            Repr::Number(number) => Some(number),
            Repr::Text(_) => None,
        }
    }

    /// Appends the id as JSON.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Repr::Number(number) => json_text::write_u64(out, *number),
            Repr::Text(text) => out.extend_from_slice(text.as_bytes()),
        }
    }
}

impl From<u64> for MsgId {
    fn from(number: u64) -> Self {
        Self(Repr::Number(number))
    }
}

/// The id as JSON.
impl fmt::Display for MsgId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Number(number) => number.fmt(formatter),
            Repr::Text(text) => formatter.write_str(text),
        }
    }
}

impl fmt::Debug for MsgId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_as_small_as_a_string() {
        assert_eq!(size_of::<MsgId>(), size_of::<Box<str>>());
    }

    #[test]
    fn ids_are_equal_where_their_texts_are() {
        let id = |text: &str| MsgId::from_raw(serde_json::from_str(text).expect("the text is JSON"));
        assert_eq!(id("18446744073709551615"), MsgId::from(u64::MAX));
        assert_ne!(id("18446744073709551616"), id("18446744073709551617"));
        assert_ne!(id("1"), id("\"1\""));
    }
}
