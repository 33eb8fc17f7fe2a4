//! What the journal tells: one record for every step of every message, and for all else that happened to the world.

use glomers_node::{NodeId, Time};

use crate::ids::HostRole;
use crate::network::DropReason;

/// One entry of the journal, with its place in the run's one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The entry's number: 0, 1, 2 and so on. Times never decide an order, this does.
    pub sequence: u64,
    /// When it happened.
    pub time: Time,
    /// What happened.
    pub entry: Entry,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A host was added.
    HostAdded {
        /// Its name.
        host: NodeId,
        /// What it is.
        role: HostRole,
    },
    /// A host was taken out of the world, as a client that is done.
    HostRemoved {
        /// Its name.
        host: NodeId,
    },
    /// A fault killed a host.
    HostKilled {
        /// Its name.
        host: NodeId,
    },
    /// A fault suspended a host.
    HostPaused {
        /// Its name.
        host: NodeId,
    },
    /// A paused host goes on.
    HostResumed {
        /// Its name.
        host: NodeId,
    },
    /// A node's process ended without being told to.
    ProcessExited {
        /// The node.
        host: NodeId,
        /// How it ended, in words: `exit status 1`, `killed by SIGSEGV`.
        status: String,
    },
    /// A host handed a message to the network.
    Sent {
        /// The message's number, which its other entries repeat.
        message: u64,
        /// The sender.
        src: NodeId,
        /// The name under which it was sent, where that is not the sender's own.
        claimed_src: Option<NodeId>,
        /// The receiver.
        dest: NodeId,
        /// The body's JSON text, byte for byte.
        body: Box<str>,
    },
    /// A message reached its receiver: a core was stepped with it, or the pipe of a process's standard input took it.
    ///
    /// An [`Entry::Dropped`] of the same message that follows takes it back: the process ended before it had read the message.
    Delivered {
        /// The message's number.
        message: u64,
    },
    /// A message, or one copy of it, will never arrive.
    Dropped {
        /// The message's number.
        message: u64,
        /// Why.
        reason: DropReason,
    },
    /// A fault of the network began.
    RuleInstalled {
        /// The rule's number.
        rule: u64,
        /// What it does, in words.
        description: String,
    },
    /// A fault of the network ended.
    RuleRemoved {
        /// The rule's number.
        rule: u64,
    },
    /// A node broke the protocol.
    ProtocolViolation {
        /// The node.
        host: NodeId,
        /// What it did, in a sentence, free of control characters.
        text: String,
    },
    /// A node did something that the protocol allows and few nodes do.
    Note {
        /// The node.
        host: NodeId,
        /// What it did, in a sentence, free of control characters.
        text: String,
    },
    /// An entry of the world's user, such as an operation of a client, in the user's own encoding.
    UserRecord(Vec<u8>),
}
