//! The challenge under virtual time: its official test, all faults at once, and the same seed twice.

use std::time::Duration;

use g_counter::GCounterServer;
use glomers_workbench::{AvailabilityGoal, LatencyDistribution, Mode, Simulation, nemeses, seeds};

/// The official test of the challenge.
fn challenge() -> Simulation {
    Simulation::new("g-counter")
        .node_count(3)
        .rate_hz(100.0)
        .time_limit(Duration::from_secs(20))
        .nemesis(&["partition"], Duration::from_secs(10))
}

fn stressed(faults: &[&str]) -> Simulation {
    Simulation::under_stress("g-counter", faults)
}

#[test]
fn under_all_faults_every_seed_is_valid() {
    for outcome in stressed(&nemeses::all()).sweep(seeds(20), GCounterServer::router) {
        outcome.assert_valid();
    }
}

#[test]
fn every_node_answers_whatever_the_network_does() {
    let simulation = stressed(&nemeses::all_but(&["kill", "pause"])).availability(AvailabilityGoal::Total);
    for outcome in simulation.sweep(seeds(20), GCounterServer::router) {
        outcome.assert_valid();
    }
}

#[test]
fn maelstrom_agrees() {
    challenge().mode(Mode::Compat).run(GCounterServer::router).assert_valid();
}

#[test]
fn the_same_seed_gives_the_same_run_to_the_byte() {
    stressed(&nemeses::all()).seed(7).assert_deterministic(GCounterServer::router);
}

#[test]
fn the_challenge_is_met() {
    challenge().run(GCounterServer::router).assert_valid();
}

#[test]
fn it_is_met_on_slow_links_too_where_answers_come_after_the_next_attempt() {
    let slow = challenge().latency(400.0, LatencyDistribution::Exponential);
    for outcome in slow.sweep(seeds(20), GCounterServer::router) {
        outcome.assert_valid();
    }
}
