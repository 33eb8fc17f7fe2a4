//! Bodies that are passed on as they came.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::{Body, BodyError, DecodeError, Header, HeaderError, MsgId, decode_body, json_text, write_body};

/// A body of any type, without the two reserved keys that belong to one hop (`msg_id` and `in_reply_to`).
///
/// A proxy takes a request as a `RawBody`, sends it on under a number of its own, and hands the answer back:
/// every other key, its order and its value's text stay as they were.
///
/// ```
/// use glomers_protocol::RawBody;
///
/// let body = RawBody::new(serde_json::from_str(r#"{"msg_id":1,"x":1.50,"type":"add","y":99999999999999999999}"#)?)?;
/// assert_eq!(body.kind(), "add");
/// let mut out = Vec::new();
/// body.write(&mut out, Some(8), None);
/// assert_eq!(out, br#"{"x":1.50,"type":"add","msg_id":8,"y":99999999999999999999}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawBody {
    kind: String,
    text: String,
    /// Where the keys of the next hop go: behind the value of `type`.
    header_end: usize,
}

impl RawBody {
    /// Copies a body that came over the network. Costs two passes over its text.
    ///
    /// # Errors
    /// When the reserved keys cannot be read.
    pub fn new(body: &RawValue) -> Result<Self, HeaderError> {
        let header = Header::parse(body)?;
        let malformed = |error: serde_json::Error| HeaderError::Malformed { reason: error.to_string() };
        let entries: Entries<'_> = serde_json::from_str(body.get()).map_err(malformed)?;
        let mut text = Vec::with_capacity(body.get().len());
        let mut header_end = 0;
        for (key, value) in &entries.0 {
            if key == "msg_id" || key == "in_reply_to" {
                continue;
            }
            text.push(if text.is_empty() { b'{' } else { b',' });
            json_text::write_string(&mut text, key);
            text.push(b':');
            // A line break between tokens would cut the line in two.
            text.extend(
                value.get().bytes().map(|byte| if json_text::is_line_break(byte) { b' ' } else { byte }),
            );
            if key == "type" {
                header_end = text.len();
            }
        }
        text.push(b'}');
        let text = String::from_utf8(text).expect("pieces of JSON text are UTF-8");
        Ok(Self { kind: header.kind.into_owned(), text, header_end })
    }

    /// The body of a typed payload.
    ///
    /// # Errors
    /// When the payload cannot be written: see [`write_body`].
    pub fn of<B: Body>(payload: &B) -> Result<Self, BodyError> {
        Self::with_kind(B::TYPE, payload)
    }

    /// The body of a payload whose type is only known when the program runs.
    ///
    /// # Errors
    /// When the payload cannot be written: see [`write_body`].
    pub fn with_kind(kind: &str, payload: &impl Serialize) -> Result<Self, BodyError> {
        let mut text = Vec::new();
        write_body(&mut text, kind, None, None, payload)?;
        let mut header = b"{\"type\":".to_vec();
        json_text::write_string(&mut header, kind);
        let text = String::from_utf8(text).expect("JSON text is UTF-8");
        Ok(Self { kind: kind.to_owned(), text, header_end: header.len() })
    }

    /// The value of the key `type`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The body's JSON text, on one line.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Reads the payload as a type. The body's own type is not looked at.
    ///
    /// # Errors
    /// When the payload does not fit the type.
    pub fn decode<B: Body>(&self) -> Result<B, DecodeError> {
        decode_body(serde_json::from_str(&self.text).expect("a raw body is JSON"))
    }

    /// Appends the body with the keys of its next hop.
    pub fn write(&self, out: &mut Vec<u8>, msg_id: Option<u64>, in_reply_to: Option<&MsgId>) {
        let (head, tail) = self.text.as_bytes().split_at(self.header_end);
        out.extend_from_slice(head);
        if let Some(msg_id) = msg_id {
            out.extend_from_slice(b",\"msg_id\":");
            json_text::write_u64(out, msg_id);
        }
        if let Some(in_reply_to) = in_reply_to {
            out.extend_from_slice(b",\"in_reply_to\":");
            in_reply_to.write(out);
        }
        out.extend_from_slice(tail);
    }
}

struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}
