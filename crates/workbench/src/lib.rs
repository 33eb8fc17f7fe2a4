//! The workbench.

pub mod report;
pub mod serve;
