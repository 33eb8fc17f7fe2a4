//! The challenge under virtual time: its official test, all faults at once, and the same seed twice.

use std::time::Duration;

use glomers_workbench::{AvailabilityGoal, Mode, Simulation, nemeses, seeds};
use unique_ids::UniqueIdServer;

/// The official test of the challenge.
fn challenge() -> Simulation {
    Simulation::new("unique-ids")
        .node_count(3)
        .rate_hz(1000.0)
        .time_limit(Duration::from_secs(30))
        .availability(AvailabilityGoal::Total)
        .nemesis(&["partition"], Duration::from_secs(10))
}

fn stressed(faults: &[&str]) -> Simulation {
    Simulation::under_stress("unique-ids", faults).rate_hz(50.0)
}

#[test]
fn under_all_faults_every_seed_is_valid() {
    for outcome in stressed(&nemeses::all()).sweep(seeds(20), UniqueIdServer::router) {
        outcome.assert_valid();
    }
}

#[test]
fn every_node_answers_whatever_the_network_does() {
    let simulation = stressed(&nemeses::all_but(&["kill", "pause"])).availability(AvailabilityGoal::Total);
    for outcome in simulation.sweep(seeds(20), UniqueIdServer::router) {
        outcome.assert_valid();
    }
}

#[test]
fn maelstrom_agrees() {
    challenge().mode(Mode::Compat).run(UniqueIdServer::router).assert_valid();
}

#[test]
fn the_same_seed_gives_the_same_run_to_the_byte() {
    stressed(&nemeses::all()).seed(7).assert_deterministic(UniqueIdServer::router);
}

#[test]
fn the_challenge_is_met_and_nodes_never_speak_to_one_another() {
    let outcome = challenge().run(UniqueIdServer::router);
    outcome.assert_valid();
    assert_eq!(outcome.figure("net.servers.msg-count"), Some(0.0));
}
