//! Values from JSON and to JSON.

mod read;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::value::RawValue;

use self::read::Options;
use super::Value;

/// Why a text is not a JSON value that can be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON value: line {line}, column {column}: {reason}")]
pub struct JsonError {
    /// The line, from 1.
    pub line: usize,
    /// The byte within the line, from 1.
    pub column: usize,
    /// What is wrong there.
    pub reason: String,
}

impl Value {
    /// Reads JSON with all keys as strings.
    ///
    /// Integers stay whole, however long; a number with a fraction or an exponent becomes the nearest double. Of a key
    /// written twice the last entry counts. Linear in the text.
    ///
    /// # Errors
    /// The text is not one JSON value, is nested deeper than [`MAX_DEPTH`](crate::MAX_DEPTH), or has a number like `1e400`,
    /// which no double comes near.
    ///
    /// ```
    /// use glomers_check::Value;
    /// let ids = Value::from_json("[1180591620717411303424, 1180591620717411303425]")?;
    /// assert_ne!(ids.as_sequence().unwrap()[0], ids.as_sequence().unwrap()[1]);
    /// assert!(Value::from_json("1e400").is_err());
    /// # Ok::<(), glomers_check::JsonError>(())
    /// ```
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        read::parse(text, Options { keyword_keys: false, repeated_keys: true })
    }

    /// Like [`Value::from_json`], but a key written twice is an error: in a record, nobody knows which entry was meant.
    pub(crate) fn from_json_record(text: &str) -> Result<Self, JsonError> {
        read::parse(text, Options { keyword_keys: false, repeated_keys: false })
    }

    /// Reads the body of a message: like [`Value::from_json`], but the keys of the outermost object become
    /// keywords, as upstream's histories show bodies. A key that EDN could not write as a keyword stays a string.
    ///
    /// # Errors
    /// As [`Value::from_json`].
    pub fn from_json_body(text: &str) -> Result<Self, JsonError> {
        read::parse(text, Options { keyword_keys: true, repeated_keys: true })
    }

    /// The value as JSON text. Keywords and symbols become their names; lists, vectors and sets arrays; a tag is
    /// dropped; a ratio and a decimal beyond all doubles become strings, and a key that is no text its EDN form; NaN and the infinities, which JSON lacks,
    /// become null.
    ///
    /// ```
    /// use glomers_check::edn;
    /// let value = edn::read("{:valid? true, 1 #{:a}}")?;
    /// assert_eq!(value.to_json(), r#"{"valid?":true,"1":["a"]}"#);
    /// # Ok::<(), glomers_check::edn::ReadError>(())
    /// ```
    pub fn to_json(&self) -> String {
        serde_json::to_string(&AsJson(self))
            .expect("a value has nothing that JSON refuses: keys are made strings")
    }

    /// The value as JSON in several lines, for people.
    pub fn to_json_pretty(&self) -> String {
        serde_json::to_string_pretty(&AsJson(self))
            .expect("a value has nothing that JSON refuses: keys are made strings")
    }
}

/// A value that serializes as JSON rather than as the compact form of journals.
struct AsJson<'a>(&'a Value);

impl Serialize for AsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Nil => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i128(*value),
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::Number(number) => match number.json() {
                Some(digits) => RawValue::from_string(digits.to_owned())
                    .map_err(serde::ser::Error::custom)?
                    .serialize(serializer),
                None => serializer.serialize_str(number.as_str()),
            },
            Value::String(text) => serializer.serialize_str(text),
            Value::Keyword(name) | Value::Symbol(name) => serializer.serialize_str(name),
            Value::List(items) | Value::Vector(items) | Value::Set(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    sequence.serialize_element(&AsJson(item))?;
                }
                sequence.end()
            }
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    match key {
                        Value::String(text) => map.serialize_entry(text.as_str(), &AsJson(value)),
                        Value::Keyword(name) | Value::Symbol(name) => {
                            map.serialize_entry(name.as_str(), &AsJson(value))
                        }
                        _ => map.serialize_entry(&key.to_string(), &AsJson(value)),
                    }?;
                }
                map.end()
            }
            Value::Tagged(tagged) => AsJson(&tagged.1).serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAX_DEPTH;

    #[test]
    fn integers_stay_whole() {
        let text = "[18446744073709551615,-9223372036854775808,0,1180591620717411303424,-999999999999999999999999999999999999999999999]";
        assert_eq!(Value::from_json(text).unwrap().to_json(), text);
    }

    #[test]
    fn only_the_outermost_keys_become_keywords_and_only_those_that_read_back() {
        let value = Value::from_json_body(r#"{"type":"x","a b":1,"deep":{"key":2}}"#).unwrap();
        assert_eq!(value.to_string(), r#"{:type "x", "a b" 1, :deep {"key" 2}}"#);
    }

    #[test]
    fn the_last_of_a_repeated_key_counts() {
        assert_eq!(Value::from_json(r#"{"a":1,"b":2,"a":3}"#).unwrap().to_string(), r#"{"b" 2, "a" 3}"#);
    }

    #[test]
    fn a_deeply_nested_text_is_an_error_and_not_an_overflow() {
        let text = "[".repeat(100_000) + &"]".repeat(100_000);
        assert!(Value::from_json(&text).is_err());
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Value::from_json(&nested(MAX_DEPTH - 1)).is_ok());
        assert!(Value::from_json(&nested(MAX_DEPTH)).is_err());
    }

    #[test]
    fn text_after_the_value_is_refused() {
        assert!(Value::from_json("1 2").is_err());
    }
}
