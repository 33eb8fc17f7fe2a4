//! Workbenches: how many messages they carry with everything recorded, and what a run adds to its nodes' work.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use glomers_check::edn;

use crate::{
    table::{Table, median_by, number, ratio},
    usage::Usage,
};

const GLOMERS: &str = "target/release/glomers";
const ECHO: &str = "target/release/echo";
const FLOOD: &str = "bench/target/release/flood";
const SIMULATED: &str = "bench/target/release/simulated-echo";

/// More than any workbench can do, so that clients never wait.
const AS_FAST_AS_IT_GOES_HZ: &str = "1e9";

/// An hour of virtual time, since ten seconds of it are over before they can be measured.
const SIMULATED_SECONDS: u64 = 3600;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Each test's time limit in seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// How often each test runs; the workbenches take turns, and the median counts
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Upstream's launcher, to run the same tests beside ours
    #[arg(long, env = "MAELSTROM")]
    maelstrom: Option<PathBuf>,
}

pub(crate) fn compare_throughput(arguments: &Arguments) -> Result<()> {
    let scenarios = [
        Scenario::new("echo, 10 clients", ECHO, 1, &["--concurrency", "10", "--rate", AS_FAST_AS_IT_GOES_HZ]),
        Scenario::new(
            "echo, 1,000 clients",
            ECHO,
            1,
            &["--concurrency", "1000", "--rate", AS_FAST_AS_IT_GOES_HZ],
        ),
        Scenario::new("flood among 25 nodes", FLOOD, 25, &[]),
    ];
    let mut table = Table::new(
        "Workbenches at full speed, everything recorded",
        &[
            "test",
            "workbench",
            "messages",
            "a second",
            "CPU µs a message",
            "with nodes",
            "peak MiB",
            "s beyond the limit",
            "verdict",
            "ours is",
        ],
    );
    for scenario in &scenarios {
        let mut ours = None;
        for (workbench, run) in alternate(scenario, arguments, Run::messages_per_second)? {
            let ours = *ours.get_or_insert(run);
            table.row([
                scenario.name.to_owned(),
                workbench,
                number(run.messages),
                number(run.messages_per_second()),
                format!("{:.2}", run.micros_a_message(run.usage.own_cpu)),
                format!("{:.2}", run.micros_a_message(run.usage.cpu)),
                format!("{:.1}", run.usage.peak_rss_mib()),
                format!("{:.2}", run.beyond_limit_seconds()),
                run.usage.ending(),
                ratio(ours.messages_per_second() / run.messages_per_second()),
            ]);
        }
    }
    table.print();
    Ok(())
}

pub(crate) fn compare_overhead(arguments: &Arguments) -> Result<()> {
    let mut table = Table::new(
        "What a short run adds",
        &[
            "workbench",
            "time limit s",
            "s beyond it",
            "CPU s",
            "with nodes",
            "peak MiB",
            "verdict",
            "ours is",
        ],
    );
    let mut ours = None;
    for (workbench, run) in
        alternate(&Scenario::new("echo", ECHO, 1, &[]), arguments, Run::beyond_limit_seconds)?
    {
        let ours = *ours.get_or_insert(run);
        table.row([
            workbench,
            arguments.seconds.to_string(),
            format!("{:.3}", run.beyond_limit_seconds()),
            format!("{:.2}", run.usage.own_cpu.as_secs_f64()),
            format!("{:.2}", run.usage.cpu.as_secs_f64()),
            format!("{:.1}", run.usage.peak_rss_mib()),
            run.usage.ending(),
            ratio(run.beyond_limit_seconds() / ours.beyond_limit_seconds()),
        ]);
    }
    table.print();
    simulate(arguments)
}

/// The same test under virtual time.
fn simulate(arguments: &Arguments) -> Result<()> {
    let Some(program) = program(SIMULATED) else { return Ok(()) };
    let mut table = Table::new(
        "The echo test under virtual time",
        &["virtual s", "operations", "wall s", "virtual s a wall second", "CPU s", "peak MiB"],
    );
    for virtual_seconds in [arguments.seconds, SIMULATED_SECONDS] {
        let mut runs = Vec::new();
        for _ in 0..arguments.rounds {
            let started = Instant::now();
            let mut child =
                Command::new(&program).arg(virtual_seconds.to_string()).stdout(Stdio::piped()).spawn()?;
            let mut stdout = child.stdout.take().context("stdout was asked for")?;
            let printed = std::io::read_to_string(&mut stdout)?;
            let usage = Usage::of(child, started)?;
            ensure!(usage.status.success(), "{} ended with {}", program.display(), usage.ending());
            let operations: f64 =
                printed.trim().parse().context("it prints how many operations there were")?;
            runs.push((usage, operations));
        }
        let (usage, operations) = median_by(&mut runs, |(usage, _)| usage.wall.as_secs_f64());
        let wall = usage.wall.as_secs_f64();
        table.row([
            number(virtual_seconds as f64),
            number(operations),
            format!("{wall:.4}"),
            number(virtual_seconds as f64 / wall),
            format!("{:.4}", usage.cpu.as_secs_f64()),
            format!("{:.1}", usage.peak_rss_mib()),
        ]);
    }
    table.print();
    Ok(())
}

