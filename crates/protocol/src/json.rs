//! JSON values that are compared by what they say.
//!
//! Equality is that of Clojure's `=`, which Maelstrom's services use.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::text;

/// A value nested more deeply than this is compared as text: looking inside is recursive, and a node's text must not be able to
/// overflow the stack.
const MAX_DEPTH: usize = 128;

/// A JSON value that keeps the text it was written with, and is compared by what that text says. Cheap to clone.
///
/// Two values are equal where Clojure's `=` says so:
///
/// - the order of an object's members, white space and escapes do not matter;
/// - of a member that is named twice, the last value counts;
/// - `1` is not `1.0`;
/// - integers are exact, however long; all other numbers are compared as 64-bit floats, and those too large for one are equal.
///
/// The order of two values ([`Ord`]) is that of their [canonical](Self::canonical) texts. It is there so that a value can be a key of a
/// map; it is not numeric (`10` comes before `9`). Hashing fits equality.
///
/// ```
/// use glomers_protocol::Json;
///
/// let json = |text: &str| serde_json::from_str::<Json>(text);
/// assert_eq!(json(r#"{"a":1, "b":[2]}"#)?, json(r#"{"b":[2],"\u0061":1}"#)?);
/// assert_ne!(json("1")?, json("1.0")?);
///
/// let totals = std::collections::BTreeMap::from([(json("123456789012345678901234567890")?, 1)]);
/// assert_eq!(totals.get(&json(" 123456789012345678901234567890 ")?), Some(&1));
/// assert_eq!(totals.get(&json("123456789012345678901234567891")?), None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone)]
pub struct Json {
    text: Rc<RawValue>,
    /// The canonical text; `None` where `text` is canonical already.
    canonical: Option<Rc<str>>,
}

impl Json {
    /// The value that this text says. Costs a pass over the text, and a parse where it is an object or an array.
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

    /// The text that all equal values share, and no others. It is JSON.
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

impl PartialOrd for Json {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Json {
    fn cmp(&self, other: &Self) -> Ordering {
        self.canonical().cmp(other.canonical())
    }
}

impl Hash for Json {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical().hash(state);
    }
}

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

/// For people: shortened and escaped.
impl fmt::Display for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&text::excerpt(self.text.get().as_bytes(), text::EXCERPT_CHARS))
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The canonical text. It is borrowed where it is the text itself, as for most values: integers, words, and strings without escapes.
fn canonical(text: &str) -> Cow<'_, str> {
    match text.as_bytes().first() {
        Some(b'{' | b'[') if depth(text) > MAX_DEPTH => Cow::Borrowed(text),
        Some(b'{' | b'[') => {
            let mut out = String::with_capacity(text.len());
            // A member's name may hold half of a surrogate pair, which JSON allows and Rust's strings do not. Such an object is
            // compared as text.
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
        // Rust would print `inf`, which is not JSON. Every reader takes this for infinity too.
        Ok(number) if number.is_infinite() => {
            Cow::Owned(if number > 0.0 { "1e999" } else { "-1e999" }.into())
        }
        // Minus zero is zero. `{:?}` always prints a point or an exponent, so no float looks like an integer.
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
        check_equal("1e400", "1E+400", true);
        check_equal("1e400", "2.5e1000", true);
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
        check_equal(&"9".repeat(400), &format!("{}8", "9".repeat(399)), false);
        check_equal("1e400", "-1e400", false);
        check_equal("1e400", &format!("1{}", "0".repeat(400)), false);
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
        for text in [r#"{"b" : 1.00, "a":[]}"#, "1e400", "-123456789012345678901234567890"] {
            assert_eq!(json(text).to_raw().get(), text);
        }
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

    fn any_number() -> impl Strategy<Value = String> {
        prop_oneof!["-?(0|[1-9][0-9]{0,40})", "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?"]
    }

    fn hash(value: &Json) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        value.hash(&mut hasher);
        hasher.finish()
    }

    proptest! {
        #[test]
        fn canonical_texts_are_json_and_canonical(left in any_value(), number in any_number()) {
            for text in [left.to_string(), number.clone(), format!("[{number}]")] {
                let value = json(&text);
                let again = json(value.canonical());
                prop_assert_eq!(again.canonical(), value.canonical());
            }
        }

        #[test]
        fn order_and_hash_agree_with_equality(left in any_number(), right in any_number()) {
            let (left, right) = (json(&left), json(&right));
            prop_assert_eq!(left == right, left.cmp(&right) == Ordering::Equal);
            prop_assert!(left != right || hash(&left) == hash(&right));
            prop_assert_eq!(left.cmp(&right), right.cmp(&left).reverse());
        }

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
