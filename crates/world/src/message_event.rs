//! Watching messages pass, for a log of the network.

use std::fmt;

use glomers_node::{NodeId, Time};

/// A message as it is sent or delivered.
#[derive(Debug, Clone, Copy)]
pub struct MessageEvent<'a> {
    /// Which end.
    pub end: MessageEnd,
    /// When.
    pub time: Time,
    /// The message's number, as in the journal.
    pub message: u64,
    /// The sender.
    pub src: &'a NodeId,
    /// The name under which it was sent, where that is not the sender's own. It is untrusted.
    pub claimed_src: Option<&'a str>,
    /// The receiver.
    pub dest: &'a NodeId,
    /// The body's JSON text. It is untrusted.
    pub body: &'a str,
}

/// An end of a message's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageEnd {
    /// It was handed to the network.
    Sent,
    /// Its receiver took it.
    Delivered,
}

/// Whom the world shows every message event.
pub(crate) struct Watcher(pub(crate) Box<dyn FnMut(&MessageEvent<'_>)>);

impl fmt::Debug for Watcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Watcher")
    }
}
