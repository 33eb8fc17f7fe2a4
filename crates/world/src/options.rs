//! What a world is made from, and what bounds it.

use std::time::Duration;

use crate::clock::ClockKind;
use crate::network::Latency;

/// What a world is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct WorldOptions {
    /// The seed of all chance in the world. In virtual time the same seed gives the same run.
    pub seed: u64,
    /// The clock.
    pub clock: ClockKind,
    /// The latency of links that involve no client.
    pub latency: Latency,
    /// In virtual time, a local host takes up to this long to notice a message, so that hosts interleave differently by seed.
    pub max_scheduling_delay: Duration,
    /// What bounds the memory that a node can make the world use.
    pub limits: Limits,
}

/// What bounds the memory and the disk that a node can make the world use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A longer line is thrown away, with a complaint.
    pub line_bytes: usize,
    /// When more than this waits for a node that does not read, or is under way to any one host, further messages to it are
    /// dropped, with a complaint.
    pub input_bytes: usize,
    /// What a node writes to stderr beyond this is discarded, with a complaint. It counts all starts of a node together.
    pub log_bytes: u64,
}

impl WorldOptions {
    /// A world without latency, with the usual limits.
    pub fn new(clock: ClockKind, seed: u64) -> Self {
        Self {
            seed,
            clock,
            latency: Latency::NONE,
            max_scheduling_delay: Duration::from_micros(100),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { line_bytes: 16 << 20, input_bytes: 16 << 20, log_bytes: 64 << 20 }
    }
}
