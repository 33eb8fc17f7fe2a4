//! A test with real processes, from its plan to its directory: the run, the record, the results, the reports.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    path::{Path, PathBuf},
};

use glomers_check::{Mode, Operation, Validity, Value, edn};
use glomers_node::Time;
use glomers_protocol::NodeId;
use glomers_world::{ClockKind, Journal, NetworkStatistics, ProcessSpec, World, WorldOptions};
use serde::{Deserialize, Serialize};

use crate::{
    analysis::{Aftermath, Analysis, OperationCounts, Results},
    clock,
    log::{Follower, Log},
    plan::{NodeProgram, Plan},
    publish::{self, PublishError},
    report::perf::{Latencies, Perf},
    runner::{Ended, Ending, Event, Hosting, Observer, RunError, Runner},
    signals,
    store::{RunDirectory, StoreError, files},
    workloads,
};

/// What to run, where to keep it, and what to say on the way.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What the run is to do.
    pub plan: &'a Plan,
    /// What every node runs.
    pub program: &'a NodeProgram,
    /// The directory that holds the runs.
    pub store: &'a Path,
    /// Whether the verdict is ours or upstream's.
    pub mode: Mode,
    /// Whether to show what the nodes print to stderr.
    pub log_stderr: bool,
    /// Whether to log every message as it is sent.
    pub log_sent: bool,
    /// Whether to log every message as it is received.
    pub log_received: bool,
    /// The command line that does the same again.
    pub again: &'a str,
}

/// Where a run is shown while it goes on.
pub trait Screen {
    /// Shows a line of the log.
    fn line(&mut self, line: &str);
    /// Whether it is time to show how far the run is. Asked very often.
    fn is_due(&self, elapsed: Time) -> bool;
    /// Shows how far the run is.
    fn progress(&mut self, progress: &Progress);
}

/// How far a run is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    /// The time since the first operation could start.
    pub elapsed: Time,
    /// The operations so far.
    pub operations: OperationCounts,
    /// The messages so far.
    pub messages: u64,
    /// What nodes have done against the protocol so far.
    pub complaints: u64,
}

/// What a run came to, for the terminal.
#[derive(Debug)]
pub struct Report {
    /// The verdict.
    pub validity: Validity,
    /// How the run ended.
    pub ending: Ending,
    /// The verdict in one sentence.
    pub sentence: String,
    /// What else a person should know.
    pub findings: Vec<String>,
    /// The results map.
    pub results: Value,
    /// The figures that matter.
    pub figures: Figures,
    /// What all chance was drawn from.
    pub seed: u64,
    /// The run's directory.
    pub directory: PathBuf,
    /// The command line that does the same again.
    pub again: String,
}

/// The figures that matter most.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// The operations.
    pub operations: OperationCounts,
    /// The share of operations that succeeded.
    pub ok_fraction: f64,
    /// How long the successful operations took.
    pub latency: Latencies,
    /// All messages.
    pub messages: u64,
    /// Those without a client at either end.
    pub server_messages: u64,
}

/// Why a test could not be carried out to its end.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// The run directory can't be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The run itself failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A report can't be made.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// `run.json`: what was run. It is written before the first process starts, and again at the end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunFile {
    /// The version of Glomers.
    pub version: String,
    /// When the run began, in UTC.
    pub started: String,
    /// Whether it goes on, and how it ended.
    pub status: RunStatus,
    /// What it was to do.
    pub plan: Plan,
    /// What every node ran.
    pub program: NodeProgram,
    /// The command line that does the same again.
    pub again: String,
    /// The verdict in one sentence, once there is one.
    pub sentence: Option<String>,
    /// What else a person should know.
    #[serde(default)]
    pub findings: Vec<String>,
    /// The hash over every event, once the run has ended. With real processes it differs from run to run.
    pub trace_hash: Option<String>,
}

/// Whether a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// It goes on, or the workbench was killed in the middle.
    Running,
    /// It went to its end.
    Finished,
    /// A signal ended it.
    Interrupted,
    /// A node never got to the first operation.
    Failed,
}

/// A seed that nobody has chosen: short enough to be typed again.
pub fn fresh_seed() -> u64 {
    // The standard library seeds its hashers from the system's entropy.
    u64::from(RandomState::new().build_hasher().finish() as u32)
}

