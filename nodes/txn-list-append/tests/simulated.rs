//! The workload under virtual time: many seeds, with what goes wrong between nodes.

use std::time::Duration;

use glomers::simulation::{Outcome, Simulation};
use glomers_world::LatencyDistribution;
use txn_list_append::ListServer;

/// How many seeds each test draws from: more with the environment's `GLOMERS_SEEDS`.
fn seeds(default: u64) -> std::ops::Range<u64> {
    let asked = std::env::var("GLOMERS_SEEDS").ok();
    0..asked.map_or(default, |count| count.parse().expect("GLOMERS_SEEDS is a number"))
}

fn cluster(seed: u64) -> Simulation {
    Simulation::new("txn-list-append")
        .node_count(5)
        .concurrency(10)
        .rate_hz(50.0)
        .time_limit(Duration::from_secs(10))
        .seed(seed)
}

#[track_caller]
fn check(outcome: &Outcome) {
    outcome.assert_valid();
    let ok = outcome.figure("stats.ok-count").expect("operations were counted");
    assert!(ok > 50.0, "seed {}: only {ok} transactions were committed", outcome.seed);
}

#[test]
fn transactions_are_strictly_serializable_under_partitions() {
    for seed in seeds(20) {
        let cluster = cluster(seed).latency(5.0, LatencyDistribution::Exponential);
        check(&cluster.nemesis(&["partition"], Duration::from_secs(2)).run(ListServer::router));
    }
}

#[test]
fn transactions_are_strictly_serializable_on_a_bad_network() {
    for seed in seeds(20) {
        // Kills let a doubled request reach another life than the one that it was for.
        let faults = ["kill", "loss", "duplication", "reordering", "one-way"];
        let cluster = cluster(seed).latency(5.0, LatencyDistribution::Exponential);
        let cluster = cluster.nemesis(&faults, Duration::from_secs(2));
        check(&cluster.setting("nemesis-kill-nodes", "one").run(ListServer::router));
    }
}

#[test]
fn nodes_without_a_past_read_the_history() {
    for seed in seeds(20) {
        // Faults may take all nodes away for some seconds.
        let cluster = cluster(seed).time_limit(Duration::from_secs(15));
        let cluster = cluster.latency(5.0, LatencyDistribution::Exponential);
        check(&cluster.nemesis(&["kill", "pause"], Duration::from_secs(2)).run(ListServer::router));
    }
}

#[test]
fn a_thousand_transactions_a_second_are_committed() {
    let outcome = cluster(1)
        .concurrency(100)
        .rate_hz(1000.0)
        .latency(10.0, LatencyDistribution::Constant)
        .run(ListServer::router);
    check(&outcome);
    println!("{}", outcome.results);
    let fraction = outcome.figure("availability.ok-fraction").expect("operations were counted");
    assert!(fraction > 0.99, "{fraction} of the transactions were committed");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || cluster(7).latency(5.0, LatencyDistribution::Exponential).run(ListServer::router);
    let (first, second) = (run(), run());
    assert_eq!(first.trace_hash, second.trace_hash);
    assert_eq!(first.history_edn(), second.history_edn());
}
