//! The counter under virtual time: the workload as it is, all faults at once, and the same seed twice.

use std::time::Duration;

use glomers::nemeses;
use glomers::simulation::{Outcome, Simulation, seeds};
use glomers_check::{AvailabilityGoal, Mode};
use glomers_world::LatencyDistribution;
use pn_counter::PnCounterServer;

/// The workload, cut off now and then.
fn challenge() -> Simulation {
    Simulation::new("pn-counter")
        .rate_hz(20.0)
        .time_limit(Duration::from_secs(30))
        .nemesis(&["partition"], Duration::from_secs(5))
        .availability(AvailabilityGoal::Total)
}

/// Faults on links that reorder what they carry.
fn rough(faults: &[&str], seed: u64) -> Simulation {
    Simulation::new("pn-counter")
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
        rough(&all_faults(), seed).run(PnCounterServer::router).assert_valid();
    }
}

#[test]
fn every_node_answers_whatever_the_network_does() {
    let faults: Vec<&str> = nemeses::names().filter(|name| !["kill", "pause"].contains(name)).collect();
    for seed in seeds(20) {
        let simulation = rough(&faults, seed).availability(AvailabilityGoal::Total);
        simulation.run(PnCounterServer::router).assert_valid();
    }
}

#[test]
fn upstream_agrees() {
    challenge().mode(Mode::Compat).run(PnCounterServer::router).assert_valid();
}

#[test]
fn the_same_seed_gives_the_same_run_to_the_byte() {
    let run = || -> Outcome { rough(&all_faults(), 7).run(PnCounterServer::router) };
    run().assert_same_run(&run());
}

#[test]
fn nodes_that_are_cut_off_stay_totally_available() {
    challenge().run(PnCounterServer::router).assert_valid();
}
