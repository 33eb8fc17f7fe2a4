//! The `glomers` program: its command line, the directories that runs are kept in, reports, and the web view.
//!
//! In reading order:
//!
//! - [`cli`]: the command line;
//! - [`execution`]: a test with real processes, from its plan to its directory;
//! - `node_replay`: one node of a recorded run again, alone;
//! - `why`: what happened to what a finding speaks of;
//! - `determinism`: where two runs of one plan first differ;
//! - `virtual_run`: runs under virtual time that leave no directory, for sweeps and shrinks;
//! - [`run_directory`]: the files of a run, and how they are written;
//! - [`check`]: the checkers on an existing history;
//! - [`report`] and [`serve`]: pictures and pages;
//! - [`challenges`]: the official commands and their targets;
//! - [`doc`] and [`explain`]: the pages generated from the registries.
//!
//! Runs and verdicts themselves are in [`glomers_workbench`].

pub mod challenges;
pub mod check;
pub mod cli;
mod clock;
mod determinism;
pub mod doc;
pub mod execution;
pub mod explain;
pub mod junit;
mod node_replay;
pub mod report;
pub mod run_directory;
pub mod serve;
mod shell;
mod signals;
mod virtual_run;
mod why;
mod wrap;
