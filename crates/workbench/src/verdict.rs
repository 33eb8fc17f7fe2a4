//! From a run that has ended to its verdict.
//!
//! [`Analysis`] holds the checkers and is shown every operation while the run goes on. [`Conclusion`] ends the run, collects what the
//! network and the nodes have to say, and holds the figures to the plan's limits.

mod analysis;
mod conclusion;
mod expectations;
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
    run_facts::{OperationCounts, RunFacts},
    warnings::{Warning, WarningKind},
};
