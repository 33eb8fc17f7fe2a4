//! What a node did wrong, said so that its author can mend it.

use std::collections::BTreeMap;
use std::fmt;

use glomers_node::NodeId;
use glomers_protocol::EnvelopeError;

/// How much of an offending line is kept, in characters.
pub(crate) const EXCERPT_CHARS: usize = 240;
/// How many complaints about one node are kept; the rest are counted.
const KEPT_PER_NODE: usize = 32;

/// A node broke the protocol. It stays connected, and its later good lines count.
///
/// The text shown is free of control characters: it can be printed on a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The node.
    pub node: NodeId,
    /// Which line of its standard output it was, from 1; `None` where no line is at fault.
    pub line_number: Option<u64>,
    /// The line, shortened and escaped.
    pub line: Option<String>,
    /// The rule that was broken.
    pub fault: Fault,
}

/// A rule of the protocol that a node broke.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A line is not UTF-8.
    NotUtf8,
    /// A line is not a message; the text says what was expected.
    NotAMessage(String),
    /// A line's `src` is another host.
    ForeignSource {
        /// The name that the line claims.
        claimed: String,
    },
    /// A line's `dest` is nobody.
    UnknownDestination {
        /// The name that nobody has.
        dest: String,
    },
    /// A line was too long, and was thrown away.
    LineTooLong {
        /// The longest line that is read, in bytes.
        limit_bytes: usize,
    },
    /// So much input waits for the node that messages to it are thrown away.
    InputOverflow {
        /// How much is kept, in bytes.
        limit_bytes: usize,
    },
    /// So many messages are under way to one host that further ones are thrown away.
    NetworkOverflow {
        /// The host to which they go.
        dest: String,
        /// How much is kept, in bytes.
        limit_bytes: usize,
    },
    /// The node closed its standard output and lives on.
    OutputClosed,
    /// The node closed its standard input and lives on.
    InputClosed,
    /// The node printed a whole message without a newline after it, and then nothing for a while.
    MissingNewline,
    /// The node ended in the middle of a line.
    UnfinishedLine,
    /// The node's log is as long as it may be; what the node writes to it from there on is discarded.
    LogFull {
        /// The longest log that is kept, in bytes.
        limit_bytes: u64,
    },
    /// The node's log can't be written.
    LogUnwritable {
        /// What the system says.
        reason: String,
    },
    /// Somebody killed the process that supervises the node.
    GuardKilled,
    /// The process that supervises the node did not do its work in time.
    GuardStopped,
}

impl Complaint {
    pub(crate) fn new(node: NodeId, fault: Fault) -> Self {
        Self { node, line_number: None, line: None, fault }
    }

    pub(crate) fn about_line(node: NodeId, line_number: u64, line: &[u8], fault: Fault) -> Self {
        Self { node, line_number: Some(line_number), line: Some(escape(line, EXCERPT_CHARS)), fault }
    }

