//! The workbench: runs the nodes of a distributed system on a simulated network, injects faults, generates a workload, records
//! everything, checks the history, and shows a person what happened.
//!
//! In reading order:
//!
//! - [`plan`] and [`settings`]: what a run is to do;
//! - [`workloads`], [`schema`], [`generator`] and [`clients`]: what clients ask of nodes, and when;
//! - [`nemeses`]: what goes wrong on purpose;
//! - [`runner`]: one run, from the first process to the last, under real or virtual time;
//! - [`expect`]: thresholds for the figures of a run;
//! - [`analysis`] and [`record`]: the checkers, and the journal that they can be fed from again;
//! - [`check`]: the same checkers on a history that is already there;
//! - [`run`], [`store`], [`run_file`] and [`publish`]: a test with real processes, its directory, and the reports in it;
//! - [`simulation`]: the same plan on nodes inside this process, under virtual time;
//! - [`report`] and [`serve`]: pictures and pages;
//! - [`challenges`]: the official commands and their targets;
//! - [`cli`]: the command line; [`doc`], the page that the registries write, and [`explain`], what services and faults do.

pub mod analysis;
pub mod challenges;
pub mod check;
pub mod cli;
pub mod clients;
mod clock;
mod cluster;
mod conclusion;
pub mod doc;
pub mod expect;
pub mod explain;
pub mod generator;
mod log;
pub mod nemeses;
mod overlap;
pub mod plan;
pub mod publish;
pub mod record;
pub mod report;
pub mod run;
pub mod run_file;
pub mod runner;
pub mod schema;
mod sentence;
pub mod serve;
pub mod settings;
mod shell;
mod signals;
pub mod simulation;
pub mod store;
pub mod workloads;
