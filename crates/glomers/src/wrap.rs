//! Text in lines that fit any terminal.

/// How wide a page is at most, in characters.
pub(crate) const PAGE_COLUMNS: usize = 80;

/// Words in lines of at most [`PAGE_COLUMNS`]. The first line begins with `first_indent`, every other with `next_indent`. A word that
/// is longer than a line has a line to itself.
pub(crate) fn lines<'a>(
    words: impl IntoIterator<Item = &'a str>,
    first_indent: &str,
    next_indent: &str,
) -> String {
    let mut text = first_indent.to_owned();
    let mut columns = first_indent.chars().count();
    let mut is_first_of_line = true;
    for word in words {
        let width = word.chars().count();
        if !is_first_of_line && columns + 1 + width > PAGE_COLUMNS {
            text.push('\n');
            text.push_str(next_indent);
            columns = next_indent.chars().count();
        } else if !is_first_of_line {
            text.push(' ');
            columns += 1;
        }
        text.push_str(word);
        columns += width;
        is_first_of_line = false;
    }
    text
}

/// Every paragraph of a text in lines of at most [`PAGE_COLUMNS`]. Paragraphs are separated by an empty line.
pub(crate) fn paragraphs(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| lines(paragraph.split_whitespace(), "", ""));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_a_page_and_no_word_is_lost() {
        let text = "one two three ".repeat(50);
        let wrapped = lines(text.split_whitespace(), "", "    ");
        assert!(wrapped.lines().all(|line| line.chars().count() <= PAGE_COLUMNS), "{wrapped}");
        assert!(wrapped.lines().skip(1).all(|line| line.starts_with("    ")), "{wrapped}");
        assert_eq!(
            wrapped.split_whitespace().collect::<Vec<_>>(),
            text.split_whitespace().collect::<Vec<_>>()
        );
        let long = "x".repeat(100);
        assert_eq!(lines(["a", &long, "b"], "", " "), format!("a\n {long}\n b"));
    }

    #[test]
    fn paragraphs_stay_apart() {
        assert_eq!(paragraphs("a\nb\n\nc"), "a b\n\nc");
    }
}
