//! `glomers test`: the options, the plan that they make, and its run or runs.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, ValueEnum, builder::PossibleValuesParser};
use glomers_check::{AvailabilityGoal, Mode};
use glomers_protocol::NodeId;
use glomers_workbench::{
    nemeses,
    plan::{Concurrency, FaultScript, Plan, expectation::Expectation, numbered_nodes},
    registry, workloads,
};
use glomers_world::{ClockKind, Latency, LatencyDistribution};

use super::{
    exit::{CliError, ExitStatus},
    output::{self, OutputError},
    progress::Terminal,
    results::RunResults,
    settings::SettingArguments,
    terminal::{self, Format},
    values,
};
use crate::{
    determinism::first_difference,
    execution::{self, Report, Request},
    run_directory::{history, manifest::NodeProgram},
    shell,
};

/// The options of `glomers test`.
#[derive(Debug, Args)]
pub(crate) struct TestArguments {
    /// The workload: the operations of the clients, and how they are checked.
    #[arg(short, long, value_name = "NAME", default_value = "lin-kv", value_parser = PossibleValuesParser::new(workloads::names()))]
    workload: String,

    /// The program that every node runs. It gets the environment of this command.
    #[arg(long, value_name = "FILE")]
    bin: PathBuf,

    /// How many nodes to run, named n0, n1, …. Without this option there are five, n1 to n5.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1000))]
    node_count: Option<u16>,

    /// A node to run, by name; may be repeated.
    #[arg(short = 'n', long = "node", value_name = "NAME")]
    node: Vec<String>,

    /// The nodes to run, separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    nodes: Vec<String>,

    /// A file with the names of the nodes to run, one a line.
    #[arg(long, value_name = "FILE")]
    nodes_file: Option<PathBuf>,

    /// How long to invoke operations, in seconds unless a unit is given.
    #[arg(long, value_name = "TIME", default_value = "60", value_parser = values::seconds)]
    time_limit: Duration,

    /// The mean number of operations a second, over all clients; 0 means none.
    #[arg(long, value_name = "HZ", default_value = "5", value_parser = values::rate_hz)]
    rate: f64,

    /// How many clients work at once: a number such as 10, or a number for each node such as 2n.
    #[arg(long, value_name = "NUMBER", default_value = "1n")]
    concurrency: Concurrency,

