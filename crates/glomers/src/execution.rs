//! A test with real processes, from its plan to its directory: the run, the record, the results, the reports.

use std::{
    cell::RefCell,
    hash::{BuildHasher, Hasher, RandomState},
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
};

use glomers_check::{Mode, Operation, edn};
use glomers_node::Time;
use glomers_protocol::{NodeId, text};
use glomers_workbench::{
    cluster::Hosting,
    plan::Plan,
    run::{Ended, Event, Observer, RunError, Runner},
    verdict::{self, Analysis, Conclusion, OperationCounts},
    workloads,
};
use glomers_world::{ClockKind, Journal, MessageEnd, MessageEvent, ProcessSpec, World, WorldOptions};

use crate::{
    clock,
    run_directory::{
        RunDirectory, StoreError, files,
        history::HistoryFollower,
        log::{Follower, Log},
        manifest::{NodeProgram, RunFile},
        publish::{self, PublishError},
    },
    signals, why,
};

/// With more messages than this the trail is not told at the end of a run: reading the journal takes seconds. `glomers why` reads it when asked.
const MAX_EXPLAINED: u64 = 200_000;

/// What to run, where to store it, and what to show during the run.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What the run is to do.
    pub plan: &'a Plan,
    /// What every node runs.
    pub program: &'a NodeProgram,
    /// The directory that holds the runs.
    pub store: &'a Path,
    /// Whether the verdict is ours or Maelstrom's.
    pub mode: Mode,
    /// Whether the nodes run in real time, or in lock step with a virtual clock.
    pub clock: ClockKind,
    /// Whether to show what the nodes print to stderr.
    pub log_stderr: bool,
    /// Whether to log every message as it is sent.
    pub log_sent: bool,
    /// Whether to log every message as it is received.
    pub log_received: bool,
    /// How many entries `history.edn` and `history.txt` hold at most.
    pub history_limit: u64,
    /// The command line that repeats the run, word by word.
    pub argv: &'a [String],
}

/// Where a run is shown while it is going on.
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
    /// How often nodes have broken the protocol so far.
    pub complaints: u64,
}

/// The result of a run, for the terminal.
pub struct Report {
    /// The workload.
    pub workload: String,
    /// The random seed.
    pub seed: u64,
    /// Which clock the run had.
    pub clock: ClockKind,
    /// How long the run took in real time, up to its end and without its reports.
    pub real_time: Duration,
    /// How the run ended, its verdict and its figures.
    pub conclusion: Conclusion,
    /// What could not be written beside the verdict.
    pub problems: Vec<String>,
    /// The run's directory.
    pub directory: PathBuf,
    /// The command line that repeats the run, word by word.
    pub argv: Vec<String>,
}

impl Report {
    /// A figure of the results by its path, as `--expect` names it. `None` where the results don't have it.
    pub fn figure(&self, path: &str) -> Option<f64> {
        verdict::figure(&path.parse().ok()?, &self.conclusion.results, &self.conclusion.perf.summary().ok)
    }
}

/// Why a test could not be completed.
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

/// A new random seed, short enough to be typed.
pub fn fresh_seed() -> u64 {
    // The standard library seeds its hashers from the system's entropy.
    u64::from(RandomState::new().build_hasher().finish() as u32)
}

/// Carries out a test.
///
/// # Errors
/// [`TestError`], when the workbench can't go on. What the nodes do wrong is part of the report.
pub fn run(request: &Request<'_>, screen: &mut dyn Screen) -> Result<Report, TestError> {
    let plan = request.plan;
    let directory = RunDirectory::create(request.store, &plan.workload, clock::time_of_day())?;
    let mut file = RunFile::new(&directory, plan, request.clock, request.program, request.argv);
    file.write(&directory)?;
    // The log is locked until the directory is complete, so it outlives everything else here.
    let result = carry_out(request, &directory, &mut file, screen);
    if let Err(error) = &result {
        file.fail(error.to_string());
        // On a full disk this fails too; then the run shows as one whose workbench ended early.
        let _ = file.write(&directory);
    }
    result
}

