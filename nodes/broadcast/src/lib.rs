//! The third Gossip Glomers challenge: values that reach every node.

mod messages;
mod peer;
mod replica;
mod server;
mod settings;
mod values;
mod vault;

pub use messages::{Broadcast, BroadcastOk, Gossip, Read, ReadOk, Sync, SyncOk, Topology, TopologyOk};
pub use replica::Replica;
pub use server::BroadcastServer;
pub use settings::{Acknowledge, ArgumentError, Settings};
pub use values::{Life, News, Store, Summary, Value};
