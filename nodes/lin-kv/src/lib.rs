//! A linearizable key-value store on Raft, for nodes that forget everything when they are killed.
//!
//! Every node serves every client: it hands requests to the leader and passes the answers on. A write is answered
//! when a majority has it in its log, a read when a majority has confirmed that the leader still leads. No promise
//! leans on a clock; timeouts only decide how long something is unavailable.
//!
//! # What is promised
//!
//! Raft supposes that a server remembers its vote and its log after a crash. A node here remembers nothing, and is
//! not even told that it ran before. So a node's *life* is what takes part, not its name: each start draws a random
//! [incarnation](raft::Member), and a killed node never comes back. A new life of the same name is a new
//! server, which is taken in through the log, by Raft's own change of membership: first caught up, then put in the
//! place of the dead one. All of Raft's guarantees thus hold for crashes without any memory:
//!
//! - An operation that was answered is never lost or reordered while a majority of the members lives on, however
//!   many others are killed, paused or cut off, one after the other. A killed node counts as missing until its next
//!   life has been taken in, which takes a few round trips once the leader can be reached.
//! - When a majority of the members is killed within that time, but not everyone, what was acknowledged may be lost, and
//!   nobody can tell. The survivors then refuse to serve, for good: unavailable rather than wrong.
//! - When every node that remembers is killed, nothing is left to tell this from the first start. The cluster
//!   begins anew, empty. This is the one way to lose data.
//!
//! The first start needs every node: until each has been heard of, nobody can know that there is no former cluster, and nobody serves.
//!
//! An operation that fails with code 11 had no effect and never will. Code 0 says that it may have had one; reads never
//! end with it.
//!
//! # The modules, in reading order
//!
//! - [`store`]: the registers, and the commands that change them exactly once.
//! - [`raft`]: how the commands come into one order, without input, output or a clock.
//! - `requests`: what clients are waiting for, and where it was sent.
//! - `server`: the node: messages in, messages out.

pub mod raft;
mod requests;
mod server;
pub mod store;

pub use server::LinKvServer;
