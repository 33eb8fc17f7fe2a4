//! Lock step.

mod error;
mod outcome;
mod process;
mod program;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod linux;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use linux as imp;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod unsupported;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
use unsupported as imp;

pub use error::{StartError, StepError};
pub use outcome::{Counters, Notice, Output};
pub use process::{Process, bind_this_thread};
pub use program::Program;
