//! The events of a run, for its observers.

use std::{fmt, time::Duration};

use glomers_check::{Operation, Value};
use glomers_node::Time;
use glomers_protocol::NodeId;
use glomers_world::{ExitReport, World};

use crate::text::{count, excerpt};

/// Observes a run: the only interface between running and reporting.
pub trait Observer {
    /// Is called for every event.
    fn event(&mut self, event: &Event<'_>);
    /// An operation was invoked or completed; the run's own checkers listen here. Returns its whole record.
    fn operation(&mut self, operation: &Operation);
    /// A chance to show how far the run is; called after every turn of the event loop.
    fn turn(&mut self, world: &World, elapsed: Time);
    /// Whether the run has failed already, so that it need not go on. Asked once a turn where the plan wants to know.
    fn has_failed(&self) -> bool {
        false
    }
}

/// What happens in a run.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A node's process is about to start.
    Launching {
        /// Its id.
        node: &'a NodeId,
    },
    /// Every node has answered init and the first operation may start.
    Ready {
        /// How long that took.
        after: Time,
    },
    /// The nemesis acted.
    Nemesis {
        /// The function, such as `start-partition`.
        f: &'a str,
        /// What it did.
        done: &'a Value,
    },
    /// A node ended although nobody stopped it.
    NodeExited {
        /// Which, how, and what it said last.
        exit: &'a ExitReport,
    },
    /// A node broke the protocol.
    ProtocolViolation {
        /// Who did what, in one sentence, escaped and shortened.
        text: &'a str,
    },
    /// No more operations are invoked; those under way may still complete.
    Draining {
        /// Whether these are the final operations; otherwise the time limit has come.
        is_final: bool,
        /// How many there are.
        operations: usize,
    },
    /// Every fault is healed; the nodes may recover for this long before the final operations.
    Recovering {
        /// How long.
        pause: Duration,
    },
    /// The final operations begin.
    Finishing,
    /// A violation was found, and the run ends.
    FailedFast,
    /// The nodes are being stopped.
    TearingDown,
}

/// How much of what the nemesis did a line of the log shows, in characters.
const NEMESIS_CHARS: usize = 160;

impl fmt::Display for Event<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Launching { node } => write!(formatter, "Launching {node}"),
            Self::Ready { after } => {
                let after_ms = after.since(Time::ZERO).as_secs_f64() * 1e3;
                write!(formatter, "Every node has answered init, after {after_ms:.0} ms; the clients begin")
            }
            // A partition of 25 nodes takes more than a thousand characters. The history has them all.
            Self::Nemesis { f, done } => {
                write!(formatter, "Nemesis: {f} {}", excerpt(&done.to_string(), NEMESIS_CHARS))
            }
            Self::NodeExited { exit } => write!(formatter, "Node {} {}", exit.node, exit.status_in_words()),
            Self::ProtocolViolation { text } => formatter.write_str(text),
            Self::Draining { is_final, operations } => {
                let what =
                    if *is_final { "The last operation was invoked" } else { "The time limit is reached" };
                match *operations as u64 {
                    0 => formatter.write_str(what),
                    1 => write!(formatter, "{what}; 1 operation is still under way"),
                    operations => {
                        write!(formatter, "{what}; {} are still under way", count(operations, "operation"))
                    }
                }
            }
            Self::Recovering { pause } => {
                write!(
                    formatter,
                    "The nodes may recover for {} s before the final operations",
                    pause.as_secs_f64()
                )
            }
            Self::Finishing => formatter.write_str("The nodes have recovered; the clients finish"),
            Self::FailedFast => formatter.write_str("A violation was seen; the run ends here"),
            Self::TearingDown => formatter.write_str("Stopping the nodes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_of_many_nodes_is_shortened() {
        let nodes = (0..200).map(|number| (Value::from(format!("n{number}").as_str()), Value::Nil));
        let done = Value::Map(nodes.collect());
        let line = Event::Nemesis { f: "start-partition", done: &done }.to_string();
        assert!(line.starts_with("Nemesis: start-partition {\"n0\" nil"), "{line}");
        assert!(line.chars().count() < 250 && line.contains('…'), "{line}");
        let healed = Value::keyword("network-healed");
        let line = Event::Nemesis { f: "stop-partition", done: &healed }.to_string();
        assert_eq!(line, "Nemesis: stop-partition :network-healed");
    }
}
