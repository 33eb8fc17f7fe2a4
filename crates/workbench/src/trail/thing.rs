//! A value that is followed, and the messages that carry it.

use glomers_check::Subject;
use glomers_protocol::{RESERVED_KEYS, text::excerpt};
use serde_json::{Map, Value};

/// How much of a value its name shows, in characters.
const NAME_CHARS: usize = 60;
/// Keys of bodies under which there are places in a log, or what a compare-and-set expects to find: no values that are passed on.
const NO_VALUES: [&str; 3] = ["offset", "offsets", "from"];

/// A value, perhaps one of a key.
pub(super) struct Thing {
    key: Option<Value>,
    key_text: String,
    value: Value,
    /// The value as a text, which a key of an object may be.
    text: String,
}

impl Thing {
    pub(super) fn new(subject: &Subject) -> Self {
        let json = |value: &glomers_check::Value| {
            serde_json::from_str(&value.to_json()).unwrap_or_else(|_| Value::String(value.to_string()))
        };
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let (key, value): (Option<Value>, Value) = (subject.key.as_ref().map(json), json(&subject.value));
        let key_text = key.as_ref().map(text).unwrap_or_default();
        Self { key_text, text: text(&value), key, value }
    }

    /// The value alone: `7`.
    pub(super) fn short_name(&self) -> String {
        excerpt(self.text.as_bytes(), NAME_CHARS)
    }

    /// With its key: `value 7 of key k1`.
    pub(super) fn full_name(&self) -> String {
        match &self.key {
            Some(_) => {
                let key = excerpt(self.key_text.as_bytes(), NAME_CHARS);
                format!("value {} of key {key}", self.short_name())
            }
            None => self.short_name(),
        }
    }

    /// Whether the text of a body can carry it: rules most messages out, unless they have escapes.
    pub(super) fn may_be_in(&self, body: &str) -> bool {
        body.contains('\\') || body.contains(&self.text)
    }

    pub(super) fn has_key_of(&self, other: &Self) -> bool {
        self.key == other.key
    }

    pub(super) fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// Whether the text of a body can name the key.
    pub(super) fn key_may_be_in(&self, body: &str) -> bool {
        body.contains("in_reply_to") || body.contains(&self.key_text)
    }

    /// Whether a request asks for the key, and gives no value of it: what is in its answer is of that key.
    pub(super) fn is_asked_by(&self, body: &Map<String, Value>) -> bool {
        let Some(key) = &self.key else { return false };
        let mut own = body.iter().filter(|(name, _)| !RESERVED_KEYS.contains(&name.as_str()));
        own.next().is_some_and(|(_, value)| is_equal(value, key, &self.key_text)) && own.next().is_none()
    }

    /// Whether a body names its key; true if it has none.
    pub(super) fn is_touched_by(&self, body: &Map<String, Value>) -> bool {
        let names = |whole: &Value| self.key.as_ref().is_none_or(|key| self.is_named_in(whole, key));
        body.iter().any(|(name, value)| *name == self.key_text || names(value))
    }

    fn is_named_in(&self, whole: &Value, key: &Value) -> bool {
        is_equal(whole, key, &self.key_text)
            || match whole {
                Value::Array(items) => items.iter().any(|item| self.is_named_in(item, key)),
                Value::Object(entries) => {
                    entries.iter().any(|(name, value)| *name == self.key_text || self.is_named_in(value, key))
                }
                _ => false,
            }
    }

    /// How often a body holds it, apart from the protocol's own keys. `is_of_key`: whether it answers a request for the key.
    pub(super) fn count_in(&self, body: &Map<String, Value>, is_of_key: bool) -> usize {
        let own = body.iter().filter(|(name, _)| !RESERVED_KEYS.contains(&name.as_str()));
        match &self.key {
            None => own.map(|(_, value)| self.count(value)).sum(),
            Some(_) if is_of_key => own
                .filter(|(name, _)| !NO_VALUES.contains(&name.as_str()))
                .map(|(_, value)| self.count(value))
                .sum(),
            Some(key) => self.count_entries(own, key),
        }
    }

    /// How often an object holds the value of the key: under it, or beside a field that is the key.
    fn count_entries<'a>(
        &self,
        entries: impl Iterator<Item = (&'a String, &'a Value)> + Clone,
        key: &Value,
    ) -> usize {
        let values = entries.filter(|(name, _)| !NO_VALUES.contains(&name.as_str()));
        let is_key = |value: &Value| is_equal(value, key, &self.key_text);
        let key_field = values.clone().find(|(_, value)| is_key(value)).map(|(name, _)| name);
        values
            .filter(|(name, _)| Some(*name) != key_field)
            .map(|(name, value)| {
                if *name == self.key_text {
                    self.count_in_log(value)
                } else if key_field.is_some() {
                    self.count(value)
                } else {
                    self.count_below(value, key)
                }
            })
            .sum()
    }

    fn count_below(&self, whole: &Value, key: &Value) -> usize {
        match whole {
            Value::Array(items) => {
                match &items[..] {
                    // A step of a transaction.
                    [Value::String(_), at, value] if is_equal(at, key, &self.key_text) => self.count(value),
                    _ => items.iter().map(|item| self.count_below(item, key)).sum(),
                }
            }
            Value::Object(entries) => self.count_entries(entries.iter(), key),
            _ => 0,
        }
    }

    /// What stands under a key is a value, a list of values, or a log: pairs of a place and a value.
    fn count_in_log(&self, whole: &Value) -> usize {
        let pair = |item: &Value| match item.as_array().map(Vec::as_slice) {
            Some([place, value]) if place.is_u64() => Some(self.count(value)),
            _ => None,
        };
        let pairs = whole.as_array().and_then(|items| items.iter().map(pair).collect::<Option<Vec<_>>>());
        pairs.map_or_else(|| self.count(whole), |counts| counts.iter().sum())
    }

    /// How often a JSON value is or contains the value, its text, or a key of its text.
    fn count(&self, whole: &Value) -> usize {
        if is_equal(whole, &self.value, &self.text) {
            return 1;
        }
        match whole {
            Value::Array(items) => items.iter().map(|item| self.count(item)).sum(),
            Value::Object(entries) => {
                entries.iter().map(|(key, value)| usize::from(*key == self.text) + self.count(value)).sum()
            }
            _ => 0,
        }
    }
}

/// Whether a JSON value is another, the same number, or its text.
fn is_equal(one: &Value, other: &Value, text_of_other: &str) -> bool {
    one == other
        || match one {
            Value::String(one) => one == text_of_other,
            Value::Number(one) => other.as_f64().is_some_and(|other| one.as_f64() == Some(other)),
            _ => false,
        }
}
