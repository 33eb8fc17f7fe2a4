//! How long a run waits for its verdict once its last operation has ended, for each workload.
//!
//! Sixty seconds of a thousand operations a second are simulated on the bundled node of each workload. Their history is then shown to the
//! checkers as the workbench shows it to them: one operation after the other while the run goes on, and the end when it is over. Only the
//! end is what a person waits for.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use comfy_table::{Table, presets};
use glomers_check::{Mode, Validity};
use glomers_workbench::{
    Outcome, Simulation,
    clients::ReplyLog,
    plan::{Plan, numbered_nodes},
    registry,
    run::Lateness,
    verdict::{Analysis, RunFacts},
};
use glomers_world::{NetworkStatistics, ProtocolViolations};

const SECONDS: u64 = 60;
const RATE_HZ: f64 = 1000.0;
const NODES: usize = 5;
const CLIENTS: usize = 20;
/// The median of so many counts.
const ROUNDS: usize = 5;

fn main() -> Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "workload",
        "operations",
        "verdict",
        "µs an operation, on the way",
        "ms after the end",
    ]);
    for (workload, run) in RUNS {
        let simulation = Simulation::new(workload)
            .node_count(NODES)
            .concurrency(CLIENTS)
            .rate_hz(RATE_HZ)
            .time_limit(Duration::from_secs(SECONDS))
            .seed(1);
        let outcome = run(&simulation);
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(analyse(workload, &outcome)?);
        }
        rounds.sort_by_key(|(_, end)| *end);
        let (on_the_way, end) = rounds[ROUNDS / 2];
        let operations = outcome.history.iter().filter(|operation| operation.is_invoke()).count();
        table.add_row([
            workload.to_owned(),
            operations.to_string(),
            outcome.validity.to_string(),
            format!("{:.2}", on_the_way.as_secs_f64() * 1e6 / operations as f64),
            format!("{:.1}", end.as_secs_f64() * 1e3),
        ]);
    }
    println!("{table}");
    Ok(())
}

/// Every workload, with the node that is simulated for it.
type Run = fn(&Simulation) -> Outcome;

const RUNS: [(&str, Run); 10] = [
    ("broadcast", |simulation| {
        simulation.run(|node| broadcast::BroadcastServer::router(node, broadcast::Settings::LOW_LATENCY))
    }),
    ("echo", |simulation| simulation.run(echo::EchoServer::router)),
    ("g-counter", |simulation| simulation.run(g_counter::GCounterServer::router)),
    ("g-set", |simulation| simulation.run(g_set::GSetServer::router)),
    ("kafka", |simulation| simulation.run(kafka::Broker::router)),
    ("lin-kv", |simulation| simulation.run(lin_kv::LinKvServer::router)),
    ("pn-counter", |simulation| simulation.run(pn_counter::PnCounterServer::router)),
    ("txn-list-append", |simulation| simulation.run(txn_list_append::ListServer::router)),
    ("txn-rw-register", |simulation| {
        let promised = simulation.clone().setting("consistency-models", "read-committed");
        promised.run(txn_rw_register::TransactionServer::router)
    }),
    ("unique-ids", |simulation| simulation.run(unique_ids::UniqueIdServer::router)),
];

/// Shows a history to the checkers: how long that took while it went on, and how long after its end.
fn analyse(workload: &str, outcome: &Outcome) -> Result<(Duration, Duration)> {
    let mut plan = Plan::new(workload, outcome.seed);
    plan.nodes = numbered_nodes(NODES);
    if workload == "txn-rw-register" {
        let setting = registry::find_setting("consistency-models", &plan)?;
        plan.settings.set(setting, "read-committed").map_err(anyhow::Error::msg)?;
    }
    let mut analysis = Analysis::new(&plan, Mode::Strict);
    let begin = Instant::now();
    for operation in &outcome.history {
        analysis.observe(operation);
    }
    let on_the_way = begin.elapsed();
    let begin = Instant::now();
    let results = analysis.finish(&RunFacts {
        network: &NetworkStatistics::default(),
        violations: &ProtocolViolations::default(),
        exits: &[],
        replies: &ReplyLog::default(),
        lateness: &Lateness::default(),
        notes: &[],
        failed_restarts: &[],
        not_started: None,
    });
    let end = begin.elapsed();
    ensure!(results.validity == Validity::Valid, "{workload} is {}", results.validity);
    Ok((on_the_way, end))
}
