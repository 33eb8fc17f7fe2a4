//! One line between a node and its network: who sends what to whom.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::json_text;

/// A message, borrowed from the line it came on.
///
/// Parsing checks that the line is JSON, that `src` and `dest` are strings and that `body` is an object; it
/// does not look further into the body. Other keys of the envelope, such as the `id` that Maelstrom adds, are
/// left in [`line`](Self::line). Costs one pass over the line, and allocates only when a name holds an
/// escape.
#[derive(Debug, Clone)]
pub struct Envelope<'a> {
    /// The sender.
    pub src: Cow<'a, str>,
    /// The receiver.
    pub dest: Cow<'a, str>,
    /// The body's text, always an object.
    pub body: &'a RawValue,
    /// The whole line, as it came.
    pub line: &'a str,
}

impl<'a> Envelope<'a> {
    /// Reads a line, with or without its newline.
    ///
    /// # Errors
    /// When the line is not an envelope; the error says what was expected and what stands there.
    pub fn parse(line: &'a str) -> Result<Self, EnvelopeError> {
        match serde_json::from_str::<Parts<'a>>(line) {
            Ok(parts) if json_text::is_object(parts.body) => {
                Ok(Self { src: parts.src, dest: parts.dest, body: parts.body, line })
            }
            Ok(parts) => Err(EnvelopeError::WrongType {
                key: "body",
                expected: "an object",
                found: json_text::describe(parts.body),
            }),
            Err(error) => Err(EnvelopeError::diagnose(line, &error)),
        }
    }
}

/// Why a line is not an envelope.
#[derive(Debug, Error)]
pub enum EnvelopeError {
    /// The line is not one JSON value. `column` counts bytes from 1.
    #[error("not JSON at column {column}: {reason}; expected one JSON object a line")]
    NotJson {
        /// Where the text stops being JSON, in bytes from 1.
        column: usize,
        /// What the JSON parser says.
        reason: String,
    },
    /// The line is JSON, but not an object.
    #[error("expected an object with the keys `src`, `dest` and `body`, found {found}")]
    NotAnObject {
        /// The kind of value that came.
        found: &'static str,
    },
    /// One of the three keys is missing or null.
    #[error("`{key}` is missing: an envelope needs the strings `src` and `dest` and the object `body`")]
    MissingKey {
        /// The missing key.
        key: &'static str,
    },
    /// One of the three keys holds a value of another type.
    #[error("expected `{key}` to be {expected}, found {found}")]
    WrongType {
        /// The key.
        key: &'static str,
        /// The kind of value that belongs there.
        expected: &'static str,
        /// The kind of value that came.
        found: &'static str,
    },
    /// The object breaks another rule, such as naming a key twice.
    #[error("expected the keys `src`, `dest` and `body` once each: {reason}")]
    Malformed {
        /// What the JSON parser says.
        reason: String,
    },
}

impl EnvelopeError {
    /// Reads a refused line again, slowly, to say what is wrong with it.
    fn diagnose(line: &str, error: &serde_json::Error) -> Self {
        let value = match serde_json::from_str::<&RawValue>(line) {
            Ok(value) => value,
            Err(error) => return Self::NotJson { column: error.column(), reason: error.to_string() },
        };
        if !json_text::is_object(value) {
            return Self::NotAnObject { found: json_text::describe(value) };
        }
        let Ok(parts) = serde_json::from_str::<LooseParts<'_>>(line) else {
            return Self::Malformed { reason: error.to_string() };
        };
        let keys = [
            ("src", "a string", parts.src),
            ("dest", "a string", parts.dest),
            ("body", "an object", parts.body),
        ];
        for (key, expected, value) in keys {
            match value {
                None => return Self::MissingKey { key },
                Some(value) if json_text::describe(value) != expected => {
                    return Self::WrongType { key, expected, found: json_text::describe(value) };
                }
                Some(_) => {}
            }
        }
        Self::Malformed { reason: error.to_string() }
    }
}

/// Appends one line, with its newline: an envelope around the text of `body`, which must be a JSON object
/// without line breaks, as [`write_body`](crate::write_body) produces it. `id` numbers the message for people
/// who read the journal; nodes write none.
pub fn write_envelope(out: &mut Vec<u8>, id: Option<u64>, src: &str, dest: &str, body: &[u8]) {
    out.reserve(body.len() + src.len() + dest.len() + 40);
    out.push(b'{');
    if let Some(id) = id {
        out.extend_from_slice(b"\"id\":");
        json_text::write_u64(out, id);
        out.push(b',');
    }
    out.extend_from_slice(b"\"src\":");
    json_text::write_string(out, src);
    out.extend_from_slice(b",\"dest\":");
    json_text::write_string(out, dest);
    out.extend_from_slice(b",\"body\":");
    out.extend_from_slice(body);
    out.extend_from_slice(b"}\n");
}

#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    src: Cow<'a, str>,
    #[serde(borrow)]
    dest: Cow<'a, str>,
    #[serde(borrow)]
    body: &'a RawValue,
}

#[derive(Deserialize)]
struct LooseParts<'a> {
    #[serde(borrow)]
    src: Option<&'a RawValue>,
    #[serde(borrow)]
    dest: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

#[cfg(test)]
mod tests {
    use super::{Envelope, write_envelope};

    #[track_caller]
    fn refuses(line: &str, expected: &str) {
        let error = Envelope::parse(line).expect_err("the line is not an envelope").to_string();
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    }

    #[test]
    fn errors_say_what_was_expected() {
        refuses("hello", "not JSON at column 1");
        refuses("", "expected one JSON object a line");
        refuses(r#"{"src":"n1","#, "not JSON at column 12");
        refuses("[1]", "found an array");
        refuses(r#"{"src":"n1","body":{}}"#, "`dest` is missing");
        refuses(r#"{"src":null,"dest":"n2","body":{}}"#, "`src` is missing");
        refuses(r#"{"src":1,"dest":"n2","body":{}}"#, "expected `src` to be a string, found a number");
        refuses(r#"{"src":"n1","dest":"n2","body":[]}"#, "expected `body` to be an object, found an array");
        refuses(r#"{"src":"n1","src":"n1","dest":"n2","body":{}}"#, "duplicate field `src`");
        refuses(r#"{"src":"n1","dest":"n2","body":{}} {}"#, "not JSON at column");
    }

    #[test]
    fn escapes_in_names_are_understood() {
        let envelope = Envelope::parse(r#"{"src":"n\u0031","dest":"a\"b","body":{}}"#).unwrap();
        assert_eq!((envelope.src.as_ref(), envelope.dest.as_ref()), ("n1", "a\"b"));
    }

    #[test]
    fn a_body_of_any_depth_is_routed() {
        let depth = 100_000;
        let line = format!(
            r#"{{"src":"n1","dest":"n2","body":{{"type":"x","v":{}{}}}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        );
        assert_eq!(Envelope::parse(&line).unwrap().dest, "n2");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut out = Vec::new();
        write_envelope(&mut out, Some(u64::MAX), "n\n1", "c1", br#"{"type":"x"}"#);
        let line = String::from_utf8(out).unwrap();
        assert_eq!(
            line,
            "{\"id\":18446744073709551615,\"src\":\"n\\n1\",\"dest\":\"c1\",\"body\":{\"type\":\"x\"}}\n"
        );
        assert_eq!(Envelope::parse(&line).unwrap().src, "n\n1");
    }
}
