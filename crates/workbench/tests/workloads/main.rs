//! Every workload in simulation, on small servers: one that keeps its promise, and some that are known to break it.
//!
//! They share a process, as no real cluster does: that is what makes the good ones so short.

mod counters;
mod diagnosis;
mod kafka;
mod lin_kv;
mod phases;
mod sets;
mod transactions;
mod unique_ids;

use std::time::Duration;

use glomers_check::Validity;
use glomers_workbench::{Outcome, Simulation};

/// A short, busy test.
fn busy(workload: &str, seed: u64) -> Simulation {
    Simulation::new(workload)
        .node_count(3)
        .concurrency(6)
        .rate_hz(100.0)
        .time_limit(Duration::from_secs(10))
        .seed(seed)
}

/// Asserts that a run is invalid, and that it says so in these words.
fn assert_caught(outcome: &Outcome, words: &[&str]) {
    let text = format!("{}\n{}", outcome.sentence, outcome.findings.join("\n"));
    assert_eq!(outcome.validity, Validity::Invalid, "seed {}: {text}", outcome.seed);
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}
