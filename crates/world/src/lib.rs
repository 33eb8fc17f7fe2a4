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
//!     let options = CoreOptions::new(world.random(id));
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
//! - `world`: [`World`], its hosts, and what can be done to them; `options`: [`WorldOptions`].
//! - `world::turn`: the event loop.
//! - `network`: names, links, latency and fault rules. It knows no program: the time goes in, what arrives comes out.
//! - `world::delivery`: between the hosts and the network.
//! - `host`: what runs behind a name; `ids`: [`HostIndex`] and [`HostRole`].
//! - `process`: real nodes, and how they are kept from outliving the world; `world::process_io`: what they print, read and end with.
//! - `lockstep_host`: programs under virtual time; `world::lockstep_io`: when they are stepped, and what comes of it.
//! - [`services`]: `lin-kv`, `seq-kv`, `lww-kv` and `lin-tso`, for the nodes to use.
//! - `clock`, `schedule`: what is due next.
//! - [`journal`]: every message's fate, on disk.
//! - `records`: the journal and all else that is kept of a run; `violation`: [`ProtocolViolation`], what a node did wrong;
//!   `note`: [`Note`], what it did that few nodes do;
//!   `message_event`: [`MessageEvent`], for a log of the network.
//! - `wake`: [`WakeHandle`], to end a wait from outside.

mod clock;
mod host;
mod ids;
pub mod journal;
mod lockstep_host;
mod message_event;
mod network;
mod note;
mod options;
mod process;
mod records;
mod schedule;
pub mod services;
mod violation;
mod wake;
mod world;

pub use clock::ClockKind;
pub use ids::{HostIndex, HostRole};
pub use journal::{Journal, JournalError};
pub use lockstep_host::bind_worker_thread;
pub use message_event::{MessageEnd, MessageEvent};
pub use network::{
    DropReason, Duplication, Flakiness, Latency, LatencyDistribution, Links, Loss, MessageCounts,
    NetworkStatistics, Packet, Partition, Reordering, Rule, RuleId, Slowness, Verdict,
};
pub use note::{Note, NoteKind};
pub use options::{Limits, WorldOptions};
pub use process::{ExitReport, LoneEvent, LoneProcess, ProcessSpec, SpawnError, node_seed, open_node_log};
pub use violation::{ProtocolViolation, ProtocolViolations, ViolationKind};
pub use wake::WakeHandle;
pub use world::{Finished, World};
pub use world::{Turn, TurnOutcome};
