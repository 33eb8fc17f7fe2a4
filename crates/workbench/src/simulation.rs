//! A test of a node under virtual time: the nodes run inside this process, nothing waits, and the same seed gives the same run to the
//! byte.
//!
//! ```
//! use glomers_workbench::{Simulation, seeds};
//! # use glomers_node::{Node, Router, RpcError, protocol::{Body, Request}};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Serialize, Deserialize)] struct Echo { echo: String }
//! # #[derive(Serialize, Deserialize)] struct EchoOk { echo: String }
//! # impl Body for Echo { const TYPE: &'static str = "echo"; }
//! # impl Body for EchoOk { const TYPE: &'static str = "echo_ok"; }
//! # impl Request for Echo { type Reply = EchoOk; }
//! # struct EchoServer;
//! # impl EchoServer {
//! #     fn router(_: Node) -> Router<Self> { Router::new(Self).on(Self::echo) }
//! #     async fn echo(&self, request: Echo) -> Result<EchoOk, RpcError> { Ok(EchoOk { echo: request.echo }) }
//! # }
//! let simulation = Simulation::new("echo").node_count(3);
//! for outcome in simulation.sweep(seeds(5), EchoServer::router) {
//!     outcome.assert_valid();
//! }
//! simulation.seed(7).assert_deterministic(EchoServer::router);
//! ```

use std::{num::NonZero, ops::Range, sync::atomic::AtomicUsize, time::Duration};

use glomers_check::{AvailabilityGoal, Finding, Mode, Operation, Validity, Value};
use glomers_node::{Node, Router, Time};
use glomers_world::{ClockKind, Journal, LatencyDistribution, World, WorldOptions, journal::JournalReader};

use crate::{
    cluster::Hosting,
    plan::{FaultScript, KillStorage, Plan, numbered_nodes},
    registry::{self, PlanError},
    replay::Replay,
    run::{Event, Observer, RunError, Runner},
    shrink::{self, Shrunk},
    sweep::{self, Behaviour, Report, SeedResult, Swarm},
    trail::Trail,
    verdict::{self, Analysis, Conclusion, Failure, Warning, perf::Latencies},
    workloads,
};

/// A test that has not run yet. Its defaults are those of `glomers test`, with seed 0.
#[derive(Debug, Clone)]
#[must_use = "a simulation does nothing until it is run"]
pub struct Simulation {
    plan: Plan,
    settings: Vec<(String, String)>,
    mode: Mode,
}

/// The seeds of a test with many runs: from the environment variable `GLOMERS_FIRST_SEED`, or else 0, as many as `GLOMERS_SEEDS` says, or
/// else `default_count`.
///
/// # Panics
/// When one of them is not a number.
#[track_caller]
pub fn seeds(default_count: u64) -> Range<u64> {
    let number = |name, default| {
        std::env::var(name).map_or(default, |text| {
            text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}, where a number was expected"))
        })
    };
    let first: u64 = number("GLOMERS_FIRST_SEED", 0);
    first..first.saturating_add(number("GLOMERS_SEEDS", default_count))
}

/// The result of a simulated test.
#[derive(Debug)]
pub struct Outcome {
    /// The verdict over all checkers.
    pub validity: Validity,
    /// What is wrong, apart from the values that it happened to; none unless the run is invalid.
    pub failure: Option<Failure>,
    /// The verdict in one sentence.
    pub sentence: String,
    /// The finding that the sentence quotes.
    pub headline: Option<Finding>,
    /// What else decides the verdict, the most important first.
    pub findings: Vec<String>,
    /// What a person should know although it decides nothing.
    pub warnings: Vec<Warning>,
    /// The results map, as `results.edn` holds it.
    pub results: Value,
    /// Every operation, in order.
    pub history: Vec<Operation>,
    /// The faults that were injected, as a script for [`Simulation::nemesis_script`] that repeats them.
    pub faults: String,
    /// What repeats the run operation by operation; see [`Simulation::replay`].
    pub replay: Replay,
    /// The journal, as `run.journal` holds it.
    pub journal: Vec<u8>,
    /// A hash over every event: equal for equal runs.
    pub trace_hash: u64,
    /// How long the run took in virtual time.
    pub virtual_time: Duration,
    /// The seed.
    pub seed: u64,
    trail: Option<Trail>,
    latencies: Latencies,
}

impl Simulation {
    /// A test with this workload.
    pub fn new(workload: &str) -> Self {
        Self { plan: Plan::new(workload, 0), settings: Vec::new(), mode: Mode::Strict }
    }

    /// The test that a replay describes, as [`Outcome::replay`] or a shrunk run has it.
    ///
    /// # Panics
    /// When the text is no replay, with the line and the reason.
    #[track_caller]
    pub fn replay(text: &str) -> Self {
        match text.parse::<Replay>() {
            Ok(replay) => Self { plan: replay.plan().clone(), settings: Vec::new(), mode: Mode::Strict },
            Err(error) => panic!("this is no replay: {error}"),
        }
    }

