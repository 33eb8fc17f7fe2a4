//! Values from JSON and to JSON.

use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::{MAX_DEPTH, Value};
use crate::Name;

/// Why a text is not a JSON value that can be kept.
#[derive(Debug, thiserror::Error)]
#[error("not a JSON value: {0}")]
pub struct JsonError(#[from] serde_json::Error);

impl Value {
    /// Reads JSON with all keys as strings.
    ///
    /// Integers that fit 64 bits, signed or not, stay whole; larger numbers and those with a fraction become the
    /// nearest float. Nesting deeper than [`MAX_DEPTH`] is an error. Of a key written twice the last entry counts.
    ///
    /// # Errors
    /// The text is not one JSON value, or is nested too deeply.
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        parse(text, Keys::Strings)
    }

    /// Reads the body of a message: like [`Value::from_json`], but the keys of the outermost object become
    /// keywords, as upstream's histories show bodies. A key that EDN could not write as a keyword stays a string.
    ///
    /// # Errors
    /// The text is not one JSON value, or is nested too deeply.
    pub fn from_json_body(text: &str) -> Result<Self, JsonError> {
        parse(text, Keys::Keywords)
    }

    /// The value as JSON text. Keywords and symbols become their names; lists, vectors and sets arrays; a tag is
    /// dropped; a key that is no text becomes its EDN form; NaN and the infinities, which JSON lacks, become null.
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

#[derive(Clone, Copy)]
enum Keys {
    Strings,
    Keywords,
}

fn parse(text: &str, keys: Keys) -> Result<Value, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Reader { keys, depth: 0 }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct Reader {
    keys: Keys,
    depth: usize,
}

impl Reader {
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth + 1;
        if depth >= MAX_DEPTH {
            return Err(E::custom(format_args!("nested more than {MAX_DEPTH} levels deep")));
        }
        Ok(Self { keys: Keys::Strings, depth })
    }

    fn key(self, text: &str) -> Value {
        match self.keys {
            Keys::Keywords if Name::is_plain(text) => Value::Keyword(Name::new(text)),
            Keys::Keywords | Keys::Strings => Value::string(text),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Reader {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Int(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::string(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Vector(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut entries: Vec<(Value, Value)> = Vec::new();
        while let Some(key) = access.next_key_seed(KeyReader(self))? {
            entries.push((key, access.next_value_seed(inner)?));
        }
        keep_last_of_each(&mut entries);
        Ok(Value::Map(entries))
    }
}

/// Reads a key without allocating for the text in between.
struct KeyReader(Reader);

impl<'de> DeserializeSeed<'de> for KeyReader {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyReader {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(self.0.key(text))
    }
}

/// Drops all but the last entry of each key. Few objects are large, so small ones are compared in pairs.
fn keep_last_of_each(entries: &mut Vec<(Value, Value)>) {
    let repeated = if entries.len() <= 16 {
        (1..entries.len()).any(|index| entries[..index].iter().any(|(key, _)| *key == entries[index].0))
    } else {
        let mut keys: Vec<&Value> = entries.iter().map(|(key, _)| key).collect();
        keys.sort_unstable();
        keys.windows(2).any(|pair| pair[0] == pair[1])
    };
    if repeated {
        let mut last = std::collections::BTreeMap::new();
        for (index, (key, _)) in entries.iter().enumerate() {
            last.insert(key.clone(), index);
        }
        let mut index = 0;
        entries.retain(|(key, _)| {
            let kept = last[key] == index;
            index += 1;
            kept
        });
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

    #[test]
    fn integers_stay_whole() {
        let text = "[18446744073709551615,-9223372036854775808,0]";
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
