//! The challenges under virtual time, with their targets, and with everything that can go wrong.
//!
//! `GLOMERS_SEEDS` says how many seeds the tests with faults run; a few unless told.

use std::time::Duration;

use broadcast::Settings;
use glomers_node::Random;
use glomers_workbench::{LatencyDistribution, Operation, OperationKind, Outcome, Simulation, Value, seeds};

use crate::support::{large, node, settings, small};

/// Survives the death of any one node.
const COPIED: &str = "--profile low-traffic --acknowledge copied";

#[test]
fn challenge_3a_one_node() {
    small(1).run(node(Settings::LOW_LATENCY)).assert_valid();
}

#[test]
fn challenge_3b_five_nodes() {
    small(5).run(node(Settings::LOW_LATENCY)).assert_valid();
}

#[test]
fn challenge_3c_five_nodes_and_partitions() {
    let simulation = small(5).nemesis(&["partition"], Duration::from_secs(5));
    for seed in 0..10 {
        simulation.clone().seed(seed).run(node(Settings::LOW_LATENCY)).assert_valid();
    }
}

#[test]
fn challenge_3d_fast() {
    let simulation = large()
        .expect("net.servers.msgs-per-op<=5")
        .expect("stable-latency.p50<=105ms")
        .expect("stable-latency.max<=210ms");
    simulation.run(node(Settings::LOW_LATENCY)).assert_valid();
}

#[test]
fn challenge_3e_sparing() {
    let simulation = large()
        .expect("net.servers.msgs-per-op<=0.55")
        .expect("stable-latency.p50<900ms")
        .expect("stable-latency.max<1500ms");
    simulation.run(node(Settings::LOW_TRAFFIC)).assert_valid();
}

#[test]
fn challenge_3e_sparing_and_twice_as_fast() {
    let simulation = large()
        .expect("net.servers.msgs-per-op<=1.0")
        .expect("stable-latency.p50<=480ms")
        .expect("stable-latency.max<=720ms");
    simulation
        .run(node(settings("--profile low-traffic --interval-ms 450 --round-trip-ms 250")))
        .assert_valid();
}

#[test]
fn the_large_challenges_are_valid_with_partitions() {
    for settings in [Settings::LOW_LATENCY, Settings::LOW_TRAFFIC] {
        large().nemesis(&["partition"], Duration::from_secs(5)).seed(2).run(node(settings)).assert_valid();
    }
}

#[test]
fn a_careful_node_loses_nothing_to_any_faults() {
    for seed in seeds(20) {
        let faults = [&ALL_BUT_KILL[..], &["kill"]].concat();
        assert_nothing_lost(&troubled(seed, &faults).run(node(Settings::LOW_LATENCY)));
    }
}

#[test]
fn a_sparing_node_loses_nothing_as_long_as_nodes_live() {
    for seed in seeds(20) {
        assert_nothing_lost(&troubled(seed, &ALL_BUT_KILL).run(node(Settings::LOW_TRAFFIC)));
    }
}

#[test]
fn a_sparing_node_that_copies_loses_nothing_acknowledged_as_long_as_no_two_die_at_once() {
    for seed in seeds(20) {
        let simulation = troubled(seed, &[]).nemesis(&["kill"], Duration::from_secs(3));
        let outcome = simulation.setting("nemesis-kill-nodes", "one").run(node(settings(COPIED)));
        // A read may show what dies with its only two holders before anybody was told that it is safe.
        assert_eq!(acknowledged_and_lost(&outcome), [], "seed {seed}: {}", outcome.sentence);
    }
}

#[test]
fn all_nodes_may_die_at_once() {
    let simulation = small(5)
        .rate_hz(50.0)
        .time_limit(Duration::from_secs(60))
        .nemesis(&["kill"], Duration::from_secs(5))
        .setting("nemesis-kill-nodes", "all");
    let kept = simulation.run(node(Settings::LOW_LATENCY));
    kept.assert_valid();
    let forgotten = simulation.run(node(settings("--acknowledge copied")));
    assert!(is_lost(&forgotten), "what is in memory alone can't survive this: {}", forgotten.sentence);
}

#[test]
fn the_same_seed_gives_the_same_run_to_the_byte() {
    troubled(7, &ALL_BUT_KILL).assert_deterministic(node(Settings::LOW_LATENCY));
}

const ALL_BUT_KILL: [&str; 9] =
    ["partition", "one-way", "asymmetric", "loss", "duplication", "reordering", "slow", "flaky", "pause"];

/// A small, busy cluster on an uneven network. Which of the faults are on is drawn, so that each also occurs without the others.
fn troubled(seed: u64, faults: &[&str]) -> Simulation {
    let mut random = Random::derive(seed, "which faults");
    let drawn: Vec<&str> = faults.iter().copied().filter(|_| random.chance(0.4)).collect();
    Simulation::new("broadcast")
        .node_count(5)
        .rate_hz(30.0)
        .latency(30.0, LatencyDistribution::Exponential)
        .time_limit(Duration::from_secs(15))
        .nemesis(&drawn, Duration::from_secs(3))
        .seed(seed)
}

/// A run whose nodes were down whenever a client asked proves nothing, but none may show that something is wrong.
fn assert_nothing_lost(outcome: &Outcome) {
    let is_acknowledged =
        |operation: &Operation| operation.kind == OperationKind::Ok && operation.f == "broadcast";
    if outcome.history.iter().any(is_acknowledged) || is_lost(outcome) {
        outcome.assert_valid();
    }
}

fn acknowledged_and_lost(outcome: &Outcome) -> Vec<Value> {
    let lost = outcome.results.get("workload").and_then(|workload| workload.get("lost"));
    let Some(Value::Vector(lost) | Value::List(lost)) = lost else { return Vec::new() };
    let is_acknowledged = |value: &Value| {
        let is_acknowledgement = |operation: &Operation| {
            operation.kind == OperationKind::Ok && operation.f == "broadcast" && operation.value == *value
        };
        outcome.history.iter().any(is_acknowledgement)
    };
    lost.iter().filter(|value| is_acknowledged(value)).cloned().collect()
}

fn is_lost(outcome: &Outcome) -> bool {
    outcome.figure("workload.lost-count").is_some_and(|count| count > 0.0)
}
