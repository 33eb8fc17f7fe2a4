//! Typed payloads: how they are written among the reserved keys, and read from between them.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Write};

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, IgnoredAny, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, forward_to_deserialize_any};
use serde_json::ser::Formatter;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::header::RESERVED_KEYS;
use crate::{MsgId, json_text};

/// A typed payload: what a body of one type carries beside the reserved keys.
///
/// The Rust type is a struct with serde's derives. It never sees the reserved keys, neither when it is read
/// (so `deny_unknown_fields` and `flatten` work) nor when it is written. Keep a value that is only passed on
/// in a `Box<RawValue>`: nothing of it is lost, and its depth does not matter.
///
/// ```
/// use glomers_protocol::Body;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Gossip { seen: Vec<u64> }
///
/// impl Body for Gossip { const TYPE: &'static str = "gossip"; }
/// ```
pub trait Body: Serialize + DeserializeOwned {
    /// The value of the key `type`.
    const TYPE: &'static str;
}

/// A payload that asks for an answer, and names the answer's type.
pub trait Request: Body {
    /// What a successful answer carries.
    type Reply: Body;
}

/// Appends the text of a body: the reserved keys, then the payload's own, on one line.
///
/// The payload must serialize as an object; a unit struct counts as an empty one.
///
/// # Errors
/// When the payload does not serialize as an object, uses a reserved key, or fails by itself; `out` is then
/// as it was before.
pub fn write_body(
    out: &mut Vec<u8>,
    kind: &str,
    msg_id: Option<u64>,
    in_reply_to: Option<&MsgId>,
    payload: &impl Serialize,
) -> Result<(), BodyError> {
    let start = out.len();
    out.extend_from_slice(b"{\"type\":");
    json_text::write_string(out, kind);
    if let Some(msg_id) = msg_id {
        out.extend_from_slice(b",\"msg_id\":");
        json_text::write_u64(out, msg_id);
    }
    if let Some(in_reply_to) = in_reply_to {
        out.extend_from_slice(b",\"in_reply_to\":");
        in_reply_to.write(out);
    }
    let progress = Progress::default();
    let formatter = PayloadFormatter { progress: &progress, depth: 0, in_key: false };
    let written = payload.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, formatter));
    let error = match (progress.reserved_key.get(), written) {
        (Some(key), _) => BodyError::ReservedKey { kind: kind.to_owned(), key },
        (None, Err(source)) => BodyError::Unserializable { kind: kind.to_owned(), source },
        (None, Ok(())) if !progress.is_object.get() => BodyError::NotAnObject { kind: kind.to_owned() },
        (None, Ok(())) => return Ok(()),
    };
    out.truncate(start);
    Err(error)
}

/// Reads the payload of a body, skipping the reserved keys. The body's `type` is not looked at.
///
/// # Errors
/// When the payload does not fit the type; the error names the type and says what was expected where.
pub fn decode_body<B: Body>(body: &RawValue) -> Result<B, DecodeError> {
    let mut deserializer = serde_json::Deserializer::from_str(body.get());
    B::deserialize(Payload(&mut deserializer)).map_err(|source| DecodeError { kind: B::TYPE, source })
}

/// Why a payload cannot be written. Each is a fault of the payload's Rust type.
#[derive(Debug, Error)]
pub enum BodyError {
    /// The payload serializes as something other than an object.
    #[error(
        "the payload of `{kind}` does not serialize as a JSON object: use a struct with named fields, or a map"
    )]
    NotAnObject {
        /// The body's type.
        kind: String,
    },
    /// The payload has a key that belongs to the protocol.
    #[error("the payload of `{kind}` has the key `{key}`, which the protocol reserves: rename it")]
    ReservedKey {
        /// The body's type.
        kind: String,
        /// The key.
        key: &'static str,
    },
    /// The payload's own serialization failed.
    #[error("the payload of `{kind}` cannot be written as JSON: {source}")]
    Unserializable {
        /// The body's type.
        kind: String,
        /// What serde says.
        source: serde_json::Error,
    },
}

/// Why a payload cannot be read.
#[derive(Debug, Error)]
#[error("malformed `{kind}`: {source}")]
pub struct DecodeError {
    kind: &'static str,
    source: serde_json::Error,
}

#[derive(Default)]
struct Progress {
    is_object: Cell<bool>,
    reserved_key: Cell<Option<&'static str>>,
}

/// Writes a payload's keys into the object that the reserved keys have opened, and watches for reserved ones
/// among them.
struct PayloadFormatter<'a> {
    progress: &'a Progress,
    depth: u32,
    in_key: bool,
}

impl Formatter for PayloadFormatter<'_> {
    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        if self.depth == 1 {
            self.progress.is_object.set(true);
            return Ok(());
        }
        writer.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(b"}")
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        writer.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(b"]")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.in_key = self.depth == 1;
        if first && !self.in_key { Ok(()) } else { writer.write_all(b",") }
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, _writer: &mut W) -> io::Result<()> {
        self.in_key = false;
        Ok(())
    }

    // A reserved key holds no escape, so it arrives as one fragment.
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if self.in_key
            && let Some(key) = RESERVED_KEYS.into_iter().find(|key| *key == fragment)
        {
            self.progress.reserved_key.set(Some(key));
        }
        writer.write_all(fragment.as_bytes())
    }

    // A raw value may hold line breaks between its tokens; left there, they would cut the line in two.
    fn write_raw_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.bytes().any(json_text::is_line_break) {
            return writer.write_all(fragment.replace(['\n', '\r'], " ").as_bytes());
        }
        writer.write_all(fragment.as_bytes())
    }

    // A unit struct is a payload without keys.
    fn write_null<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.depth == 0 {
            self.progress.is_object.set(true);
            return writer.write_all(b"}");
        }
        writer.write_all(b"null")
    }
}

/// A deserializer of a body that hides the reserved keys.
struct Payload<'a, 'de>(&'a mut serde_json::Deserializer<serde_json::de::StrRead<'de>>);

impl<'de> Deserializer<'de> for Payload<'_, 'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.0.deserialize_map(SkipReserved(visitor))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.0.deserialize_map(IgnoredAny)?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct SkipReserved<T>(T);

impl<'de, V: Visitor<'de>> Visitor<'de> for SkipReserved<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(formatter)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(SkipReserved(map))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for SkipReserved<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.0.next_key::<Key<'de>>()? {
            match key {
                Key::Reserved => {
                    self.0.next_value::<IgnoredAny>()?;
                }
                Key::Borrowed(key) => return seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some),
                Key::Owned(key) => return seed.deserialize(key.into_deserializer()).map(Some),
            }
        }
        Ok(None)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.0.next_value_seed(seed)
    }
}

enum Key<'de> {
    Reserved,
    Borrowed(&'de str),
    Owned(String),
}

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
        Ok(if RESERVED_KEYS.contains(&key) { Key::Reserved } else { Key::Borrowed(key) })
    }

    fn visit_str<E>(self, key: &str) -> Result<Key<'de>, E> {
        Ok(if RESERVED_KEYS.contains(&key) { Key::Reserved } else { Key::Owned(key.to_owned()) })
    }
}

#[cfg(test)]
mod tests;
