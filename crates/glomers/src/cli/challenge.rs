//! `glomers challenge` and `glomers demo`: the official commands, on a node of your own or on those that come with the workbench.

use std::path::{Path, PathBuf};

use clap::{Args, Parser};
use comfy_table::{Table, presets};
use glomers_check::Validity;

use super::{
    bundled,
    exit::{CliError, ExitStatus},
    output,
    results::RunResults,
    terminal,
    test::TestArguments,
};
use crate::{
    challenges::{self, Challenge},
    execution::{Report, fresh_seed},
    shell,
};

/// The options of `glomers challenge`.
#[derive(Debug, Args)]
pub(crate) struct ChallengeArguments {
    /// The challenge, such as 3d, or `all`. Without it they are listed.
    number: Option<String>,

    /// The program that every node runs; without it the bundled one.
    #[arg(long, value_name = "FILE")]
    bin: Option<PathBuf>,

    #[command(flatten)]
    common: CommonArguments,

    /// Arguments for the node's program; all after `--` is for it.
    #[arg(value_name = "ARGUMENTS", last = true)]
    arguments: Vec<String>,
}

/// The options of `glomers demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// How long each test invokes operations, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    time_limit: String,

    #[command(flatten)]
    common: CommonArguments,
}

/// What `challenge` and `demo` share.
#[derive(Debug, Args)]
struct CommonArguments {
    /// The directory with the bundled nodes; without it where the workbench itself is.
    #[arg(long, value_name = "DIR")]
    nodes: Option<PathBuf>,

    /// What all chance is drawn from. Without it a fresh one is drawn and printed.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// The directory that holds the runs.
    #[arg(long, value_name = "DIR", default_value = "store")]
    store: PathBuf,

    /// Also write the verdicts to this file as JUnit XML, one test for each run.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// `glomers test`, as a challenge gives it.
#[derive(Debug, Parser)]
struct TestLine {
    #[command(flatten)]
    test: TestArguments,
}

/// A test to come: who it is for, its options, its node.
struct Task<'a> {
    title: String,
    options: &'a str,
    targets: &'a [&'a str],
    figures: &'a [&'a str],
    published: &'a str,
    program: &'a Path,
    arguments: Vec<String>,
}

impl ChallengeArguments {
    pub(crate) fn run(self) -> Result<ExitStatus, CliError> {
        let Some(number) = &self.number else {
            output::print(&format!("{}\n", listing()))?;
            return Ok(ExitStatus::Valid);
        };
        let chosen: Vec<&Challenge> = match number.as_str() {
            "all" => challenges::ALL.iter().collect(),
            number => vec![challenges::find(number).ok_or_else(|| no_such(number))?],
        };
        if number == "all" && self.bin.is_some() {
            let advice = "`all` runs every challenge on the node that solves it. Name one challenge to run it on --bin.";
            return Err(CliError::Arguments(advice.to_owned()));
        }
        let mut rows = Vec::new();
        let mut results = RunResults::default();
        let mut status = ExitStatus::Valid;
        // What is missing is better said before the first of fifteen tests than after it.
        let programs = chosen.iter().map(|challenge| match &self.bin {
            Some(program) => Ok(program.clone()),
            None => bundled::program(challenge.node, self.common.nodes.as_deref()),
        });
        let programs = programs.collect::<Result<Vec<PathBuf>, CliError>>()?;
        for (challenge, program) in chosen.iter().zip(&programs) {
            for run in challenge.runs {
                let own = self.bin.is_some() || !self.arguments.is_empty();
                let bundled = challenge.node_arguments.iter().map(|&argument| argument.to_owned());
                let task = Task {
                    title: challenge.number.to_owned(),
                    options: run.options,
                    targets: run.targets,
                    figures: run.figures,
                    published: challenge.published,
                    program,
                    arguments: if own { self.arguments.clone() } else { bundled.collect() },
                };
                status = status.worst(task.carry_out(&self.common, &mut rows, &mut results)?);
                if matches!(status, ExitStatus::Interrupted { .. }) {
                    return self.common.finish("glomers challenge", rows, &results, status);
                }
            }
        }
        self.common.finish("glomers challenge", rows, &results, status)
    }
}

impl DemoArguments {
    pub(crate) fn run(self) -> Result<ExitStatus, CliError> {
        let mut rows = Vec::new();
        let mut results = RunResults::default();
        let mut status = ExitStatus::Valid;
        let programs = challenges::DEMONSTRATIONS
            .iter()
            .map(|demonstration| bundled::program(demonstration.node, self.common.nodes.as_deref()));
        let programs = programs.collect::<Result<Vec<PathBuf>, CliError>>()?;
        for (demonstration, program) in challenges::DEMONSTRATIONS.iter().zip(&programs) {
            let options = format!("{} --time-limit {}", demonstration.options, self.time_limit);
            let task = Task {
                title: demonstration.node.to_owned(),
                options: &options,
                targets: &[],
                figures: &["net.servers.msgs-per-op", "latency.p50", "latency.max"],
                published: "",
                program,
                arguments: Vec::new(),
            };
            status = status.worst(task.carry_out(&self.common, &mut rows, &mut results)?);
            if matches!(status, ExitStatus::Interrupted { .. }) {
                break;
            }
        }
        self.common.finish("glomers demo", rows, &results, status)
    }
}

