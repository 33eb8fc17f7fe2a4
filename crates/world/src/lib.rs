//! One event loop over hosts, network, rules and journal, under real or virtual time.
//!
//! A world knows no workload and no operation. Its user adds hosts and turns it; in between, it looks at what the clients completed.
//! Real nodes are processes; clients, services and nodes in simulation are [`NodeCore`](glomers_node::NodeCore)s, stepped by the
//! same loop, over the same network, into the same journal.
//!
//! The modules, in reading order:
//!
//! - `world`: [`World`], its hosts, and what can be done to them.
//! - `turn`: the event loop, and what processes do.
//! - `network`: the way of a message, from its sender to its receiver or its end.
//! - `host`: [`HostIndex`] and [`HostRole`].
//! - `rules`: [`Rule`], a fault of the network, and the common ones.
//! - `latency`, `clock`, `queue`: when a message arrives.
//! - `process`: real nodes, and how they are kept from outliving the world.
//! - `complaint`: [`Complaint`], what a node did wrong.
//! - [`journal`]: every message's fate, on disk.
//! - `statistics`: [`NetworkStatistics`].
//! - `wake`: [`WakeHandle`], to end a wait from outside.

mod clock;
mod complaint;
mod host;
pub mod journal;
mod latency;
mod network;
mod process;
mod queue;
mod rules;
mod statistics;
mod turn;
mod wake;
mod world;

pub use clock::ClockKind;
pub use complaint::{Complaint, Complaints, Fault};
pub use host::{HostIndex, HostRole};
pub use journal::{DropReason, Journal, JournalError};
pub use latency::{Latency, LatencyDistribution};
pub use process::{ExitReport, ProcessSpec, SpawnError};
pub use rules::{Duplication, Loss, Packet, Partition, Rule, RuleId, Slowness, Verdict};
pub use statistics::{MessageCounts, NetworkStatistics};
pub use turn::{Turn, TurnOutcome};
pub use wake::WakeHandle;
pub use world::{Finished, Limits, World, WorldOptions};
