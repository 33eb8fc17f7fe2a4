//! A test with real processes, from its plan to its directory: the run, the record, the results, the reports.

use std::{
    cell::RefCell,
    hash::{BuildHasher, Hasher, RandomState},
    path::{Path, PathBuf},
    rc::Rc,
};

use glomers_check::{Finding, Mode, Operation, Validity, Value, edn};
use glomers_node::Time;
use glomers_protocol::NodeId;
use glomers_workbench::{
    cluster::Hosting,
    plan::Plan,
    run::{Ended, Ending, Event, Observer, RunError, Runner},
    verdict::{self, Analysis, Conclusion, Judgement, OperationCounts, perf::Latencies},
    workloads,
};
use glomers_world::{ClockKind, Journal, Passage, PassageEnd, ProcessSpec, World, WorldOptions};

use crate::{
    clock,
    run_directory::{
        RunDirectory, StoreError, files,
        log::{Follower, Log, escape_controls},
        manifest::{NodeProgram, RunFile},
        publish::{self, PublishError},
    },
    signals,
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
    /// The command line that does the same again, word by word.
    pub argv: &'a [String],
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
    pub findings: Vec<Finding>,
    /// The results map.
    pub results: Value,
    /// How it stands to each expectation of the plan.
    pub expectations: Vec<Judgement>,
    /// The figures that matter.
    pub figures: Figures,
    /// What all chance was drawn from.
    pub seed: u64,
    /// The run's directory.
    pub directory: PathBuf,
    /// The command line that does the same again, word by word.
    pub argv: Vec<String>,
}

impl Report {
    /// A figure of the results by its path, as `--expect` names it. `None` where the results don't have it.
    pub fn figure(&self, path: &str) -> Option<f64> {
        verdict::figure(&path.parse().ok()?, &self.results, &self.figures.latency)
    }
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
    let directory = RunDirectory::create(request.store, &plan.workload, clock::time_of_day())?;
    let mut file = RunFile::new(&directory, plan, request.program, request.argv);
    file.write(&directory)?;
    let mut recorder = Recorder::new(request, &directory, screen)?;
    recorder.say(&format!(
        "Running {} on {} with seed {}",
        plan.workload,
        request.program.program.display(),
        plan.seed
    ));
    let ended = operate(request, &directory, &mut recorder)?;
    let (analysis, mut log) = recorder.close()?;
    let conclusion = Conclusion::draw(plan, ended, analysis).map_err(RunError::Journal)?;
    directory.write(files::RESULTS_EDN, format!("{}\n", edn::pretty(&conclusion.results)))?;
    directory.write(files::RESULTS_JSON, format!("{}\n", conclusion.results.to_json_pretty()))?;
    publish::write_reports(&directory, &conclusion.perf, &conclusion.results, plan)?;
    log.write(conclusion.ended_at, &conclusion.sentence)?;
    log.flush()?;
    file.conclude(&conclusion);
    file.write(&directory)?;
    directory.mark_latest()?;
    Ok(report(request, conclusion, &directory))
}

/// Runs the nodes until the plan is carried out.
fn operate(
    request: &Request<'_>,
    directory: &RunDirectory,
    recorder: &mut Recorder<'_>,
) -> Result<Ended, RunError> {
    let plan = request.plan;
    let journal = Journal::to_file(&directory.file(files::JOURNAL))?;
    let mut world = World::new(
        WorldOptions { latency: plan.latency, ..WorldOptions::new(ClockKind::Real, plan.seed) },
        journal,
    );
    watch_messages(&mut world, request, &recorder.passages);
    let hosting = Hosting::Processes(Box::new(process_specification(request.program, directory)));
    let workload = (workloads::named(&plan.workload).build)(plan);
    Runner::new(plan, world, hosting, workload, recorder, signals::watch()).run()
}

