//! Reading EDN.
//!
//! The `edn-format` crate would sort maps and recurse without a limit; here maps keep their order and depth is
//! bounded. It is the oracle in this module's tests.

use compact_str::CompactString;

use crate::{MAX_DEPTH, Name, Value};

/// Why a text is not EDN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct ReadError {
    /// The line, from 1.
    pub line: usize,
    /// The character within the line, from 1.
    pub column: usize,
    /// What is wrong there.
    pub reason: String,
}

/// Reads the one value that a text holds.
///
/// Clojure's extensions that appear in histories are accepted: `##NaN`, namespaced maps, ratios, integers in another radix
/// (`0x1f`, `2r101`, `017`), and numbers with the suffixes `N` and `M`. No number is rounded but a float, and that to the
/// nearest double.
///
/// # Errors
/// The text is empty, is not EDN, goes on after the value, nests deeper than [`MAX_DEPTH`], or has a number like `1e400`,
/// which no double comes near.
///
/// ```
/// use glomers_check::edn;
/// assert_eq!(edn::read("#{1 (2 :three)} ; a set")?.as_elements().unwrap().len(), 2);
/// assert_eq!(edn::read("{:a 1\n :b}").unwrap_err().to_string(), "line 2, column 4: the key :b has no value");
/// # Ok::<(), edn::ReadError>(())
/// ```
pub fn read(text: &str) -> Result<Value, ReadError> {
    let mut parser = Parser::new(text);
    let value = parser.form()?.ok_or_else(|| parser.error("a value was expected, and the text ends"))?;
    match parser.form()? {
        None => Ok(value),
        Some(_) => Err(parser.error("the text goes on after its first value")),
    }
}

/// Reads all the values that a text holds, one after the other.
///
/// The iterator ends after its first error.
pub fn read_forms(text: &str) -> impl Iterator<Item = Result<Value, ReadError>> {
    let mut parser = Parser::new(text);
    std::iter::from_fn(move || {
        let form = parser.form();
        if form.is_err() {
            parser.position = text.len();
        }
        form.transpose()
    })
}

/// Reads a part of a text that was cut after a closing bracket: its one value, nothing if all of it is discarded, or
/// [`Part::Open`] if a `#_` or a tag at its end belongs to what follows.
pub(crate) fn read_part(text: &str) -> Result<Part, ReadError> {
    let mut parser = Parser::new(text);
    let result = parser.form().and_then(|value| match parser.form()? {
        None => Ok(value),
        Some(_) => Err(parser.error("the text goes on after its first value")),
    });
    match result {
        Err(_) if parser.wants_more => Ok(Part::Open),
        Err(error) => Err(error),
        Ok(Some(value)) => Ok(Part::Value(value)),
        Ok(None) => Ok(Part::Nothing),
    }
}

