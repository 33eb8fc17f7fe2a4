//! The workbench.

pub mod report;
