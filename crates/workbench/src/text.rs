//! Text that nodes sent, and numbers, as a person reads them. Every sentence of this crate takes them from here.

pub(crate) use glomers_protocol::text::{count, grouped};

/// How much of a message a sentence quotes, in characters.
pub(crate) const QUOTE_CHARS: usize = 400;

/// Text from outside, escaped and cut.
pub(crate) fn excerpt(text: &str, limit_chars: usize) -> String {
    glomers_protocol::text::excerpt(text.as_bytes(), limit_chars)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_its_ends() {
        let text = bounded(format!("begin {} end", "ä".repeat(10_000_000)), 1_000);
        assert!(text.len() < 1_100 && text.starts_with("begin ä") && text.ends_with("ä end"), "{text}");
        assert!(text.contains(" … 19,999,0"), "{text}");
        assert_eq!(bounded("short".to_owned(), 5), "short");
    }
}
