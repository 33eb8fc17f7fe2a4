//! `glomers challenge` and `glomers demo`: the official commands, on your own node or on the bundled ones.

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
    shell, wrap,
};

/// The options of `glomers challenge`.
#[derive(Debug, Args)]
pub(crate) struct ChallengeArguments {
    /// A challenge, such as 3d, or `all`. Without a number, the challenges are listed.
    number: Option<String>,

    /// The program that every node runs. Without it, the bundled node that solves the challenge.
    #[arg(long, value_name = "FILE")]
    bin: Option<PathBuf>,

    #[command(flatten)]
    common: CommonArguments,

    /// Arguments for the node's program: everything after `--`.
    #[arg(value_name = "ARGUMENTS", last = true)]
    arguments: Vec<String>,
}

/// The options of `glomers demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// How long each test invokes operations, in seconds unless a unit is given.
    #[arg(long, value_name = "TIME", default_value = "10")]
    time_limit: String,

    #[command(flatten)]
    common: CommonArguments,
}

/// What `challenge` and `demo` share.
#[derive(Debug, Args)]
struct CommonArguments {
    /// The directory with the bundled nodes [default: the directory of the glomers program].
    #[arg(long, value_name = "DIR")]
    nodes: Option<PathBuf>,

    /// The random seed. Without this option a new one is drawn and printed.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// Run the nodes under virtual time. Needs x86-64 Linux.
    #[arg(long = "virtual")]
    is_virtual: bool,

    /// The directory that holds the runs.
    #[arg(long, value_name = "DIR", default_value = "store")]
    store: PathBuf,

    /// Also write the verdicts to this file as JUnit XML, one test for each run.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// The `glomers test` command of a challenge.
#[derive(Debug, Parser)]
struct TestLine {
    #[command(flatten)]
    test: TestArguments,
}

/// A test to carry out: its title, options, targets and node.
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
        let mut table = FigureTable::default();
        let mut results = RunResults::default();
        let mut status = ExitStatus::Valid;
        // A missing program is reported before the first test, not after some of them.
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
                status = status.worst(task.carry_out(&self.common, &mut table, &mut results)?);
                if matches!(status, ExitStatus::Interrupted { .. }) {
                    return self.common.finish("glomers challenge", &table, &results, status);
                }
            }
        }
        self.common.finish("glomers challenge", &table, &results, status)
    }
}

impl DemoArguments {
    pub(crate) fn run(self) -> Result<ExitStatus, CliError> {
        let mut table = FigureTable::default();
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
            status = status.worst(task.carry_out(&self.common, &mut table, &mut results)?);
            if matches!(status, ExitStatus::Interrupted { .. }) {
                break;
            }
        }
        self.common.finish("glomers demo", &table, &results, status)
    }
}

impl CommonArguments {
    /// Prints the table of the tests that ended, also after an interrupt, and writes the JUnit report.
    fn finish(
        &self,
        suite: &str,
        table: &FigureTable,
        results: &RunResults,
        status: ExitStatus,
    ) -> Result<ExitStatus, CliError> {
        output::print(&format!("\n{}\n", table.to_text()))?;
        results.write_junit(suite, self.junit.as_deref())?;
        Ok(status)
    }
}

impl Task<'_> {
    /// Runs the test, and adds its verdict and figures to the table.
    fn carry_out(
        &self,
        common: &CommonArguments,
        table: &mut FigureTable,
        results: &mut RunResults,
    ) -> Result<ExitStatus, CliError> {
        let words = self.command_line(common);
        output::print(&format!("\n{}: {}\n", self.title, shell::command_line(&words)))?;
        let parsed =
            TestLine::try_parse_from(&words[1..]).map_err(|error| CliError::Arguments(error.to_string()))?;
        parsed.test.carry_out(&words, &mut |report| {
            results.add(&self.title, report);
            table.add(self, report);
            output::print(&terminal::verdict(report))
        })
    }

    /// The `glomers test` command that runs this one test.
    fn command_line(&self, common: &CommonArguments) -> Vec<String> {
        let mut words = vec!["glomers".to_owned(), "test".to_owned()];
        words.extend(self.options.split_whitespace().map(str::to_owned));
        words.extend(["--bin".to_owned(), self.program.display().to_string()]);
        words.extend(["--store".to_owned(), common.store.display().to_string()]);
        words.extend(common.is_virtual.then(|| "--virtual".to_owned()));
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
}