    /// A test that is hard on the nodes: five nodes, ten clients, 20 operations a second for 30 s, exponential latency with a mean of
    /// 20 ms, and these faults, each starting or stopping every two seconds on average.
    pub fn under_stress(workload: &str, faults: &[&str]) -> Self {
        Self::new(workload)
            .node_count(5)
            .concurrency(10)
            .rate_hz(20.0)
            .time_limit(Duration::from_secs(30))
            .latency(20.0, LatencyDistribution::Exponential)
            .nemesis(faults, Duration::from_secs(2))
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

    /// The mean delay between nodes in milliseconds, and how delays are distributed.
    pub fn latency(mut self, mean_ms: f64, distribution: LatencyDistribution) -> Self {
        self.plan.latency.mean_ms = mean_ms;
        self.plan.latency.distribution = distribution;
        self
    }

    /// The faults to inject, by name, and the mean pause between two of their actions. [`crate::nemeses::all`] names them all.
    pub fn nemesis(mut self, faults: &[&str], interval: Duration) -> Self {
        self.plan.nemesis = faults.iter().map(|&name| name.to_owned()).collect();
        self.plan.nemesis_interval = interval;
        self
    }

    /// Faults at given times, in the language that [`crate::nemeses::script`] describes. They come beside the random ones.
    pub fn nemesis_script(mut self, script: &str) -> Self {
        self.plan.nemesis_script = Some(FaultScript::new(script));
        self
    }

    /// What a kill takes from the nodes' [`Storage`](glomers_node::Storage).
    pub fn kill_storage(mut self, left: KillStorage) -> Self {
        self.plan.nemesis_kill_storage = left;
        self
    }

    /// How long after the first operation the first random fault may begin, in virtual time.
    pub fn nemesis_delay(mut self, delay: Duration) -> Self {
        self.plan.nemesis_delay = delay;
        self
    }

    /// An option of the workload or of a fault, by its name on the command line.
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
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

    /// The limit for a figure, such as `net.servers.msgs-per-op<20`. A run that misses it is invalid.
    ///
    /// # Panics
    /// When the text is not a comparison.
    #[track_caller]
    pub fn expect(mut self, comparison: &str) -> Self {
        match comparison.parse() {
            Ok(expectation) => self.plan.expectations.push(expectation),
            Err(error) => panic!("{error}"),
        }
        self
    }

    /// Ends the run at the first violation that a checker sees during the run.
    pub fn fail_fast(mut self) -> Self {
        self.plan.fail_fast = true;
        self
    }

    /// The random seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.plan.seed = seed;
        self
    }