    /// What most often leads here.
    pub fn usual_cause(&self) -> &'static str {
        match self.fault {
            Fault::NotUtf8 => {
                "binary data, or text in another encoding, written to stdout; messages are JSON in UTF-8"
            }
            Fault::NotAMessage(_) => {
                "a log line on stdout (only messages belong there: log to stderr), a missing newline between two messages, or a message spread over several lines"
            }
            Fault::ForeignSource { .. } => {
                "a message forwarded as it came: `src` must be the node that sends it, the name that init gave it"
            }
            Fault::UnknownDestination { .. } => {
                "`src` and `dest` of a request copied into its reply the wrong way round, or a reply to init sent before the node stored its id"
            }
            Fault::LineTooLong { .. } => {
                "a missing newline after each message, or a message that carries a whole state"
            }
            Fault::InputOverflow { .. } => {
                "the node has stopped reading stdin: a deadlock, or a handler that blocks the reading loop"
            }
            Fault::NetworkOverflow { .. } => {
                "messages sent in a loop without waiting for answers, or retries without a pause between them"
            }
            Fault::OutputClosed => {
                "the node's main loop ended while a thread or a child keeps the process alive"
            }
            Fault::MissingNewline => {
                "printing without a newline (`print!`, `fmt.Print`, `end=\"\"`, `process.stdout.write`): every message must end in `\\n`, and stdout must be flushed after it"
            }
            Fault::UnfinishedLine => {
                "the node crashed or exited while it was printing, without flushing the rest"
            }
            Fault::LogFull { .. } => "a line of the log for each message, or an endless loop that logs",
            Fault::LogUnwritable { .. } => "the disk is full",
            Fault::GuardKilled => {
                "the node signals its parent process, or every process of a name: its parent is the workbench's guard, which cleans up after it"
            }
            Fault::GuardStopped => {
                "the node stops its parent process, or the machine has been too busy for seconds"
            }
            Fault::InputClosed => {
                "the node's reading loop ended (an error while it parsed a message?) while the process lives on"
            }
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = escape(self.node.as_str().as_bytes(), EXCERPT_CHARS);
        match &self.fault {
            Fault::NotUtf8 => write!(formatter, "Node {node} printed a line that is not UTF-8")?,
            Fault::NotAMessage(reason) => {
                write!(formatter, "Node {node} printed a line that is not a message: {reason}")?;
            }
            Fault::ForeignSource { claimed } => {
                write!(
                    formatter,
                    "Node {node} printed a message whose `src` is \"{claimed}\"; expected \"{node}\""
                )?;
            }
            Fault::UnknownDestination { dest } => {
                write!(
                    formatter,
                    "Node {node} sent a message to \"{dest}\", but nobody in this cluster has that name"
                )?;
            }
            Fault::LineTooLong { limit_bytes } => {
                write!(
                    formatter,
                    "Node {node} printed a line of more than {} MiB, which was thrown away",
                    limit_bytes >> 20
                )?;
            }
            Fault::InputOverflow { limit_bytes } => write!(
                formatter,
                "Node {node} does not read its stdin: {} MiB wait for it, and further messages to it are dropped",
                limit_bytes >> 20
            )?,
            Fault::NetworkOverflow { dest, limit_bytes } => write!(
                formatter,
                "Node {node} sends faster than messages arrive: {} MiB are under way to {}, and further ones are dropped",
                limit_bytes >> 20,
                escape(dest.as_bytes(), EXCERPT_CHARS)
            )?,
            Fault::OutputClosed => write!(formatter, "Node {node} closed its stdout but is still running")?,
            Fault::InputClosed => {
                write!(
                    formatter,
                    "Node {node} closed its stdin but is still running: messages to it are dropped"
                )?;
            }
            Fault::MissingNewline => write!(
                formatter,
                "Node {node} printed a whole message without a newline after it, and then nothing: it is a line only once the newline has come"
            )?,
            Fault::UnfinishedLine => {
                write!(formatter, "Node {node} ended in the middle of a line, which was thrown away")?;
            }
            Fault::LogFull { limit_bytes } => write!(
                formatter,
                "Node {node} has written more than {} MiB to stderr: its log ends there, and the rest is discarded",
                limit_bytes >> 20
            )?,
            Fault::LogUnwritable { reason } => {
                write!(
                    formatter,
                    "The log of node {node} can't be written ({reason}): the rest is discarded"
                )?;
            }
            Fault::GuardKilled => write!(
                formatter,
                "The process that supervises node {node} was killed; the node and all that it had started were killed with it"
            )?,
            Fault::GuardStopped => write!(
                formatter,
                "The process that supervises node {node} did not respond within 2 s, and was killed with the node and all that it had started"
            )?,
        }
        if let (Some(number), Some(line)) = (self.line_number, &self.line) {
            write!(formatter, ". Line {number} of its stdout: {line}")?;
        }
        write!(formatter, ". Usual cause: {}.", self.usual_cause())
    }
}

impl From<EnvelopeError> for Fault {
    fn from(error: EnvelopeError) -> Self {
        Self::NotAMessage(escape(error.to_string().as_bytes(), EXCERPT_CHARS))
    }
}

impl Fault {
    pub(crate) fn foreign_source(claimed: &str) -> Self {
        Self::ForeignSource { claimed: escape(claimed.as_bytes(), EXCERPT_CHARS) }
    }

