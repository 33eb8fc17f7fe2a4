//! Text that nodes sent, and numbers, as a person reads them. Every sentence of this crate takes them from here.

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

    #[test]
    fn numbers_agree_with_their_nouns() {
        assert_eq!([count(0, "node"), count(1, "node"), count(2, "node")], ["0 nodes", "1 node", "2 nodes"]);
        assert_eq!(grouped(999) + " " + &grouped(1_000) + " " + &grouped(12_345_678), "999 1,000 12,345,678");
    }
}
