//! The challenge under virtual time: its official tests, all faults at once, and the same seed twice.

use std::{collections::BTreeMap, time::Duration};

use glomers_check::{History, WeakIsolation, check, txn::weak::Level};
use glomers_workbench::{
    AvailabilityGoal, Mode, Operation, Outcome, Process, Simulation, Validity, nemeses, seeds,
};
use txn_rw_register::TransactionServer;

/// What the challenge's parts have in common.
fn challenge(node_count: usize, models: &str) -> Simulation {
    Simulation::new("txn-rw-register")
        .node_count(node_count)
        .concurrency(2 * node_count)
        .rate_hz(1000.0)
        .time_limit(Duration::from_secs(20))
        .setting("consistency-models", models)
}

/// The last part, with faster partitions.
fn partitioned(models: &str) -> Simulation {
    challenge(2, models).availability(AvailabilityGoal::Total).nemesis(&["partition"], Duration::from_secs(2))
}

fn stressed(faults: &[&str]) -> Simulation {
    Simulation::under_stress("txn-rw-register", faults)
        .rate_hz(30.0)
        .setting("consistency-models", "read-committed")
}

/// Decides exactly whether a level holds.
fn assert_level(level: Level, seed: u64, history: Vec<Operation>) {
    let verdict = check(&History::new(history), WeakIsolation::new(level));
    assert_eq!(verdict.validity, Validity::Valid, "seed {seed}: {:?}", verdict.findings);
}

/// The same transactions as if each came from a client of its own: what is promised to a client over several transactions no longer counts.
fn without_sessions(outcome: &Outcome) -> Vec<Operation> {
    let mut clients = BTreeMap::new();
    let mut history = outcome.history.clone();
    for (place, operation) in history.iter_mut().enumerate().filter(|(_, operation)| operation.is_client()) {
        let client = if operation.is_invoke() {
            clients.insert(operation.process, place);
            place
        } else {
            clients[&operation.process]
        };
        operation.process = Process::Client(client as u64);
    }
    history
}

#[test]
fn part_a_one_node_is_totally_available_and_even_causal() {
    let outcome =
        challenge(1, "read-uncommitted").availability(AvailabilityGoal::Total).run(TransactionServer::router);
    assert_level(Level::Causal, outcome.seed, outcome.assert_valid().history.clone());
}

#[test]
fn part_b_two_nodes_are_read_uncommitted_and_totally_available_when_cut_off() {
    challenge(2, "read-uncommitted").run(TransactionServer::router).assert_valid();
    partitioned("read-uncommitted").run(TransactionServer::router).assert_valid();
}

#[test]
fn part_c_two_nodes_are_read_committed_and_causal_when_cut_off() {
    let outcome = partitioned("read-committed").run(TransactionServer::router);
    assert_level(Level::Causal, outcome.seed, outcome.assert_valid().history.clone());
}

#[test]
fn five_nodes_are_causal_whatever_the_network_does() {
    // Only a node that is killed forgets what its clients saw.
    let simulation = stressed(&nemeses::all_but(&["kill"]));
    for outcome in simulation.sweep(seeds(20), TransactionServer::router) {
        assert_level(Level::Causal, outcome.seed, outcome.assert_valid().history.clone());
    }
}

#[test]
fn under_all_faults_read_committed_and_atomic_visibility_hold() {
    for outcome in stressed(&nemeses::all()).sweep(seeds(20), TransactionServer::router) {
        assert_level(Level::MonotonicAtomicView, outcome.seed, outcome.assert_valid().history.clone());
        assert_level(Level::ReadAtomic, outcome.seed, without_sessions(&outcome));
    }
}

#[test]
fn maelstrom_agrees() {
    partitioned("read-committed").mode(Mode::Compat).run(TransactionServer::router).assert_valid();
}

#[test]
fn the_same_seed_gives_the_same_run_to_the_byte() {
    stressed(&nemeses::all()).seed(7).assert_deterministic(TransactionServer::router);
}
