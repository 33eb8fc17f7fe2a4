//! The workload under virtual time: many seeds, with what goes wrong between nodes.

use std::time::Duration;

use glomers_node::{Node, Router};
use glomers_workbench::{LatencyDistribution, Outcome, Simulation, Value, seeds};
use lin_kv::{LinKvServer, raft::Tuning};

/// Five nodes that compact their logs all the time, so that whoever was away needs the whole store.
fn hasty(node: Node) -> Router<LinKvServer> {
    LinKvServer::tuned_router(node, Tuning { compact_at: 8, kept_entries: 2, ..Tuning::default() })
}

fn cluster(nodes: usize) -> Simulation {
    Simulation::new("lin-kv")
        .node_count(nodes)
        .concurrency(2 * nodes)
        .rate_hz(50.0)
        .time_limit(Duration::from_secs(10))
}

fn ok_count(outcome: &Outcome) -> f64 {
    outcome.figure("stats.ok-count").expect("operations were counted")
}

/// Runs many seeds of five nodes under these faults, with kills that strike so many nodes. Every run must be
/// linearizable, and all together must have got something done; in some the faults leave no majority for long.
fn check_under(faults: &[&str], killed: Option<&str>) {
    let seeds = seeds(20);
    let mut total_ok = 0.0;
    for seed in seeds.clone() {
        let cluster = cluster(5).latency(10.0, LatencyDistribution::Exponential);
        let mut cluster = cluster.nemesis(faults, Duration::from_secs(2));
        if let Some(killed) = killed {
            cluster = cluster.setting("nemesis-kill-nodes", killed);
        }
        let outcome = cluster.seed(seed).run(hasty);
        let faulty = outcome.results.get("workload").and_then(|workload| workload.get("valid?"));
        assert_eq!(
            faulty,
            Some(&Value::Bool(true)),
            "seed {seed}: {} {:?}",
            outcome.sentence,
            outcome.findings
        );
        total_ok += ok_count(&outcome);
    }
    let mean_ok = total_ok / seeds.end as f64;
    assert!(mean_ok > 50.0, "under {faults:?}, a run of 500 operations has {mean_ok} that succeed");
}

#[test]
fn registers_are_linearizable_under_partitions() {
    check_under(&["partition"], None);
}

#[test]
fn registers_are_linearizable_under_pauses() {
    check_under(&["pause"], None);
}

#[test]
fn registers_are_linearizable_on_a_bad_network() {
    check_under(&["loss", "duplication", "reordering", "slow", "flaky", "one-way"], None);
}

#[test]
fn nodes_that_forget_everything_are_taken_in_again() {
    check_under(&["kill"], Some("one,minority"));
}

#[test]
fn registers_are_linearizable_under_everything() {
    check_under(&["kill", "pause", "partition", "loss", "duplication", "reordering"], Some("one"));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let cluster = cluster(3).latency(20.0, LatencyDistribution::Exponential);
    cluster.nemesis(&["partition"], Duration::from_secs(2)).seed(7).assert_deterministic(hasty);
}

#[test]
fn a_quiet_cluster_answers_everything_with_few_messages() {
    let outcome = cluster(5).run(LinKvServer::router);
    outcome.assert_valid();
    assert_eq!(outcome.figure("stats.info-count"), Some(0.0));
    // A write that came to a follower is forwarded and answered, and goes to four nodes and back.
    let messages = outcome.figure("net.servers.msgs-per-op").expect("messages were counted");
    assert!(messages < 10.5, "{messages} messages per operation");
}