    /// The mean delay between nodes, in milliseconds unless a unit is given. Links with clients have none.
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = values::milliseconds)]
    latency: Duration,

    /// How the delays are distributed; uniform is from 0 to twice the mean.
    #[arg(long, value_name = "KIND", default_value = "constant")]
    latency_dist: Distribution,

    /// The faults to inject, separated by commas.
    #[arg(long, value_name = "FAULTS", value_delimiter = ',', value_parser = PossibleValuesParser::new(nemeses::names()))]
    nemesis: Vec<String>,

    /// The mean pause between two actions of the nemesis, in seconds unless a unit is given.
    #[arg(long, value_name = "TIME", default_value = "10", value_parser = values::positive_seconds)]
    nemesis_interval: Duration,

    /// How long after the first operation the first random fault may begin, in seconds unless a unit is given.
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = values::seconds)]
    nemesis_delay: Duration,

    /// A file with faults and their times, such as `at 2s for 4s cut n1 from n2, n3`; see `glomers explain nemesis-script`.
    #[arg(long, value_name = "FILE")]
    nemesis_script: Option<PathBuf>,

    /// The share of operations that must succeed: `total`, or a number from 0 to 1. Without this option, there is no minimum.
    #[arg(long, value_name = "SHARE", value_parser = values::availability)]
    availability: Option<AvailabilityGoal>,

    /// How long the nodes may recover from faults before a workload's final operations, in seconds unless a unit is given.
    #[arg(long, value_name = "TIME", default_value = "10", value_parser = values::seconds)]
    recovery_time: Duration,

    /// A limit for a figure of the results, such as net.servers.msgs-per-op<20 or stable-latency.p50<400ms; may be repeated.
    #[arg(long, value_name = "COMPARISON")]
    expect: Vec<Expectation>,

    /// End the run at the first violation.
    #[arg(long)]
    fail_fast: bool,

    #[command(flatten)]
    settings: SettingArguments,

    /// How many entries history.edn and history.txt hold at most. The journal has no such limit.
    #[arg(long, value_name = "NUMBER", default_value_t = history::DEFAULT_LIMIT)]
    history_limit: u64,

    /// Run the nodes under virtual time: as fast as they compute, and the same again for the same seed. Needs x86-64 Linux.
    #[arg(long = "virtual")]
    is_virtual: bool,

    /// With --virtual: run each test twice, and show where the two runs first differ, if they do.
    #[arg(long, requires = "is_virtual")]
    check_determinism: bool,

    /// Show what the nodes print to stderr.
    #[arg(long)]
    log_stderr: bool,

    /// Log every message as it is sent.
    #[arg(long)]
    log_net_send: bool,

    /// Log every message as it is received.
    #[arg(long)]
    log_net_recv: bool,

    /// How many times to run the test; each run takes the next seed.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    test_count: u32,

    /// The random seed. Without this option a new one is drawn and printed.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// The directory that holds the runs.
    #[arg(long, value_name = "DIR", default_value = "store")]
    store: PathBuf,

    /// Use Maelstrom's verdict where ours is stricter.
    #[arg(long)]
    compat: bool,

    /// What to print on stdout at the end.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,

    /// Also write the verdicts to this file as JUnit XML, one test for each run.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    #[command(flatten)]
    ignored: IgnoredArguments,

    /// Arguments for the node's program: everything after `--`.
    #[arg(value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

/// Options of Maelstrom that concern SSH. They do nothing here; scripts may keep passing them.
#[derive(Debug, Args)]
struct IgnoredArguments {
    #[arg(long, hide = true)]
    no_ssh: bool,
    #[arg(long, hide = true)]
    ssh_private_key: Option<String>,
    #[arg(long, hide = true)]
    strict_host_key_checking: bool,
    #[arg(long, hide = true)]
    username: Option<String>,
    #[arg(long, hide = true)]
    password: Option<String>,
    #[arg(long, hide = true)]
    leave_db_running: bool,
    #[arg(long, hide = true)]
    logging_json: bool,
}

/// `--latency-dist`.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Distribution {
    Constant,
    Uniform,
    Exponential,
}

impl TestArguments {
    pub(crate) fn run(mut self, command_line: &[String]) -> Result<ExitStatus, CliError> {
        let (format, is_one_of_many) = (self.format, self.test_count > 1);
        let junit = self.junit.take();
        let mut results = RunResults::default();
        let status = self.carry_out(command_line, &mut |report| {
            results.add(&format!("{}, seed {}", report.workload, report.seed), report);
            terminal::print(report, format)
        });
        // The summary is printed even if a run could not be carried out.
        if is_one_of_many && format == Format::Human {
            output::print(&results.summary())?;
        }
        results.write_junit("glomers test", junit.as_deref())?;
        status
    }

    /// Carries out the runs, and shows the result of each.
    pub(crate) fn carry_out(
        self,
        command_line: &[String],
        show: &mut dyn FnMut(&Report) -> Result<(), OutputError>,
    ) -> Result<ExitStatus, CliError> {
        let program = self.program()?;
        let first_seed = self.seed.unwrap_or_else(execution::fresh_seed);
        let mut plan = self.plan(first_seed)?;
        let mut status = ExitStatus::Valid;
        for number in 0..self.test_count {
            plan.seed = first_seed.wrapping_add(u64::from(number));
            let argv = shell::with_seed(command_line, plan.seed);
            let mut terminal = Terminal::new(&plan, self.clock());
            let request = Request {
                plan: &plan,
                program: &program,
                store: &self.store,
                mode: self.mode(),
                clock: self.clock(),
                log_stderr: self.log_stderr,
                log_sent: self.log_net_send,
                log_received: self.log_net_recv,
                history_limit: self.history_limit,
                argv: &argv,
            };
            let report = execution::run(&request, &mut terminal)?;
            terminal.finish();
            for problem in &report.problems {
                output::note(&format!("warning: {problem}"));
            }
            show(&report)?;
            status = status.worst(terminal::exit_status(&report));
            if self.check_determinism && !matches!(status, ExitStatus::Interrupted { .. }) {
                status = status.worst(repeat_and_compare(&request, &report)?);
            }
            if matches!(status, ExitStatus::Interrupted { .. }) {
                break;
            }
        }
        Ok(status)
    }

