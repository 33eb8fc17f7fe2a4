//! Lock step.

mod error;
mod outcome;
mod process;
mod program;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[path = "linux/mod.rs"]
mod linux;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use linux as imp;

pub use error::{StartError, StepError};
pub use outcome::{Counters, Notice, Output};
pub use process::{Process, bind_this_thread};
pub use program::Program;
