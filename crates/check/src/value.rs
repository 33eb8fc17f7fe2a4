//! The values that operations carry and checkers report: what JSON can say, and what EDN can say beyond it.

mod json;
mod number;
mod order;

use std::cell::Cell;

use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Name;

pub use json::JsonError;
pub use number::Number;

/// How deeply values that come from outside may be nested.
///
/// Values are dropped, compared and printed by recursion, so the limit is set where they are read: JSON, EDN and
/// the serde form all refuse what is nested more deeply.
pub const MAX_DEPTH: usize = 128;

/// A value of an operation or of a result.
///
/// Equality is Clojure's: a list equals a vector of equal elements, the order of a map's entries and of a set's
/// elements does not count, and the integer `1` is not the float `1.0`. Unlike Clojure's, equality and order are
/// total: a NaN equals itself.
///
/// ```
/// use glomers_check::Value;
/// let reply = Value::from_json_body(r#"{"type":"echo_ok","echo":{"a":[1,null]}}"#)?;
/// assert_eq!(reply.to_string(), r#"{:type "echo_ok", :echo {"a" [1 nil]}}"#);
/// assert_eq!(reply.get("type").and_then(Value::as_str), Some("echo_ok"));
/// # Ok::<(), glomers_check::JsonError>(())
/// ```
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub enum Value {
    /// No value: JSON's `null`.
    #[default]
    Nil,
    /// True or false.
    Bool(bool),
    /// An integer of up to 128 bits. Larger ones are a [`Value::Number`].
    Int(i128),
    /// A floating-point number.
    Float(f64),
    /// A text.
    String(CompactString),
    /// A keyword, such as `:ok`, without its colon.
    Keyword(Name),
    /// A symbol, such as the name of a class. A character literal is kept as a symbol too, with its backslash.
    Symbol(Name),
    /// A list, written in round brackets.
    List(Vec<Value>),
    /// A vector, written in square brackets: JSON's array.
    Vector(Vec<Value>),
    /// A map: entries in the order in which they were written, keys all different.
    Map(Vec<(Value, Value)>),
    /// A set: elements in the order in which they were written, all different.
    Set(Vec<Value>),
    /// A value with a tag that says how to read it, such as `#inst "…"`.
    Tagged(Box<(Name, Value)>),
    /// An exact number beyond [`Value::Int`]: an integer of more than 128 bits, a ratio or a decimal.
    Number(Number),
}

impl Value {
    /// A text.
    pub fn string(text: impl AsRef<str>) -> Self {
        Self::String(CompactString::new(text))
    }

    /// A keyword; the text has no colon.
    pub fn keyword(name: impl Into<Name>) -> Self {
        Self::Keyword(name.into())
    }

