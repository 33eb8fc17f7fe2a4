//! When two JSON texts say the same, as Clojure's `=` has it: the order of an object's members, white space and escapes do not
//! matter; `1` is not `1.0`, and an integer is compared whole, whatever its size.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::rc::Rc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// What is nested more deeply is compared as it is written: to look inside takes the stack of a recursion, and the text comes from
/// a node.
const MAX_DEPTH: usize = 128;
/// A longer text is cut where a person reads it.
const SHOWN_CHARACTERS: usize = 120;

/// A JSON value that is given back as it was written. Cheap to clone; equal where it says the same.
///
/// Equality is that of Clojure's `=`, which Maelstrom's services go by: neither the order of an object's members
/// nor white space nor escapes matter, `1` is not `1.0`, and an integer is compared whole, whatever its size.
///
/// ```
/// use glomers_protocol::Json;
///
/// let json = |text: &str| serde_json::from_str::<Json>(text);
/// assert_eq!(json(r#"{"a":1, "b":[2]}"#)?, json(r#"{"b":[2],"\u0061":1}"#)?);
/// assert_ne!(json("1")?, json("1.0")?);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone)]
pub struct Json {
    text: Rc<RawValue>,
    /// The canonical text, where that is not the text itself.
    canonical: Option<Rc<str>>,
}

impl Json {
    /// The value that this text says. Costs a pass over it, and for objects and arrays a parse.
    pub fn new(text: Box<RawValue>) -> Self {
        let canonical = match canonical(text.get()) {
            Cow::Borrowed(_) => None,
            Cow::Owned(canonical) => Some(canonical.into()),
        };
        Self { text: text.into(), canonical }
    }

    /// The text as it was written.
    pub fn to_raw(&self) -> Box<RawValue> {
        (*self.text).to_owned()
    }

    /// A text that two values share if and only if they are equal.
    pub fn canonical(&self) -> &str {
        self.canonical.as_deref().unwrap_or(self.text.get())
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

impl Eq for Json {}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::new)
    }
}

/// For people: a long value is cut.
impl fmt::Display for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&shown(self.text.get()))
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A text for people, cut where it is long.
fn shown(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => Cow::Owned(format!("{}… ({} bytes)", &text[..end], text.len())),
        None => Cow::Borrowed(text),
    }
}

/// The canonical text: borrowed where it is the text itself, as with integers, words and strings without escapes, which most values
/// are.
fn canonical(text: &str) -> Cow<'_, str> {
    match text.as_bytes().first() {
        Some(b'{' | b'[') if depth(text) > MAX_DEPTH => Cow::Borrowed(text),
        Some(b'{' | b'[') => {
            let mut out = String::with_capacity(text.len());
            // Half of a surrogate pair in a member's name is JSON and no text: such an object is compared as it is written.
            match write_canonical(text, &mut out) {
                Some(()) => Cow::Owned(out),
                None => Cow::Borrowed(text),
            }
        }
        Some(b'"') => canonical_string(text),
        Some(b'-' | b'0'..=b'9') => canonical_number(text),
        _ => Cow::Borrowed(text),
    }
}

fn write_canonical(text: &str, out: &mut String) -> Option<()> {
    match text.as_bytes().first() {
        Some(b'{') => {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
            out.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write!(out, "{}:", serde_json::to_string(name).ok()?).ok()?;
                write_canonical(value.get(), out)?;
            }
            out.push('}');
        }
        Some(b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(element.get(), out)?;
            }
            out.push(']');
        }
        _ => out.push_str(&canonical(text)),
    }
    Some(())
}

fn canonical_string(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let decoded = serde_json::from_str::<String>(text).and_then(|decoded| serde_json::to_string(&decoded));
    decoded.map_or(Cow::Borrowed(text), Cow::Owned)
}

