//! The set under virtual time: the workload as it is, all faults at once, and the same seed twice.

use std::time::Duration;

use g_set::GSetServer;
use glomers_workbench::{AvailabilityGoal, Mode, Simulation, nemeses, seeds};

/// The workload, cut off now and then.
fn challenge() -> Simulation {
    Simulation::new("g-set")
        .rate_hz(20.0)
        .time_limit(Duration::from_secs(30))
        .nemesis(&["partition"], Duration::from_secs(5))
        .availability(AvailabilityGoal::Total)
}

fn stressed(faults: &[&str]) -> Simulation {
    Simulation::under_stress("g-set", faults)
}

#[test]
fn under_all_faults_every_seed_is_valid() {
    for outcome in stressed(&nemeses::all()).sweep(seeds(20), GSetServer::router) {
        outcome.assert_valid();
    }
}

#[test]
fn every_node_answers_whatever_the_network_does() {
    let simulation = stressed(&nemeses::all_but(&["kill", "pause"])).availability(AvailabilityGoal::Total);
    for outcome in simulation.sweep(seeds(20), GSetServer::router) {
        outcome.assert_valid();
    }
}

#[test]
fn maelstrom_agrees() {
    challenge().mode(Mode::Compat).run(GSetServer::router).assert_valid();
}

#[test]
fn the_same_seed_gives_the_same_run_to_the_byte() {
    stressed(&nemeses::all()).seed(7).assert_deterministic(GSetServer::router);
}

#[test]
fn nodes_that_are_cut_off_stay_totally_available() {
    challenge().run(GSetServer::router).assert_valid();
}