/// Listens to the run: checks, logs, shows.
struct Recorder<'a> {
    analysis: Analysis,
    log: Log,
    screen: &'a mut dyn Screen,
    follower: Option<Follower>,
    /// What `--log-net-send` and `--log-net-recv` have to show since the last turn.
    passages: Rc<RefCell<Vec<String>>>,
    now: Time,
    /// The first thing that could not be written. It ends the run after its tear-down.
    failure: Option<StoreError>,
}

impl<'a> Recorder<'a> {
    fn new(
        request: &Request<'_>,
        directory: &RunDirectory,
        screen: &'a mut dyn Screen,
    ) -> Result<Self, StoreError> {
        let plan = request.plan;
        let logs = plan.nodes.iter().map(|node| directory.node_log(node.as_str()));
        Ok(Self {
            analysis: Analysis::new(plan, request.mode),
            log: Log::create(directory)?,
            screen,
            follower: request.log_stderr.then(|| Follower::new(logs)),
            passages: Rc::default(),
            now: Time::ZERO,
            failure: None,
        })
    }

    /// Shows what the nodes printed last, and gives back what is still needed.
    fn close(self) -> Result<(Analysis, Log), StoreError> {
        if let Some(follower) = self.follower {
            follower.finish(&mut |line| self.screen.line(line));
        }
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok((self.analysis, self.log)),
        }
    }

    fn flush(&mut self) {
        if let Err(error) = self.log.flush() {
            self.failure.get_or_insert(error);
        }
    }

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
        self.flush();
    }

    fn operation(&mut self, operation: &Operation) {
        self.analysis.observe(operation);
    }

    fn has_failed(&self) -> bool {
        self.analysis.has_failed()
    }

    fn turn(&mut self, world: &World, elapsed: Time) {
        self.now = world.now();
        for passage in self.passages.take() {
            self.say(&passage);
        }
        if self.screen.is_due(elapsed) {
            self.flush();
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

/// Collects a line for each message that the request wants to see.
fn watch_messages(world: &mut World, request: &Request<'_>, passages: &Rc<RefCell<Vec<String>>>) {
    let (log_sent, log_received) = (request.log_sent, request.log_received);
    if !log_sent && !log_received {
        return;
    }
    let passages = Rc::clone(passages);
    world.watch(move |passage| {
        let word = match passage.end {
            PassageEnd::Sent if log_sent => "send",
            PassageEnd::Delivered if log_received => "recv",
            PassageEnd::Sent | PassageEnd::Delivered => return,
        };
        let Passage { message, src, dest, body, .. } = passage;
        let line =
            format!("{word} {{\"id\":{message},\"src\":\"{src}\",\"dest\":\"{dest}\",\"body\":{body}}}");
        passages.borrow_mut().push(escape_controls(&line));
    });
}

/// How every node's process is started.
fn process_specification(
    program: &NodeProgram,
    directory: &RunDirectory,
) -> impl Fn(&NodeId) -> ProcessSpec + 'static {
    let program = program.clone();
    let logs = directory.file(files::NODE_LOGS);
    move |node| ProcessSpec {
        program: program.program.clone(),
        arguments: program.arguments.clone(),
        directory: std::env::temp_dir(),
        log_file: logs.join(format!("{node}.log")),
    }
}

fn report(request: &Request<'_>, conclusion: Conclusion, directory: &RunDirectory) -> Report {
    let counts = conclusion.counts;
    Report {
        validity: conclusion.validity,
        ending: conclusion.ending,
        sentence: conclusion.sentence,
        findings: conclusion.findings,
        results: conclusion.results,
        expectations: conclusion.expectations,
        figures: Figures {
            operations: counts,
            ok_fraction: if counts.invoked == 0 { 1.0 } else { counts.ok as f64 / counts.invoked as f64 },
            latency: conclusion.perf.summary().ok,
            messages: conclusion.statistics.all.msg_count,
            server_messages: conclusion.statistics.servers.msg_count,
        },
        seed: request.plan.seed,
        directory: directory.path().to_owned(),
        argv: request.argv.to_vec(),
    }
}
