//! One run: nodes and clients on a simulated network, from the first node's start to the last operation.

pub mod event;
mod lateness;
pub mod operation_record;
mod runner;

pub use self::{
    event::{Event, Observer},
    lateness::Lateness,
    runner::{Ended, Ending, RunError, Runner},
};
