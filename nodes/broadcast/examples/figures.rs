//! What each profile costs and how fast it is, alone and with each fault:
//! `cargo run --release --package broadcast --example figures`.

#[path = "../tests/simulated/support.rs"]
mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use glomers_workbench::{Operation, OperationKind, Outcome, Process, Simulation, Validity, Value};
use support::{large, node, settings};

const PROFILES: [&str; 4] = [
    "--profile low-latency",
    "--profile low-latency --acknowledge copied",
    "--profile low-traffic",
    "--profile low-traffic --interval-ms 450 --round-trip-ms 250",
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

/// A value on its way.
struct Spread {
    requested_ns: u64,
    /// When the last read began that did not show it.
    missing_ns: u64,
    /// The same from the end of the last fault before that read.
    after_healing_ns: Option<u64>,
    /// A value whose client heard nothing may never have arrived anywhere.
    is_seen: bool,
}

impl Delays {
    fn of(outcome: &Outcome) -> Self {
        let mut values: BTreeMap<i128, Spread> = BTreeMap::new();
        let mut reads: BTreeMap<Process, u64> = BTreeMap::new();
        let mut healed_ns = None;
        for operation in &outcome.history {
            let now = operation.time_ns;
            match (operation.process, operation.f.as_str(), operation.kind) {
                (Process::Nemesis, f, OperationKind::Info) => {
                    let is_end = f.starts_with("stop") || f == "start" || f == "resume";
                    healed_ns = is_end.then_some(now);
                }
                (_, "broadcast", OperationKind::Invoke) => {
                    let Value::Int(value) = operation.value else { continue };
                    let spread =
                        Spread { requested_ns: now, missing_ns: now, after_healing_ns: None, is_seen: false };
                    values.insert(value, spread);
                }
                (process, "read", OperationKind::Invoke) => {
                    reads.insert(process, now);
                }
                (process, "read", OperationKind::Ok) => {
                    let Some(read_ns) = reads.remove(&process) else { continue };
                    let shown = integers(operation);
                    for (value, spread) in &mut values {
                        if shown.contains(value) {
                            spread.is_seen = true;
                        } else if spread.requested_ns < read_ns {
                            spread.missing_ns = read_ns;
                            let is_after = |healed: &u64| (spread.requested_ns..=read_ns).contains(healed);
                            spread.after_healing_ns =
                                healed_ns.filter(is_after).map(|healed| read_ns - healed);
                        }
                    }
                }
                _ => {}
            }
        }
        let seen = || values.values().filter(|spread| spread.is_seen);
        let mut delays_ms: Vec<u64> =
            seen().map(|spread| (spread.missing_ns - spread.requested_ns) / 1_000_000).collect();
        delays_ms.sort_unstable();
        Self {
            median_ms: delays_ms.get(delays_ms.len() / 2).copied().unwrap_or(0),
            max_ms: delays_ms.last().copied().unwrap_or(0),
            after_healing_ms: seen()
                .filter_map(|spread| spread.after_healing_ns)
                .max()
                .map(|ns| ns / 1_000_000),
        }
    }
}

fn integers(read: &Operation) -> BTreeSet<i128> {
    let (Value::Vector(items) | Value::List(items)) = &read.value else { return BTreeSet::new() };
    items.iter().filter_map(|item| if let Value::Int(value) = item { Some(*value) } else { None }).collect()
}
