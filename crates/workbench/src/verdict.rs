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
mod sentence;
mod warnings;

pub use self::{
    analysis::{Analysis, OperationCounts, Results, RunFacts},
    conclusion::Conclusion,
    expectations::{Judgement, figure},
    warnings::{Warning, WarningKind},
};
