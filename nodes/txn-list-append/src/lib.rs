//! Strictly serializable transactions over lists, on top of the `lin-kv` service.
//!
//! The database is a history of *segments*, each the appends of some transactions, which never change once they are
//! written. One register of `lin-kv`, the root, names the last segment. To commit, a node carries its transactions
//! out on its own copy of the lists, writes what they append as a new segment, and then replaces the root by
//! compare-and-set. If another node was first, it reads the segments that it lacks and tries again. That is the design
//! of Datomic, as the Maelstrom guide teaches it, with a log in the place of a tree, as in Hyder (Bernstein, Reid and
//! Das, *Hyder: A Transactional Record Manager for Shared Flash*, CIDR 2011).
//!
//! # Why it is strictly serializable
//!
//! The successful compare-and-sets of a linearizable register are in one order, each on top of the one before,
//! and each at a moment between the request and the reply of its transactions. Transactions that append nothing need
//! no compare-and-set: it is enough that the root, read after they came, still names the segment that they have seen.
//!
//! # Why it is fast
//!
//! - A node commits everything that came while the former commit was on its way, as one segment: six messages to
//!   and from the service for any number of transactions.
//! - The nodes leave what appends to the first of them that answers, rather than overtake each other. Whatever only
//!   reads, each node answers itself, with two messages.
//! - Segments never change, so that each node reads each of them once at most.
//! - A node asks for the root while it writes its segment, so that it learns of a conflict no later than it could
//!   have committed.
//! - Every sixteen segments are merged into one, and sixteen of those again, so that a node without a past reads a
//!   number of them that grows with the logarithm of the history.
//!
//! # The modules, in reading order
//!
//! - [`transaction`]: the micro-operations, and how they are carried out.
//! - [`history`]: segments, and how they are merged.
//! - `database`: a node's copy of the lists.
//! - `archive`: what is read from and written to `lin-kv`.
//! - `committer`: how a node commits.
//! - `delegation`: how nodes agree on who does.
//! - `server`: the node.

mod archive;
mod committer;
mod database;
mod delegation;
pub mod history;
mod server;
pub mod transaction;

pub use server::ListServer;