    /// A map with keyword keys, in this order.
    ///
    /// ```
    /// use glomers_check::Value;
    /// assert_eq!(Value::record([("valid?", true), ("late?", false)]).to_string(), "{:valid? true, :late? false}");
    /// ```
    pub fn record<V: Into<Self>>(entries: impl IntoIterator<Item = (&'static str, V)>) -> Self {
        Self::Map(
            entries
                .into_iter()
                .map(|(key, value)| (Self::Keyword(Name::from_static(key)), value.into()))
                .collect(),
        )
    }

    /// A ratio in single precision, as upstream reports ratios: the float's digits are those of the nearest `f32`.
    /// A denominator of zero yields the integer 1, since a share of nothing is complete.
    ///
    /// ```
    /// use glomers_check::Value;
    /// assert_eq!(Value::ratio(94, 46).to_string(), "2.0434783");
    /// ```
    pub fn ratio(numerator: u64, denominator: u64) -> Self {
        if denominator == 0 {
            return Self::Int(1);
        }
        let single = (numerator as f64 / denominator as f64) as f32;
        // The shortest digits that name the single, read as a double, print as the same digits again.
        Self::Float(single.to_string().parse().unwrap_or(f64::from(single)))
    }

    /// The value under a keyword, if this is a map that has it.
    pub fn get(&self, keyword: &str) -> Option<&Self> {
        self.as_map()?.iter().find_map(|(key, value)| match key {
            Self::Keyword(name) if name == keyword => Some(value),
            _ => None,
        })
    }

    /// The value under any key, if this is a map that has it. It looks at every entry.
    pub fn get_value(&self, key: &Self) -> Option<&Self> {
        self.as_map()?.iter().find_map(|(candidate, value)| (candidate == key).then_some(value))
    }

    /// Puts a value under a keyword, in place or at the end. Anything but a map becomes one.
    pub fn insert(&mut self, keyword: &'static str, value: impl Into<Self>) {
        if !matches!(self, Self::Map(_)) {
            *self = Self::Map(Vec::new());
        }
        let Self::Map(entries) = self else { unreachable!("the value was just made a map") };
        let key = Self::Keyword(Name::from_static(keyword));
        match entries.iter_mut().find(|(candidate, _)| *candidate == key) {
            Some((_, old)) => *old = value.into(),
            None => entries.push((key, value.into())),
        }
    }

    /// Takes the entry under a keyword out of a map, and returns its value.
    pub fn remove(&mut self, keyword: &str) -> Option<Self> {
        let Self::Map(entries) = self else { return None };
        let place = entries.iter().position(|(key, _)| key.as_keyword() == Some(keyword))?;
        Some(entries.remove(place).1)
    }

    /// Whether this is nil.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// The truth value, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// Whether this is an integer, of whatever size.
    pub fn is_integer(&self) -> bool {
        match self {
            Self::Int(_) => true,
            Self::Number(number) => number.is_integer(),
            _ => false,
        }
    }

    /// The integer, if this is one of up to 128 bits.
    pub fn as_int(&self) -> Option<i128> {
        if let Self::Int(value) = self { Some(*value) } else { None }
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The name, if this is a keyword.
    pub fn as_keyword(&self) -> Option<&str> {
        if let Self::Keyword(name) = self { Some(name) } else { None }
    }

    /// The elements, if this is a list or a vector.
    pub fn as_sequence(&self) -> Option<&[Self]> {
        if let Self::List(items) | Self::Vector(items) = self { Some(items) } else { None }
    }

    /// The elements, if this is a list or a vector.
    pub fn as_sequence_mut(&mut self) -> Option<&mut [Self]> {
        if let Self::List(items) | Self::Vector(items) = self { Some(items) } else { None }
    }

    /// The elements, if this is a list, a vector or a set.
    pub fn as_elements(&self) -> Option<&[Self]> {
        if let Self::List(items) | Self::Vector(items) | Self::Set(items) = self { Some(items) } else { None }
    }

    /// The entries in their order, if this is a map.
    pub fn as_map(&self) -> Option<&[(Self, Self)]> {
        if let Self::Map(entries) = self { Some(entries) } else { None }
    }
}

impl From<()> for Value {
    /// Nil.
    fn from((): ()) -> Self {
        Self::Nil
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::string(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(CompactString::from(text))
    }
}

impl<V: Into<Self>> From<Vec<V>> for Value {
    /// A vector, as JSON's array.
    fn from(items: Vec<V>) -> Self {
        Self::Vector(items.into_iter().map(Into::into).collect())
    }
}

impl<V: Into<Self>> From<Option<V>> for Value {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Nil, Into::into)
    }
}

macro_rules! from_integer {
    ($($integer:ty),*) => { $(
        impl From<$integer> for Value {
            fn from(value: $integer) -> Self {
                Self::Int(i128::from(value))
            }
        }
    )* };
}

from_integer!(i32, i64, i128, u8, u32, u64);

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Int(value as i128)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    /// Reads the compact form that [`Serialize`] writes, for journals; refuses what is nested deeper than
    /// [`MAX_DEPTH`]. For JSON as nodes send it, see [`Value::from_json`].
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        thread_local!(static DEPTH: Cell<usize> = const { Cell::new(0) });
        struct Level;
        impl Drop for Level {
            fn drop(&mut self) {
                DEPTH.set(DEPTH.get() - 1);
            }
        }
        DEPTH.set(DEPTH.get() + 1);
        let _level = Level;
        if DEPTH.get() > MAX_DEPTH {
            return Err(de::Error::custom(format_args!(
                "a value is nested more than {MAX_DEPTH} levels deep"
            )));
        }
        Self::deserialize(deserializer)
    }
}
