//! Text that a node printed, made safe to place in a page or a drawing.

use std::fmt::{self, Display, Write};

use glomers_protocol::text;

/// Shows a string as text of HTML or XML: in element content and in quoted attributes alike.
///
/// It escapes the five characters with a meaning in markup, and replaces control characters, which XML forbids, and the marks that
/// reverse the direction of writing, which could make a node's output read as something else.
///
/// ```
/// use glomers::report::escape::Escaped;
/// assert_eq!(Escaped("<b a='1'>").to_string(), "&lt;b a=&#39;1&#39;&gt;");
/// assert_eq!(Escaped("\u{202e}\0").to_string(), "\u{fffd}\u{fffd}");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                '\'' => formatter.write_str("&#39;")?,
                _ if is_unsafe(character) => formatter.write_char('\u{fffd}')?,
                _ => formatter.write_char(character)?,
            }
        }
        Ok(())
    }
}

/// [`Escaped`] as the escaper of all page templates; `askama.toml` names it.
#[derive(Clone, Copy, Debug)]
pub struct Page;

impl askama::filters::Escaper for Page {
    fn write_escaped_str<W: Write>(&self, mut page: W, text: &str) -> fmt::Result {
        write!(page, "{}", Escaped(text))
    }
}

/// Cuts a text to `limit` characters, the last of which is an ellipsis.
///
/// ```
/// use glomers::report::escape::shortened;
/// assert_eq!(shortened("read", 4), "read");
/// assert_eq!(shortened("reading", 4), "rea…");
/// ```
pub fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some(_) => text.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// Whether a character could corrupt a page or reverse its text.
fn is_unsafe(character: char) -> bool {
    let is_layout = matches!(character, '\n' | '\t');
    let is_not_xml = matches!(character, '\u{fffe}' | '\u{ffff}');
    (text::is_unprintable(character) && !is_layout) || is_not_xml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_text() {
        let hostile = "</text><script>alert(\"1\")</script>&amp;";
        let escaped = Escaped(hostile).to_string();
        assert!(!escaped.contains(['<', '>', '"']));
        assert_eq!(escaped, "&lt;/text&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;");
    }

    #[test]
    fn terminal_escapes_and_reversals_are_replaced_and_line_breaks_kept() {
        assert_eq!(Escaped("\u{1b}[31mred\u{2066}\r\n\t").to_string(), "\u{fffd}[31mred\u{fffd}\u{fffd}\n\t");
    }

    #[test]
    fn shortening_counts_characters_not_bytes() {
        assert_eq!(shortened("äöüß", 4), "äöüß");
        assert_eq!(shortened("äöüß€", 4), "äöü…");
    }
}
