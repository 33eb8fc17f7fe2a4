//! Nodes that break the rules: nothing that they do hangs the workbench, grows it without bound, or outlives it.
//!
//! - `sentences`: what is said of some kinds, word by word.
//! - `kinds`: all kinds on all workloads, without a look at the words.
//! - `kills`: the workbench itself is killed.

#[path = "../support/mod.rs"]
mod support;

mod kills;
mod kinds;
mod sentences;
