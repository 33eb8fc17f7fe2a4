//! From a run that has ended to its verdict.
//!
//! [`Analysis`] holds the checkers and sees every operation as it happens. [`Conclusion`] ends the run, collects the reports of the
//! network and the nodes, and compares the figures with the plan's limits.

mod analysis;
mod conclusion;
mod expectations;
mod failure;
mod nodes;
mod overlap;
pub mod perf;
mod run_facts;
mod sentence;
mod warnings;

pub use self::{
    analysis::{Analysis, Results},
    conclusion::Conclusion,
    expectations::{Judgement, figure},
    failure::Failure,
    run_facts::{OperationCounts, RunFacts},
    warnings::{Warning, WarningKind},
};