    pub(crate) fn unknown_destination(dest: &str) -> Self {
        Self::UnknownDestination { dest: escape(dest.as_bytes(), EXCERPT_CHARS) }
    }
}

/// The complaints of a run: the first few about each node, and how many there were.
#[derive(Debug, Clone, Default)]
pub struct Complaints {
    kept: Vec<Complaint>,
    count_by_node: BTreeMap<NodeId, u64>,
}

impl Complaints {
    /// The complaints that were kept, in the order they came up.
    pub fn kept(&self) -> &[Complaint] {
        &self.kept
    }

    /// How many complaints there were about each node, kept or not.
    pub fn count_by_node(&self) -> &BTreeMap<NodeId, u64> {
        &self.count_by_node
    }

    /// Whether every node kept to the protocol.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Counts one more complaint about a node; whether there is room to keep it.
    pub(crate) fn count(&mut self, node: &NodeId) -> bool {
        if !self.count_by_node.contains_key(node) {
            self.count_by_node.insert(node.clone(), 0);
        }
        let count = self.count_by_node.get_mut(node).expect("it was inserted just now");
        *count += 1;
        *count <= KEPT_PER_NODE as u64
    }

    pub(crate) fn keep(&mut self, complaint: Complaint) -> &Complaint {
        self.kept.push(complaint);
        &self.kept[self.kept.len() - 1]
    }
}

/// Text that a node printed, fit for a terminal: what is not UTF-8 is replaced, control characters and those that reorder text are
/// escaped, and what is longer than `limit_chars` is cut.
pub(crate) fn escape(bytes: &[u8], limit_chars: usize) -> String {
    // No character has more than four bytes, so the rest cannot be shown.
    let shown = &bytes[..bytes.len().min(limit_chars.saturating_mul(4))];
    let text = String::from_utf8_lossy(shown);
    let mut escaped = String::with_capacity(shown.len().min(limit_chars));
    let mut rest = text.chars();
    for character in rest.by_ref().take(limit_chars) {
        if character.is_control() || reorders_text(character) {
            escaped.extend(character.escape_unicode());
        } else {
            escaped.push(character);
        }
    }
    if rest.next().is_some() || shown.len() < bytes.len() {
        escaped.push('…');
    }
    escaped
}

/// Whether the character is one of Unicode's marks that turn text round (UAX #9), or a line separator.
fn reorders_text(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{061c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_a_sentence_that_names_node_line_rule_and_cause() {
        let fault = Fault::from(glomers_protocol::Envelope::parse("starting up").expect_err("not a message"));
        let complaint = Complaint::about_line(NodeId::from("n1"), 3, b"starting up", fault);
        let text = complaint.to_string();
        for part in [
            "Node n1 printed a line that is not a message",
            "not JSON at column 1",
            "Line 3",
            "starting up",
            "log to stderr",
        ] {
            assert!(text.contains(part), "{text:?} does not say {part:?}");
        }
    }

    #[test]
    fn nothing_reaches_a_terminal_unescaped() {
        let hostile = "\u{1b}[2J\u{202e}\r\n\u{9b}ok".as_bytes();
        assert_eq!(escape(hostile, 100), r"\u{1b}[2J\u{202e}\u{d}\u{a}\u{9b}ok");
        assert_eq!(escape(b"\xff\xfe", 100), "\u{fffd}\u{fffd}");
        assert_eq!(escape(&vec![b'x'; 1 << 20], 3), "xxx…");
        let complaint = Complaint::new(NodeId::from("n1"), Fault::unknown_destination("\u{1b}]0;title\u{7}"));
        assert!(!complaint.to_string().contains('\u{1b}'));
    }

    #[test]
    fn only_the_first_complaints_about_a_node_are_kept() {
        let mut complaints = Complaints::default();
        let node = NodeId::from("n1");
        let kept = (0..1000).filter(|_| complaints.count(&node)).count();
        assert_eq!((kept, complaints.count_by_node()[&node]), (KEPT_PER_NODE, 1000));
        assert!(complaints.count(&NodeId::from("n2")));
    }
}
