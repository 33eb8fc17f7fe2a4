//! What the protocol allows and few nodes do, said once.

use std::fmt;

use glomers_node::NodeId;
use glomers_protocol::text::{escape, excerpt, grouped};

/// How much of a name that a node made up is kept, in characters.
const NAME_CHARS: usize = 80;

/// Something that a node did which breaks no rule, but which its author should know. Each node gets each kind of note once.
///
/// All text in it is escaped and shortened: it can be printed on a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The node.
    pub node: NodeId,
    /// What it did.
    pub kind: NoteKind,
}

/// What a [`Note`] is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoteKind {
    /// The node sent a message under another name than its own.
    ForeignSource {
        /// The name, shortened.
        claimed: String,
    },
    /// Under virtual time, the node did something that the clock or the seed can't answer for.
    Lockstep {
        /// What, as a sentence about "it".
        notice: String,
    },
    /// Under virtual time, the node woke up very often by itself.
    BusyTimer {
        /// How often in a second of virtual time.
        per_s: u64,
    },
}

impl NoteKind {
    pub(crate) fn foreign_source(claimed: &str) -> Self {
        Self::ForeignSource { claimed: excerpt(claimed.as_bytes(), NAME_CHARS) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = escape(self.node.as_str());
        match &self.kind {
            NoteKind::Lockstep { notice } => {
                write!(formatter, "Node {node} under virtual time: {}.", escape(notice))
            }
            NoteKind::BusyTimer { per_s } => write!(
                formatter,
                "Node {node} woke up by itself {} times in a second of virtual time, which makes the run slow: it polls, or has a timer of less than a millisecond.",
                grouped(*per_s)
            ),
            NoteKind::ForeignSource { claimed } => write!(
                formatter,
                "Node {node} sends messages under another name than its own, the first as \"{claimed}\". That is allowed, and usual where a node forwards a client's request so that another node answers it; otherwise `src` and `dest` were not swapped in a reply."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_name_is_escaped_and_shortened() {
        let kind = NoteKind::foreign_source(&"\u{9b}\u{202e}c1".repeat(1 << 16));
        let text = Note { node: NodeId::from("n0"), kind }.to_string();
        assert!(text.starts_with(
            r#"Node n0 sends messages under another name than its own, the first as "\u{9b}\u{202e}c1"#
        ));
        assert_eq!(escape(&text), text);
        assert!(text.len() < 1_500, "{} bytes", text.len());
    }
}
