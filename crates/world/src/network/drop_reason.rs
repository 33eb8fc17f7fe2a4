//! Why a message never arrived.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a message never arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DropReason {
    /// A partition stood between sender and receiver.
    Partition,
    /// The network lost it.
    Loss,
    /// The receiver was dead.
    DeadHost,
    /// The receiver had been removed: a reply to a client that no longer waits.
    RemovedHost,
    /// Nobody has that name.
    UnknownDestination,
    /// The receiver has not read its input for so long that no more is kept for it.
    Overflow,
    /// The receiver has closed its standard input.
    InputClosed,
    /// A rule of the world's user, in its own words.
    Rule(String),
    /// It had reached the receiver's host, which ended before its program had read it.
    Unread,
}

impl fmt::Display for DropReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Partition => "partition",
            Self::Loss => "loss",
            Self::DeadHost => "dead host",
            Self::RemovedHost => "removed host",
            Self::UnknownDestination => "unknown destination",
            Self::Overflow => "overflow",
            Self::InputClosed => "input closed",
            Self::Rule(words) => words,
            Self::Unread => "unread",
        })
    }
}