/// One `test` command, the same for every workbench. All of them are echo tests to their clients.
struct Scenario {
    name: &'static str,
    node: &'static str,
    node_count: u16,
    options: &'static [&'static str],
}

impl Scenario {
    fn new(
        name: &'static str,
        node: &'static str,
        node_count: u16,
        options: &'static [&'static str],
    ) -> Self {
        Self { name, node, node_count, options }
    }
}

#[derive(Clone, Copy)]
struct Run {
    /// Different messages, as the workbench itself counted them.
    messages: f64,
    limit: Duration,
    usage: Usage,
}

impl Run {
    fn messages_per_second(&self) -> f64 {
        self.messages / self.limit.as_secs_f64()
    }

    fn micros_a_message(&self, cpu: Duration) -> f64 {
        cpu.as_secs_f64() * 1e6 / self.messages
    }

    fn beyond_limit_seconds(&self) -> f64 {
        self.usage.wall.as_secs_f64() - self.limit.as_secs_f64()
    }
}

/// The run with the median figure of each workbench there is, ours first; they take turns, so that a busy minute hits both.
fn alternate(
    scenario: &Scenario,
    arguments: &Arguments,
    figure: fn(&Run) -> f64,
) -> Result<Vec<(String, Run)>> {
    let Some(node) = program(scenario.node) else { return Ok(Vec::new()) };
    let mut workbenches = Vec::new();
    let Some(ours) = program(GLOMERS) else { return Ok(Vec::new()) };
    workbenches.push(("glomers", ours, Vec::new()));
    match &arguments.maelstrom {
        Some(path) => {
            let path = path.canonicalize().with_context(|| format!("--maelstrom {}", path.display()))?;
            workbenches.push(("Maelstrom", path, Vec::new()));
        }
        None => eprintln!("skipped: Maelstrom ({}: MAELSTROM is not set to its launcher)", scenario.name),
    }
    for _ in 0..arguments.rounds {
        for (name, workbench, runs) in &mut workbenches {
            let limit = Duration::from_secs(arguments.seconds);
            runs.push(
                run(workbench, &node, scenario, limit)
                    .with_context(|| format!("{name} on {}", scenario.name))?,
            );
        }
    }
    Ok(workbenches
        .into_iter()
        .map(|(name, _, mut runs)| (name.to_owned(), median_by(&mut runs, figure)))
        .collect())
}

fn run(workbench: &Path, node: &Path, scenario: &Scenario, limit: Duration) -> Result<Run> {
    let scratch = tempfile::tempdir()?;
    let started = Instant::now();
    let child = Command::new(workbench)
        .args(["test", "-w", "echo", "--bin"])
        .arg(node)
        .args([
            "--node-count",
            &scenario.node_count.to_string(),
            "--time-limit",
            &limit.as_secs().to_string(),
        ])
        .args(scenario.options)
        .current_dir(scratch.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("starting {}", workbench.display()))?;
    let usage = Usage::of(child, started)?;
    let messages = message_count(&scratch.path().join("store/latest/results.edn"))
        .with_context(|| format!("a run that ended with {}", usage.ending()))?;
    Ok(Run { messages, limit, usage })
}

/// `:net :all :msg-count`, a key that all workbenches share.
fn message_count(results: &Path) -> Result<f64> {
    let text = fs::read_to_string(results).with_context(|| format!("reading {}", results.display()))?;
    let results = edn::read(&text)?;
    let count = results
        .get("net")
        .and_then(|net| net.get("all"))
        .and_then(|all| all.get("msg-count"))
        .and_then(glomers_check::Value::as_int)
        .context("results without :net :all :msg-count")?;
    Ok(count as f64)
}

/// A program by its path from the repository's root. One that was not built is left out, aloud.
fn program(path: &str) -> Option<PathBuf> {
    Path::new(path).canonicalize().map_err(|error| eprintln!("skipped: {path} ({error})")).ok()
}
