//! Reading JSON (RFC 8259).
//!
//! `serde_json` keeps integers of 64 bits whole and rounds the others, unless a feature is switched on that changes it
//! for every crate of a program. It is the oracle in this module's tests.

use compact_str::CompactString;

use super::JsonError;
use crate::{MAX_DEPTH, Name, Value};

/// What a JSON text is read as.
#[derive(Clone, Copy)]
pub(super) struct Options {
    /// The keys of the outermost object become keywords.
    pub(super) keyword_keys: bool,
    /// A key may be repeated, and then its last entry counts.
    pub(super) repeated_keys: bool,
}

pub(super) fn parse(text: &str, options: Options) -> Result<Value, JsonError> {
    let mut parser = Parser { text, position: 0, depth: 0, options };
    parser.skip_blanks();
    let value = parser.value()?;
    parser.skip_blanks();
    match parser.peek() {
        None => Ok(value),
        Some(_) => Err(parser.error("the text goes on after its value")),
    }
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
    depth: usize,
    options: Options,
}

impl<'a> Parser<'a> {
    fn value(&mut self) -> Result<Value, JsonError> {
        match self.peek() {
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Nil),
            Some(_) => Err(self.error("expected a value")),
            None => Err(self.error("expected a value, and the text ends")),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.position += 1;
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, JsonError> {
        if !self.text.as_bytes()[self.position..].starts_with(word.as_bytes()) {
            return Err(self.error("expected a value"));
        }
        self.position += word.len();
        Ok(value)
    }

    fn enter(&mut self) -> Result<(), JsonError> {
        self.depth += 1;
        if self.depth >= MAX_DEPTH {
            return Err(self.error(format!("nested more than {MAX_DEPTH} levels deep")));
        }
        self.position += 1;
        self.skip_blanks();
        Ok(())
    }

    /// After an element: whether another follows. The closing bracket has been consumed if not.
    fn goes_on(&mut self, close: u8) -> Result<bool, JsonError> {
        self.skip_blanks();
        match self.peek() {
            Some(b',') => {
                self.position += 1;
                self.skip_blanks();
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.position += 1;
                self.depth -= 1;
                Ok(false)
            }
            Some(_) => Err(self.error(format!("expected `,` or `{}`", char::from(close)))),
            None => Err(self.error(format!("the text ends before the closing `{}`", char::from(close)))),
        }
    }

    /// Whether a collection that has just been entered is empty. The closing bracket has been consumed if so.
    fn is_empty(&mut self, close: u8) -> bool {
        let is_empty = self.peek() == Some(close);
        if is_empty {
            self.position += 1;
            self.depth -= 1;
        }
        is_empty
    }

    fn array(&mut self) -> Result<Value, JsonError> {
        self.enter()?;
        let mut items = Vec::new();
        if self.is_empty(b']') {
            return Ok(Value::Vector(items));
        }
        loop {
            items.push(self.value()?);
            if !self.goes_on(b']')? {
                return Ok(Value::Vector(items));
            }
        }
    }

    fn object(&mut self) -> Result<Value, JsonError> {
        let keyword_keys = self.options.keyword_keys && self.depth == 0;
        self.enter()?;
        let mut entries: Vec<(Value, Value)> = Vec::new();
        if self.is_empty(b'}') {
            return Ok(Value::Map(entries));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.error("expected a key in quotes"));
            }
            let text = self.string()?;
            let key = match keyword_keys && Name::is_plain(&text) {
                true => Value::Keyword(Name::new(&text)),
                false => Value::String(text),
            };
            self.skip_blanks();
            if self.peek() != Some(b':') {
                return Err(self.error("expected `:` after a key"));
            }
            self.position += 1;
            self.skip_blanks();
            entries.push((key, self.value()?));
            if !self.goes_on(b'}')? {
                break;
            }
        }
        if let Some(key) = repeated_key(&entries) {
            if !self.options.repeated_keys {
                self.position -= 1;
                return Err(self.error(format!("the key {key} stands twice in one object")));
            }
            keep_last_of_each(&mut entries);
        }
        Ok(Value::Map(entries))
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.position;
        let bytes = &self.text.as_bytes()[start..];
        let digits_from =
            |from: usize| from + bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let whole_from = usize::from(bytes[0] == b'-');
        let whole_end = digits_from(whole_from);
        let digits = &bytes[whole_from..whole_end];
        let goes_on = matches!(bytes.get(whole_end), Some(b'.' | b'e' | b'E'));
        // Nearly all numbers are short integers.
        if !goes_on && matches!(digits, [b'1'..=b'9', ..] | [b'0']) && digits.len() <= 18 {
            self.position += whole_end;
            let value = digits.iter().fold(0_i64, |value, digit| value * 10 + i64::from(digit - b'0'));
            return Ok(Value::Int(if whole_from == 1 { -value } else { value }.into()));
        }
        let mut end = whole_end;
        let mut is_well_formed = end > whole_from && (bytes[whole_from] != b'0' || end == whole_from + 1);
        if bytes.get(end) == Some(&b'.') {
            let fraction_end = digits_from(end + 1);
            is_well_formed &= fraction_end > end + 1;
            end = fraction_end;
        }
        if let Some(b'e' | b'E') = bytes.get(end) {
            let from = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            end = digits_from(from);
            is_well_formed &= end > from;
        }
        let text = &self.text[start..start + end];
        let value = match end == whole_end {
            true => Value::integer(text),
            // The standard library rounds correctly, to the nearest double.
            false => text.parse().ok().map(Value::Float),
        };
        match value {
            Some(Value::Float(float)) if is_well_formed && float.is_infinite() => {
                Err(self.error(format!("{} is beyond the range of a double", shown(text))))
            }
            Some(value) if is_well_formed => {
                self.position += end;
                Ok(value)
            }
            _ => Err(self.error(format!("`{}` is not a number", shown(text)))),
        }
    }

    /// The string that begins here with its quote.
    fn string(&mut self) -> Result<CompactString, JsonError> {
        self.position += 1;
        let (plain, is_end) = self.plain()?;
        if is_end {
            return Ok(CompactString::new(plain));
        }
        let mut text = CompactString::new(plain);
        loop {
            text.push(self.escape()?);
            let (plain, is_end) = self.plain()?;
            text.push_str(plain);
            if is_end {
                return Ok(text);
            }
        }
    }

    /// What comes before the next escape or the end of the string, and whether it is the end, which has been consumed.
    fn plain(&mut self) -> Result<(&'a str, bool), JsonError> {
        let start = self.position;
        let rest = &self.text.as_bytes()[start..];
        let Some(length) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)) else {
            self.position = self.text.len();
            return Err(self.error("the text ends within a string"));
        };
        self.position += length;
        let plain = &self.text[start..self.position];
        match rest[length] {
            b'"' => {
                self.position += 1;
                Ok((plain, true))
            }
            b'\\' => Ok((plain, false)),
            _ => Err(self.error("a control character in a string has to be escaped")),
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let escaped = self.text.as_bytes().get(self.position + 1);
        let character = match escaped {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.error("a backslash in a string is followed by none of \" \\ / n t r b f u")),
        };
        self.position += 2;
        Ok(character)
    }

    fn unicode(&mut self) -> Result<char, JsonError> {
        let first = self.code_unit()?;
        let code = match first {
            0xD800..0xDC00 => match self.text[self.position..].starts_with("\\u").then(|| self.code_unit()) {
                Some(Ok(second @ 0xDC00..0xE000)) => 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00),
                Some(Err(error)) => return Err(error),
                _ => return Err(self.error("half of a surrogate pair stands alone")),
            },
            code => code,
        };
        char::from_u32(code).ok_or_else(|| self.error("half of a surrogate pair stands alone"))
    }

    /// The four digits of `\uXXXX`, which begins here.
    fn code_unit(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.get(self.position + 2..self.position + 6);
        let code = digits
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match code {
            Some(code) => {
                self.position += 6;
                Ok(code)
            }
            None => Err(self.error("`\\u` needs four hexadecimal digits")),
        }
    }

    #[cold]
    fn error(&self, reason: impl Into<String>) -> JsonError {
        let before = &self.text.as_bytes()[..self.position.min(self.text.len())];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        JsonError {
            line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
            column: before.len() - line_start + 1,
            reason: reason.into(),
        }
    }
}

