//! JSON as text: telling its kinds apart, and writing its simplest values.

use serde_json::value::RawValue;

/// Names the kind of a JSON value, from its first character: `RawValue` holds no leading blanks.
pub(crate) fn describe(value: &RawValue) -> &'static str {
    match value.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ if value.get().contains(['.', 'e', 'E']) => "a fraction",
        _ if value.get().starts_with('-') => "a negative number",
        _ => "a number",
    }
}

pub(crate) fn is_object(value: &RawValue) -> bool {
    value.get().as_bytes().first() == Some(&b'{')
}

pub(crate) fn is_string(value: &RawValue) -> bool {
    value.get().as_bytes().first() == Some(&b'"')
}

/// An integer of any length: JSON allows no leading zeros and no plus sign, so digits and a minus sign are all there is.
pub(crate) fn is_integer(value: &RawValue) -> bool {
    value.get().bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// A raw line break in JSON text is a blank between tokens: inside a string it would be escaped.
pub(crate) fn is_line_break(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// Appends `text` as a JSON string.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    // Names and types are plain almost always; only the others need serde_json's escaping.
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("a string is written to memory without failing");
    }
}

/// Appends `number` in decimal digits.
pub(crate) fn write_u64(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}
