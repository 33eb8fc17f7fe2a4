//! How a node broke the protocol, said so that its author can mend it.

use std::collections::BTreeMap;
use std::fmt;

use glomers_node::NodeId;
use glomers_protocol::EnvelopeError;
use glomers_protocol::text::{escape, excerpt};

/// How much of an offending line is kept, in characters.
pub(crate) const EXCERPT_CHARS: usize = 240;
/// How many violations of one node are kept; the rest are counted.
const KEPT_PER_NODE: usize = 32;

/// A node broke the protocol. It stays connected, and its later good lines count.
///
/// All text in it is escaped and shortened: it can be printed on a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtocolViolation {
    /// The node.
    pub node: NodeId,
    /// Which line of its standard output it was, from 1; `None` where no line is at fault.
    pub line_number: Option<u64>,
    /// The line, shortened and escaped.
    pub line: Option<String>,
    /// The rule that was broken.
    pub kind: ViolationKind,
}

/// A rule of the protocol that a node broke.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ViolationKind {
    /// A line is not UTF-8.
    NotUtf8,
    /// A line is not a message; the text says what was expected.
    NotAMessage(String),
    /// A line's `dest` is nobody.
    UnknownDestination {
        /// The name that nobody has.
        dest: String,
    },
    /// A service cannot answer a message of the node.
    UnanswerableRequest {
        /// The service.
        service: String,
        /// Why.
        reason: String,
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
    /// Under virtual time, the node computed or printed without ever waiting, and was killed.
    Restless {
        /// What it did, as a sentence without its end.
        reason: String,
    },
    /// Somebody killed the process that supervises the node.
    GuardKilled,
    /// The process that supervises the node did not do its work in time.
    GuardStopped,
}

impl ProtocolViolation {
    pub(crate) fn new(node: NodeId, kind: ViolationKind) -> Self {
        Self { node, line_number: None, line: None, kind }
    }

    pub(crate) fn of_line(node: NodeId, line_number: u64, line: &[u8], kind: ViolationKind) -> Self {
        Self { node, line_number: Some(line_number), line: Some(excerpt(line, EXCERPT_CHARS)), kind }
    }

    /// What most often leads here.
    pub fn usual_cause(&self) -> &'static str {
        match self.kind {
            ViolationKind::NotUtf8 => {
                "binary data, or text in another encoding, written to stdout; messages are JSON in UTF-8"
            }
            ViolationKind::NotAMessage(_) => {
                "a log line on stdout (only messages belong there: log to stderr), a missing newline between two messages, or a message spread over several lines"
            }
            ViolationKind::UnknownDestination { .. } => {
                "`src` and `dest` of a request copied into its reply without being swapped, or a reply to init sent before the node stored its id"
            }
            ViolationKind::UnanswerableRequest { .. } => {
                "a reply sent to a service by mistake, or a request without `msg_id`"
            }
            ViolationKind::LineTooLong { .. } => {
                "a missing newline after each message, or a message that carries a whole state"
            }
            ViolationKind::InputOverflow { .. } => {
                "the node has stopped reading stdin: a deadlock, or a handler that blocks the reading loop"
            }
            ViolationKind::NetworkOverflow { .. } => {
                "messages sent in a loop without waiting for answers, or retries without a pause between them"
            }
            ViolationKind::OutputClosed => {
                "the node's main loop ended while a thread or a child keeps the process alive"
            }
            ViolationKind::MissingNewline => {
                "printing without a newline (`print!`, `fmt.Print`, `end=\"\"`, `process.stdout.write`): every message must end in `\\n`, and stdout must be flushed after it"
            }
            ViolationKind::UnfinishedLine => {
                "the node crashed or exited while it was printing, without flushing the rest"
            }
            ViolationKind::LogFull { .. } => {
                "a line of the log for each message, or an endless loop that logs"
            }
            ViolationKind::LogUnwritable { .. } => "the disk is full",
            ViolationKind::Restless { .. } => {
                "an endless loop, a wait for another thread that spins without a system call, or work that takes too long for this machine"
            }
            ViolationKind::GuardKilled => {
                "the node signals its parent process, or every process of a name: its parent is the workbench's guard, which cleans up after it"
            }
            ViolationKind::GuardStopped => {
                "the node stops its parent process, or the machine has been too busy for seconds"
            }
            ViolationKind::InputClosed => {
                "the node's reading loop ended (an error while it parsed a message?) while the process lives on"
            }
        }
    }
}

