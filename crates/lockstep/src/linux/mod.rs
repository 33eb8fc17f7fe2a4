//! Supervision on Linux. `sys`, `launch` and the processor's file hold all `unsafe` code.

pub(crate) mod arch;
mod call;
mod chance;
mod clock;
mod family;
mod files;
mod filter;
mod futex;
mod ids;
mod launch;
mod looks;
mod machine;
mod memory;
mod signals;
mod sys;
mod thread;
mod timers;
mod tree;
mod turn;
mod watchdog;

pub(crate) use machine::bind_this_thread;
pub(crate) use tree::Tree;
