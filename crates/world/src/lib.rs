//! One event loop over hosts, network, rules and journal, under real or virtual time.
//!
//! A world knows no workload and no operation. Its user adds hosts and turns it; in between, it looks at what the clients completed.
//! Real nodes are processes; clients, services and nodes in simulation are [`NodeCore`](glomers_node::NodeCore)s, stepped by the
//! same loop, over the same network, into the same journal.
//!
//! ```
//! use glomers_node::{CoreOptions, Node, NodeCore, Router, RpcError, Time, messages};
//! use glomers_world::{ClockKind, HostRole, Journal, Latency, TurnOutcome, World, WorldOptions};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, Serialize, Deserialize)]
//! struct Ping {}
//! #[derive(Debug, Serialize, Deserialize)]
//! struct Pong {}
//! messages! { "ping" Ping => "pong" Pong; }
//!
//! struct Server;
//! impl Server {
//!     async fn ping(&self, _request: Ping) -> Result<Pong, RpcError> { Ok(Pong {}) }
//! }
//!
//! let options = WorldOptions { latency: Latency::constant_ms(20.0), ..WorldOptions::new(ClockKind::Virtual, 42) };
//! let mut world = World::new(options, Journal::in_memory());
//! for id in ["n0", "n1"] {
//!     let options = CoreOptions { random: world.random(id) };
//!     let core = NodeCore::started(options, id.into(), Vec::new(), |_: Node| Router::new(Server).on(Server::ping));
//!     world.add_local(id.into(), HostRole::Node, core);
//! }
//! let asker = world.find(&"n0".into()).expect("it was added");
//! let node = world.node(asker).expect("it is a core").clone();
//! world.spawn(asker, async move {
//!     node.rpc("n1", Ping {}).await.expect("n1 answers");
//!     assert!(node.now() >= Time::from_ns(40_000_000), "there and back again takes two latencies");
//! });
//! while world.turn(Time::from_ns(1_000_000_000))?.outcome != TurnOutcome::Reached {}
//! assert_eq!(world.network_statistics().servers.recv_count, 2);
//! # Ok::<(), glomers_world::JournalError>(())
//! ```
//!
//! The modules, in reading order:
//!
//! - `world`: [`World`], its hosts, and what can be done to them.
//! - `options`: [`WorldOptions`], its seed, clock, latency and bounds.
//! - `turn`: the event loop, and what processes do.
//! - `network`: the way of a message, from its sender to its receiver or its end.
//! - `ids`: [`HostIndex`] and [`HostRole`]; `host`: what the world keeps of each host.
//! - `rules`: [`Rule`], a fault of the network, and the common ones.
//! - [`services`]: `lin-kv`, `seq-kv`, `lww-kv` and `lin-tso`, for the nodes to use.
//! - `latency`, `clock`, `queue`: when a message arrives.
//! - `process`: real nodes, and how they are kept from outliving the world.
//! - `complaint`: [`Complaint`], what a node did wrong.
//! - [`journal`]: every message's fate, on disk.
//! - `statistics`: [`NetworkStatistics`].
//! - `wake`: [`WakeHandle`], to end a wait from outside; `watch`: [`Passage`], a message as it passes.

mod clock;
mod complaint;
mod host;
mod ids;
pub mod journal;
mod latency;
mod network;
mod options;
mod process;
mod queue;
mod rules;
pub mod services;
mod statistics;
mod turn;
mod wake;
mod watch;
mod world;

pub use clock::ClockKind;
pub use complaint::{Complaint, Complaints, Fault};
pub use ids::{HostIndex, HostRole};
pub use journal::{DropReason, Journal, JournalError};
pub use latency::{Latency, LatencyDistribution};
pub use options::{Limits, WorldOptions};
pub use process::{ExitReport, ProcessSpec, SpawnError, open_node_log};
pub use rules::{
    Duplication, Flakiness, Links, Loss, Packet, Partition, Reordering, Rule, RuleId, Slowness, Verdict,
};
pub use statistics::{MessageCounts, NetworkStatistics};
pub use turn::{Turn, TurnOutcome};
pub use wake::WakeHandle;
pub use watch::{Passage, PassageEnd};
pub use world::{Finished, World};
