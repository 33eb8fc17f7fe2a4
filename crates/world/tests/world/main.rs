//! The world from outside, over both kinds of hosts.
//!
//! - `cluster`: echo and gossip servers, run as cores in virtual time or as processes in real time; clients that talk to them.
//! - `conformance`: what must hold on both.
//! - `determinism`: the same seed gives the same run.
//! - `hostile`: processes that break the protocol.
//! - `lifetime`: no process outlives its world.
//! - `services`: what nodes may ask of the services.

mod cluster;
mod conformance;
mod determinism;
mod hostile;
mod lifetime;
mod services;
