//! The first Gossip Glomers challenge: a node that answers with what it was sent.

mod server;

pub use server::{Echo, EchoOk, EchoServer};