    pub(crate) fn mode(&self) -> Mode {
        if self.compat { Mode::Compat } else { Mode::Strict }
    }

    pub(crate) fn store(&self) -> &Path {
        &self.store
    }

    fn clock(&self) -> ClockKind {
        if self.is_virtual { ClockKind::Virtual } else { ClockKind::Real }
    }

    /// The program as an absolute path, checked to be an executable file.
    pub(crate) fn program(&self) -> Result<NodeProgram, CliError> {
        let error = |problem, advice: &str| CliError::Program {
            problem,
            path: self.bin.clone(),
            advice: advice.to_owned(),
        };
        let metadata = fs::metadata(&self.bin).map_err(|cause| match cause.kind() {
            std::io::ErrorKind::NotFound => error(
                "--bin names a file that does not exist",
                "The path is relative to the current directory; PATH is not searched. Has the node been built?",
            ),
            _ => error("--bin names a file that can't be opened", &format!("The system says: {cause}.")),
        })?;
        if !metadata.is_file() {
            return Err(error(
                "--bin names something that is not a file",
                "Name the program itself, not its directory.",
            ));
        }
        if metadata.permissions().mode() & 0o111 == 0 {
            return Err(error(
                "--bin names a file that is not executable",
                &format!("Run `chmod +x {}`.", self.bin.display()),
            ));
        }
        let program =
            self.bin.canonicalize().map_err(|cause| error("--bin can't be resolved", &cause.to_string()))?;
        Ok(NodeProgram { program, arguments: self.arguments.clone() })
    }

    pub(crate) fn plan(&self, seed: u64) -> Result<Plan, CliError> {
        let mut plan = Plan::new(&self.workload, seed);
        if let Some(count) = self.node_count {
            plan.nodes = numbered_nodes(usize::from(count));
        } else {
            let from_file = self.nodes_file.as_deref().map(read_names).transpose()?.unwrap_or_default();
            let names: Vec<&String> = self.nodes.iter().chain(&self.node).chain(&from_file).collect();
            if !names.is_empty() {
                plan.nodes = names.into_iter().map(|name| NodeId::from(name.as_str())).collect();
            }
        }
        plan.concurrency = self.concurrency.clients(plan.nodes.len());
        plan.rate_hz = self.rate;
        plan.time_limit = self.time_limit;
        plan.latency = Latency {
            mean_ms: self.latency.as_secs_f64() * 1e3,
            distribution: match self.latency_dist {
                Distribution::Constant => LatencyDistribution::Constant,
                Distribution::Uniform => LatencyDistribution::Uniform,
                Distribution::Exponential => LatencyDistribution::Exponential,
            },
        };
        plan.nemesis.clone_from(&self.nemesis);
        plan.nemesis_interval = self.nemesis_interval;
        plan.nemesis_delay = self.nemesis_delay;
        plan.nemesis_script =
            self.nemesis_script.as_deref().map(|path| read_script(path, &plan.nodes)).transpose()?;
        plan.availability = self.availability.unwrap_or(AvailabilityGoal::None);
        plan.recovery = self.recovery_time;
        plan.fail_fast = self.fail_fast;
        plan.expectations.clone_from(&self.expect);
        self.settings.apply(&mut plan)?;
        registry::check_plan(&plan)?;
        Ok(plan)
    }
}