/// Carries out a test.
///
/// # Errors
/// [`TestError`], when the workbench can't go on. Whatever nodes do wrong is part of the report.
pub fn run(request: &Request<'_>, screen: &mut dyn Screen) -> Result<Report, TestError> {
    let plan = request.plan;
    let workload = workloads::find(&plan.workload).expect("the plan names a workload of the registry");
    let directory = RunDirectory::create(request.store, &plan.workload, clock::time_of_day())?;
    let mut file = RunFile {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: directory.started().to_string(),
        status: RunStatus::Running,
        plan: plan.clone(),
        program: request.program.clone(),
        again: request.again.to_owned(),
        sentence: None,
        findings: Vec::new(),
        trace_hash: None,
    };
    write_run_file(&directory, &file)?;
    let signal = signals::watch();
    let log = Log::create(&directory)?;
    let journal = Journal::to_file(&directory.file(files::JOURNAL)).map_err(RunError::Journal)?;
    let options = WorldOptions { latency: plan.latency, ..WorldOptions::new(ClockKind::Real, plan.seed) };
    let mut recorder = Recorder {
        analysis: Analysis::new(workload, plan.availability, request.mode),
        log,
        screen,
        follower: request.log_stderr.then(|| Follower::new(plan.nodes.iter().map(|node| directory.node_log(node.as_str())))),
        now: Time::ZERO,
        failure: None,
    };
    recorder.say(&format!("Running {} on {} with seed {}", plan.workload, request.program.program.display(), plan.seed));
    let specification = process_specification(request.program, &directory);
    let hosting = Hosting::Processes(Box::new(specification));
    let world = World::new(options, journal);
    let runner = Runner::new(plan, world, hosting, (workload.build)(plan), &mut recorder, signal);
    let Ended { ending, surplus_init_replies, exits, world } = runner.run()?;
    let Recorder { analysis, mut log, screen, follower, failure, .. } = recorder;
    if let Some(error) = failure {
        return Err(error.into());
    }
    let statistics = world.network_statistics();
    let complaints = world.complaints().clone();
    let ended_at = world.now();
    let closing = world.finish().map_err(RunError::Journal)?;
    if let Some(mut follower) = follower {
        follower.follow(&mut |line| screen.line(line));
    }
    let not_started = match &ending {
        Ending::NotStarted { reason, .. } => Some(reason.as_str()),
        Ending::Complete | Ending::Interrupted { .. } => None,
    };
    let results = analysis.finish(&Aftermath {
        network: &statistics,
        complaints: &complaints,
        surplus_init_replies: &surplus_init_replies,
        exits: &exits,
        not_started,
    });
    let (report, perf) = report(request, ending, results, &statistics, &directory);
    directory.write(files::RESULTS_EDN, format!("{}\n", edn::pretty(&report.results)))?;
    directory.write(files::RESULTS_JSON, format!("{}\n", report.results.to_json_pretty()))?;
    publish::write_reports(&directory, &perf, plan)?;
    file.status = match report.ending {
        Ending::Complete => RunStatus::Finished,
        Ending::Interrupted { .. } => RunStatus::Interrupted,
        Ending::NotStarted { .. } => RunStatus::Failed,
    };
    file.sentence = Some(report.sentence.clone());
    file.findings.clone_from(&report.findings);
    file.trace_hash = Some(format!("{:016x}", closing.trace_hash));
    log.write(ended_at, &report.sentence)?;
    log.finish()?;
    write_run_file(&directory, &file)?;
    directory.mark_latest()?;
    Ok(report)
}

/// Listens to the run: checks, logs, shows.
struct Recorder<'a> {
    analysis: Analysis,
    log: Log,
    screen: &'a mut dyn Screen,
    follower: Option<Follower>,
    now: Time,
    /// The first thing that could not be written. It ends the run after its tear-down.
    failure: Option<StoreError>,
}

impl Recorder<'_> {
    fn say(&mut self, line: &str) {
        self.screen.line(line);
        if let Err(error) = self.log.write(self.now, line) {
            self.failure.get_or_insert(error);
        }
    }
}

impl Observer for Recorder<'_> {
    fn event(&mut self, event: &Event<'_>) {
        self.say(&event.to_string());
    }

    fn operation(&mut self, operation: &Operation) {
        self.analysis.observe(operation);
    }

    fn turn(&mut self, world: &World, elapsed: Time) {
        self.now = world.now();
        if self.screen.is_due(elapsed) {
            self.screen.progress(&Progress {
                elapsed,
                operations: self.analysis.counts(),
                messages: world.network_statistics().all.msg_count,
                complaints: world.complaints().count_by_node().values().sum(),
            });
            if let Some(follower) = &mut self.follower {
                follower.follow(&mut |line| self.screen.line(line));
            }
        }
    }
}

/// How every node's process is started.
fn process_specification(program: &NodeProgram, directory: &RunDirectory) -> impl Fn(&NodeId) -> ProcessSpec + 'static {
    let program = program.clone();
    let logs = directory.file(files::NODE_LOGS);
    move |node| ProcessSpec {
        program: program.program.clone(),
        arguments: program.arguments.clone(),
        directory: std::env::temp_dir(),
        log_file: logs.join(format!("{node}.log")),
    }
}

fn write_run_file(directory: &RunDirectory, file: &RunFile) -> Result<(), StoreError> {
    let text = serde_json::to_string_pretty(file).expect("a plan has no part that JSON can't write");
    directory.write(files::RUN, text + "\n")
}

fn report(request: &Request<'_>, ending: Ending, results: Results, statistics: &NetworkStatistics, directory: &RunDirectory) -> (Report, Perf) {
    let counts = results.counts;
    let sentence = crate::sentence::verdict(request.plan, &ending, &results);
    let findings = results.findings.iter().map(|finding| finding.sentence.clone()).filter(|finding| !sentence.contains(finding.as_str()));
    let report = Report {
        validity: results.validity,
        findings: findings.collect(),
        sentence,
        ending,
        figures: Figures {
            operations: counts,
            ok_fraction: if counts.invoked == 0 { 1.0 } else { counts.ok as f64 / counts.invoked as f64 },
            latency: results.perf.summary().ok,
            messages: statistics.all.msg_count,
            server_messages: statistics.servers.msg_count,
        },
        results: results.map,
        seed: request.plan.seed,
        directory: directory.path().to_owned(),
        again: request.again.to_owned(),
    };
    (report, results.perf)
}
