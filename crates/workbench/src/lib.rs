//! Workloads, faults, clients and checkers for the nodes of a distributed system: what a node's tests need, and what the `glomers`
//! program is built on.
//!
//! In reading order:
//!
//! - [`plan`]: what a run is to do, with every option checked;
//! - [`workloads`], which declare their messages with [`schema`], pick operations with a [`generator`], and carry them out through
//!   [`clients`];
//! - [`cluster`] and [`nemeses`]: the nodes as they come and go, and the faults that act on them;
//! - [`registry`]: what the workloads and faults offer as options;
//! - [`run`]: one run, from the first node's start to the last operation, under real or virtual time;
//! - [`trail`]: what happened to a value or an operation, told from the journal;
//! - [`verdict`]: from the operations and messages of a run to its results;
//! - [`replay`]: a run as the list of its choices; [`shrink`] makes a failed one smaller;
//! - [`sweep`]: many runs of one test, each with a seed of its own;
//! - [`simulation`]: all of it under virtual time, for a node's own tests.
//!
//! It knows no terminal, no page and no run directory.

pub mod clients;
pub mod cluster;
pub mod generator;
pub mod nemeses;
pub mod plan;
pub mod registry;
pub mod replay;
pub mod run;
pub mod schema;
pub mod service_rpcs;
pub mod shrink;
pub mod simulation;
mod span;
pub mod sweep;
mod text;
pub mod trail;
pub mod verdict;
pub mod workloads;

pub use glomers_check::{AvailabilityGoal, Mode, Operation, OperationKind, Process, Validity, Value};
pub use glomers_world::LatencyDistribution;
pub use simulation::{Outcome, Simulation, seeds};

// The tutorial of the node library ends in a simulation, so its listings are tested here.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/src/a-node-in-ten-minutes.md")]
struct ANodeInTenMinutes;