fn canonical_number(text: &str) -> Cow<'_, str> {
    if text == "-0" {
        return Cow::Owned("0".into());
    }
    if !text.contains(['.', 'e', 'E']) {
        return Cow::Borrowed(text);
    }
    match text.parse::<f64>() {
        // Minus zero is zero. `{:?}` always shows that the number is no integer.
        Ok(number) => Cow::Owned(format!("{:?}", number + 0.0)),
        Err(_) => Cow::Borrowed(text),
    }
}

/// How deeply the arrays and objects of a JSON text are nested.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = text.bytes();
    let mut is_in_string = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => is_in_string = !is_in_string,
            // Only strings have escapes: the escaped character ends none.
            b'\\' => drop(bytes.next()),
            b'{' | b'[' if !is_in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !is_in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(text: &str) -> Json {
        Json::new(RawValue::from_string(text.to_owned()).expect("the text is JSON"))
    }

    #[track_caller]
    fn check_equal(left: &str, right: &str, is_equal: bool) {
        assert_eq!(json(left) == json(right), is_equal, "{left} and {right}");
    }

    #[test]
    fn what_is_written_differently_may_say_the_same() {
        check_equal(r#"{"a":1,"b":[2, 3]}"#, r#"{ "b" : [2,3], "\u0061" : 1 }"#, true);
        check_equal(r#""\u00e9""#, r#""é""#, true);
        check_equal("1.0", "1.00", true);
        check_equal("1e2", "100.0", true);
        check_equal("-0.0", "0.0", true);
        check_equal("-0", "0", true);
        check_equal(r#"{"a":1,"a":2}"#, r#"{"a":2}"#, true);
    }

    #[test]
    fn what_looks_alike_may_differ() {
        check_equal("1", "1.0", false);
        check_equal("1", "\"1\"", false);
        check_equal("null", "false", false);
        check_equal("[]", "{}", false);
        check_equal("[1,2]", "[2,1]", false);
        check_equal("[1,2]", "[12]", false);
        check_equal(r#"{"a":null}"#, "{}", false);
        check_equal("18446744073709551615", "18446744073709551616", false);
        check_equal("9007199254740993.0", "9007199254740993", false);
        check_equal(r#"["a,b"]"#, r#"["a","b"]"#, false);
    }

    #[test]
    fn a_text_that_no_one_should_send_is_compared_as_it_is_written() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        check_equal(&deep(100_000), &deep(100_000), true);
        check_equal(&deep(100_000), &deep(99_999), false);
        check_equal(r#""\ud800""#, r#""\ud800""#, true);
        check_equal(r#"{"\ud800":1}"#, r#"{"\ud800":2}"#, false);
    }

    #[test]
    fn brackets_in_strings_do_not_nest() {
        assert_eq!(depth(r#"["[[\"[[",{"]]\\":[]}]"#), 3);
    }

    #[test]
    fn a_value_is_given_back_as_it_was_written() {
        assert_eq!(json(r#"{"b" : 1.00, "a":[]}"#).to_raw().get(), r#"{"b" : 1.00, "a":[]}"#);
        assert_eq!(
            json(&format!("\"{}\"", "é".repeat(200))).to_string().chars().filter(|c| *c == 'é').count(),
            119
        );
    }

    fn any_value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            (-3..3_i64).prop_map(serde_json::Value::from),
            (-3..3_i8).prop_map(|number| serde_json::Value::from(f64::from(number))),
            "[a\"\\\\é]{0,3}".prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(3, 16, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(serde_json::Value::from),
                prop::collection::btree_map("[a\"é]{0,2}", inner, 0..3)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn equality_is_that_of_parsed_values(left in any_value(), right in any_value()) {
            let texts = |value: &serde_json::Value| {
                [value.to_string(), serde_json::to_string_pretty(value).expect("a value is JSON")]
            };
            for left_text in texts(&left) {
                for right_text in texts(&right) {
                    prop_assert_eq!(json(&left_text) == json(&right_text), left == right);
                }
                for same_text in texts(&left) {
                    prop_assert!(json(&left_text) == json(&same_text));
                }
            }
        }
    }
}
