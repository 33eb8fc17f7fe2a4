//! The workload under virtual time: many seeds, with what goes wrong between nodes.

use std::time::Duration;

use glomers_workbench::{LatencyDistribution, Outcome, Simulation, Value, seeds};
use txn_list_append::ListServer;

fn cluster(seed: u64) -> Simulation {
    Simulation::new("txn-list-append")
        .node_count(5)
        .concurrency(10)
        .rate_hz(50.0)
        .time_limit(Duration::from_secs(10))
        .seed(seed)
}

/// Runs many seeds with these faults. Every run must be valid, and all together must have got something done; in some the faults take all
/// nodes away for long.
fn check_under(faults: &[&str], adapt: impl Fn(Simulation) -> Simulation) {
    let seeds = seeds(20);
    let mut total_ok = 0.0;
    for seed in seeds.clone() {
        let cluster = cluster(seed).latency(5.0, LatencyDistribution::Exponential);
        let outcome = adapt(cluster.nemesis(faults, Duration::from_secs(2))).run(ListServer::router);
        let is_valid = outcome.results.get("workload").and_then(|workload| workload.get("valid?"));
        let total_loss = ok_count(&outcome) == 0.0;
        assert!(
            is_valid == Some(&Value::Bool(true)) || total_loss,
            "seed {seed}: {} {:?}",
            outcome.sentence,
            outcome.findings
        );
        total_ok += ok_count(&outcome);
    }
    let mean_ok = total_ok / seeds.end as f64;
    assert!(mean_ok > 50.0, "under {faults:?}, a run of 500 transactions has {mean_ok} that are committed");
}

fn ok_count(outcome: &Outcome) -> f64 {
    outcome.figure("stats.ok-count").expect("operations were counted")
}

#[test]
fn transactions_are_strictly_serializable_under_partitions() {
    check_under(&["partition"], |cluster| cluster);
}

#[test]
fn transactions_are_strictly_serializable_on_a_bad_network() {
    // Kills let a doubled request reach another life than the one that it was for.
    let faults = ["kill", "loss", "duplication", "reordering", "one-way"];
    check_under(&faults, |cluster| cluster.setting("nemesis-kill-nodes", "one"));
}

#[test]
fn nodes_without_a_past_read_the_history() {
    check_under(&["kill", "pause"], |cluster| cluster.time_limit(Duration::from_secs(15)));
}

#[test]
fn a_thousand_transactions_a_second_are_committed() {
    let outcome = cluster(1)
        .concurrency(100)
        .rate_hz(1000.0)
        .latency(10.0, LatencyDistribution::Constant)
        .run(ListServer::router);
    outcome.assert_valid();
    let fraction = outcome.figure("availability.ok-fraction").expect("operations were counted");
    assert!(fraction > 0.99, "{fraction} of the transactions were committed");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    cluster(7).latency(5.0, LatencyDistribution::Exponential).assert_deterministic(ListServer::router);
}
