//! Nodes that are known to be bad, one for each of ten usual causes, and the text by which somebody who knows nothing but it finds the cause.
//!
//! - `sets`: nodes that gossip a set of messages: they forget to, do it once, count twice, lose all when they are killed, acknowledge
//!   before they store, or wait for a slow hub.
//! - `registers`: replicas of a register: stale reads, and two nodes that lead.
//! - `logs`: a log that is not in order.
//!
//! The tenth, an answer that goes to another client, the node library does not allow: it is told of a journal that is written by hand, beside
//! the trails themselves, and of a real program among the hostile nodes.

mod counters;
mod logs;
mod registers;
mod sets;
mod transactions;

use std::time::Duration;

use glomers_check::Validity;
use glomers_node::{Node, Router};
use glomers_workbench::{
    Outcome, Simulation,
    plan::{Plan, numbered_nodes},
};

/// Runs these operations and faults on three nodes.
fn run<S: 'static>(workload: &str, script: &str, start: impl Fn(Node) -> Router<S> + 'static) -> Outcome {
    run_plan(&plan(workload), script, start)
}

fn plan(workload: &str) -> Plan {
    let mut plan = Plan::new(workload, 1);
    plan.nodes = numbered_nodes(3);
    plan.concurrency = 3;
    plan.time_limit = Duration::from_secs(10);
    plan.recovery = Duration::from_secs(1);
    plan
}

fn run_plan<S: 'static>(plan: &Plan, script: &str, start: impl Fn(Node) -> Router<S> + 'static) -> Outcome {
    let json = serde_json::to_string(plan).expect("a plan is JSON");
    Simulation::replay(&format!("plan {json}\n{script}")).run(start)
}

/// The verdict's sentence and the trail, as `cargo test` shows them.
fn told(outcome: &Outcome) -> String {
    assert_eq!(outcome.validity, Validity::Invalid, "{}", outcome.sentence);
    let trail = outcome.trail().expect("the finding names something");
    format!("{}\n\n{trail}", outcome.sentence)
}
