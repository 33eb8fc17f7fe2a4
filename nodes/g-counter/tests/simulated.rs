//! The challenge under virtual time: its official test, all faults at once, and the same seed twice.

use std::time::Duration;

use g_counter::GCounterServer;
use glomers::nemeses;
use glomers::simulation::{Outcome, Simulation, seeds};
use glomers_check::{AvailabilityGoal, Mode};
use glomers_world::LatencyDistribution;

/// The official test of the challenge.
fn challenge() -> Simulation {
    Simulation::new("g-counter")
        .node_count(3)
        .rate_hz(100.0)
        .time_limit(Duration::from_secs(20))
        .nemesis(&["partition"], Duration::from_secs(10))
}

/// Faults on links that reorder what they carry.
fn rough(faults: &[&str], seed: u64) -> Simulation {
    Simulation::new("g-counter")
        .node_count(5)
        .concurrency(10)
        .rate_hz(20.0)
        .time_limit(Duration::from_secs(30))
        .latency(20.0, LatencyDistribution::Exponential)
        .nemesis(faults, Duration::from_secs(2))
        .seed(seed)
}

fn all_faults() -> Vec<&'static str> {
    nemeses::names().collect()
}

#[test]
fn under_all_faults_every_seed_is_valid() {
    for seed in seeds(20) {
        rough(&all_faults(), seed).run(GCounterServer::router).assert_valid();
    }
}

#[test]
fn every_node_answers_whatever_the_network_does() {
    let faults: Vec<&str> = nemeses::names().filter(|name| !["kill", "pause"].contains(name)).collect();
    for seed in seeds(20) {
        let simulation = rough(&faults, seed).availability(AvailabilityGoal::Total);
        simulation.run(GCounterServer::router).assert_valid();
    }
}

#[test]
fn upstream_agrees() {
    challenge().mode(Mode::Compat).run(GCounterServer::router).assert_valid();
}

#[test]
fn the_same_seed_gives_the_same_run_to_the_byte() {
    let run = || -> Outcome { rough(&all_faults(), 7).run(GCounterServer::router) };
    run().assert_same_run(&run());
}

#[test]
fn the_challenge_is_met() {
    challenge().run(GCounterServer::router).assert_valid();
}

#[test]
fn it_is_met_on_slow_links_too_where_answers_come_after_the_next_attempt() {
    for seed in seeds(20) {
        let slow = challenge().latency(400.0, LatencyDistribution::Exponential).seed(seed);
        slow.run(GCounterServer::router).assert_valid();
    }
}
