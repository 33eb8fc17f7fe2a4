//! From text to statements.

use std::time::Duration;

use glomers_protocol::NodeId;

use crate::span::Span;

use super::{
    super::fault::{BadLinks, Fault},
    Direction, Occasion, ScriptError, Start, Statement,
};

const FAULTS: &str = "cut, lose, slow, duplicate, reorder, kill, pause or heal";

pub(super) fn statements(text: &str, nodes: &[NodeId]) -> Result<Vec<Statement>, ScriptError> {
    let mut statements = Vec::new();
    let mut latest: Option<(Duration, usize)> = None;
    for (line, words) in sentences(text) {
        let first = words[0];
        let mut reader = Reader { words: &words, next: 0, nodes };
        let statement = reader.statement()?;
        if let Start::At(time) = statement.start {
            if let Some((earlier, earlier_line)) = latest.filter(|(earlier, _)| time < *earlier) {
                let problem = format!(
                    "{} is before {} of line {earlier_line}; write the statements in the order of their times",
                    Span(time),
                    Span(earlier)
                );
                return Err(first.error(problem));
            }
            latest = Some((time, line));
        }
        statements.push(statement);
    }
    Ok(statements)
}

/// A word, a comma, or the end of a statement, with its place.
#[derive(Debug, Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    line: usize,
    column: usize,
}

impl Word<'_> {
    fn error(self, problem: impl Into<String>) -> ScriptError {
        ScriptError { line: self.line, column: self.column, problem: problem.into() }
    }

    fn expected(self, what: &str) -> ScriptError {
        match self.text {
            "" => self.error(format!("the statement ends here, where {what} was expected")),
            text => self.error(format!("expected {what}, found {text:?}")),
        }
    }
}

/// The words of each statement, with an empty one behind the last. Statements end at a semicolon or the end of the line.
fn sentences(text: &str) -> Vec<(usize, Vec<Word<'_>>)> {
    let mut sentences = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let (line_number, code) = (number + 1, line.split('#').next().unwrap_or_default());
        let mut start = 0;
        for part in code.split(';') {
            let column_of = |byte: usize| code[..byte].chars().count() + 1;
            let mut words = Vec::new();
            let mut word_start = None;
            for (offset, character) in part.char_indices().chain([(part.len(), ' ')]) {
                let ends_word = character.is_whitespace() || character == ',';
                if ends_word && let Some(begin) = word_start.take() {
                    let text = &part[begin..offset];
                    words.push(Word { text, line: line_number, column: column_of(start + begin) });
                }
                if character == ',' {
                    let text = &part[offset..=offset];
                    words.push(Word { text, line: line_number, column: column_of(start + offset) });
                } else if !ends_word {
                    word_start.get_or_insert(offset);
                }
            }
            if !words.is_empty() {
                let end = start + part.trim_end().len();
                words.push(Word { text: "", line: line_number, column: column_of(end) });
                sentences.push((line_number, words));
            }
            start += part.len() + 1;
        }
    }
    sentences
}

struct Reader<'a> {
    words: &'a [Word<'a>],
    next: usize,
    nodes: &'a [NodeId],
}

impl<'a> Reader<'a> {
    fn statement(&mut self) -> Result<Statement, ScriptError> {
        let word = self.take();
        let start = match word.text {
            "at" => Start::At(self.duration()?),
            "when" => {
                let occasion = self.occasion()?;
                let after = if self.accept("after") { self.duration()? } else { Duration::ZERO };
                Start::When { occasion, after }
            }
            _ => return Err(word.expected("`at TIME` or `when NODE sends TYPE`")),
        };
        self.accept(",");
        let place = self.peek();
        let lasts = if self.accept("for") { Some(self.duration()?) } else { None };
        self.accept(",");
        let fault = self.fault()?;
        if fault.is_none() && lasts.is_some() {
            return Err(place.error("`heal` does not last: leave out `for`"));
        }
        match self.peek() {
            Word { text: "", .. } => Ok(Statement { start, lasts, fault }),
            more => Err(more.expected("the end of the statement (a new line or `;`)")),
        }
    }

    fn occasion(&mut self) -> Result<Occasion, ScriptError> {
        let node = self.node()?;
        let verb = self.take();
        let direction = match verb.text {
            "sends" => Direction::Sends,
            "receives" => Direction::Receives,
            _ => return Err(verb.expected("`sends` or `receives`")),
        };
        let message_type = self.take();
        if matches!(message_type.text, "" | ",") {
            return Err(message_type.expected("the type of a message, such as append_entries"));
        }
        let mut count = 1;
        if let Ok(number) = self.peek().text.parse::<u64>() {
            let word = self.take();
            if number == 0 {
                return Err(word.expected("a number above 0"));
            }
            count = number;
            let times = self.take();
            if !matches!(times.text, "times" | "time") {
                return Err(times.expected("`times`"));
            }
        }
        self.accept(",");
        Ok(Occasion { node, direction, message_type: message_type.text.to_owned(), count })
    }

