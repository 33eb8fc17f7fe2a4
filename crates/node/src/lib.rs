//! Write nodes for Maelstrom and Glomers: typed messages, async handlers, RPC, timers, clients of the
//! built-in services, and tests that need no workbench.
//!
//! A server owns its [`Node`] and has one async method for each type of message. [`run`] is the whole of
//! `main`:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use glomers_node::{Node, RawValue, Router, RpcError, messages};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Echo { echo: Box<RawValue> }
//!
//! #[derive(Serialize, Deserialize)]
//! struct EchoOk { echo: Box<RawValue> }
//!
//! messages! { "echo" Echo => "echo_ok" EchoOk; }
//!
//! struct EchoServer { node: Node }
//!
//! impl EchoServer {
//!     // Called once init has come; the library answers init_ok when this returns.
//!     fn new(node: Node) -> Self { Self { node } }
//!
//!     async fn echo(&self, request: Echo) -> Result<EchoOk, RpcError> { Ok(EchoOk { echo: request.echo }) }
//! }
//!
//! fn main() -> ExitCode {
//!     glomers_node::run(|node| Router::new(EchoServer::new(node)).on(EchoServer::echo))
//! }
//! ```
//!
//! A node is one thread. Its state is `Cell` and `RefCell`; handlers start in the order their messages came,
//! and interleave only where they await.
//!
//! # The modules, in reading order
//!
//! What an author meets:
//!
//! - `node`: [`Node`], a server's handle on its name, its peers, time, chance and the network.
//! - `router`: [`Router`], which handler gets which message; [`Failure`], how a handler fails; [`messages!`],
//!   names for types.
//! - `rpc`: [`Rpc`] and [`Retry`], asking another node.
//! - `timers`: [`Sleep`], waiting; `time`: [`Time`]; `random`: [`Random`].
//! - [`services`]: clients of `lin-kv`, `seq-kv`, `lww-kv` and `lin-tso`.
//! - [`testing`]: a node fed by hand, and a small cluster in virtual time.
//!
//! What drives it:
//!
//! - `node_core`: [`NodeCore`], the node without input and output, with `executor` and [`Outputs`].
//! - `driver`: [`run`], the core on stdin and stdout; `logging`: [`init_logging`], its log on stderr.

mod driver;
mod executor;
mod failure;
mod logging;
mod messages;
mod node;
mod node_core;
mod outputs;
mod random;
mod router;
mod rpc;
pub mod services;
pub mod testing;
mod time;
mod timers;

pub use driver::run;
pub use failure::Failure;
pub use logging::init_logging;
pub use node::Node;
pub use node_core::{CoreOptions, Input, NodeCore};
pub use outputs::{Output, Outputs};
pub use random::Random;
pub use router::Router;
pub use rpc::{RawRpc, Retry, Rpc};
pub use time::Time;
pub use timers::Sleep;

pub use glomers_protocol::{
    self as protocol, Body, ErrorCode, Json, NodeId, RawBody, RawValue, Request, RpcError,
};

#[cfg(doctest)]
#[doc = include_str!("../../../docs/src/a-node-in-ten-minutes.md")]
struct ANodeInTenMinutes;
