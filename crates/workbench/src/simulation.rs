//! The same test under virtual time: nodes inside this process, no waiting, and the same seed gives the same run to the byte.
//!
//! ```
//! use glomers::simulation::Simulation;
//! # use glomers_node::{Node, Router, RpcError, protocol::{Body, Request}};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Serialize, Deserialize)] struct Echo { echo: String }
//! # #[derive(Serialize, Deserialize)] struct EchoOk { echo: String }
//! # impl Body for Echo { const TYPE: &'static str = "echo"; }
//! # impl Body for EchoOk { const TYPE: &'static str = "echo_ok"; }
//! # impl Request for Echo { type Reply = EchoOk; }
//! # struct EchoServer;
//! # impl EchoServer {
//! #     fn new(_: Node) -> Self { Self }
//! #     async fn echo(&self, request: Echo) -> Result<EchoOk, RpcError> { Ok(EchoOk { echo: request.echo }) }
//! # }
//! let outcome = Simulation::new("echo").node_count(3).seed(7).run(|node| Router::new(EchoServer::new(node)).on(EchoServer::echo));
//! outcome.assert_valid();
//! ```

use std::{ops::Range, sync::atomic::AtomicUsize, time::Duration};

use glomers_check::{AvailabilityGoal, Mode, Operation, Validity, Value};
use glomers_node::{Node, Router, Time};
use glomers_world::{ClockKind, Journal, LatencyDistribution, World, WorldOptions};

use crate::{
    analysis::Analysis,
    conclusion::Conclusion,
    expect,
    plan::{Plan, numbered_nodes},
    report::perf::Latencies,
    runner::{Event, Hosting, Observer, RunError, Runner},
    settings, workloads,
};

/// A test to come. Unless something else is said, it is what `glomers test` does without options, with seed 0.
#[derive(Debug, Clone)]
#[must_use = "a simulation does nothing until it is run"]
pub struct Simulation {
    plan: Plan,
    mode: Mode,
}

/// The seeds that a test of many runs tries: so many as the environment's `GLOMERS_SEEDS` says, or else this many, few enough not to be
/// waited for.
///
/// # Panics
/// When `GLOMERS_SEEDS` is no number.
pub fn seeds(default_count: u64) -> Range<u64> {
    let asked = std::env::var("GLOMERS_SEEDS").ok();
    let parse =
        |text: String| text.parse().unwrap_or_else(|_| panic!("GLOMERS_SEEDS is {text:?}, and no number"));
    0..asked.map_or(default_count, parse)
}

/// What a simulated test came to.
#[derive(Debug)]
pub struct Outcome {
    /// The verdict over all checkers.
    pub validity: Validity,
    /// The verdict in one sentence.
    pub sentence: String,
    /// What a person should know, the most important first.
    pub findings: Vec<String>,
    /// The results map, as `results.edn` holds it.
    pub results: Value,
    /// Every operation, in order.
    pub history: Vec<Operation>,
    /// The journal, as `run.journal` holds it.
    pub journal: Vec<u8>,
    /// The hash over every event: equal for equal runs.
    pub trace_hash: u64,
    /// How long the run was in its own time.
    pub virtual_time: Duration,
    /// What all chance was drawn from.
    pub seed: u64,
    latencies: Latencies,
}

impl Simulation {
    /// A test of this workload.
    ///
    /// # Panics
    /// When there is no such workload; the text lists those that there are.
    pub fn new(workload: &str) -> Self {
        let known: Vec<_> = workloads::names().collect();
        assert!(
            known.contains(&workload),
            "there is no workload {workload:?}; there are {}",
            known.join(", ")
        );
        Self { plan: Plan::new(workload, 0), mode: Mode::Strict }
    }

    /// How many nodes, named `n0`, `n1`, …; each gets one client unless [`Simulation::concurrency`] follows.
    pub fn node_count(mut self, count: usize) -> Self {
        self.plan.nodes = numbered_nodes(count);
        self.plan.concurrency = count;
        self
    }

    /// How many clients work at once.
    pub fn concurrency(mut self, clients: usize) -> Self {
        self.plan.concurrency = clients;
        self
    }

    /// The mean number of operations a second, over all clients.
    pub fn rate_hz(mut self, rate_hz: f64) -> Self {
        self.plan.rate_hz = rate_hz;
        self
    }

