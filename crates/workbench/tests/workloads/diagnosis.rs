//! What is said beside the verdict, and what Maelstrom's clients make of errors.

use std::time::Duration;

use glomers_check::{Mode, OperationKind, Validity};
use glomers_node::{ErrorCode, Router, RpcError, messages};
use glomers_workbench::{Outcome, verdict::WarningKind};
use serde::{Deserialize, Serialize};

use super::busy;

#[derive(Serialize, Deserialize)]
struct Read {}
#[derive(Serialize, Deserialize)]
struct ReadOk {
    value: u64,
}
#[derive(Serialize, Deserialize)]
struct Add {
    delta: i64,
}
#[derive(Serialize, Deserialize)]
struct AddOk {}

messages! {
    "read" Read => "read_ok" ReadOk;
    "add" Add => "add_ok" AddOk;
}

/// A counter that answers adds with an error of this code.
struct Counter(ErrorCode);

impl Counter {
    async fn read(&self, _: Read) -> Result<ReadOk, RpcError> {
        Ok(ReadOk { value: 0 })
    }

    async fn add(&self, _: Add) -> Result<AddOk, RpcError> {
        assert!(self.0 != ErrorCode::CRASH, "no room for an addition");
        Err(RpcError::new(self.0, "not now"))
    }
}

fn run(code: ErrorCode, mode: Mode) -> Outcome {
    let simulation = busy("g-counter", 1).time_limit(Duration::from_secs(2)).mode(mode);
    simulation.run(move |_| Router::new(Counter(code)).on(Counter::read).on(Counter::add))
}

fn ends_of_adds(outcome: &Outcome) -> Vec<OperationKind> {
    let ends = outcome.history.iter().filter(|operation| operation.f == "add" && !operation.is_invoke());
    let mut kinds: Vec<OperationKind> = ends.map(|operation| operation.kind).collect();
    kinds.dedup();
    kinds
}

#[test]
fn maelstroms_clients_of_counters_take_a_definite_error_for_an_exception() {
    assert_eq!(ends_of_adds(&run(ErrorCode::TEMPORARILY_UNAVAILABLE, Mode::Strict)), [OperationKind::Fail]);
    let outcome = run(ErrorCode::TEMPORARILY_UNAVAILABLE, Mode::Compat);
    assert_eq!(ends_of_adds(&outcome), [OperationKind::Info]);
    let exceptions = outcome.results.get("exceptions").expect("Maelstrom has that part");
    assert!(exceptions.to_string().contains("clojure.lang.ExceptionInfo"), "{exceptions}");
}

#[test]
fn a_handler_that_panics_is_a_warning_with_its_text_and_stands_in_the_results() {
    let outcome = run(ErrorCode::CRASH, Mode::Strict);
    assert_eq!(outcome.validity, Validity::Invalid, "no add succeeded");
    let crash = outcome.warnings.iter().find(|warning| warning.kind == WarningKind::Crash);
    let sentence = &crash.expect("the handler panicked").sentence;
    assert!(
        sentence.contains("error 13 (crash)") && sentence.contains("no room for an addition"),
        "{sentence}"
    );
    assert!(outcome.results.get("warnings").expect("there are some").to_string().contains(":kind :crash"));
}

#[test]
fn a_partition_of_one_node_is_said_to_cut_nothing() {
    let simulation = busy("g-counter", 2).node_count(1).nemesis(&["partition"], Duration::from_secs(1));
    let outcome =
        simulation.run(|_| Router::new(Counter(ErrorCode::ABORT)).on(Counter::read).on(Counter::add));
    let idle = outcome.warnings.iter().find(|warning| warning.kind == WarningKind::IdleFault);
    assert!(idle.is_some_and(|idle| idle.sentence.contains("touched no node and no link")));
}
