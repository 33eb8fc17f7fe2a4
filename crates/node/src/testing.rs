//! Two ways to test a node without the workbench.
//!
//! - [`Harness`] feeds one node by hand: send it a line, look at the lines it sends, let time pass.
//! - [`Cluster`] runs a few nodes on a network in memory, in virtual time: call them, cut links, heal them.

mod cluster;
mod harness;

pub use cluster::Cluster;
pub use harness::Harness;