    /// How long operations are invoked, in virtual time.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.plan.time_limit = limit;
        self
    }

    /// The mean delay between nodes in milliseconds, and how delays are spread.
    pub fn latency(mut self, mean_ms: f64, distribution: LatencyDistribution) -> Self {
        self.plan.latency.mean_ms = mean_ms;
        self.plan.latency.distribution = distribution;
        self
    }

    /// The faults to inject, by name, and the mean pause between two of their actions.
    pub fn nemesis(mut self, faults: &[&str], interval: Duration) -> Self {
        self.plan.nemesis = faults.iter().map(|&name| name.to_owned()).collect();
        self.plan.nemesis_interval = interval;
        self
    }

    /// An option of the workload or of a fault, by its name on the command line. It follows [`Simulation::nemesis`].
    ///
    /// # Panics
    /// When it means nothing to either, or may not have this value.
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        let setting = settings::find(name, &self.plan).unwrap_or_else(|error| panic!("{error}"));
        self.plan.settings.set(setting, value).unwrap_or_else(|error| panic!("{error}"));
        self
    }

    /// The share of operations that must succeed.
    pub fn availability(mut self, goal: AvailabilityGoal) -> Self {
        self.plan.availability = goal;
        self
    }

    /// How long the nodes may recover from faults before the final operations, in virtual time.
    pub fn recovery_time(mut self, recovery: Duration) -> Self {
        self.plan.recovery = recovery;
        self
    }

    /// What a figure must be, such as `net.servers.msgs-per-op<20`; a miss makes the run invalid.
    ///
    /// # Panics
    /// When the text is no comparison.
    pub fn expect(mut self, comparison: &str) -> Self {
        self.plan.expectations.push(comparison.parse().unwrap_or_else(|error| panic!("{error}")));
        self
    }

    /// Ends the run at the first violation that is seen while it goes on.
    pub fn fail_fast(mut self) -> Self {
        self.plan.fail_fast = true;
        self
    }

    /// What all chance is drawn from.
    pub fn seed(mut self, seed: u64) -> Self {
        self.plan.seed = seed;
        self
    }

    /// Whether the verdict is ours or upstream's.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Runs it on nodes made by `start`, which stands for the node's program.
    pub fn run<S: 'static>(&self, start: impl Fn(Node) -> Router<S> + 'static) -> Outcome {
        let workload = workloads::named(&self.plan.workload);
        let options = WorldOptions {
            latency: self.plan.latency,
            ..WorldOptions::new(ClockKind::Virtual, self.plan.seed)
        };
        let world = World::new(options, Journal::in_memory());
        let mut recorder = Recorder { analysis: Analysis::new(&self.plan, self.mode), history: Vec::new() };
        let never = AtomicUsize::new(0);
        let hosting = Hosting::in_process(start);
        let runner =
            Runner::new(&self.plan, world, hosting, (workload.build)(&self.plan), &mut recorder, &never);
        let ended = runner.run().unwrap_or_else(|error| unreachable_in_memory(&error));
        let conclusion = Conclusion::draw(&self.plan, ended, recorder.analysis);
        let conclusion = conclusion.unwrap_or_else(|error| unreachable_in_memory(&RunError::Journal(error)));
        Outcome {
            validity: conclusion.validity,
            sentence: conclusion.sentence,
            findings: conclusion.findings.into_iter().map(|finding| finding.sentence).collect(),
            results: conclusion.results,
            history: recorder.history,
            journal: conclusion.journal.unwrap_or_default(),
            trace_hash: conclusion.trace_hash,
            virtual_time: conclusion.ended_at.since(Time::ZERO),
            seed: self.plan.seed,
            latencies: conclusion.perf.summary().ok,
        }
    }
}

impl Outcome {
    /// Returns the outcome if it is valid.
    ///
    /// # Panics
    /// When it is not, with the sentence, the findings and the seed.
    pub fn assert_valid(&self) -> &Self {
        assert!(
            self.validity == Validity::Valid,
            "seed {}: {}\n{}",
            self.seed,
            self.sentence,
            self.findings.join("\n")
        );
        self
    }

    /// Asserts that another run was the same to the byte: every event, every operation, the whole journal.
    ///
    /// # Panics
    /// When it was not, with the first operation in which they differ.
    pub fn assert_same_run(&self, other: &Self) {
        let differing = self.history.iter().zip(&other.history).find(|(one, other)| one != other);
        assert!(differing.is_none(), "the runs differ: {differing:?}");
        assert_eq!(self.history.len(), other.history.len(), "one run goes on after the other has ended");
        assert_eq!(self.trace_hash, other.trace_hash, "the same operations, but other events");
        assert!(self.journal == other.journal, "the same events, but other journals");
    }

    /// A figure of the results by its path, as expectations name it: `net.servers.msgs-per-op`, `stable-latency.p50` (in milliseconds).
    pub fn figure(&self, path: &str) -> Option<f64> {
        expect::figure(&self.results, &self.latencies, path)
    }

    /// The history as `history.edn` holds it.
    pub fn history_edn(&self) -> String {
        self.history.iter().map(|operation| format!("{operation}\n")).collect()
    }
}

/// A simulation spawns no process and writes no file, so that nothing outside can fail.
fn unreachable_in_memory(error: &RunError) -> ! {
    panic!("a run in memory failed: {error}")
}

struct Recorder {
    analysis: Analysis,
    history: Vec<Operation>,
}

impl Observer for Recorder {
    fn event(&mut self, _: &Event<'_>) {}

    fn operation(&mut self, operation: &Operation) {
        self.analysis.observe(operation);
        self.history.push(operation.clone());
    }

    fn turn(&mut self, _: &World, _: Time) {}

    fn has_failed(&self) -> bool {
        self.analysis.has_failed()
    }
}
