//! The challenges under virtual time: their official tests with their figures, all faults at once, and the same seed twice.

use std::time::Duration;

use glomers_workbench::{
    LatencyDistribution, Mode, Operation, OperationKind, Outcome, Simulation, Validity, nemeses, seeds,
};
use kafka::Broker;

/// The official test of the challenges 5a, 5b and 5c, which differ in the number of nodes.
fn challenge(node_count: usize) -> Simulation {
    Simulation::new("kafka")
        .node_count(node_count)
        .concurrency(2 * node_count)
        .rate_hz(1000.0)
        .time_limit(Duration::from_secs(20))
}

/// Faults on links that reorder what they carry. The number of nodes and the latency depend on the seed.
fn rough(faults: &[&str], seed: u64) -> Simulation {
    let node_count = 1 + (seed % 5) as usize;
    let mean_latency_ms = [0.0, 1.0, 5.0, 20.0, 50.0, 100.0][(seed / 5 % 6) as usize];
    Simulation::new("kafka")
        .node_count(node_count)
        .concurrency(2 * node_count)
        .rate_hz(100.0)
        .time_limit(Duration::from_secs(20))
        .latency(mean_latency_ms, LatencyDistribution::Exponential)
        .nemesis(faults, Duration::from_secs(2))
        .seed(seed)
}

/// Every operation was answered, but for those that crash their own client.
#[track_caller]
fn assert_available(outcome: &Outcome) {
    let unanswered = outcome.history.iter().find(|operation| {
        let has_ended = operation.kind != OperationKind::Invoke && operation.kind != OperationKind::Ok;
        has_ended && ["send", "poll", "assign"].iter().any(|f| operation.f == *f)
    });
    assert_eq!(unanswered, None, "seed {}", outcome.seed);
}

#[track_caller]
fn assert_cheap(outcome: &Outcome, most_messages_per_operation: f64) {
    let messages = outcome.figure("net.servers.msgs-per-op").expect("operations were invoked");
    assert!(
        messages <= most_messages_per_operation,
        "{messages} messages between servers for each operation"
    );
}

#[test]
fn a_log_on_one_node() {
    let outcome = challenge(1).run(Broker::router);
    assert_available(outcome.assert_valid());
    assert_cheap(&outcome, 0.8);
}

#[test]
fn a_log_on_two_nodes_with_few_messages() {
    let outcome = challenge(2).run(Broker::router);
    assert_available(outcome.assert_valid());
    assert_cheap(&outcome, 1.0);
}

#[test]
fn a_partition_changes_nothing() {
    let outcome = challenge(2).nemesis(&["partition"], Duration::from_secs(4)).run(Broker::router);
    assert_available(outcome.assert_valid());
    assert_cheap(&outcome, 1.0);
}

#[test]
fn maelstrom_agrees() {
    challenge(2).mode(Mode::Compat).run(Broker::router).assert_valid();
}

#[test]
fn under_all_faults_every_seed_is_valid() {
    for seed in seeds(20) {
        let outcome = rough(&nemeses::all(), seed).run(Broker::router);
        let is_ok_send = |operation: &Operation| operation.kind == OperationKind::Ok && operation.f == "send";
        // Where all nodes were dead whenever a client asked, there is nothing to judge.
        if outcome.history.iter().any(is_ok_send) {
            outcome.assert_valid();
        } else {
            let judged = outcome.results.get("workload").and_then(|workload| workload.get("valid?"));
            let validity = judged.and_then(Validity::from_value);
            assert_eq!(validity, Some(Validity::Unknown), "seed {seed}: {}", outcome.sentence);
        }
    }
}

#[test]
fn every_node_answers_whatever_the_network_does() {
    let faults = nemeses::all_but(&["kill", "pause"]);
    for seed in seeds(20) {
        assert_available(rough(&faults, seed).run(Broker::router).assert_valid());
    }
}

#[test]
fn the_same_seed_gives_the_same_run_to_the_byte() {
    rough(&nemeses::all(), 6).assert_deterministic(Broker::router);
}
