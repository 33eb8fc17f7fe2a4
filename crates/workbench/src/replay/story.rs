//! A short run told as numbered steps.

use std::{collections::BTreeMap, time::Duration};

use glomers_check::{Operation, OperationKind, Process};

use crate::{
    plan::Plan,
    span::Span,
    text::{self, QUOTE_CHARS},
};

/// The operations and faults of a run as numbered steps, in the order in which they began, each operation with its outcome. For runs of up to
/// some dozen steps; of a longer one the steps in the middle are left out, and counted.
pub fn story(plan: &Plan, history: &[Operation]) -> String {
    const MAX_STEPS: usize = 60;
    let steps = steps(plan, history);
    let mut lines: Vec<String> =
        steps.iter().enumerate().map(|(number, step)| format!("{:>3}. {step}\n", number + 1)).collect();
    if lines.len() > MAX_STEPS {
        let left_out = lines.len() - MAX_STEPS;
        let half = MAX_STEPS / 2;
        let note = format!("     … {} left out …\n", text::count(left_out as u64, "step"));
        lines.splice(half..half + left_out, [note]);
    }
    lines.concat()
}

fn steps(plan: &Plan, history: &[Operation]) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    let mut open: BTreeMap<Process, (usize, u64)> = BTreeMap::new();
    let mut asked: Option<&str> = None;
    for operation in history {
        let at = Span(milliseconds(operation.time_ns));
        let value = text::excerpt(&operation.value.to_string(), QUOTE_CHARS);
        match operation.process {
            Process::Client(process) if operation.kind == OperationKind::Invoke => {
                let thread = (process % plan.concurrency as u64) as usize;
                let node = &plan.nodes[thread % plan.nodes.len()];
                let argument = if operation.value.is_nil() { String::new() } else { format!(" {value}") };
                open.insert(operation.process, (steps.len(), operation.time_ns));
                steps.push(format!("{at}: client {thread} asks {node}: {}{argument}", operation.f));
            }
            Process::Client(_) => {
                let Some((step, began_ns)) = open.remove(&operation.process) else { continue };
                let after = Span(milliseconds(operation.time_ns - began_ns));
                let outcome = match (operation.kind, &operation.error) {
                    (OperationKind::Ok, _) if operation.value.is_nil() => "ok".to_owned(),
                    (OperationKind::Ok, _) => format!("ok, {value}"),
                    (OperationKind::Fail, Some(error)) => format!("failed, {error}"),
                    (OperationKind::Fail, None) => "failed".to_owned(),
                    (_, Some(error)) => format!("outcome unknown, {error}"),
                    (_, None) => "outcome unknown".to_owned(),
                };
                steps[step].push_str(&format!(" → {} (after {after})", text::excerpt(&outcome, QUOTE_CHARS)));
            }
            // The first entry of a fault says what was asked for, the second what was done.
            Process::Nemesis if asked.take() == Some(operation.f.as_str()) => {
                steps.push(format!("{at}: nemesis: {} {value}", operation.f));
            }
            Process::Nemesis => asked = Some(operation.f.as_str()),
        }
    }
    steps
}

/// To the microsecond: the rest is how long messages take to be noticed.
fn milliseconds(ns: u64) -> Duration {
    Duration::from_micros(ns / 1_000)
}
