//! The echo challenge under virtual time: many seeds, and the same seed twice.

use std::time::Duration;

use echo::EchoServer;
use glomers_workbench::{LatencyDistribution, Simulation, seeds};

/// The official test of the challenge.
fn challenge() -> Simulation {
    Simulation::new("echo").node_count(1).time_limit(Duration::from_secs(10))
}

/// A busier test, with everything that can go wrong between nodes.
fn busy() -> Simulation {
    Simulation::new("echo")
        .node_count(5)
        .concurrency(20)
        .rate_hz(200.0)
        .time_limit(Duration::from_secs(5))
        .latency(50.0, LatencyDistribution::Exponential)
        .nemesis(&["partition"], Duration::from_secs(1))
}

#[test]
fn every_seed_is_valid() {
    for simulation in [challenge(), busy()] {
        for outcome in simulation.sweep(seeds(50), EchoServer::router) {
            outcome.assert_valid();
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_run_to_the_byte() {
    busy().seed(7).assert_deterministic(EchoServer::router);
}

#[test]
fn another_seed_gives_another_run() {
    let hashes: Vec<u64> = busy().sweep(7..9, EchoServer::router).map(|outcome| outcome.trace_hash).collect();
    assert_ne!(hashes[0], hashes[1]);
}

#[test]
fn an_echo_costs_two_messages_and_init_two_more() {
    let outcome = challenge().seed(1).run(EchoServer::router);
    let operations = outcome.history.len() as f64 / 2.0;
    let net = outcome.results.get("net").expect("there is a network");
    let per_operation =
        net.get("all").and_then(|all| all.get("msgs-per-op")).expect("operations were invoked");
    assert_eq!(
        per_operation.to_string(),
        ((2.0 * operations + 2.0) / operations).to_string().parse::<f32>().expect("a number").to_string()
    );
}