/// Carries out a test in its directory.
fn carry_out(
    request: &Request<'_>,
    directory: &RunDirectory,
    file: &mut RunFile,
    screen: &mut dyn Screen,
) -> Result<Report, TestError> {
    let plan = request.plan;
    let mut recorder = Recorder::new(request, directory, screen)?;
    recorder.say(&format!(
        "Running {} on {} with seed {}",
        plan.workload,
        request.program.program.display(),
        plan.seed
    ));
    let stopwatch = clock::Stopwatch::start();
    let (ended, history) = operate(request, directory, &mut recorder)?;
    let real_time = stopwatch.elapsed();
    let (analysis, mut log) = recorder.close()?;
    let mut conclusion = Conclusion::draw(plan, ended, analysis).map_err(RunError::Journal)?;
    if conclusion.statistics.all.msg_count <= MAX_EXPLAINED {
        // A journal that can't be read is no reason to hide the verdict.
        if let Ok(journal) = why::Journal::open(directory.path()) {
            conclusion.explain(|| journal.records(), request.mode);
        }
    }
    directory.write(files::RESULTS_EDN, format!("{}\n", edn::pretty(&conclusion.results)))?;
    directory.write(files::RESULTS_JSON, format!("{}\n", conclusion.results.to_json_pretty()))?;
    file.conclude(&conclusion);
    file.write(directory)?;
    // The verdict is already written. A history or a plot that can't be written does not change it.
    let mut problems = Vec::new();
    if let Err(error) = publish::write_reports(directory, &conclusion, history, plan) {
        problems.push(format!("the reports are not complete: {error}"));
    }
    for line in std::iter::once(&conclusion.sentence).chain(&problems) {
        log.write(line)?;
    }
    log.flush()?;
    directory.mark_latest()?;
    Ok(Report {
        workload: plan.workload.clone(),
        seed: plan.seed,
        clock: request.clock,
        real_time,
        conclusion,
        problems,
        directory: directory.path().to_owned(),
        argv: request.argv.to_vec(),
    })
}

/// Runs the nodes and carries out the plan.
fn operate(
    request: &Request<'_>,
    directory: &RunDirectory,
    recorder: &mut Recorder<'_>,
) -> Result<(Ended, HistoryFollower), RunError> {
    let plan = request.plan;
    let journal = Journal::to_file(&directory.file(files::JOURNAL))?;
    let mut world = World::new(
        WorldOptions { latency: plan.latency, ..WorldOptions::new(request.clock, plan.seed) },
        journal,
    );
    watch_messages(&mut world, request, &recorder.passages);
    let specification = Box::new(process_specification(request.program, directory));
    let hosting = match request.clock {
        ClockKind::Real => Hosting::Processes(specification),
        ClockKind::Virtual => Hosting::Lockstep(specification),
    };
    let workload = workloads::named(&plan.workload).workload(plan, request.mode);
    let history = HistoryFollower::start(directory, request.history_limit);
    let signal = signals::watch();
    // Without it, a signal that comes between two turns would be noticed only at the next event.
    let _wake = world.wake_handle().and_then(|handle| signals::Wake::on_signal(&handle));
    let ended = Runner::new(plan, world, hosting, workload, recorder, signal).run()?;
    Ok((ended, history))
}

/// Listens to the run: checks, logs, shows.
struct Recorder<'a> {
    analysis: Analysis,
    log: Log,
    screen: &'a mut dyn Screen,
    follower: Option<Follower>,
    /// The lines of `--log-net-send` and `--log-net-recv` since the last turn.
    passages: Rc<RefCell<Vec<String>>>,
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
        if let Err(error) = self.log.write(line) {
            self.failure.get_or_insert(error);
        }
    }
}

impl Observer for Recorder<'_> {
    fn event(&mut self, event: &Event<'_>) {
        self.analysis.observe_event(event);
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
        for passage in self.passages.take() {
            self.say(&passage);
        }
        if self.screen.is_due(elapsed) {
            self.flush();
            self.screen.progress(&Progress {
                elapsed,
                operations: self.analysis.counts(),
                messages: world.network_statistics().all.msg_count,
                complaints: world.protocol_violations().count_by_node().values().sum(),
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
            MessageEnd::Sent if log_sent => "send",
            MessageEnd::Delivered if log_received => "recv",
            MessageEnd::Sent | MessageEnd::Delivered => return,
        };
        let MessageEvent { message, src, dest, body, .. } = passage;
        let line =
            format!("{word} {{\"id\":{message},\"src\":\"{src}\",\"dest\":\"{dest}\",\"body\":{body}}}");
        passages.borrow_mut().push(text::escape_lines(&line));
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
