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
//!
//! messages! {
//!     "echo" struct Echo { echo: Box<RawValue> } => "echo_ok" struct EchoOk { echo: Box<RawValue> };
//! }
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
//! # Concurrency
//!
//! A node is one thread. Its state is `Cell` and `RefCell`; handlers start in the order in which their messages came, and other
//! handlers run only while one awaits. The same messages at the same times give the same run.
//!
//! # What a handler may await
//!
//! A node runs when a message comes or a timer of its own is due, and at no other time. So a handler or a [spawned](Node::spawn) task
//! may await
//!
//! - what this crate provides: [`Rpc`], [`RpcAll`], [`Sleep`], [`Notify`], [`Alarm`], [`Batcher`] and the clients of [`services`];
//! - what other tasks of the same node complete, such as a channel or a join of the `futures` crate.
//!
//! It must not await a future that something else completes: a timer or a socket of Tokio or async-std, or another thread. The node
//! would not notice, and wait for its next message. A wake-up from another thread therefore panics in that thread, and ends the task
//! with code 13 and an explanation. Nor may it loop without waiting: a task that goes on 100,000 times in one step, in which no time
//! passes, is ended the same way. A loop that never awaits at all cannot be interrupted.
//!
//! # The modules, in reading order
//!
//! What an author meets:
//!
//! - `node`: [`Node`], a server's handle on its name, its peers, the network, time and random numbers.
//! - `messages`: [`messages!`], which declares the types of messages; `router`: [`Router`], which handler gets which message;
//!   `failure`: [`Failure`], how a handler fails.
//! - `rpc`: [`Rpc`], asking another node; `retry`: [`Retry`]; `attempts`: [`Attempts`], errors that promise no more than is true;
//!   `rpc_all`: [`RpcAll`], asking several nodes, for quorums.
//! - `sleep`: [`Sleep`] and [`Node::timeout`]; `notify`: [`Notify`], waiting for a condition; `alarm`: [`Alarm`], a wake-up that can be
//!   moved; `batcher`: [`Batcher`], serving many requests at once; `time`: [`Time`]; `random`: [`Random`].
//! - [`services`]: clients of `lin-kv`, `seq-kv`, `lww-kv` and `lin-tso`.
//! - `storage`: [`Storage`], files that survive a kill.
//! - [`testing`]: a node fed by hand, and a small cluster in virtual time.
//!
//! What drives it:
//!
//! - `node_core`: [`NodeCore`], the node without input and output, on top of `executor`, `timers`, `replies`, `origin` and [`Outputs`].
//! - `driver`: [`run`], the core on stdin and stdout; `logging`: [`init_logging`], its log on stderr.

// `messages!` names this crate as its users do, also in this crate's own modules.
extern crate self as glomers_node;

mod alarm;
mod attempts;
mod batcher;
mod driver;
mod executor;
mod failure;
mod logging;
mod messages;
mod node;
mod node_core;
mod notify;
mod origin;
mod outputs;
mod random;
mod replies;
mod retry;
mod router;
mod rpc;
mod rpc_all;
pub mod services;
mod sleep;
mod storage;
pub mod testing;
mod time;
mod timers;

pub use alarm::Alarm;
pub use attempts::Attempts;
pub use batcher::{Answer, Batcher, Job};
pub use driver::run;
pub use failure::Failure;
pub use logging::init_logging;
pub use node::Node;
pub use node_core::{CoreOptions, Input, NodeCore};
pub use notify::Notify;
pub use outputs::{Output, Outputs};
pub use random::Random;
pub use retry::Retry;
pub use router::Router;
pub use rpc::{RawRpc, Rpc};
pub use rpc_all::{QuorumError, RpcAll};
pub use sleep::{Elapsed, Sleep};
pub use storage::{CrashLoss, Storage, StorageError};
pub use time::Time;

pub use glomers_protocol::{
    self as protocol, Body, ErrorCode, Json, MsgId, NodeId, RawBody, RawValue, Request, RpcError,
};

#[doc(hidden)]
pub use serde;
