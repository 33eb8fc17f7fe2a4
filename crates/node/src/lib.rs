//! Write nodes for Maelstrom and Glomers: typed messages, async handlers, RPC, timers.
mod executor;
mod failure;
mod messages;
mod node;
mod node_core;
mod outputs;
mod random;
mod router;
mod rpc;
mod time;
mod timers;

pub use failure::Failure;
pub use node::Node;
pub use node_core::{CoreOptions, Input, NodeCore};
pub use outputs::{Output, Outputs};
pub use random::Random;
pub use router::Router;
pub use rpc::{RawRpc, Retry, Rpc};
pub use time::Time;
pub use timers::Sleep;

pub use glomers_protocol::{self as protocol, Body, ErrorCode, NodeId, RawBody, RawValue, Request, RpcError};
