//! What is tried, in the order in which it is tried: what removes most comes first.

use std::time::Duration;

use glomers_check::Value;
use glomers_world::{Latency, LatencyDistribution};

use super::{Shrinker, scenario::Scenario};
use crate::nemeses::script::Start;

/// One way to make a run smaller.
pub(super) struct Pass {
    /// What it makes smaller.
    pub(super) name: &'static str,
    pub(super) run: fn(&mut Shrinker<'_>),
}

pub(super) const PASSES: &[Pass] = &[
    Pass { name: "faults", run: faults },
    Pass { name: "operations", run: operations },
    Pass { name: "end", run: end },
    Pass { name: "nodes", run: nodes },
    Pass { name: "clients", run: clients },
    Pass { name: "latency", run: latency },
    Pass { name: "targets of faults", run: targets },
    Pass { name: "settings", run: settings },
    Pass { name: "values", run: values },
    Pass { name: "gaps", run: gaps },
    Pass { name: "times", run: times },
];

fn faults(shrinker: &mut Shrinker<'_>) {
    shrinker.remove_parts(|run| run.faults.len(), Scenario::without_faults);
}

fn operations(shrinker: &mut Shrinker<'_>) {
    shrinker.remove_parts(|run| run.operations.len(), Scenario::without_operations);
}

/// Ends the run, and the recovery after it, as early as it can be.
fn end(shrinker: &mut Shrinker<'_>) {
    const MARGINS: [Duration; 3] = [Duration::from_millis(1), Duration::from_secs(1), Duration::from_secs(5)];
    for margin in MARGINS {
        let mut run = shrinker.best.clone();
        run.plan.time_limit = run.last_event() + margin;
        if run.plan.time_limit < shrinker.best.plan.time_limit && shrinker.keep_if_it_fails(run) {
            break;
        }
    }
    for recovery in [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(5)] {
        let mut run = shrinker.best.clone();
        if recovery >= run.plan.recovery {
            break;
        }
        run.plan.recovery = recovery;
        if shrinker.keep_if_it_fails(run) {
            break;
        }
    }
}

/// Leaves out nodes, the last first; if need be, another node gets its operations.
fn nodes(shrinker: &mut Shrinker<'_>) {
    let mut place = shrinker.best.plan.nodes.len();
    while place > 0 {
        place -= 1;
        let count = shrinker.best.plan.nodes.len();
        if count == 1 {
            return;
        }
        if shrinker.keep_if_it_fails(shrinker.best.without_node(place)) {
            continue;
        }
        let other = (place + 1) % count;
        let moved = shrinker.best.with_clients_moved(place, other);
        if moved.operations != shrinker.best.operations {
            shrinker.keep_if_it_fails(moved.without_node(place));
        }
    }
}

fn clients(shrinker: &mut Shrinker<'_>) {
    if shrinker.best.plan.concurrency > shrinker.best.plan.nodes.len() {
        shrinker.keep_if_it_fails(shrinker.best.with_one_client_per_node());
    }
    let mut fewer = shrinker.best.clone();
    let used = fewer.operations.iter().map(|operation| operation.thread + 1).max().unwrap_or(1);
    if used < fewer.plan.concurrency {
        fewer.plan.concurrency = used;
        shrinker.keep_if_it_fails(fewer);
    }
}

fn latency(shrinker: &mut Shrinker<'_>) {
    let latency = shrinker.best.plan.latency;
    let simpler = [
        Latency::NONE,
        Latency::constant_ms(1.0),
        Latency::constant_ms(10.0),
        Latency::constant_ms(100.0),
        Latency { distribution: LatencyDistribution::Constant, ..latency },
    ];
    let is_simpler = |other: &Latency| {
        other.mean_ms < latency.mean_ms || latency.distribution != LatencyDistribution::Constant
    };
    for simpler in simpler.into_iter().filter(is_simpler) {
        let mut run = shrinker.best.clone();
        run.plan.latency = simpler;
        if shrinker.keep_if_it_fails(run) {
            return;
        }
    }
}

/// Leaves single nodes out of faults.
fn targets(shrinker: &mut Shrinker<'_>) {
    for fault in 0..shrinker.best.faults.len() {
        for node in shrinker.best.plan.nodes.clone() {
            let mut run = shrinker.best.clone();
            if run.faults[fault].leave_out(&node) {
                shrinker.keep_if_it_fails(run);
            }
        }
    }
}

/// Gives settings their defaults.
fn settings(shrinker: &mut Shrinker<'_>) {
    let names: Vec<String> = shrinker.best.plan.settings.names().map(str::to_owned).collect();
    for name in names {
        let mut run = shrinker.best.clone();
        run.plan.settings = run.plan.settings.clone().without(|other| other == name);
        shrinker.keep_if_it_fails(run);
    }
}

/// Leaves out parts of values that are lists of lists, as the micro-operations of a transaction.
fn values(shrinker: &mut Shrinker<'_>) {
    for operation in 0..shrinker.best.operations.len() {
        let mut part = parts(&shrinker.best.operations[operation].value);
        while part > 0 {
            part -= 1;
            let mut run = shrinker.best.clone();
            if let Value::Vector(list) = &mut run.operations[operation].value {
                list.remove(part);
            }
            shrinker.keep_if_it_fails(run);
        }
    }
}

/// How many parts a value has that can be left out one by one. The last stays.
fn parts(value: &Value) -> usize {
    match value {
        Value::Vector(list) if list.len() > 1 && list.iter().all(|part| matches!(part, Value::Vector(_))) => {
            list.len()
        }
        _ => 0,
    }
}

/// Takes out time in which nothing begins.
fn gaps(shrinker: &mut Shrinker<'_>) {
    let mut events: Vec<Duration> = shrinker.best.operations.iter().map(|operation| operation.at).collect();
    for statement in &shrinker.best.faults {
        if let Start::At(time) = statement.start {
            events.extend([time, time + statement.lasts.unwrap_or_default()]);
        }
    }
    events.push(Duration::ZERO);
    events.sort_unstable();
    events.dedup();
    for pair in events.windows(2).rev() {
        let gap = pair[1] - pair[0];
        // Less than a millisecond is worth taking out only as a whole.
        let shares =
            [1, 2, 4].into_iter().filter(|share| *share == 1 || gap / *share >= Duration::from_millis(1));
        for share in shares {
            let run = shrinker.best.without_time(pair[0], gap / share);
            if shrinker.keep_if_it_fails(run) {
                break;
            }
        }
    }
}

/// Gives events times that are easy to read.
fn times(shrinker: &mut Shrinker<'_>) {
    for step_ms in [1000, 100, 10, 1] {
        if shrinker.keep_if_it_fails(shrinker.best.on_grid(Duration::from_millis(step_ms))) {
            return;
        }
    }
}
