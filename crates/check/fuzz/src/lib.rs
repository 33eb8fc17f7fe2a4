//! What the fuzz targets share: any small history, and every checker.
//!
//! - [`histories`] makes operations out of the fuzzer's bytes: those that a workload could have, and those that none would.
//! - [`checkers`] has every checker of the crate, each with a budget that ends in time.

pub mod checkers;
pub mod histories;
