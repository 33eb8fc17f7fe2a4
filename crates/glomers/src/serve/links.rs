//! Sentences whose operations, messages, times and nodes are links to their places in the drawing.

/// A piece of a sentence, and the place that it names, as the page's address has it: `#op9`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) place: Option<String>,
}

/// A sentence in pieces. Without a drawing (`nodes` is `None`) there is nothing to link to.
pub(super) fn linked(sentence: &str, nodes: Option<&[String]>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut plain = 0;
    let mut at = 0;
    while let Some(rest) = sentence.get(at..) {
        let Some(first) = rest.chars().next() else { break };
        let is_start =
            sentence[..at].chars().next_back().is_none_or(|before| !is_of_a_word(before) && before != '.');
        let found = nodes.filter(|_| is_start).and_then(|nodes| place(rest, nodes));
        let Some((length, place)) = found else {
            at += first.len_utf8();
            continue;
        };
        if plain < at {
            pieces.push(Piece { text: sentence[plain..at].to_owned(), place: None });
        }
        pieces.push(Piece { text: rest[..length].to_owned(), place: Some(place) });
        at += length;
        plain = at;
    }
    if plain < sentence.len() {
        pieces.push(Piece { text: sentence[plain..].to_owned(), place: None });
    }
    pieces
}

/// How long the name at the start of a text is, and what it links to.
fn place(text: &str, nodes: &[String]) -> Option<(usize, String)> {
    for (word, kind) in [("operation ", "op"), ("message ", "m")] {
        let Some(rest) = text.strip_prefix(word) else { continue };
        let digits = digits(rest);
        let is_whole = !rest[digits.len()..].starts_with(is_of_a_word);
        return (!digits.is_empty() && is_whole)
            .then(|| (word.len() + digits.len(), format!("#{kind}{digits}")));
    }
    if let Some(rest) = text.strip_prefix("operations ") {
        let begun = digits(rest);
        let ended = digits(rest[begun.len()..].strip_prefix(" to ")?);
        let length = "operations  to ".len() + begun.len() + ended.len();
        let is_whole = !begun.is_empty() && !ended.is_empty() && !text[length..].starts_with(is_of_a_word);
        return is_whole.then(|| (length, format!("#op{begun}")));
    }
    if let Some(found) = time(text) {
        return Some(found);
    }
    let is_here =
        |node: &&String| text.strip_prefix(node.as_str()).is_some_and(|rest| !rest.starts_with(is_of_a_word));
    nodes.iter().find(is_here).map(|node| (node.len(), format!("#host-{}", super::pages::encoded(node))))
}

/// A time in seconds with a fraction, such as `0.322 s`: `#t322000000`.
fn time(text: &str) -> Option<(usize, String)> {
    let whole = digits(text);
    let rest = text[whole.len()..].strip_prefix('.')?;
    let fraction = digits(rest);
    let rest = rest[fraction.len()..].strip_prefix(" s")?;
    if whole.is_empty() || !(1..=9).contains(&fraction.len()) || rest.starts_with(is_of_a_word) {
        return None;
    }
    let ns = format!("{whole}{fraction:0<9}").parse::<u64>().ok()?;
    Some((whole.len() + 1 + fraction.len() + 2, format!("#t{ns}")))
}

fn digits(text: &str) -> &str {
    &text[..text.bytes().take_while(u8::is_ascii_digit).count()]
}

fn is_of_a_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '-'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sentence: &str, places: &[(&str, &str)]) {
        let nodes = ["n1".to_owned(), "n10".to_owned()];
        let pieces = linked(sentence, Some(&nodes));
        assert_eq!(pieces.iter().map(|piece| piece.text.as_str()).collect::<String>(), sentence);
        let found: Vec<(&str, &str)> =
            pieces.iter().filter_map(|piece| Some((piece.text.as_str(), piece.place.as_deref()?))).collect();
        assert_eq!(found, places, "{sentence}");
    }

    #[test]
    fn what_a_sentence_names_is_a_link() {
        check(
            "It was there at operation 9 (process 0, 0.322 s), and n10 lost message 12.",
            &[
                ("operation 9", "#op9"),
                ("0.322 s", "#t322000000"),
                ("n10", "#host-n10"),
                ("message 12", "#m12"),
            ],
        );
        check("It was read (operations 22 to 23).", &[("operations 22 to 23", "#op22")]);
        check("n1", &[("n1", "#host-n1")]);
    }

    #[test]
    fn what_only_looks_like_a_name_is_none() {
        for text in [
            "operation x",
            "operation 9x",
            "cooperation 9",
            "10 s",
            "0.3 seconds",
            "n11, xn1, n1-b",
            "1.2.3 s",
            "é9.0 s",
        ] {
            check(text, &[]);
        }
        assert_eq!(linked("operation 9", None), [Piece { text: "operation 9".to_owned(), place: None }]);
        check("99999999999999999999.5 s", &[]);
        check("", &[]);
    }
}