    /// Whether the verdict is ours or Maelstrom's.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Runs the test on nodes made by `start`, which takes the place of the node's program.
    ///
    /// # Panics
    /// When the test can't be carried out: an unknown workload, fault or setting, a number out of its range. The command line refuses
    /// the same with the same sentence.
    #[track_caller]
    pub fn run<S: 'static>(&self, start: impl Fn(Node) -> Router<S> + 'static) -> Outcome {
        let plan = self.plan().unwrap_or_else(|error| panic!("this simulation can't be run: {error}"));
        let hosting = Hosting::in_process(start);
        let (mut conclusion, history) =
            simulate(&plan, self.mode, virtual_world(&plan, Journal::in_memory()), hosting);
        let journal = conclusion.journal.take().unwrap_or_default();
        conclusion.explain(|| JournalReader::new(&journal[..]).map_while(Result::ok), self.mode);
        Outcome {
            validity: conclusion.validity,
            failure: conclusion.failure,
            sentence: conclusion.sentence,
            headline: conclusion.headline,
            findings: conclusion.findings.into_iter().map(|finding| finding.sentence).collect(),
            warnings: conclusion.warnings,
            results: conclusion.results,
            replay: Replay::of_run(&plan, &history, &conclusion.faults),
            history,
            faults: conclusion.faults.text().to_owned(),
            journal,
            trail: conclusion.trail,
            trace_hash: conclusion.trace_hash,
            virtual_time: conclusion.ended_at.since(Time::ZERO),
            seed: plan.seed,
            latencies: conclusion.perf.summary().ok,
        }
    }

    /// Runs the test, and if it is invalid, makes the run smaller as long as it fails in the same way. None if it is not invalid.
    ///
    /// Takes up to [`shrink::DEFAULT_MAX_RUNS`] runs, most of them much shorter than the first.
    ///
    /// # Panics
    /// When the test can't be carried out, as with [`Simulation::run`], and when the nodes are not deterministic: then a run does not repeat
    /// its failure.
    #[track_caller]
    pub fn shrink<S: 'static>(&self, start: impl Fn(Node) -> Router<S> + Clone + 'static) -> Option<Shrunk> {
        let outcome = self.run(start.clone());
        let failure = outcome.failure?;
        let mode = self.mode;
        let mut run = |plan: &Plan| {
            let (world, hosting) =
                (virtual_world(plan, Journal::hash_only()), Hosting::in_process(start.clone()));
            simulate(plan, mode, world, hosting).0.failure
        };
        let shrunk =
            shrink::shrink(&outcome.replay, &failure, shrink::DEFAULT_MAX_RUNS, &mut run, &mut |_| true);
        Some(shrunk.unwrap_or_else(|error| panic!("seed {}: {error}", outcome.seed)))
    }

    /// Runs the test once for each seed, as the iterator is advanced.
    pub fn sweep<S: 'static>(
        &self,
        seeds: Range<u64>,
        start: impl Fn(Node) -> Router<S> + Clone + 'static,
    ) -> impl Iterator<Item = Outcome> {
        let simulation = self.clone();
        seeds.map(move |seed| simulation.clone().seed(seed).run(start.clone()))
    }

    /// Runs the test once for each seed, on all CPUs, each time with other nodes, clients, faults, latencies and rates, drawn within the bounds
    /// that this simulation sets; see [`sweep::vary`]. The report groups the failures.
    ///
    /// # Panics
    /// When the test can't be carried out, as with [`Simulation::run`].
    #[track_caller]
    pub fn swarm<S: 'static>(
        &self,
        seeds: Range<u64>,
        start: impl Fn(Node) -> Router<S> + Clone + Send + Sync + 'static,
    ) -> Report {
        let plan = self.plan().unwrap_or_else(|error| panic!("this simulation can't be run: {error}"));
        let mode = self.mode;
        let run = |seed| {
            let (plan, variation) = sweep::vary(&plan, Swarm::ALL, seed);
            let (mut world, hosting) =
                (virtual_world(&plan, Journal::hash_only()), Hosting::in_process(start.clone()));
            let behaviour = Behaviour::watch(&mut world);
            let (conclusion, _) = simulate(&plan, mode, world, hosting);
            Some(SeedResult::new(seed, variation, &conclusion, behaviour.take()))
        };
        let thread_count = std::thread::available_parallelism().map_or(1, NonZero::get);
        sweep::sweep(seeds, thread_count, &run, &mut |_| true)
    }

    /// Runs the test twice, and returns the outcome.
    ///
    /// # Panics
    /// When the runs differ, with the first operation at which they do.
    #[track_caller]
    pub fn assert_deterministic<S: 'static>(
        &self,
        start: impl Fn(Node) -> Router<S> + Clone + 'static,
    ) -> Outcome {
        let (one, other) = (self.run(start.clone()), self.run(start));
        let difference = one.history.iter().zip(&other.history).find(|(one, other)| one != other);
        assert!(difference.is_none(), "two runs with seed {} differ: {difference:?}", one.seed);
        assert_eq!(one.history.len(), other.history.len(), "one run goes on after the other has ended");
        assert_eq!(one.trace_hash, other.trace_hash, "the operations are equal, but other events are not");
        assert!(one.journal == other.journal, "the events are equal, but the journals are not");
        one
    }

    fn plan(&self) -> Result<Plan, PlanError> {
        let mut plan = self.plan.clone();
        registry::check_plan(&plan)?;
        for (name, value) in &self.settings {
            plan.settings.set(registry::find_setting(name, &plan)?, value)?;
        }
        Ok(plan)
    }
}

impl Outcome {
    /// Returns the outcome if it is valid.
    ///
    /// # Panics
    /// When it is not, with the sentence, the findings and the seed.
    #[track_caller]
    pub fn assert_valid(&self) -> &Self {
        assert!(self.validity == Validity::Valid, "{}", self.describe());
        self
    }

    /// Returns the outcome if it is invalid, and its sentence or one of its findings contains `text`.
    ///
    /// # Panics
    /// When it is not, with the sentence, the findings and the seed.
    #[track_caller]
    pub fn assert_invalid(&self, text: &str) -> &Self {
        assert!(self.validity == Validity::Invalid, "expected an invalid run: {}", self.describe());
        let is_said =
            self.sentence.contains(text) || self.findings.iter().any(|finding| finding.contains(text));
        assert!(is_said, "nothing says {text:?}: {}", self.describe());
        self
    }

    /// A figure of the results by its path, as expectations name it: `net.servers.msgs-per-op`, `stable-latency.p50` (in milliseconds).
    /// `None` where the results don't have it.
    ///
    /// # Panics
    /// When no run has a figure of that name.
    #[track_caller]
    pub fn figure(&self, path: &str) -> Option<f64> {
        match path.parse() {
            Ok(figure) => verdict::figure(&figure, &self.results, &self.latencies),
            Err(reason) => panic!("{path:?} names no figure: {reason}"),
        }
    }

