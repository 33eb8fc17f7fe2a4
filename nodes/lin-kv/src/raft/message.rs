//! What nodes say to each other about the log.

use glomers_node::{NodeId, messages};
use serde::{Deserialize, Serialize};

use super::{Entry, Position};
use crate::store::Image;

/// What every message of a cluster carries: between which lives it goes, and how far its sender is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The cluster, by the incarnation of its founder.
    pub cluster: u64,
    /// Whether the sender knows that a majority has joined the cluster.
    pub is_established: bool,
    /// The sender's life.
    pub from: u64,
    /// The receiver's life. Another life of the same node ignores the message.
    pub to: u64,
    /// The sender's term.
    pub term: u64,
}

/// A node without a past looks for its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seek {
    /// The life that looks.
    pub incarnation: u64,
    /// Whether this life might found a cluster yet; if not, whoever has promised to join that one is free.
    pub may_found: bool,
}

/// Answers [`Seek`] where the receiver has no past either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blank {
    /// The life that answers.
    pub incarnation: u64,
    /// The life that asked.
    pub to: u64,
    /// What [`Claim`] must repeat.
    pub token: u64,
}

/// A founder to whom everybody has answered [`Blank`] asks for the promise to join its cluster, and no former one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The founder's life.
    pub incarnation: u64,
    /// The life that this is for.
    pub to: u64,
    /// That of the receiver's answer. It is out of date once the receiver has answered another life of the founder.
    pub token: u64,
}

/// Answers [`Claim`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The life that promises.
    pub incarnation: u64,
    /// The founder's life.
    pub to: u64,
}

/// Tells a node without a cluster, or in one that came to nothing, that there is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    /// The sender's cluster.
    pub cluster: u64,
    /// Whether the sender knows that a majority has joined it.
    pub is_established: bool,
    /// The life that this is for.
    pub to: u64,
}

/// Tells a node that its life is no member any more: another of the same name has taken its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dismissed {
    /// Whose word this is.
    pub stamp: Stamp,
}

/// A candidate asks for a vote in the term after its stamp's (a trial), or in its stamp's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestVote {
    /// The candidate and its term.
    pub stamp: Stamp,
    /// Whether the candidate only asks whether it would get the vote.
    pub is_trial: bool,
    /// The candidate's last entry.
    pub last: Position,
}

/// Answers [`RequestVote`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The voter.
    pub stamp: Stamp,
    /// Whether it was asked for a trial.
    pub is_trial: bool,
    /// The term that the candidate wants to lead.
    pub for_term: u64,
    /// Whether the candidate has the vote.
    pub is_granted: bool,
}

/// A leader sends entries, or none to say that it still leads.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Append {
    /// The leader.
    pub stamp: Stamp,
    /// The leader's count of its rounds of messages, for [`Fit`].
    pub round: u64,
    /// The entry before the first one sent.
    pub after: Position,
    /// The entries.
    pub entries: Vec<Entry>,
    /// Up to where the leader's log is committed.
    pub committed: u64,
}

/// A leader sends the whole store, since the entries that the receiver lacks have been compacted away.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Install {
    /// The leader.
    pub stamp: Stamp,
    /// The leader's count of its rounds of messages, for [`Fit`].
    pub round: u64,
    /// The last entry that the store contains.
    pub at: Position,
    /// The store.
    pub store: Image,
}

/// Answers [`Append`] and [`Install`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fit {
    /// The follower.
    pub stamp: Stamp,
    /// The round that this answers.
    pub round: u64,
    /// Up to where the follower's log is known to be the leader's; none where the entries did not fit.
    pub matched: Option<u64>,
    /// Where the entries did not fit: the last index up to which the logs may agree.
    pub try_after: u64,
}

messages! {
    "seek" Seek;
    "blank" Blank;
    "claim" Claim;
    "promise" Promise;
    "elsewhere" Elsewhere;
    "dismissed" Dismissed;
    "request_vote" RequestVote;
    "vote" Vote;
    "append" Append;
    "install" Install;
    "fit" Fit;
}

/// Any of the messages.
#[derive(Debug, Clone)]
pub enum Message {
    /// See [`Seek`].
    Seek(Seek),
    /// See [`Blank`].
    Blank(Blank),
    /// See [`Claim`].
    Claim(Claim),
    /// See [`Promise`].
    Promise(Promise),
    /// See [`Elsewhere`].
    Elsewhere(Elsewhere),
    /// See [`Dismissed`].
    Dismissed(Dismissed),
    /// See [`RequestVote`].
    RequestVote(RequestVote),
    /// See [`Vote`].
    Vote(Vote),
    /// See [`Append`].
    Append(Append),
    /// See [`Install`].
    Install(Install),
    /// See [`Fit`].
    Fit(Fit),
}

impl Message {
    /// The stamp; messages from or to nodes without a cluster have none.
    pub fn stamp(&self) -> Option<&Stamp> {
        match self {
            Self::Seek(_) | Self::Blank(_) | Self::Claim(_) | Self::Promise(_) | Self::Elsewhere(_) => None,
            Self::Dismissed(message) => Some(&message.stamp),
            Self::RequestVote(message) => Some(&message.stamp),
            Self::Vote(message) => Some(&message.stamp),
            Self::Append(message) => Some(&message.stamp),
            Self::Install(message) => Some(&message.stamp),
            Self::Fit(message) => Some(&message.stamp),
        }
    }

    /// Sends it as what it is.
    pub fn send(&self, node: &glomers_node::Node, to: &NodeId) {
        let to = to.clone();
        match self {
            Self::Seek(message) => node.send(to, message),
            Self::Blank(message) => node.send(to, message),
            Self::Claim(message) => node.send(to, message),
            Self::Promise(message) => node.send(to, message),
            Self::Elsewhere(message) => node.send(to, message),
            Self::Dismissed(message) => node.send(to, message),
            Self::RequestVote(message) => node.send(to, message),
            Self::Vote(message) => node.send(to, message),
            Self::Append(message) => node.send(to, message),
            Self::Install(message) => node.send(to, message),
            Self::Fit(message) => node.send(to, message),
        }
    }
}

macro_rules! messages_from {
    ($($kind:ident)*) => {
        $(impl From<$kind> for Message {
            fn from(message: $kind) -> Self {
                Self::$kind(message)
            }
        })*
    };
}

messages_from! { Seek Blank Claim Promise Elsewhere Dismissed RequestVote Vote Append Install Fit }
