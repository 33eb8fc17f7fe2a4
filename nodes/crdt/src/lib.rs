//! Replicated data that every node may change at any time, without asking the others: what the grow-only set, the counter and the
//! transactional registers share.
//!
//! # The idea
//!
//! Two nodes that change the same thing at the same time are in conflict. So no two nodes ever do: the data is cut into *parts*, and each
//! part has one writer. A set is the union of the parts, a counter their sum. Every node holds a copy of every part, answers reads from
//! these copies alone, and so never waits for anybody.
//!
//! A part only grows, one numbered change after the other, so that one number, its version, says how much of it a node holds, and the
//! versions of all parts together, a [`Clock`], how much of everything. "Give me what I lack" is then a short question with an exact
//! answer: the [`Interval`]s from the versions in the clock to the newest. An interval that comes twice is recognized by its versions, one
//! that comes too early as well: loss, duplication and reordering can do no harm. In the literature this is a delta-state CRDT (Almeida,
//! Shoker and Baquero, "Delta State Replicated Data Types", 2018), here with a single writer for each part.
//!
//! # Who tells whom
//!
//! - Each node shares the changes of its own part with every other node until that node has confirmed them. Changes that are made while a
//!   message is on its way go together in the next. Where nothing is unconfirmed, nothing is sent.
//! - With its changes a node sends its clock. A receiver applies them only when it holds all that the sender held, so that nobody sees an
//!   effect without its cause (causal consistency). What is missing is mostly on its way already; where it does not come, the receiver
//!   fetches it from the sender, which thereby passes on what others wrote.
//!
//! # When a node is killed
//!
//! A node that is started again has lost everything, even the count of its own changes. If it went on with its old part, its first change
//! would bear a number that another change has. So each start writes a part of its own, under a fresh [`Origin`]. A starting node fetches
//! everything from all others, its former parts among it, and for a moment lets requests wait until they have answered. Parts whose writer
//! is gone are kept for ever, and each node that has one offers it to those that lack it.
//!
//! What nobody had received when its writer was killed is lost, unless it was written down: a [`Journal`] does so on `lin-kv`, before the
//! change is confirmed to the client and before any other node hears of it. It replaces the disk, which a node does not have.
//!
//! # The modules, in reading order
//!
//! - `origin`: [`Origin`], who writes a part; `clock`: [`Clock`], how much of each part a node holds.
//! - `part`: [`Part`], what a part must be able to do; `parts`: [`Parts`], the copies of all parts.
//! - `replica`: [`Replica`], what a server holds; `gossip`: how replicas keep each other up to date; `peers`: what a replica knows of others.
//! - `journal`: [`Journal`], changes that outlive the node.

mod clock;
mod gossip;
mod journal;
mod origin;
mod part;
mod parts;
mod peers;
mod replica;

pub use clock::Clock;
pub use journal::Journal;
pub use origin::Origin;
pub use part::{Interval, Part};
pub use parts::Parts;
pub use replica::Replica;
