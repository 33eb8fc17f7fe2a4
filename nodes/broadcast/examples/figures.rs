//! What each profile costs and how fast it is, alone and with each fault:
//! `cargo run --release --package broadcast --example figures`.

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use glomers::simulation::{Outcome, Simulation};
use glomers_check::{Operation, OperationKind, Process, Validity, Value};
use support::{large, node, settings, small};

const PROFILES: [&str; 4] = [
    "--profile low-latency",
    "--profile low-latency --acknowledge copied",
    "--profile low-traffic",
    "--profile low-traffic --interval-ms 450",
];

const FAULTS: [&str; 10] = [
    "partition",
    "one-way",
    "asymmetric",
    "loss",
    "duplication",
    "reordering",
    "slow",
    "flaky",
    "pause",
    "kill",
];

#[expect(clippy::print_stdout, reason = "to print is what the example is for")]
fn main() {
    println!(
        "| node arguments | fault | msgs/op | stable ms, median / max | from the request | after healing, max | verdict |"
    );
    println!("|---|---|---|---|---|---|---|");
    small(1).run(node(settings(""))).assert_valid();
    for arguments in PROFILES {
        let faults = if arguments.contains("interval") || arguments.contains("copied") {
            &FAULTS[..1]
        } else {
            &FAULTS
        };
        for fault in [""].iter().chain(faults) {
            println!("{}", row(arguments, fault));
        }
    }
}

fn row(arguments: &str, fault: &str) -> String {
    let outcome = simulation(fault).run(node(settings(arguments)));
    let figure = |path| outcome.figure(path).map_or("-".to_owned(), |figure| format!("{figure:.0}"));
    let per_operation = outcome.figure("net.servers.msgs-per-op").unwrap_or_default();
    let delays = Delays::of(&outcome);
    let fault = if fault.is_empty() { "none" } else { fault };
    format!(
        "| `{arguments}` | {fault} | {per_operation:.2} | {} / {} | {} / {} | {} | {} |",
        figure("stable-latency.p50"),
        figure("stable-latency.max"),
        delays.median_ms,
        delays.max_ms,
        delays.after_healing_ms.map_or("-".to_owned(), |ms| ms.to_string()),
        if outcome.validity == Validity::Valid { "valid" } else { "invalid" },
    )
}

fn simulation(fault: &str) -> Simulation {
    if fault.is_empty() { large() } else { large().nemesis(&[fault], Duration::from_secs(5)) }
}

/// How long values take to be in every read.
struct Delays {
    /// From the client's request, not from its acknowledgement.
    median_ms: u64,
    max_ms: u64,
    /// From the end of a fault, for values that were broadcast before it.
    after_healing_ms: Option<u64>,
}

impl Delays {
    fn of(outcome: &Outcome) -> Self {
        let mut invoked: BTreeMap<i128, u64> = BTreeMap::new();
        let mut reads: BTreeMap<Process, u64> = BTreeMap::new();
        let mut missing_at: BTreeMap<i128, u64> = BTreeMap::new();
        let (mut healed_at, mut after_healing) = (None, None);
        for operation in &outcome.history {
            match (operation.process, operation.f.as_str(), operation.kind) {
                (Process::Nemesis, f, OperationKind::Info) => {
                    let is_end = f.starts_with("stop") || f == "start" || f == "resume";
                    healed_at = is_end.then_some(operation.time_ns);
                }
                (_, "broadcast", OperationKind::Invoke) => {
                    if let Value::Int(value) = operation.value {
                        invoked.insert(value, operation.time_ns);
                    }
                }
                (process, "read", OperationKind::Invoke) => {
                    reads.insert(process, operation.time_ns);
                }
                (process, "read", OperationKind::Ok) => {
                    let Some(at) = reads.remove(&process) else { continue };
                    let seen = integers(operation);
                    for (value, since) in
                        invoked.iter().filter(|(value, since)| **since < at && !seen.contains(value))
                    {
                        missing_at.insert(*value, at);
                        if let Some(healed_at) =
                            healed_at.filter(|healed_at| *since < *healed_at && *healed_at <= at)
                        {
                            after_healing = after_healing.max(Some((at - healed_at) / 1_000_000));
                        }
                    }
                }
                _ => {}
            }
        }
        let mut delays_ms: Vec<u64> = invoked
            .iter()
            .map(|(value, since)| missing_at.get(value).map_or(0, |at| (at - since) / 1_000_000))
            .collect();
        delays_ms.sort_unstable();
        Self {
            median_ms: delays_ms.get(delays_ms.len() / 2).copied().unwrap_or(0),
            max_ms: delays_ms.last().copied().unwrap_or(0),
            after_healing_ms: after_healing,
        }
    }
}

fn integers(read: &Operation) -> std::collections::BTreeSet<i128> {
    let (Value::Vector(items) | Value::List(items)) = &read.value else { return Default::default() };
    items.iter().filter_map(|item| if let Value::Int(value) = item { Some(*value) } else { None }).collect()
}
