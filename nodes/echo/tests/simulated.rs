//! The echo challenge under virtual time: many seeds, and the same seed twice.

use std::time::Duration;

use echo::EchoServer;
use glomers::simulation::{Outcome, Simulation};
use glomers_world::LatencyDistribution;

/// The official test of the challenge.
fn challenge(seed: u64) -> Outcome {
    Simulation::new("echo")
        .node_count(1)
        .time_limit(Duration::from_secs(10))
        .seed(seed)
        .run(EchoServer::router)
}

/// A busier test, with everything that can go wrong between nodes.
fn busy(seed: u64) -> Outcome {
    Simulation::new("echo")
        .node_count(5)
        .concurrency(20)
        .rate_hz(200.0)
        .time_limit(Duration::from_secs(5))
        .latency(50.0, LatencyDistribution::Exponential)
        .nemesis(&["partition"], Duration::from_secs(1))
        .seed(seed)
        .run(EchoServer::router)
}

#[test]
fn every_seed_is_valid() {
    for seed in 0..50 {
        challenge(seed).assert_valid();
        busy(seed).assert_valid();
    }
}

#[test]
fn the_same_seed_gives_the_same_run_to_the_byte() {
    busy(7).assert_same_run(&busy(7));
}

#[test]
fn another_seed_gives_another_run() {
    assert_ne!(busy(7).trace_hash, busy(8).trace_hash);
}

#[test]
fn an_echo_costs_two_messages_and_init_two_more() {
    let outcome = challenge(1);
    let operations = outcome.history.len() as f64 / 2.0;
    let net = outcome.results.get("net").expect("there is a network");
    let per_operation =
        net.get("all").and_then(|all| all.get("msgs-per-op")).expect("operations were invoked");
    assert_eq!(
        per_operation.to_string(),
        ((2.0 * operations + 2.0) / operations).to_string().parse::<f32>().expect("a number").to_string()
    );
}
