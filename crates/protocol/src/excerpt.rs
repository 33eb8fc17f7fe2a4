//! Quoting text from outside to people.

use std::fmt::{self, Write as _};

/// A longer text is cut where a person reads it.
const EXCERPT_CHARS: usize = 120;

/// A text from outside, for people: cut where it is long, and with every character escaped that a terminal would not print as itself.
///
/// ```
/// use glomers_protocol::Excerpt;
///
/// assert_eq!(Excerpt("red\u{1b}[31m").to_string(), r"red\u{1b}[31m");
/// assert!(Excerpt(&"x".repeat(1000)).to_string().ends_with("x… (1000 bytes)"));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Excerpt<'a>(
    /// The whole text.
    pub &'a str,
);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.char_indices().nth(EXCERPT_CHARS).map(|(end, _)| end);
        for character in self.0[..end.unwrap_or(self.0.len())].chars() {
            if is_plain(character) {
                formatter.write_char(character)?;
            } else {
                write!(formatter, "{}", character.escape_unicode())?;
            }
        }
        if end.is_some() {
            write!(formatter, "… ({} bytes)", self.0.len())?;
        }
        Ok(())
    }
}

/// Whether a character is printed as itself: it is not a control character, and does not hide or reorder what is beside it.
fn is_plain(character: char) -> bool {
    let is_invisible = matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    !character.is_control() && !is_invisible
}

#[cfg(test)]
mod tests {
    use super::Excerpt;

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_all_else_is_kept() {
        for (text, shown) in [
            ("é \"x\" 漢", "é \"x\" 漢"),
            ("a\nb\t", r"a\u{a}b\u{9}"),
            ("\u{9b}31m", r"\u{9b}31m"),
            ("\u{202e}evil\u{200b}\u{feff}", r"\u{202e}evil\u{200b}\u{feff}"),
        ] {
            assert_eq!(Excerpt(text).to_string(), shown);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let shown = Excerpt(&"é".repeat(200)).to_string();
        assert_eq!(shown, format!("{}… (400 bytes)", "é".repeat(120)));
    }
}
