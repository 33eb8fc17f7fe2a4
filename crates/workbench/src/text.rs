//! Text that nodes sent, and numbers, as a person reads them. Every sentence of this crate takes them from here.

/// How much of a message a sentence quotes, in characters.
pub(crate) const QUOTE_CHARS: usize = 400;

/// Text from outside, escaped and cut: what would steer a terminal or reorder text is shown as its code point.
pub(crate) fn excerpt(text: &str, limit_chars: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(limit_chars));
    let mut shown_bytes = 0;
    for character in text.chars().take(limit_chars) {
        shown_bytes += character.len_utf8();
        if is_steering(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    let rest = text.len() - shown_bytes;
    if rest > 0 {
        shown.push_str(&format!("… ({} more)", count(rest as u64, "byte")));
    }
    shown
}

/// A text of at most about `limit_bytes`: of a longer one the beginning and the end, with what was left out between them.
pub(crate) fn bounded(text: String, limit_bytes: usize) -> String {
    if text.len() <= limit_bytes {
        return text;
    }
    let boundary_from = |from: usize| (from..=text.len()).find(|place| text.is_char_boundary(*place));
    let begin = boundary_from(limit_bytes * 3 / 4).unwrap_or(text.len());
    let end = boundary_from(text.len() - limit_bytes / 4).unwrap_or(text.len());
    format!("{} … {} left out … {}", &text[..begin], count((end - begin) as u64, "byte"), &text[end..])
}

/// `1 node`, `2 nodes`, `9,134 operations`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// `9,134`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Control characters, and those that are invisible or reorder what stands around them.
fn is_steering(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_cut_and_cannot_steer_a_terminal() {
        assert_eq!(excerpt("plain {\"ä\": 1}", 100), "plain {\"ä\": 1}");
        assert_eq!(excerpt("\u{1b}[2J\u{9b}\u{202e}\u{feff}", 100), r"\u{1b}[2J\u{9b}\u{202e}\u{feff}");
        assert_eq!(excerpt(&"ä".repeat(1_000), 3), "äää… (1,994 bytes more)");
        assert_eq!(excerpt("äb", 1), "ä… (1 byte more)");
    }

    #[test]
    fn a_long_text_keeps_its_ends() {
        let text = bounded(format!("begin {} end", "ä".repeat(10_000_000)), 1_000);
        assert!(text.len() < 1_100 && text.starts_with("begin ä") && text.ends_with("ä end"), "{text}");
        assert!(text.contains(" … 19,999,0"), "{text}");
        assert_eq!(bounded("short".to_owned(), 5), "short");
    }

    #[test]
    fn numbers_agree_with_their_nouns() {
        assert_eq!([count(0, "node"), count(1, "node"), count(2, "node")], ["0 nodes", "1 node", "2 nodes"]);
        assert_eq!(grouped(999) + " " + &grouped(1_000) + " " + &grouped(12_345_678), "999 1,000 12,345,678");
    }
}
