//! `glomers sweep`: one test, many seeds, all CPUs.

use std::{
    io::IsTerminal,
    num::NonZero,
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use clap::Args;
use glomers_workbench::{
    plan::Plan,
    run::RunError,
    sweep::{self, Report, SeedResult, Swarm, Verdict},
};
use glomers_world::{ClockKind, bind_worker_thread};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    exit::{CliError, ExitStatus},
    output,
    progress::Terminal,
    test::TestArguments,
};
use crate::{
    execution::{self, Request, TestError},
    run_directory::history,
    shell, signals,
    virtual_run::VirtualRuns,
};

/// How many failures get a run directory, each the quickest of its group.
const MAX_STORED: usize = 5;

/// The options of `glomers sweep`: those of `glomers test`, and these.
#[derive(Debug, Args)]
pub(crate) struct SweepArguments {
    #[command(flatten)]
    test: TestArguments,

    /// The seeds to run, such as 0..1000; the last is not among them.
    #[arg(long, value_name = "RANGE", default_value = "0..100", value_parser = seed_range)]
    seeds: Range<u64>,

    /// Vary nothing but the seed. Otherwise each seed draws what the options leave open: the number of nodes and clients, which of the faults are
    /// on and how often they act, the latency and the rate.
    #[arg(long)]
    fixed: bool,

    /// How many runs go on at the same time [default: the number of CPUs].
    #[arg(long, value_name = "NUMBER")]
    jobs: Option<NonZero<usize>>,

    /// End the sweep at the first invalid run.
    #[arg(long)]
    stop_at_first: bool,
}

impl SweepArguments {
    pub(crate) fn run(self, command_line: &[String]) -> Result<ExitStatus, CliError> {
        let program = self.test.program()?;
        let plan = self.test.plan(self.seeds.start)?;
        let swarm = if self.fixed { Swarm::NONE } else { open_choices(command_line) };
        let signal = signals::watch();
        let runs = VirtualRuns::new(program.clone(), self.test.mode(), signal);
        // Why a run could not be carried out. It ends the sweep.
        let failure: Mutex<Option<RunError>> = Mutex::new(None);
        let next_worker = AtomicUsize::new(0);
        let run = |seed: u64| {
            bind_once(&next_worker);
            let (varied, variation) = sweep::vary(&plan, swarm, seed);
            let result = runs.run_seed(&varied, variation).map_err(|error| {
                let mut failure = failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                failure.get_or_insert(error);
            });
            result.ok()
        };
        let jobs = self.jobs.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZero::get);
        let bar = Bar::new(&plan, &self.seeds);
        let report = sweep::sweep(self.seeds.clone(), jobs, &run, &mut |result| {
            bar.add(result);
            let is_over = result.validity == Verdict::Invalid && self.stop_at_first;
            !is_over && signal.load(Ordering::Relaxed) == 0
        });
        bar.finish();
        if let Some(error) = failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            return Err(CliError::Test(TestError::Run(error)));
        }
        output::print(&format!("{report}"))?;
        let interrupted = u8::try_from(signal.load(Ordering::Relaxed)).ok().filter(|number| *number > 0);
        if let Some(signal) = interrupted {
            output::note("The sweep was interrupted; the report is about the seeds until then.");
            return Ok(ExitStatus::Interrupted { signal });
        }
        self.store_failures(&report, &plan, swarm, &program, command_line)?;
        Ok(if report.count(Verdict::Invalid) > 0 {
            ExitStatus::Invalid
        } else if report.count(Verdict::Unknown) > 0 || report.results().is_empty() {
            ExitStatus::Unknown
        } else {
            ExitStatus::Valid
        })
    }

    /// Runs the quickest failure of each group once more, with a directory of its own.
    fn store_failures(
        &self,
        report: &Report,
        plan: &Plan,
        swarm: Swarm,
        program: &crate::run_directory::manifest::NodeProgram,
        command_line: &[String],
    ) -> Result<(), CliError> {
        for group in report.groups().iter().take(MAX_STORED) {
            let seed = group.seeds[0];
            let (varied, _) = sweep::vary(plan, swarm, seed);
            let argv = shell::with_seeds(command_line, seed);
            let request = Request {
                plan: &varied,
                program,
                store: self.test.store(),
                mode: self.test.mode(),
                clock: ClockKind::Virtual,
                log_stderr: false,
                log_sent: false,
                log_received: false,
                history_limit: history::DEFAULT_LIMIT,
                argv: &argv,
            };
            let mut terminal = Terminal::quiet(&varied);
            let stored = execution::run(&request, &mut terminal)?;
            let directory = stored.directory.display();
            output::print(&format!("Seed {seed} is in {directory}\n  glomers shrink {directory}\n"))?;
        }
        Ok(())
    }
}

/// What the options leave open.
fn open_choices(command_line: &[String]) -> Swarm {
    let is_open = |names: &[&str]| {
        !command_line.iter().any(|word| {
            let name = word.split('=').next().unwrap_or_default();
            names.contains(&name)
        })
    };
    Swarm {
        nodes: is_open(&["--node-count", "--nodes", "--node", "-n", "--nodes-file"]),
        faults: is_open(&["--nemesis-interval"]),
        latency: is_open(&["--latency", "--latency-dist"]),
        rate: is_open(&["--rate"]),
        clients: is_open(&["--concurrency"]),
    }
}

/// Gives each thread of a sweep a CPU of its own, before its first run.
fn bind_once(next_worker: &AtomicUsize) {
    thread_local! {
        static IS_BOUND: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    if !IS_BOUND.replace(true) {
        bind_worker_thread(next_worker.fetch_add(1, Ordering::Relaxed));
    }
}

/// `0..1000`, or one seed.
fn seed_range(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str| {
        text.trim()
            .parse::<u64>()
            .map_err(|_| format!("expected a range of seeds such as 0..1000, found {text:?}"))
    };
    match text.split_once("..") {
        None => number(text).map(|seed| seed..seed.saturating_add(1)),
        Some((start, end)) => {
            let (start, end) = (number(start)?, number(end)?);
            if start < end {
                Ok(start..end)
            } else {
                Err(format!("there is no seed in {text}: the first must be below the last"))
            }
        }
    }
}

/// How far the sweep is, on a terminal; elsewhere a line for each invalid run.
struct Bar {
    bar: Option<ProgressBar>,
}

impl Bar {
    fn new(plan: &Plan, seeds: &Range<u64>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar =
                ProgressBar::with_draw_target(Some(seeds.end - seeds.start), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template(
                "{prefix} {bar:12} {pos} of {len} seeds, {per_sec}, {eta} left, {wide_msg}",
            )
            .expect("a fixed template");
            bar.set_style(style.progress_chars("━╸─"));
            bar.set_prefix(plan.workload.clone());
            bar
        });
        Self { bar }
    }

    fn add(&self, result: &SeedResult) {
        let line = (result.validity == Verdict::Invalid).then(|| {
            let sentence = glomers_protocol::text::escape_lines(&result.sentence);
            format!("seed {}: {sentence}", result.seed)
        });
        match &self.bar {
            Some(bar) => {
                bar.inc(1);
                if let Some(line) = line {
                    bar.suspend(|| output::note(&line));
                }
            }
            None => line.iter().for_each(|line| output::note(line)),
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