impl fmt::Display for ProtocolViolation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = escape(self.node.as_str());
        match &self.kind {
            ViolationKind::NotUtf8 => write!(formatter, "Node {node} printed a line that is not UTF-8")?,
            ViolationKind::NotAMessage(reason) => {
                write!(formatter, "Node {node} printed a line that is not a message: {reason}")?;
            }
            ViolationKind::UnknownDestination { dest } => {
                write!(
                    formatter,
                    "Node {node} sent a message to \"{dest}\", but nobody in this cluster has that name"
                )?;
            }
            ViolationKind::UnanswerableRequest { service, reason } => {
                write!(formatter, "Node {node} sent {service} a message that cannot be answered: {reason}")?;
            }
            ViolationKind::LineTooLong { limit_bytes } => {
                write!(
                    formatter,
                    "Node {node} printed a line of more than {} MiB, which was thrown away",
                    limit_bytes >> 20
                )?;
            }
            ViolationKind::InputOverflow { limit_bytes } => write!(
                formatter,
                "Node {node} does not read its stdin: {} MiB wait for it, and further messages to it are dropped",
                limit_bytes >> 20
            )?,
            ViolationKind::NetworkOverflow { dest, limit_bytes } => write!(
                formatter,
                "Node {node} sends faster than messages arrive: {} MiB are under way to {}, and further ones are dropped",
                limit_bytes >> 20,
                escape(dest)
            )?,
            ViolationKind::OutputClosed => {
                write!(formatter, "Node {node} closed its stdout but is still running")?;
            }
            ViolationKind::InputClosed => {
                write!(
                    formatter,
                    "Node {node} closed its stdin but is still running: messages to it are dropped"
                )?;
            }
            ViolationKind::MissingNewline => write!(
                formatter,
                "Node {node} printed a whole message without a newline after it, and then nothing: it is a line only once the newline has come"
            )?,
            ViolationKind::UnfinishedLine => {
                write!(formatter, "Node {node} ended in the middle of a line, which was thrown away")?;
            }
            ViolationKind::LogFull { limit_bytes } => write!(
                formatter,
                "Node {node} has written more than {} MiB to stderr: its log ends there, and the rest is discarded",
                limit_bytes >> 20
            )?,
            ViolationKind::LogUnwritable { reason } => {
                write!(
                    formatter,
                    "The log of node {node} can't be written ({reason}): the rest is discarded"
                )?;
            }
            ViolationKind::GuardKilled => write!(
                formatter,
                "The process that supervises node {node} was killed; the node and all that it had started were killed with it"
            )?,
            ViolationKind::Restless { reason } => {
                write!(
                    formatter,
                    "Node {node} was killed: {}, and virtual time moves only while nodes wait",
                    escape(reason)
                )?;
            }
            ViolationKind::GuardStopped => write!(
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

impl From<EnvelopeError> for ViolationKind {
    fn from(error: EnvelopeError) -> Self {
        Self::NotAMessage(excerpt(error.to_string().as_bytes(), EXCERPT_CHARS))
    }
}

impl ViolationKind {
    pub(crate) fn name_too_long(name_bytes: usize, limit_bytes: usize) -> Self {
        Self::NotAMessage(format!("`src` has {name_bytes} bytes; a name has at most {limit_bytes}"))
    }

    pub(crate) fn unanswerable_request(service: &str, reason: &str) -> Self {
        Self::UnanswerableRequest {
            service: excerpt(service.as_bytes(), EXCERPT_CHARS),
            reason: excerpt(reason.as_bytes(), EXCERPT_CHARS),
        }
    }

    pub(crate) fn unknown_destination(dest: &str) -> Self {
        Self::UnknownDestination { dest: excerpt(dest.as_bytes(), EXCERPT_CHARS) }
    }
}

/// The protocol violations of a run: the first few of each node, and how many there were.
///
/// At most 32 are kept of a node, each with at most 240 characters of the offending line.
#[derive(Debug, Clone, Default)]
pub struct ProtocolViolations {
    kept: Vec<ProtocolViolation>,
    count_by_node: BTreeMap<NodeId, u64>,
}

impl ProtocolViolations {
    /// The violations that were kept, in the order in which they happened.
    pub fn kept(&self) -> &[ProtocolViolation] {
        &self.kept
    }

    /// How many violations each node committed, kept or not. Nodes without any are absent.
    pub fn count_by_node(&self) -> &BTreeMap<NodeId, u64> {
        &self.count_by_node
    }

    /// Whether every node kept to the protocol.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Counts one more violation of a node; whether there is room to keep it.
    pub(crate) fn count(&mut self, node: &NodeId) -> bool {
        if !self.count_by_node.contains_key(node) {
            self.count_by_node.insert(node.clone(), 0);
        }
        let count = self.count_by_node.get_mut(node).expect("it was inserted just now");
        *count += 1;
        *count <= KEPT_PER_NODE as u64
    }

    pub(crate) fn keep(&mut self, violation: ProtocolViolation) -> &ProtocolViolation {
        self.kept.push(violation);
        &self.kept[self.kept.len() - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_is_a_sentence_that_names_node_line_rule_and_cause() {
        let kind =
            ViolationKind::from(glomers_protocol::Envelope::parse("starting up").expect_err("not a message"));
        let violation = ProtocolViolation::of_line(NodeId::from("n1"), 3, b"starting up", kind);
        let text = violation.to_string();
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
    fn nothing_that_a_node_printed_is_shown_unescaped_or_whole() {
        let hostile = "\u{1b}]0;title\u{7}\u{9b}31m\u{202e}\u{200b}\u{feff}".repeat(1 << 16);
        let not_a_message = glomers_protocol::Envelope::parse(&hostile).expect_err("not a message");
        let node = NodeId::from("n1");
        let violations = [
            ProtocolViolation::new(node.clone(), ViolationKind::unknown_destination(&hostile)),
            ProtocolViolation::of_line(node.clone(), 1, hostile.as_bytes(), ViolationKind::NotUtf8),
            ProtocolViolation::of_line(node, 1, hostile.as_bytes(), not_a_message.into()),
        ];
        for text in violations.map(|violation| violation.to_string()) {
            assert_eq!(escape(&text), text);
            assert!(text.len() < 6_000, "{} bytes", text.len());
        }
    }

    #[test]
    fn only_the_first_violations_of_a_node_are_kept() {
        let mut violations = ProtocolViolations::default();
        let node = NodeId::from("n1");
        let kept = (0..1000).filter(|_| violations.count(&node)).count();
        assert_eq!((kept, violations.count_by_node()[&node]), (KEPT_PER_NODE, 1000));
        assert!(violations.count(&NodeId::from("n2")));
    }
}