/// What a part of a text holds.
pub(crate) enum Part {
    Value(Value),
    Nothing,
    Open,
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
    depth: usize,
    /// The text ended where the value of a `#_` or of a tag was expected.
    wants_more: bool,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, position: 0, depth: 0, wants_more: false }
    }

    /// The next value, or none at the end of the text.
    fn form(&mut self) -> Result<Option<Value>, ReadError> {
        self.skip_blanks()?;
        let Some(byte) = self.peek() else { return Ok(None) };
        Ok(Some(match byte {
            b'"' => self.string()?,
            b'(' => Value::List(self.nested(1, b')')?),
            b'[' => Value::Vector(self.nested(1, b']')?),
            b'{' => self.map()?,
            b'#' => self.dispatch()?,
            b'\\' => self.character()?,
            b')' | b']' | b'}' => return Err(self.error(format!("`{}` closes nothing", char::from(byte)))),
            _ => self.token()?,
        }))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn skip_blanks(&mut self) -> Result<(), ReadError> {
        loop {
            let rest = &self.text.as_bytes()[self.position..];
            match rest {
                [b' ' | b',' | b'\t'..=b'\r', ..] => self.position += 1,
                [b';', ..] => {
                    self.position += rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
                }
                [b'#', b'_', ..] => {
                    self.position += 2;
                    self.enter()?;
                    self.prefixed(|| "`#_` discards a value, and the text ends".to_owned())?;
                    self.depth -= 1;
                }
                _ => return Ok(()),
            }
        }
    }

    /// The value that a prefix belongs to.
    fn prefixed(&mut self, missing: impl FnOnce() -> String) -> Result<Value, ReadError> {
        match self.form()? {
            Some(value) => Ok(value),
            None => {
                self.wants_more = true;
                Err(self.error(missing()))
            }
        }
    }

    fn enter(&mut self) -> Result<(), ReadError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(format!("nested more than {MAX_DEPTH} levels deep")));
        }
        Ok(())
    }

    /// The elements up to the closing bracket; `open` is the length of the opening one.
    fn nested(&mut self, open: usize, close: u8) -> Result<Vec<Value>, ReadError> {
        self.enter()?;
        let start = self.position;
        self.position += open;
        let mut items = Vec::new();
        loop {
            self.skip_blanks()?;
            if self.peek() == Some(close) {
                self.position += 1;
                self.depth -= 1;
                return Ok(items);
            }
            match self.form()? {
                Some(item) => items.push(item),
                None => {
                    self.position = start;
                    return Err(
                        self.error(format!("the text ends before the closing `{}`", char::from(close)))
                    );
                }
            }
        }
    }

    fn map(&mut self) -> Result<Value, ReadError> {
        let items = self.nested(1, b'}')?;
        if items.len() % 2 == 1 {
            self.position -= 1;
            let key = &items[items.len() - 1];
            return Err(self.error(format!("the key {key} has no value")));
        }
        let mut entries = Vec::with_capacity(items.len() / 2);
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            entries.push((key, value));
        }
        if let Some(key) = repeated(entries.iter().map(|(key, _)| key)) {
            return Err(self.error(format!("the key {key} stands twice in one map")));
        }
        Ok(Value::Map(entries))
    }

    fn dispatch(&mut self) -> Result<Value, ReadError> {
        let rest = &self.text[self.position..];
        if rest.starts_with("#{") {
            let items = self.nested(2, b'}')?;
            return match repeated(items.iter()) {
                Some(item) => Err(self.error(format!("{item} stands twice in one set"))),
                None => Ok(Value::Set(items)),
            };
        }
        for (name, value) in [("##NaN", f64::NAN), ("##Inf", f64::INFINITY), ("##-Inf", f64::NEG_INFINITY)] {
            if rest.starts_with(name) {
                self.position += name.len();
                return Ok(Value::Float(value));
            }
        }
        if rest.starts_with("#:") {
            return self.namespaced_map();
        }
        self.position += 1;
        let tag = Name::new(self.token_text()?);
        if !tag.starts_with(char::is_alphabetic) {
            return Err(self.error("`#` is followed by neither a set nor a tag"));
        }
        self.enter()?;
        let value = self.prefixed(|| format!("the tag #{tag} has no value"))?;
        self.depth -= 1;
        Ok(Value::Tagged(Box::new((tag, value))))
    }

    /// `#:a{:b 1, :_/c 2}`, which is `{:a/b 1, :c 2}`.
    fn namespaced_map(&mut self) -> Result<Value, ReadError> {
        let start = self.position;
        self.position += 2;
        let namespace = self.token_text()?;
        if !Name::is_plain(namespace)
            || namespace.contains('/')
            || !namespace.starts_with(char::is_alphabetic)
        {
            self.position = start;
            return Err(self.error("`#:` is followed by no namespace: expected, for example, `#:a{:b 1}`"));
        }
        self.skip_blanks()?;
        if self.peek() != Some(b'{') {
            return Err(self.error(format!("the namespace #:{namespace} has no map")));
        }
        let Value::Map(entries) = self.map()? else { unreachable!("a map was read") };
        let within = |name: &Name| match name.split_once('/') {
            None => Name::new(format!("{namespace}/{name}")),
            // What would not be a name by itself stays as it is.
            Some(("_", bare))
                if bare.starts_with(char::is_alphabetic) && !matches!(bare, "nil" | "true" | "false") =>
            {
                Name::new(bare)
            }
            Some(_) => name.clone(),
        };
        let entries: Vec<(Value, Value)> = entries
            .into_iter()
            .map(|(key, value)| match key {
                Value::Keyword(name) => (Value::Keyword(within(&name)), value),
                // A character literal is kept as a symbol, and has no namespace.
                Value::Symbol(name) if !name.starts_with('\\') => (Value::Symbol(within(&name)), value),
                key => (key, value),
            })
            .collect();
        match repeated(entries.iter().map(|(key, _)| key)) {
            Some(key) => Err(self.error(format!("the key {key} stands twice in one map"))),
            None => Ok(Value::Map(entries)),
        }
    }

    fn string(&mut self) -> Result<Value, ReadError> {
        self.position += 1;
        let mut text = CompactString::default();
        loop {
            let rest = &self.text[self.position..];
            let Some(plain) = rest.find(['"', '\\']) else {
                self.position = self.text.len();
                return Err(self.error("the text ends within a string"));
            };
            text.push_str(&rest[..plain]);
            self.position += plain;
            if rest.as_bytes()[plain] == b'"' {
                self.position += 1;
                return Ok(Value::String(text));
            }
            text.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, ReadError> {
        let rest = &self.text[self.position + 1..];
        let character = match rest.as_bytes().first() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'u') => {
                let code = self.unicode(&rest[1..])?;
                self.position += 6;
                return match code {
                    // Java writes what lies beyond the basic plane as two surrogates.
                    0xD800..0xDC00 if self.text[self.position..].starts_with("\\u") => {
                        let low = self.unicode(&self.text[self.position + 2..])?;
                        self.position += 6;
                        let joined = 0x10000 + ((code - 0xD800) << 10) + (low.wrapping_sub(0xDC00) & 0x3FF);
                        Ok(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER))
                    }
                    _ => Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)),
                };
            }
            _ => return Err(self.error("a backslash in a string is followed by none of \" \\ n t r b f u")),
        };
        self.position += 2;
        Ok(character)
    }

    fn unicode(&self, digits: &str) -> Result<u32, ReadError> {
        digits
            .get(..4)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.error("`\\u` needs four hexadecimal digits"))
    }

    /// A character literal stays what it looks like: a symbol that begins with a backslash.
    fn character(&mut self) -> Result<Value, ReadError> {
        let rest = &self.text[self.position..];
        let Some(character) = rest[1..].chars().next().filter(|character| !character.is_whitespace()) else {
            return Err(self.error("a backslash is followed by no character"));
        };
        let first = 1 + character.len_utf8();
        let end = rest[first..].find(is_delimiter).map_or(rest.len(), |end| first + end);
        self.take(end).map(|token| Value::Symbol(Name::new(token)))
    }

    fn token_text(&mut self) -> Result<&'a str, ReadError> {
        let rest = &self.text[self.position..];
        self.take(rest.find(is_delimiter).unwrap_or(rest.len()))
    }

    /// The next bytes as a name. Names are printed as they are, so that control characters have no place in them.
    fn take(&mut self, length: usize) -> Result<&'a str, ReadError> {
        let token = &self.text[self.position..self.position + length];
        if token.contains(char::is_control) {
            return Err(self.error(format!("`{}` holds a control character", token.escape_debug())));
        }
        self.position += length;
        Ok(token)
    }

    fn token(&mut self) -> Result<Value, ReadError> {
        let start = self.position;
        let token = self.token_text()?;
        let value = match token {
            "nil" => Some(Value::Nil),
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => match token.strip_prefix(':') {
                Some(name) => (!name.is_empty()).then(|| Value::Keyword(Name::new(name))),
                None if is_numeric(token) => number(token),
                None => Some(Value::Symbol(Name::new(token))),
            },
        };
        value.ok_or_else(|| {
            self.position = start;
            let shown: String = token.chars().take(80).flat_map(char::escape_debug).collect();
            match is_numeric(token) {
                true => self.error(format!("`{shown}` is not a number that can be kept exactly")),
                false => self.error(format!("`{shown}` is neither a number nor a name")),
            }
        })
    }

    #[cold]
    fn error(&self, reason: impl Into<String>) -> ReadError {
        let (line, column) = locate(self.text, self.position);
        ReadError { line, column, reason: reason.into() }
    }
}