/// A figure with at most three decimals, and the unit of a latency.
fn with_unit(figure: Option<f64>, path: &str) -> String {
    match figure {
        None => "none".to_owned(),
        Some(figure) if path.contains("latenc") => format!("{figure:.0} ms"),
        Some(figure) => {
            let text = format!("{figure:.3}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}

/// The table at the end: one line for each figure, none wider than [`wrap::PAGE_COLUMNS`].
#[derive(Debug, Default)]
struct FigureTable {
    rows: Vec<[String; 5]>,
    /// The best published figures, as `3d: …`.
    published: Vec<String>,
}

impl FigureTable {
    fn add(&mut self, task: &Task<'_>, report: &Report) {
        let verdict = match report.conclusion.validity {
            Validity::Valid => "valid",
            Validity::Invalid => "INVALID",
            Validity::Unknown => "unknown",
        };
        let faults = if task.options.contains("--nemesis") { ", partitions" } else { "" };
        let title = format!("{}{faults}", task.title);
        let mut figures: Vec<[String; 3]> = report
            .conclusion
            .expectations
            .iter()
            .map(|outcome| {
                let figure = with_unit(outcome.figure, &outcome.expectation);
                let margin = match outcome.margin {
                    _ if !outcome.is_met => "MISSED".to_owned(),
                    Some(margin) => format!("{:.0} %", margin * 100.0),
                    None => String::new(),
                };
                [outcome.expectation.clone(), figure, margin]
            })
            .collect();
        figures.extend(
            task.figures
                .iter()
                .map(|path| [(*path).to_owned(), with_unit(report.figure(path), path), String::new()]),
        );
        if figures.is_empty() {
            figures.push(Default::default());
        }
        for (place, [name, figure, margin]) in figures.into_iter().enumerate() {
            let [title, verdict] = if place == 0 { [title.as_str(), verdict] } else { [""; 2] };
            self.rows.push([title.to_owned(), verdict.to_owned(), name, figure, margin]);
        }
        if !task.published.is_empty() {
            let published = format!("{}: {}", task.title, task.published);
            if !self.published.contains(&published) {
                self.published.push(published);
            }
        }
    }

    fn to_text(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["challenge", "verdict", "figure or target", "value", "margin"]);
        table.add_rows(&self.rows);
        let mut lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        if !self.published.is_empty() {
            lines.push(
                "\n Best published figures (messages per operation, median / maximum latency)".to_owned(),
            );
            lines.extend(
                self.published.iter().map(|published| wrap::lines(published.split(' '), "   ", "     ")),
            );
        }
        lines.join("\n")
    }
}

/// Every challenge with the options and targets of its tests.
fn listing() -> String {
    let mut lines =
        vec!["`glomers challenge NUMBER` runs one of these, `glomers challenge all` every one:".to_owned()];
    for challenge in challenges::ALL {
        lines.push(format!("\n{:<4}{}", challenge.number, challenge.title));
        for run in challenge.runs {
            // An option and its value stay on one line.
            let options = run.options.replace(" --", "\n--");
            lines.push(wrap::lines(options.lines(), "    ", "      "));
            if !run.targets.is_empty() {
                let targets = format!("targets: {}", run.targets.join(", "));
                lines.push(wrap::lines(targets.split(' '), "      ", "        "));
            }
        }
    }
    lines.join("\n")
}

fn no_such(number: &str) -> CliError {
    let known: Vec<&str> = challenges::ALL.iter().map(|challenge| challenge.number).collect();
    CliError::Arguments(format!(
        "there is no challenge {number:?}. Choose one of {}, or all.",
        known.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common() -> CommonArguments {
        CommonArguments { nodes: None, seed: Some(7), is_virtual: false, store: "store".into(), junit: None }
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
    fn the_list_names_every_challenge_and_fits_a_narrow_terminal() {
        let listing = listing();
        assert!(challenges::ALL.iter().all(|challenge| listing.contains(challenge.title)), "{listing}");
        assert!(widest(&listing) <= wrap::PAGE_COLUMNS, "{listing}");
    }

    #[test]
    fn the_table_fits_a_narrow_terminal() {
        let mut table = FigureTable::default();
        for challenge in challenges::ALL {
            for figure in challenge.runs.iter().flat_map(|run| run.targets.iter().chain(run.figures)) {
                let row = ["6c, partitions", "INVALID", figure, "12345 ms", "MISSED"];
                table.rows.push(row.map(str::to_owned));
            }
            table.published.push(format!("{}: {}", challenge.number, challenge.published));
        }
        let text = table.to_text();
        assert!(widest(&text) <= wrap::PAGE_COLUMNS, "{text}");
    }

    fn widest(text: &str) -> usize {
        text.lines().map(|line| line.chars().count()).max().unwrap_or_default()
    }
}
