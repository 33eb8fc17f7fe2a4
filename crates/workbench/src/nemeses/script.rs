//! Faults that a person writes down: what happens, when, and for how long.
//!
//! ```text
//! # A leader that is cut off, and a follower that dies meanwhile.
//! at 2s for 4s      cut n1 from n2, n3
//! at 4s             kill n2; at 4.5s pause n3
//! when n1 sends append_entries 10 times, after 50ms for 1s   kill n1
//! at 8s             heal
//! ```
//!
//! The same text is what a run with random faults writes down, so that its faults can be repeated, edited and made fewer.

mod parse;
mod run;

use std::{fmt, time::Duration};

use glomers_protocol::NodeId;

use super::fault::{BadLinks, Fault};
use crate::{plan::FaultScript, span::Span};
pub(super) use run::{Request, ScriptRun};

/// What a script is, in a sentence.
pub const DOC: &str = "a file with the faults of a run and their times, for --nemesis-script FILE";

/// The language of scripts, for `glomers explain`.
pub const EXPLANATION: &str = "
A statement says when, for how long, and what. Statements end at a line's end
or at a semicolon, and `#` begins a comment.

  at 2s for 4s    cut n1 from n2, n3
  at 4s           kill n2; at 4.5s pause n3
  at 8s           heal
  when n1 sends append_entries 10 times, after 50ms for 1s   kill n1

When
  at TIME                     so long after the first operation; in order
  when NODE sends TYPE        the first time that a node sends, or
  when NODE receives TYPE     receives, a message of this type; with
                              `3 times` the third time; with `after TIME`
                              so much later. Each happens once. Messages
                              before the first operation do not count.
How long
  for TIME                    otherwise until `heal`, or the end of the
                              operations, where every fault is healed

What
  cut n1, n2 from n3          messages between them are lost
  cut n1 to n2 and n2 to n3   messages in these directions are lost
  lose 20%                    messages between nodes are lost by chance
  lose 20% on n1 to n2        the same, on some links
  slow n1 by 200ms            messages to and from nodes are late
  duplicate 10% within 1s     messages arrive twice, up to 1 s apart
  reorder 10% within 1s       messages are late by chance, by up to 1 s
  kill n1, n2                 nodes die, and are restarted at the end
  pause n1                    nodes stand still, and go on at the end
  heal                        every fault ends

Nodes are names, `all`, or after `from` and `to` also `others`. Times have a
unit: ns, us, ms, s or min.

Every run with faults writes them to faults.txt in its directory, in this
language. So the faults of a random run can be repeated, edited and reduced.
";

/// Where a script is wrong, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct ScriptError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What was found there, and what was expected.
    pub problem: String,
}

/// Whether a script can be carried out in a cluster of these nodes.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn check(script: &FaultScript, nodes: &[NodeId]) -> Result<(), ScriptError> {
    statements(script, nodes).map(drop)
}

pub(crate) fn statements(script: &FaultScript, nodes: &[NodeId]) -> Result<Vec<Statement>, ScriptError> {
    parse::statements(script.text(), nodes)
}

/// The statements of a script that has been checked, each with its time. Those that wait for a message come first, at time 0.
pub(crate) fn timed_lines(script: &FaultScript, nodes: &[NodeId]) -> Vec<(Duration, String)> {
    let statements = statements(script, nodes).expect("a script is checked before it is used");
    let time = |statement: &Statement| match statement.start {
        Start::At(time) => time,
        Start::When { .. } => Duration::ZERO,
    };
    statements.iter().map(|statement| (time(statement), statement.to_string())).collect()
}

/// A script with these statements.
pub(crate) fn write(statements: &[Statement]) -> FaultScript {
    FaultScript::new(statements.iter().map(|statement| format!("{statement}\n")).collect::<String>())
}

/// One statement: a fault, or the end of all faults.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statement {
    pub(crate) start: Start,
    /// How long the fault lasts; otherwise until `heal`, or the end of the operations.
    pub(crate) lasts: Option<Duration>,
    /// The fault; none for `heal`.
    pub(crate) fault: Option<Fault>,
}

/// When a statement is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Start {
    /// So long after the first operation could start.
    At(Duration),
    /// Some time after a node sent or received a message.
    When { occasion: Occasion, after: Duration },
}

/// A message that a statement waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Occasion {
    pub(crate) node: NodeId,
    pub(crate) direction: Direction,
    /// The type of the message.
    pub(crate) message_type: String,
    /// The how many-th of them, from 1.
    pub(crate) count: u64,
}

/// Whether a node sends or receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Sends,
    Receives,
}

impl Statement {
    /// Leaves a node out. False if nothing is left of the statement then.
    pub(crate) fn leave_out(&mut self, node: &NodeId) -> bool {
        if let Start::When { occasion, .. } = &self.start
            && occasion.node == *node
        {
            return false;
        }
        self.fault.as_mut().is_none_or(|fault| fault.leave_out(node))
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.start {
            Start::At(time) => write!(formatter, "at {}", Span(*time))?,
            Start::When { occasion: Occasion { node, direction, message_type, count }, after } => {
                let verb = match direction {
                    Direction::Sends => "sends",
                    Direction::Receives => "receives",
                };
                write!(formatter, "when {node} {verb} {message_type}")?;
                if *count > 1 {
                    write!(formatter, " {count} times")?;
                }
                if !after.is_zero() {
                    write!(formatter, " after {}", Span(*after))?;
                }
            }
        }
        if let Some(duration) = self.lasts {
            write!(formatter, " for {}", Span(duration))?;
        }
        match &self.fault {
            Some(fault) => write!(formatter, " {fault}"),
            None => formatter.write_str(" heal"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut(links) => write!(formatter, "cut {links}"),
            Self::Flaky { links, probability } => {
                write!(formatter, "lose {} on {links}", Percent(*probability))
            }
            Self::Slow { nodes, delay } => write!(formatter, "slow {} by {}", list(nodes), Span(*delay)),
            Self::Lose { probability } => write!(formatter, "lose {}", Percent(*probability)),
            Self::Duplicate { probability, lag } => {
                write!(formatter, "duplicate {} within {}", Percent(*probability), Span(*lag))
            }
            Self::Reorder { probability, delay } => {
                write!(formatter, "reorder {} within {}", Percent(*probability), Span(*delay))
            }
            Self::Kill(nodes) => write!(formatter, "kill {}", list(nodes)),
            Self::Pause(nodes) => write!(formatter, "pause {}", list(nodes)),
        }
    }
}

/// `n1 from n2, n3` where two groups are cut off from each other, otherwise `n1 to n2, n3 and n2 to n1`.
impl fmt::Display for BadLinks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((one, other)) = self.groups() {
            return write!(formatter, "{} from {}", list(&one), list(&other));
        }
        let by_sender: Vec<String> = self
            .by_sender()
            .into_iter()
            .map(|(sources, dests)| format!("{} to {}", list(&sources), list(&dests)))
            .collect();
        formatter.write_str(if by_sender.is_empty() { "nobody" } else { "" })?;
        formatter.write_str(&by_sender.join(" and "))
    }
}

fn list(nodes: &[NodeId]) -> String {
    if nodes.is_empty() {
        return "nobody".to_owned();
    }
    nodes.iter().map(NodeId::as_str).collect::<Vec<_>>().join(", ")
}

/// A probability as scripts write it. The shortest text that is read as the same number.
struct Percent(f64);

impl fmt::Display for Percent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = format!("{}", self.0 * 100.0);
        match percent.parse::<f64>() {
            Ok(number) if number / 100.0 == self.0 => write!(formatter, "{percent}%"),
            _ => write!(formatter, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests;