    /// The history as `history.edn` holds it.
    pub fn history_edn(&self) -> String {
        self.history.iter().map(|operation| format!("{operation}\n")).collect()
    }

    /// What happened to what the first finding of an invalid run speaks of; none if it names nothing that is in the journal.
    pub fn trail(&self) -> Option<&Trail> {
        self.trail.as_ref()
    }

    fn describe(&self) -> String {
        let warnings = self.warnings.iter().map(|warning| format!("\nWarning: {}", warning.sentence));
        let warnings: String = warnings.collect();
        let trail = self.trail().map(|trail| format!("\n{trail}")).unwrap_or_default();
        format!("seed {}: {}\n{}{trail}{warnings}", self.seed, self.sentence, self.findings.join("\n"))
    }
}

/// Carries out a plan in a world that is still empty, and returns what it came to with its history. A signal's number may be put into
/// `signal` at any time; it ends the run.
///
/// # Errors
/// [`RunError`], when a node can't be started. Nodes inside this process always can.
pub fn carry_out(
    plan: &Plan,
    mode: Mode,
    world: World,
    hosting: Hosting,
    signal: &AtomicUsize,
) -> Result<(Conclusion, Vec<Operation>), RunError> {
    let mut recorder = Recorder { analysis: Analysis::new(plan, mode), history: Vec::new() };
    let workload = workloads::named(&plan.workload).workload(plan, mode);
    let ended = Runner::new(plan, world, hosting, workload, &mut recorder, signal).run()?;
    Ok((Conclusion::draw(plan, ended, recorder.analysis)?, recorder.history))
}

/// An empty world under virtual time.
pub fn virtual_world(plan: &Plan, journal: Journal) -> World {
    let options = WorldOptions { latency: plan.latency, ..WorldOptions::new(ClockKind::Virtual, plan.seed) };
    World::new(options, journal)
}

/// Carries out a plan with nodes inside this process.
fn simulate(plan: &Plan, mode: Mode, world: World, hosting: Hosting) -> (Conclusion, Vec<Operation>) {
    let never = AtomicUsize::new(0);
    carry_out(plan, mode, world, hosting, &never).unwrap_or_else(|error| unreachable_in_memory(&error))
}

/// A simulation starts no process and writes no file, so nothing outside of it can fail.
fn unreachable_in_memory(error: &RunError) -> ! {
    panic!("a run in memory failed: {error}")
}

struct Recorder {
    analysis: Analysis,
    history: Vec<Operation>,
}

impl Observer for Recorder {
    fn event(&mut self, event: &Event<'_>) {
        self.analysis.observe_event(event);
    }

    fn operation(&mut self, operation: &Operation) {
        self.analysis.observe(operation);
        self.history.push(operation.clone());
    }

    fn turn(&mut self, _: &World, _: Time) {}

    fn has_failed(&self) -> bool {
        self.analysis.has_failed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(simulation: &Simulation) -> Outcome {
        simulation.run(|_| Router::new(()))
    }

    #[test]
    #[should_panic(expected = "there is no workload \"meteor\"")]
    fn an_unknown_workload_is_refused() {
        run(&Simulation::new("meteor"));
    }

    #[test]
    #[should_panic(expected = "there is no fault \"meteor\"")]
    fn an_unknown_fault_is_refused() {
        run(&Simulation::new("echo").nemesis(&["partition", "meteor"], Duration::from_secs(1)));
    }

    #[test]
    #[should_panic(expected = "the interval of the nemesis must be above 0")]
    fn faults_without_a_pause_are_refused() {
        run(&Simulation::new("echo").nemesis(&["partition"], Duration::ZERO));
    }

    #[test]
    #[should_panic(expected = "the number of nodes must be from 1")]
    fn a_cluster_without_nodes_is_refused() {
        run(&Simulation::new("echo").node_count(0));
    }

    #[test]
    #[should_panic(expected = "--key-count would do nothing")]
    fn a_setting_of_another_workload_is_refused() {
        run(&Simulation::new("echo").setting("key-count", "3"));
    }

    #[test]
    fn a_setting_may_come_before_the_fault_that_it_belongs_to() {
        let simulation = Simulation::new("echo")
            .setting("nemesis-loss-probability", "0.5")
            .nemesis(&["loss"], Duration::from_secs(1));
        assert!(simulation.plan().is_ok());
    }

    #[test]
    fn a_node_that_knows_no_message_is_not_valid() {
        assert_ne!(run(&Simulation::new("echo").node_count(1)).validity, Validity::Valid);
    }
}
