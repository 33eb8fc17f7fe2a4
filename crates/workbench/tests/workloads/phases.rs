//! What comes before the first operation and after the last fault.

use std::{cell::Cell, rc::Rc, time::Duration};

use glomers_check::{AvailabilityGoal, Operation, Validity};
use glomers_node::{ErrorCode, Node, RawValue, Router, RpcError, messages};
use glomers_workbench::{Outcome, Simulation};
use serde::{Deserialize, Serialize};

use super::{assert_caught, busy};

#[derive(Serialize, Deserialize)]
struct Topology {
    topology: Box<RawValue>,
}
#[derive(Serialize, Deserialize)]
struct TopologyOk {}
#[derive(Serialize, Deserialize)]
struct Read {}
#[derive(Serialize, Deserialize)]
struct ReadOk {
    messages: Vec<u64>,
}

messages! {
    "topology" Topology => "topology_ok" TopologyOk;
    "read" Read => "read_ok" ReadOk;
}

/// A server that only wants to be set up.
struct Server {
    set_ups: Rc<Cell<u64>>,
    refuses: bool,
}

impl Server {
    async fn topology(&self, request: Topology) -> Result<TopologyOk, RpcError> {
        if self.refuses {
            return Err(RpcError::new(ErrorCode::MALFORMED_REQUEST, "a line is no topology for me"));
        }
        self.set_ups.set(self.set_ups.get() + 1);
        assert!(
            request.topology.get().starts_with(r#"{"n0":["n1"],"n1":["n0","n2"]"#),
            "{}",
            request.topology
        );
        Ok(TopologyOk {})
    }

    async fn read(&self, _: Read) -> Result<ReadOk, RpcError> {
        Ok(ReadOk { messages: Vec::new() })
    }
}

fn run(simulation: &Simulation, refuses: bool) -> (Outcome, u64) {
    let set_ups = Rc::new(Cell::new(0));
    let counter = Rc::clone(&set_ups);
    let outcome = simulation.run(move |_: Node| {
        Router::new(Server { set_ups: Rc::clone(&counter), refuses }).on(Server::topology).on(Server::read)
    });
    (outcome, set_ups.get())
}

#[test]
fn every_node_is_told_its_topology_before_the_first_operation() {
    let (_, set_ups) = run(&busy("broadcast", 1).setting("topology", "line"), false);
    assert_eq!(set_ups, 3);
}

#[test]
fn a_node_that_refuses_its_set_up_is_named() {
    let (outcome, _) = run(&busy("broadcast", 1).setting("topology", "line"), true);
    assert!(outcome.history.is_empty());
    assert_caught(&outcome, &["did not answer its \"topology\" message", "a line is no topology for me"]);
}

#[test]
fn final_reads_come_after_every_fault_has_healed_and_the_nodes_had_time() {
    let simulation = busy("broadcast", 2)
        .setting("topology", "line")
        .nemesis(&["partition"], Duration::from_secs(1))
        .recovery_time(Duration::from_secs(7));
    let (outcome, _) = run(&simulation, false);
    let is_final = |operation: &&Operation| operation.get("final?").is_some();
    let first_final = outcome.history.iter().find(is_final).expect("there are final reads");
    let last_fault =
        outcome.history.iter().rfind(|operation| !operation.is_client()).expect("there are faults");
    assert_eq!(last_fault.f, "stop-partition");
    let pause_ns = first_final.time_ns - last_fault.time_ns;
    assert!(pause_ns >= 7_000_000_000, "{pause_ns} ns");
    assert_eq!(outcome.history.iter().filter(is_final).count(), 12);
}

#[test]
fn an_expectation_that_is_missed_makes_a_run_invalid_and_names_the_figure() {
    let reads = busy("broadcast", 4).setting("topology", "line");
    let (outcome, _) = run(&reads.clone().expect("net.all.msgs-per-op<0.5"), false);
    assert_caught(&outcome, &["Expected net.all.msgs-per-op<0.5, but it was"]);
    let (outcome, _) = run(&reads.expect("workload.lost<5"), false);
    assert_caught(&outcome, &["no figure workload.lost", "lost-count"]);
    assert_eq!(outcome.validity, Validity::Invalid);
}

#[test]
fn a_run_may_end_at_the_first_violation() {
    let simulation = busy("broadcast", 5).setting("topology", "line").availability(AvailabilityGoal::Total);
    // Nobody answers a broadcast, so that the first one is the violation.
    let (whole, _) = run(&simulation, false);
    let (short, _) = run(&simulation.fail_fast(), false);
    assert_eq!((whole.validity, short.validity), (Validity::Invalid, Validity::Invalid));
    assert!(
        short.history.len() * 10 < whole.history.len(),
        "{} of {}",
        short.history.len(),
        whole.history.len()
    );
}