    fn fault(&mut self) -> Result<Option<Fault>, ScriptError> {
        let word = self.take();
        Ok(Some(match word.text {
            "cut" => Fault::Cut(self.links()?),
            "lose" => {
                let probability = self.probability()?;
                if self.accept("on") {
                    Fault::Flaky { links: self.links()?, probability }
                } else {
                    Fault::Lose { probability }
                }
            }
            "slow" => {
                let nodes = self.some_nodes()?;
                self.expect("by")?;
                Fault::Slow { nodes, delay: self.duration()? }
            }
            "duplicate" => {
                let probability = self.probability()?;
                self.expect("within")?;
                Fault::Duplicate { probability, lag: self.duration()? }
            }
            "reorder" => {
                let probability = self.probability()?;
                self.expect("within")?;
                Fault::Reorder { probability, delay: self.duration()? }
            }
            "kill" => Fault::Kill(self.some_nodes()?),
            "pause" => Fault::Pause(self.some_nodes()?),
            "heal" => return Ok(None),
            _ => return Err(word.expected(FAULTS)),
        }))
    }

    /// `n1 from n2, n3`, or `n1 to n2 and n2, n3 to n1`.
    fn links(&mut self) -> Result<BadLinks, ScriptError> {
        let mut links = BadLinks::default();
        if self.accept("nobody") {
            return Ok(links);
        }
        loop {
            let sources = self.some_nodes()?;
            let word = self.take();
            let is_symmetric = match word.text {
                "from" => true,
                "to" => false,
                _ => return Err(word.expected("`from` (both directions) or `to` (one direction)")),
            };
            let dests = if self.accept("others") { self.others(&sources) } else { self.some_nodes()? };
            links.add_all(&sources, &dests);
            if is_symmetric {
                links.add_all(&dests, &sources);
            }
            if !self.accept("and") {
                return Ok(links);
            }
        }
    }

    /// `n1, n2`, `all` or `nobody`.
    fn some_nodes(&mut self) -> Result<Vec<NodeId>, ScriptError> {
        if self.accept("all") {
            return Ok(self.nodes.to_vec());
        }
        if self.accept("nobody") {
            return Ok(Vec::new());
        }
        let mut nodes = vec![self.node()?];
        while self.accept(",") {
            let node = self.node()?;
            if !nodes.contains(&node) {
                nodes.push(node);
            }
        }
        Ok(nodes)
    }

    fn others(&self, nodes: &[NodeId]) -> Vec<NodeId> {
        self.nodes.iter().filter(|node| !nodes.contains(node)).cloned().collect()
    }

    fn node(&mut self) -> Result<NodeId, ScriptError> {
        let word = self.take();
        let node = self.nodes.iter().find(|node| node.as_str() == word.text);
        node.cloned().ok_or_else(|| {
            let known: Vec<&str> = self.nodes.iter().take(10).map(NodeId::as_str).collect();
            let more = if self.nodes.len() > known.len() { ", …" } else { "" };
            word.expected(&format!("a node of this run ({}{more})", known.join(", ")))
        })
    }

    /// `2s`, `200ms`, `1.5 min`.
    fn duration(&mut self) -> Result<Duration, ScriptError> {
        let word = self.take();
        let (number, unit) = match Span::split(word.text) {
            (number, "") => (number, self.take().text),
            whole => whole,
        };
        let span = Span::parse(number, unit).map_err(|error| word.expected(error.expected()))?;
        Ok(span.0)
    }

    /// `20%` or `0.2`.
    fn probability(&mut self) -> Result<f64, ScriptError> {
        let word = self.take();
        let number = match word.text.strip_suffix('%') {
            Some(percent) => percent.parse::<f64>().map(|percent| percent / 100.0),
            None => word.text.parse::<f64>(),
        };
        match number {
            Ok(number) if (0.0..=1.0).contains(&number) => Ok(number),
            _ => Err(word.expected("a probability such as 20% or 0.2")),
        }
    }

    fn expect(&mut self, text: &str) -> Result<(), ScriptError> {
        let word = self.take();
        if word.text == text { Ok(()) } else { Err(word.expected(&format!("`{text}`"))) }
    }

    fn accept(&mut self, text: &str) -> bool {
        let is_next = self.peek().text == text;
        self.next += usize::from(is_next);
        is_next
    }

    fn peek(&self) -> Word<'a> {
        self.words[self.next.min(self.words.len() - 1)]
    }

    fn take(&mut self) -> Word<'a> {
        let word = self.peek();
        self.next += 1;
        word
    }
}