/// Runs a test again, and says whether the second run was like the first.
fn repeat_and_compare(request: &Request<'_>, first: &Report) -> Result<ExitStatus, CliError> {
    let second = execution::run(request, &mut Terminal::quiet(request.plan))?;
    if second.conclusion.trace_hash == first.conclusion.trace_hash {
        output::print(&format!(
            "A second run with seed {} was the same, event by event.\n",
            request.plan.seed
        ))?;
        return Ok(ExitStatus::Valid);
    }
    let compared = first_difference(&first.directory, &second.directory);
    let text = match compared {
        Ok(Some(difference)) => difference.to_string(),
        Ok(None) => "The two runs have different hashes, but their journals are the same.".to_owned(),
        Err(error) => format!("The two runs differ, and their journals can't be compared: {error}."),
    };
    output::print(&format!("{text}\n  second run in {}\n", second.directory.display()))?;
    Ok(ExitStatus::Invalid)
}

/// The names in a file, one a line. Empty lines are ignored.
fn read_names(path: &Path) -> Result<Vec<String>, CliError> {
    let text = fs::read_to_string(path).map_err(|cause| {
        CliError::Arguments(format!("--nodes-file {} can't be read: {cause}.", path.display()))
    })?;
    Ok(text.lines().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// A script of faults that makes sense in a cluster of these nodes.
fn read_script(path: &Path, nodes: &[NodeId]) -> Result<FaultScript, CliError> {
    let refused =
        |problem: String| CliError::Arguments(format!("--nemesis-script {}{problem}", path.display()));
    let text = fs::read_to_string(path).map_err(|cause| refused(format!(" can't be read: {cause}.")))?;
    let script = FaultScript::new(text);
    nemeses::script::check(&script, nodes).map_err(|error| {
        refused(format!(", {error}. `glomers explain nemesis-script` shows the language."))
    })?;
    Ok(script)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    #[command(args_override_self = true)]
    struct Line {
        #[command(flatten)]
        test: TestArguments,
    }

    fn parse(line: &str) -> Result<TestArguments, clap::Error> {
        Line::try_parse_from(line.split_whitespace()).map(|line| line.test)
    }

    fn plan(line: &str) -> Plan {
        parse(line).expect("parses").plan(7).expect("makes sense")
    }

    #[test]
    fn the_defaults_are_maelstroms() {
        assert_eq!(plan("test -w echo --bin x"), Plan::new("echo", 7));
    }

    #[test]
    fn every_general_option_reaches_the_plan() {
        let plan = plan(
            "test --workload echo --bin x --node-count 3 --time-limit 1.5 --rate 100 --concurrency 4n --latency 10 \
             --latency-dist exponential --nemesis partition --nemesis-interval 2 --availability 0.9",
        );
        assert_eq!(plan.nodes, numbered_nodes(3));
        assert_eq!(plan.time_limit, Duration::from_millis(1500));
        assert_eq!((plan.rate_hz, plan.concurrency), (100.0, 12));
        assert_eq!(plan.latency, Latency { mean_ms: 10.0, distribution: LatencyDistribution::Exponential });
        assert_eq!(
            (plan.nemesis, plan.nemesis_interval),
            (vec!["partition".to_owned()], Duration::from_secs(2))
        );
        assert_eq!(plan.availability, AvailabilityGoal::Fraction(0.9));
    }

    #[test]
    fn arguments_for_the_node_may_follow_with_and_without_dashes() {
        assert_eq!(parse("test -w echo --bin x one two").expect("parses").arguments, ["one", "two"]);
        assert_eq!(
            parse("test -w echo --bin x -- one --two -w").expect("parses").arguments,
            ["one", "--two", "-w"]
        );
    }

    #[test]
    fn ssh_options_are_accepted_and_do_nothing() {
        let line = "test -w echo --bin x --no-ssh --ssh-private-key k --username u --password p --leave-db-running --logging-json";
        assert_eq!(parse(line).expect("parses").plan(7).expect("makes sense"), Plan::new("echo", 7));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for wrong in [
            "--rate -1",
            "--rate fast",
            "--rate NaN",
            "--time-limit -1",
            "--time-limit x",
            "--concurrency 0",
            "--concurrency n",
            "--latency -5",
            "--latency-dist normal",
            "--nemesis meteor",
            "--nemesis-interval 0",
            "--availability 2",
            "--node-count 0",
            "--test-count 0",
            "--seed x",
            "--format xml",
            "--topologie grid",
            "--recovery-time never",
            "--time-limit 10d",
            "--latency 5min",
        ] {
            assert!(parse(&format!("test -w echo --bin x {wrong}")).is_err(), "{wrong} was accepted");
        }
    }

    #[test]
    fn without_a_workload_it_is_lin_kv() {
        assert_eq!(plan("test --bin x").workload, "lin-kv");
    }

    #[test]
    fn options_of_a_workload_reach_it_and_are_refused_by_others() {
        let plan = plan(
            "test -w txn-list-append --bin x --key-count 3 --consistency-models read-committed,serializable",
        );
        assert_eq!(plan.settings.models(workloads::named(&plan.workload).settings[0]).len(), 2);
        let refused =
            parse("test -w echo --bin x --key-count 3").expect("parses").plan(7).expect_err("means nothing");
        let refused = refused.to_string();
        assert!(refused.contains("--key-count") && refused.contains("txn-list-append"), "{refused}");
        let wrong = parse("test -w txn-list-append --bin x --key-count none").expect("parses").plan(7);
        assert!(wrong.expect_err("no number").to_string().contains("a whole number above 0"));
    }

    #[test]
    fn names_that_would_mislead_the_network_are_refused() {
        for wrong in ["c1", "n1,n1", "a/b", "..", "", "lin-kv"] {
            let arguments = parse("test -w echo --bin x").expect("parses");
            let arguments =
                TestArguments { nodes: wrong.split(',').map(str::to_owned).collect(), ..arguments };
            assert!(arguments.plan(7).is_err(), "{wrong:?} was accepted");
        }
        assert_eq!(plan("test -w echo --bin x --nodes a,b --node c").nodes.len(), 3);
    }

    #[test]
    fn a_script_of_faults_is_checked_before_the_run() {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let file = directory.path().join("faults.txt");
        let line = format!("test -w echo --bin x --node-count 2 --nemesis-script {}", file.display());
        let planned = || parse(&line).expect("parses").plan(7);
        assert!(planned().expect_err("no file").to_string().contains("faults.txt can't be read"));
        fs::write(&file, "at 1s kill n1\nat 2s kill n2\n").expect("writable");
        let refused = planned().expect_err("no such node").to_string();
        assert!(
            refused.contains("faults.txt, line 2, column 12: expected a node of this run (n0, n1)"),
            "{refused}"
        );
        fs::write(&file, "at 1s kill n1\n").expect("writable");
        assert_eq!(
            planned().expect("makes sense").nemesis_script.expect("is there").text(),
            "at 1s kill n1\n"
        );
    }

    #[test]
    fn a_program_that_cannot_be_started_is_named_with_the_reason() {
        let problem = |path: &Path| {
            let arguments = parse("test -w echo --bin x").expect("parses");
            TestArguments { bin: path.to_owned(), ..arguments }
                .program()
                .expect_err("can't be started")
                .to_string()
        };
        let scratch = tempfile::tempdir().expect("a scratch directory");
        assert!(problem(&scratch.path().join("missing")).contains("does not exist"));
        assert!(problem(scratch.path()).contains("is not a file"));
        let plain = scratch.path().join("plain");
        fs::write(&plain, "").expect("writable");
        assert!(problem(&plain).contains("chmod +x"));
    }
}
