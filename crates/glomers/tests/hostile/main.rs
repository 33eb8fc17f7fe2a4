//! Nodes that break the rules: nothing that they do hangs the workbench, grows it without bound, or outlives it.
//!
//! - `sentences`: what is said of some kinds, word by word.
//! - `kinds`: all kinds on all workloads, without a look at the words.
//! - `kills`: the workbench itself is killed.
//! - `late_guard`: the machine is so busy that what keeps watch over a node begins late.

#[expect(dead_code, reason = "each of the test programs uses a part of it")]
#[path = "../../../../tests/requirements.rs"]
mod requirements;
#[path = "../support/mod.rs"]
mod support;

mod kills;
mod kinds;
mod late_guard;
mod sentences;
