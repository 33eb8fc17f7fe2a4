//! Text from a node or a file, made fit for a person's eyes.
//!
//! Whatever a program prints is untrusted: it can move a terminal's cursor, reorder the line around it, hide in no width at all, or
//! fill the screen. All of Glomers shows such text through this module.
//!
//! ```
//! use glomers_protocol::text;
//!
//! assert_eq!(text::escape("ready\u{1b}[2J\u{feff}"), r"ready\u{1b}[2J\u{feff}");
//! assert_eq!(text::shorten("a long line", 6), "a long… (11 bytes)");
//! assert_eq!(text::excerpt(b"caf\xe9\n", 80), "caf\u{fffd}\\n");
//! ```

use std::borrow::Cow;

/// How much of a text is quoted in a sentence, in characters.
pub const EXCERPT_CHARS: usize = 120;

/// Escapes every character that does not show as itself on one line: control characters (C0, DEL and C1), marks that reorder text
/// (UAX #9), line separators, and characters without width, a byte order mark among them.
///
/// They are written as in Rust, `\n` or `\u{202e}`. A backslash stays as it is: this is for reading, not for parsing. Borrows where
/// there is nothing to escape; costs one pass over the text.
pub fn escape(text: &str) -> Cow<'_, str> {
    let Some(start) = text.find(is_unprintable) else { return Cow::Borrowed(text) };
    let (clean, rest) = text.split_at(start);
    let mut escaped = String::with_capacity(text.len() + 16);
    escaped.push_str(clean);
    for character in rest.chars() {
        match character {
            '\n' | '\r' | '\t' => escaped.extend(character.escape_default()),
            _ if is_unprintable(character) => escaped.extend(character.escape_unicode()),
            _ => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

/// [`escape`] for a text of several lines: line breaks stay.
pub fn escape_lines(text: &str) -> String {
    text.split('\n').map(escape).collect::<Vec<_>>().join("\n")
}

/// Cuts a text that has more than `limit_chars` characters, and says how many bytes it has in all. Costs no more than the part that
/// is kept.
pub fn shorten(text: &str, limit_chars: usize) -> Cow<'_, str> {
    match text.char_indices().nth(limit_chars) {
        Some((end, _)) => Cow::Owned(format!("{}… ({} bytes)", &text[..end], text.len())),
        None => Cow::Borrowed(text),
    }
}

/// A line of bytes, shortened and escaped; what is not UTF-8 is replaced by U+FFFD. Costs no more than the part that is kept, which
/// takes at most ten bytes a character.
pub fn excerpt(bytes: &[u8], limit_chars: usize) -> String {
    // No character has more than four bytes, so what lies behind cannot be shown.
    let shown = &bytes[..bytes.len().min(limit_chars.saturating_mul(4))];
    let text = String::from_utf8_lossy(shown);
    let cut = text.char_indices().nth(limit_chars).map(|(end, _)| end);
    let kept = escape(&text[..cut.unwrap_or(text.len())]);
    if cut.is_some() || shown.len() < bytes.len() {
        format!("{kept}… ({} bytes)", bytes.len())
    } else {
        kept.into_owned()
    }
}

/// Whether a character does not show as itself: see [`escape`].
pub fn is_unprintable(character: char) -> bool {
    // ASCII first: it is nearly everything.
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    matches!(character,
        // C1.
        '\u{80}'..='\u{9f}'
        // Soft hyphen, grapheme joiner, Arabic letter mark, Hangul fillers, Mongolian selectors.
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{3164}' | '\u{ffa0}'
        // Zero-width space, joiners, and the marks for left-to-right and right-to-left.
        | '\u{200b}'..='\u{200f}'
        // Line and paragraph separators, embeddings and overrides.
        | '\u{2028}'..='\u{202e}'
        // Word joiner, invisible operators, isolates, deprecated format characters.
        | '\u{2060}'..='\u{206f}'
        // Byte order mark, annotations, tags.
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// A number with its noun, in the plural where it is not one: `1 node`, `2 nodes`, `9,134 operations`.
pub fn count(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A number with its digits in groups of three: `9,134`.
pub fn grouped(number: u64) -> String {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{count, escape, excerpt, grouped, is_unprintable, shorten};

    #[test]
    fn what_does_not_show_as_itself_is_escaped() {
        let table = [
            ("plain text, naïve, 日本語, 🦀", "plain text, naïve, 日本語, 🦀"),
            ("\0\u{7}\u{1b}[2J\u{7f}", r"\u{0}\u{7}\u{1b}[2J\u{7f}"),
            ("a\nb\rc\td", r"a\nb\rc\td"),
            ("\u{80}\u{85}\u{9b}31m\u{9f}", r"\u{80}\u{85}\u{9b}31m\u{9f}"),
            ("\u{61c}\u{200e}\u{200f}", r"\u{61c}\u{200e}\u{200f}"),
            ("\u{202a}\u{202e}\u{2066}\u{2069}", r"\u{202a}\u{202e}\u{2066}\u{2069}"),
            ("\u{2028}\u{2029}", r"\u{2028}\u{2029}"),
            ("a\u{200b}b\u{200c}c\u{200d}d\u{2060}e\u{ad}f", r"a\u{200b}b\u{200c}c\u{200d}d\u{2060}e\u{ad}f"),
            ("\u{feff}{}", r"\u{feff}{}"),
            ("\u{fff9}\u{e0041}", r"\u{fff9}\u{e0041}"),
            (r"C:\new", r"C:\new"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(escape(text), expected);
            assert_eq!(excerpt(text.as_bytes(), 100), expected);
        }
    }

    #[test]
    fn what_is_too_long_is_cut_and_measured() {
        let table = [
            ("", 0, ""),
            ("abc", 3, "abc"),
            ("abcd", 3, "abc… (4 bytes)"),
            ("ééé", 3, "ééé"),
            ("ééé", 2, "éé… (6 bytes)"),
            ("🦀🦀", 0, "… (8 bytes)"),
        ];
        for (text, limit_chars, expected) in table {
            assert_eq!(shorten(text, limit_chars), expected);
            assert_eq!(excerpt(text.as_bytes(), limit_chars), expected);
        }
        let long = vec![b'x'; 16 << 20];
        assert_eq!(excerpt(&long, 3), "xxx… (16777216 bytes)");
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(excerpt(b"\xff\xfe", 10), "\u{fffd}\u{fffd}");
        assert_eq!(excerpt(b"ok\xc3", 10), "ok\u{fffd}");
    }

    proptest! {
        #[test]
        fn nothing_unprintable_and_nothing_long_is_left(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            text in any::<String>(),
            limit_chars in 0_usize..50,
        ) {
            for bytes in [&bytes[..], text.as_bytes()] {
                let shown = excerpt(bytes, limit_chars);
                prop_assert!(!shown.contains(is_unprintable), "{shown:?}");
                prop_assert!(shown.chars().count() <= 10 * limit_chars + 30);
            }
        }
    }

    #[test]
    fn numbers_agree_with_their_nouns() {
        assert_eq!([count(0, "node"), count(1, "node"), count(2, "node")], ["0 nodes", "1 node", "2 nodes"]);
        assert_eq!(grouped(999) + " " + &grouped(1_000) + " " + &grouped(12_345_678), "999 1,000 12,345,678");
    }
}
