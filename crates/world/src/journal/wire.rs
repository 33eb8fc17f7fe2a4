//! How a record stands in a frame: postcard, with borrowed text, and each name spelt once a frame.

use std::borrow::Cow;

use glomers_node::{NodeId, Time};
use serde::{Deserialize, Serialize};

use super::record::{Entry, Record};
use crate::ids::HostRole;
use crate::network::DropReason;

/// A record without its sequence number, which follows from its place.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireRecord<'a> {
    /// Nanoseconds since the record before, or since the frame's first time.
    pub(crate) elapsed_ns: u64,
    #[serde(borrow)]
    pub(crate) entry: WireEntry<'a>,
}

/// [`Entry`] as it is written: nothing is copied on the way into a frame.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum WireEntry<'a> {
    // The two that make up nearly all of a journal stand first; variants are only ever added at the end.
    Sent {
        message: u64,
        #[serde(borrow)]
        src: Name<'a>,
        #[serde(borrow)]
        dest: Name<'a>,
        body: &'a str,
    },
    Delivered {
        message: u64,
    },
    Dropped {
        message: u64,
        #[serde(borrow)]
        reason: Cow<'a, DropReason>,
    },
    HostAdded {
        #[serde(borrow)]
        host: Name<'a>,
        role: HostRole,
    },
    HostRemoved {
        #[serde(borrow)]
        host: Name<'a>,
    },
    HostKilled {
        #[serde(borrow)]
        host: Name<'a>,
    },
    HostPaused {
        #[serde(borrow)]
        host: Name<'a>,
    },
    HostResumed {
        #[serde(borrow)]
        host: Name<'a>,
    },
    ProcessExited {
        #[serde(borrow)]
        host: Name<'a>,
        status: &'a str,
    },
    RuleInstalled {
        rule: u64,
        description: &'a str,
    },
    RuleRemoved {
        rule: u64,
    },
    ProtocolViolation {
        #[serde(borrow)]
        host: Name<'a>,
        text: &'a str,
    },
    UserRecord(#[serde(with = "as_bytes")] &'a [u8]),
    SentAs {
        message: u64,
        #[serde(borrow)]
        src: Name<'a>,
        claimed_src: &'a str,
        #[serde(borrow)]
        dest: Name<'a>,
        body: &'a str,
    },
    Note {
        #[serde(borrow)]
        host: Name<'a>,
        text: &'a str,
    },
}

/// A host's name: spelt at its first use in a frame, a number after that. Names are numbered in the order they are spelt.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Name<'a> {
    Spelt(&'a str),
    Known(u32),
}

/// A record that names a host which the frame has not spelt.
#[derive(Debug)]
pub(crate) struct UnknownName;

impl WireRecord<'_> {
    /// Makes the record whole. `names` are those the frame has spelt so far, in order.
    pub(crate) fn resolve(
        self,
        sequence: u64,
        time: Time,
        names: &mut Vec<NodeId>,
    ) -> Result<Record, UnknownName> {
        let mut name = |name: Name<'_>| match name {
            Name::Spelt(text) => {
                names.push(NodeId::from(text));
                Ok(NodeId::from(text))
            }
            Name::Known(index) => names.get(index as usize).cloned().ok_or(UnknownName),
        };
        let entry = match self.entry {
            WireEntry::Sent { message, src, dest, body } => {
                let (src, dest) = (name(src)?, name(dest)?);
                Entry::Sent { message, src, claimed_src: None, dest, body: body.into() }
            }
            WireEntry::SentAs { message, src, claimed_src, dest, body } => {
                let (src, dest) = (name(src)?, name(dest)?);
                Entry::Sent { message, src, claimed_src: Some(claimed_src.into()), dest, body: body.into() }
            }
            WireEntry::Note { host, text } => Entry::Note { host: name(host)?, text: text.into() },
            WireEntry::Delivered { message } => Entry::Delivered { message },
            WireEntry::Dropped { message, reason } => Entry::Dropped { message, reason: reason.into_owned() },
            WireEntry::HostAdded { host, role } => Entry::HostAdded { host: name(host)?, role },
            WireEntry::HostRemoved { host } => Entry::HostRemoved { host: name(host)? },
            WireEntry::HostKilled { host } => Entry::HostKilled { host: name(host)? },
            WireEntry::HostPaused { host } => Entry::HostPaused { host: name(host)? },
            WireEntry::HostResumed { host } => Entry::HostResumed { host: name(host)? },
            WireEntry::ProcessExited { host, status } => {
                Entry::ProcessExited { host: name(host)?, status: status.into() }
            }
            WireEntry::RuleInstalled { rule, description } => {
                Entry::RuleInstalled { rule, description: description.into() }
            }
            WireEntry::RuleRemoved { rule } => Entry::RuleRemoved { rule },
            WireEntry::ProtocolViolation { host, text } => {
                Entry::ProtocolViolation { host: name(host)?, text: text.into() }
            }
            WireEntry::UserRecord(bytes) => Entry::UserRecord(bytes.to_vec()),
        };
        Ok(Record { sequence, time, entry })
    }
}

/// Bytes as one run: serde's own way for `&[u8]` goes byte by byte.
mod as_bytes {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'de [u8], D::Error> {
        <&[u8]>::deserialize(deserializer)
    }
}
