//! Supervision on Linux. All `unsafe` code is in `sys` and `launch`; all that depends on the processor is in its file under `arch`.

pub(crate) mod arch;
mod call;
mod chance;
mod clock;
mod family;
mod files;
mod filter;
mod futex;
mod ids;
mod judge;
mod launch;
mod looks;
mod machine;
mod memory;
mod signals;
mod sys;
mod thread;
mod tree;
mod turn;
mod watchdog;

pub(crate) use machine::bind_this_thread;
pub(crate) use tree::Tree;
