//! What a kind is.

use std::io;

use serde_json::Value;

use crate::server::Server;

/// One way to break the rules.
pub(crate) struct Kind {
    /// The name that the command line takes.
    pub(crate) name: &'static str,
    /// When it acts.
    pub(crate) when: When,
    /// What it does. Given the message that is to be answered.
    pub(crate) act: fn(&mut Server, &Value) -> io::Result<Next>,
}

/// When a kind acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Before anything is read.
    Start,
    /// In place of the answer to init.
    Init,
    /// When init has been answered.
    AfterInit,
    /// In place of the answer to the first request.
    FirstRequest,
    /// In place of the answer to each request.
    EachRequest,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The correct reply.
    Reply,
    /// No reply.
    Silence,
    /// The end of the node, with this status.
    Exit(u8),
}

pub(crate) const fn kind(
    name: &'static str,
    when: When,
    act: fn(&mut Server, &Value) -> io::Result<Next>,
) -> Kind {
    Kind { name, when, act }
}
