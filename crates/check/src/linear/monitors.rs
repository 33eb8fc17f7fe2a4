//! The monitors of the common objects.
//!
//! Each says at its top which histories it decides, and why what it says is true.

mod keyed;
mod log;
mod queue;
mod register;
mod set;

pub(super) use keyed::KeyedMonitor;
pub(super) use log::LogMonitor;
pub(super) use queue::QueueMonitor;
pub(super) use register::RegisterMonitor;
pub(super) use set::SetMonitor;