/// So much of a number as a sentence can quote.
fn shown(text: &str) -> &str {
    text.get(..40).unwrap_or(text)
}

/// A key that stands twice. Few objects are large, so small ones are compared in pairs.
fn repeated_key(entries: &[(Value, Value)]) -> Option<&Value> {
    if entries.len() <= 16 {
        return (1..entries.len())
            .find(|&index| entries[..index].iter().any(|(key, _)| *key == entries[index].0))
            .map(|index| &entries[index].0);
    }
    let mut keys: Vec<&Value> = entries.iter().map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// Drops all but the last entry of each key.
fn keep_last_of_each(entries: &mut Vec<(Value, Value)>) {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPTIONS: Options = Options { keyword_keys: false, repeated_keys: true };

    /// What `serde_json` makes of a text, where both must agree: it rounds large integers.
    fn oracle(text: &str) -> Option<Value> {
        fn of(json: serde_json::Value) -> Value {
            match json {
                serde_json::Value::Null => Value::Nil,
                serde_json::Value::Bool(value) => Value::Bool(value),
                serde_json::Value::Number(number) => {
                    match (number.as_i64(), number.as_u64(), number.as_f64()) {
                        (Some(integer), ..) => Value::from(integer),
                        (_, Some(integer), _) => Value::from(integer),
                        (.., Some(float)) => Value::Float(float),
                        _ => unreachable!("a number has one of these forms"),
                    }
                }
                serde_json::Value::String(text) => Value::from(text),
                serde_json::Value::Array(items) => Value::Vector(items.into_iter().map(of).collect()),
                serde_json::Value::Object(entries) => Value::Map(
                    entries.into_iter().map(|(key, value)| (Value::from(key), of(value))).collect(),
                ),
            }
        }
        serde_json::from_str(text).ok().map(of)
    }

    proptest! {
        #[test]
        fn serde_json_reads_the_same_from_texts_that_are_nearly_json(
            text in r#"([\[\]{},: ]|"[a-c\\nu"]{0,3}"|-?[0-9]{1,3}|[0-9]\.[0-9]|[0-9]e[0-9]|true|null){1,12}"#,
        ) {
            // The sign of zero is kept by one of them only, and zero has one meaning.
            prop_assert_eq!(parse(&text, OPTIONS).ok(), oracle(&text.replace("-0", "0")).filter(|_| oracle(&text).is_some()), "{}", text);
        }

        #[test]
        fn any_string_is_read_as_it_was_meant(text in any::<String>()) {
            let written = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(parse(&written, OPTIONS).unwrap(), Value::from(text));
        }

        #[test]
        fn a_float_is_rounded_as_the_standard_library_rounds(float in any::<f64>().prop_filter("finite", |float| float.is_finite())) {
            prop_assert_eq!(parse(&format!("{float:e}"), OPTIONS).unwrap(), Value::Float(float));
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, expected) in [
            ("[1,\n 2 3]", "2:4 expected `,` or `]`"),
            ("{\"a\" 1}", "1:6 expected `:` after a key"),
            ("{a: 1}", "1:2 expected a key in quotes"),
            ("[1", "1:3 the text ends before the closing `]`"),
            ("\"\\ud800x\"", "1:8 half of a surrogate pair stands alone"),
            ("01", "1:1 `01` is not a number"),
            ("1e400", "1:1 1e400 is beyond the range of a double"),
            ("1 2", "1:3 the text goes on after its value"),
        ] {
            let error = parse(text, OPTIONS).unwrap_err();
            assert_eq!(format!("{}:{} {}", error.line, error.column, error.reason), expected, "{text}");
        }
    }
}