impl CommonArguments {
    /// Prints the table, also of those tests that were done when a signal came, and writes the JUnit report.
    fn finish(
        &self,
        suite: &str,
        rows: Vec<[String; 6]>,
        results: &RunResults,
        status: ExitStatus,
    ) -> Result<ExitStatus, CliError> {
        output::print(&format!("\n{}\n", table(rows)))?;
        results.write_junit(suite, self.junit.as_deref())?;
        Ok(status)
    }
}

impl Task<'_> {
    /// Runs the test, and adds what came of it to the table.
    fn carry_out(
        &self,
        common: &CommonArguments,
        rows: &mut Vec<[String; 6]>,
        results: &mut RunResults,
    ) -> Result<ExitStatus, CliError> {
        let words = self.command_line(common);
        output::print(&format!("\n{}: {}\n", self.title, shell::command_line(&words)))?;
        let parsed =
            TestLine::try_parse_from(&words[1..]).map_err(|error| CliError::Arguments(error.to_string()))?;
        parsed.test.carry_out(&words, &mut |report| {
            results.add(&self.title, report);
            self.add_rows(report, rows);
            output::print(&terminal::verdict(report))
        })
    }

    /// The command line that does the same by itself.
    fn command_line(&self, common: &CommonArguments) -> Vec<String> {
        let mut words = vec!["glomers".to_owned(), "test".to_owned()];
        words.extend(self.options.split_whitespace().map(str::to_owned));
        words.extend(["--bin".to_owned(), self.program.display().to_string()]);
        words.extend(["--store".to_owned(), common.store.display().to_string()]);
        for target in self.targets {
            words.extend(["--expect".to_owned(), (*target).to_owned()]);
        }
        words.extend(["--seed".to_owned(), common.seed.unwrap_or_else(fresh_seed).to_string()]);
        if !self.arguments.is_empty() {
            words.push("--".to_owned());
            words.extend(self.arguments.iter().cloned());
        }
        words
    }

    fn add_rows(&self, report: &Report, rows: &mut Vec<[String; 6]>) {
        let verdict = match report.validity {
            Validity::Valid => "valid",
            Validity::Invalid => "INVALID",
            Validity::Unknown => "unknown",
        };
        let faults = if self.options.contains("--nemesis") { ", partitions" } else { "" };
        let title = format!("{}{faults}", self.title);
        let figure = |path: &str| report.figure(path);
        let others: Vec<String> =
            self.figures.iter().map(|path| format!("{path} {}", digits(figure(path), path))).collect();
        rows.push([
            title,
            verdict.to_owned(),
            "valid".to_owned(),
            others.join(", "),
            String::new(),
            self.published.to_owned(),
        ]);
        for outcome in &report.expectations {
            let margin = outcome.margin.map(|margin| format!("{:.0} %", margin * 100.0)).unwrap_or_default();
            let missed = if outcome.is_met { "" } else { "MISSED" };
            let figure = digits(outcome.figure, &outcome.expectation);
            rows.push([
                String::new(),
                missed.to_owned(),
                outcome.expectation.clone(),
                figure,
                margin,
                String::new(),
            ]);
        }
    }
}

/// A figure with as many digits as say something.
fn digits(figure: Option<f64>, path: &str) -> String {
    match figure {
        None => "none".to_owned(),
        Some(figure) if path.contains("latenc") => format!("{figure:.0} ms"),
        Some(figure) => {
            let text = format!("{figure:.3}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}

fn table(rows: Vec<[String; 6]>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["challenge", "verdict", "target", "figure", "margin", "best published"]);
    table.add_rows(rows);
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Every challenge with its options.
fn listing() -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["challenge", "what it asks for", "options of the test", "targets"]);
    for challenge in challenges::ALL {
        for (place, run) in challenge.runs.iter().enumerate() {
            let [number, title] = if place == 0 { [challenge.number, challenge.title] } else { [""; 2] };
            table.add_row([
                number.to_owned(),
                title.to_owned(),
                run.options.to_owned(),
                run.targets.join(", "),
            ]);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn no_such(number: &str) -> CliError {
    let known: Vec<&str> = challenges::ALL.iter().map(|challenge| challenge.number).collect();
    CliError::Arguments(format!("there is no challenge {number:?}; there are {}, and all", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common() -> CommonArguments {
        CommonArguments { nodes: None, seed: Some(7), store: "store".into(), junit: None }
    }

    #[test]
    fn every_challenge_and_demonstration_is_a_command_that_makes_sense() {
        let challenges = challenges::ALL.iter().flat_map(|challenge| {
            challenge.runs.iter().map(|run| (challenge.number, run.options, run.targets))
        });
        let demonstrations =
            challenges::DEMONSTRATIONS.iter().map(|demo| (demo.node, demo.options, &[] as &[&str]));
        for (title, options, targets) in challenges.chain(demonstrations) {
            let task = Task {
                title: title.to_owned(),
                options,
                targets,
                figures: &[],
                published: "",
                program: Path::new("node"),
                arguments: vec!["--profile".to_owned()],
            };
            let words = task.command_line(&common());
            let line =
                TestLine::try_parse_from(&words[1..]).unwrap_or_else(|error| panic!("{title}: {error}"));
            let plan = line.test.plan(7).unwrap_or_else(|error| panic!("{title}: {error}"));
            assert_eq!(plan.expectations.len(), targets.len());
        }
    }

    #[test]
    fn the_list_names_every_challenge() {
        let listing = listing();
        assert!(challenges::ALL.iter().all(|challenge| listing.contains(challenge.title)), "{listing}");
    }
}
