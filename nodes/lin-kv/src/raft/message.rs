//! What nodes say to each other about the log.

use glomers_node::{Node, NodeId, messages};
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
pub struct Discover {
    /// The life that looks.
    pub incarnation: u64,
    /// Whether this life may still found a cluster. If not, a node that has agreed to join that one is free again.
    pub may_bootstrap: bool,
}

/// Answers [`Discover`] where the receiver has no past either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoCluster {
    /// The life that answers.
    pub incarnation: u64,
    /// The life that asked.
    pub to: u64,
    /// What [`ProposeCluster`] must repeat.
    pub token: u64,
}

/// A founder whom every node has answered with [`NoCluster`] asks each to join its cluster, and no former one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposeCluster {
    /// The founder's life.
    pub incarnation: u64,
    /// The life that this is for.
    pub to: u64,
    /// That of the receiver's answer. It is out of date once the receiver has answered another life of the founder.
    pub token: u64,
}

/// Answers [`ProposeCluster`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptCluster {
    /// The life that promises.
    pub incarnation: u64,
    /// The founder's life.
    pub to: u64,
}

/// Tells a node without a cluster, or in one that came to nothing, that there is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterExists {
    /// The sender's cluster.
    pub cluster: u64,
    /// Whether the sender knows that a majority has joined it.
    pub is_established: bool,
    /// The life that this is for.
    pub to: u64,
}

/// Tells a node that its life is no longer a member: another life of the same name has taken its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// The leader that says so.
    pub stamp: Stamp,
}

/// A candidate asks for a vote: in a pre-vote for the term after its stamp's, in an election for its stamp's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestVote {
    /// The candidate and its term.
    pub stamp: Stamp,
    /// Whether the candidate only asks whether it would get the vote.
    pub is_pre_vote: bool,
    /// The candidate's last entry.
    pub last: Position,
}

/// Answers [`RequestVote`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The voter.
    pub stamp: Stamp,
    /// Whether it answers a pre-vote.
    pub is_pre_vote: bool,
    /// The term that the candidate wants to lead.
    pub for_term: u64,
    /// Whether the candidate has the vote.
    pub is_granted: bool,
}

/// A leader sends entries, or none to say that it still leads.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AppendEntries {
    /// The leader.
    pub stamp: Stamp,
    /// The leader's count of its rounds of messages, for [`AppendResponse`].
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
pub struct InstallSnapshot {
    /// The leader.
    pub stamp: Stamp,
    /// The leader's count of its rounds of messages, for [`AppendResponse`].
    pub round: u64,
    /// The last entry that the store contains.
    pub at: Position,
    /// The store.
    pub store: Image,
}

/// Answers [`AppendEntries`] and [`InstallSnapshot`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppendResponse {
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
    "discover" Discover;
    "no_cluster" NoCluster;
    "propose_cluster" ProposeCluster;
    "accept_cluster" AcceptCluster;
    "cluster_exists" ClusterExists;
    "removed" Removed;
    "request_vote" RequestVote;
    "vote" Vote;
    "append_entries" AppendEntries;
    "install_snapshot" InstallSnapshot;
    "append_response" AppendResponse;
}

macro_rules! any_of {
    ($($kind:ident)*) => {
        /// Any of the messages.
        #[derive(Debug, Clone)]
        pub enum Message {
            $(#[doc = concat!("See [`", stringify!($kind), "`].")] $kind($kind),)*
        }

        impl Message {
            /// Sends it as what it is.
            pub fn send(&self, node: &Node, to: &NodeId) {
                match self {
                    $(Self::$kind(message) => node.send(to, message),)*
                }
            }
        }

        $(impl From<$kind> for Message {
            fn from(message: $kind) -> Self {
                Self::$kind(message)
            }
        })*
    };
}

any_of! {
    Discover NoCluster ProposeCluster AcceptCluster ClusterExists Removed RequestVote Vote AppendEntries InstallSnapshot AppendResponse
}

impl Message {
    /// The stamp; messages from or to nodes without a cluster have none.
    pub fn stamp(&self) -> Option<&Stamp> {
        match self {
            Self::Discover(_)
            | Self::NoCluster(_)
            | Self::ProposeCluster(_)
            | Self::AcceptCluster(_)
            | Self::ClusterExists(_) => None,
            Self::Removed(message) => Some(&message.stamp),
            Self::RequestVote(message) => Some(&message.stamp),
            Self::Vote(message) => Some(&message.stamp),
            Self::AppendEntries(message) => Some(&message.stamp),
            Self::InstallSnapshot(message) => Some(&message.stamp),
            Self::AppendResponse(message) => Some(&message.stamp),
        }
    }
}
