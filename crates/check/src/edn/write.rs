//! Values on one line.

use std::fmt::{self, Display, Formatter, Write};

use crate::Value;

impl Display for Value {
    /// Writes EDN on one line, as upstream's histories are written.
    ///
    /// Control characters in strings are escaped, so that what a node sent cannot steer a terminal.
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => formatter.write_str("nil"),
            Self::Bool(value) => value.fmt(formatter),
            Self::Int(value) => write_int(formatter, *value),
            Self::Float(value) => write_float(formatter, *value),
            Self::Number(number) => formatter.write_str(number.as_str()),
            Self::String(text) => write_string(formatter, text),
            Self::Keyword(name) => write!(formatter, ":{name}"),
            Self::Symbol(name) => formatter.write_str(name),
            Self::List(items) => write_items(formatter, "(", items, ")"),
            Self::Vector(items) => write_items(formatter, "[", items, "]"),
            Self::Set(items) => write_items(formatter, "#{", items, "}"),
            Self::Map(entries) => {
                formatter.write_char('{')?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(formatter, "{comma}{key} {value}")?;
                }
                formatter.write_char('}')
            }
            Self::Tagged(tagged) => {
                let (tag, value) = &**tagged;
                write!(formatter, "#{tag}{}{value}", blank_after_tag(value))
            }
        }
    }
}

/// What stands between a tag and its value: nothing before a bracket. A set's sharp would belong to the tag.
pub(super) fn blank_after_tag(value: &Value) -> &'static str {
    match value {
        Value::List(_) | Value::Vector(_) | Value::Map(_) => "",
        _ => " ",
    }
}

fn write_items(formatter: &mut Formatter<'_>, open: &str, items: &[Value], close: &str) -> fmt::Result {
    formatter.write_str(open)?;
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            formatter.write_char(' ')?;
        }
        item.fmt(formatter)?;
    }
    formatter.write_str(close)
}

/// Integers beyond 64 bits carry the suffix that makes EDN's readers keep them whole.
fn write_int(formatter: &mut Formatter<'_>, value: i128) -> fmt::Result {
    match i64::try_from(value) {
        Ok(small) => small.fmt(formatter),
        Err(_) => write!(formatter, "{value}N"),
    }
}

/// Floats look as Java prints them: always with a point, and with an exponent below 10⁻³ and from 10⁷ on.
fn write_float(formatter: &mut Formatter<'_>, value: f64) -> fmt::Result {
    let magnitude = value.abs();
    if value.is_nan() {
        formatter.write_str("##NaN")
    } else if value.is_infinite() {
        formatter.write_str(if value > 0.0 { "##Inf" } else { "##-Inf" })
    } else if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        write!(formatter, "{value:?}")
    } else {
        let digits = format!("{value:E}");
        let (mantissa, exponent) = digits.split_once('E').unwrap_or((&digits, "0"));
        let point = if mantissa.contains('.') { "" } else { ".0" };
        write!(formatter, "{mantissa}{point}E{exponent}")
    }
}

fn write_string(formatter: &mut Formatter<'_>, text: &str) -> fmt::Result {
    formatter.write_char('"')?;
    let mut plain_from = 0;
    for (position, character) in text.char_indices() {
        if !character.is_control() && character != '"' && character != '\\' {
            continue;
        }
        formatter.write_str(&text[plain_from..position])?;
        plain_from = position + character.len_utf8();
        match character {
            '"' => formatter.write_str("\\\"")?,
            '\\' => formatter.write_str("\\\\")?,
            '\n' => formatter.write_str("\\n")?,
            '\t' => formatter.write_str("\\t")?,
            '\r' => formatter.write_str("\\r")?,
            '\u{8}' => formatter.write_str("\\b")?,
            '\u{c}' => formatter.write_str("\\f")?,
            _ => write!(formatter, "\\u{:04x}", u32::from(character))?,
        }
    }
    formatter.write_str(&text[plain_from..])?;
    formatter.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: impl Into<Value>, expected: &str) {
        assert_eq!(value.into().to_string(), expected);
    }

    #[test]
    fn floats_look_as_java_prints_them() {
        check(1.0, "1.0");
        check(0.0, "0.0");
        check(0.001, "0.001");
        check(0.0005, "5.0E-4");
        check(1e7, "1.0E7");
        check(1.25e10, "1.25E10");
        check(9_999_999.5, "9999999.5");
        check(f64::NEG_INFINITY, "##-Inf");
        check(Value::ratio(236, 116), "2.0344827");
        check(Value::ratio(2, 3), "0.6666667");
    }

    #[test]
    fn integers_beyond_64_bits_are_marked() {
        check(i64::MAX, "9223372036854775807");
        check(u64::MAX, "18446744073709551615N");
    }

    #[test]
    fn control_characters_are_escaped() {
        check("a\"\\\n\u{1b}[31m\u{9b}é", r#""a\"\\\n\u001b[31m\u009bé""#);
    }
}