fn is_delimiter(character: char) -> bool {
    matches!(character, ' ' | '\t'..='\r' | ',' | ';' | '"' | '(' | ')' | '[' | ']' | '{' | '}')
}

fn is_numeric(token: &str) -> bool {
    let unsigned = token.strip_prefix(['-', '+']).unwrap_or(token);
    unsigned.starts_with(|character: char| character.is_ascii_digit())
}

fn number(token: &str) -> Option<Value> {
    // Nearly all numbers are short integers.
    let digits = token.as_bytes();
    if digits.len() <= 18 && digits[0] != b'0' && digits.iter().all(u8::is_ascii_digit) {
        let value = digits.iter().fold(0_i64, |value, digit| value * 10 + i64::from(digit - b'0'));
        return Some(Value::Int(value.into()));
    }
    if let Some(text) = token.strip_suffix('M') {
        return Value::decimal(text);
    }
    if let Some((numerator, denominator)) = token.split_once('/') {
        return Value::exact_ratio(numerator, denominator);
    }
    let digits = token.strip_suffix('N').unwrap_or(token);
    let unsigned = digits.strip_prefix(['-', '+']).unwrap_or(digits);
    let is_negative = digits.starts_with('-');
    if let Some(hexadecimal) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        return Value::radix_integer(is_negative, hexadecimal, 16);
    }
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return match unsigned.strip_prefix('0') {
            // As in Java and in Clojure, a leading zero means octal.
            Some(octal) if !octal.is_empty() => Value::radix_integer(is_negative, octal, 8),
            _ => Value::integer(digits),
        };
    }
    if let Some((radix, rest)) = unsigned.split_once(['r', 'R']) {
        let radix = radix.parse().ok().filter(|radix| (2..=36).contains(radix))?;
        return Value::radix_integer(is_negative, rest, radix);
    }
    // Java's floats are a subset of what Rust reads: "inf" and "nan" were excluded by the leading digit.
    token.parse().ok().filter(|float: &f64| float.is_finite()).map(Value::Float)
}

/// A key that stands twice. Small collections, which are nearly all, are compared in pairs.
fn repeated<'a>(items: impl Iterator<Item = &'a Value> + Clone) -> Option<&'a Value> {
    let count = items.clone().count();
    if count <= 16 {
        return items
            .clone()
            .enumerate()
            .find(|&(index, item)| items.clone().take(index).any(|other| other == item))
            .map(|(_, item)| item);
    }
    let mut sorted: Vec<&Value> = items.collect();
    sorted.sort_unstable();
    sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// Line and column of a byte, both from 1.
fn locate(text: &str, position: usize) -> (usize, usize) {
    let before = &text[..position.min(text.len())];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
