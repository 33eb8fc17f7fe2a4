//! `glomers shrink`: a failed run, as small as it can be.

use std::{
    fs,
    io::IsTerminal,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

use clap::Args;
use glomers_check::Mode;
use glomers_workbench::{
    plan::Plan,
    run::RunError,
    shrink::{self, Shrunk},
};
use indicatif::{ProgressBar, ProgressDrawTarget};

use super::{
    exit::{CliError, ExitStatus},
    output,
    replay::{Recorded, repeat, tell},
};
use crate::{
    clock::Stopwatch, execution::TestError, run_directory::StoreError, signals, virtual_run::VirtualRuns,
};

/// The file with the choices of a shrunk run, in the directory of the run that was shrunk.
const SHRUNK: &str = "shrunk.txt";

/// The options of `glomers shrink`.
#[derive(Debug, Args)]
pub(crate) struct ShrinkArguments {
    /// The directory of a run that is invalid, or a file with its choices.
    #[arg(value_name = "RUN", default_value = "store/latest")]
    run: PathBuf,

    /// The program that every node runs [default: that of the run].
    #[arg(long, value_name = "FILE")]
    bin: Option<PathBuf>,

    /// How many runs it may take.
    #[arg(long, value_name = "NUMBER", default_value_t = shrink::DEFAULT_MAX_RUNS)]
    max_runs: u64,

    /// Where to write the choices of the smallest run [default: shrunk.txt beside the run].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// The directory that holds the runs.
    #[arg(long, value_name = "DIR", default_value = "store")]
    store: PathBuf,

    /// Arguments for the node's program: everything after `--`.
    #[arg(value_name = "ARGUMENTS", last = true)]
    arguments: Vec<String>,
}

impl ShrinkArguments {
    pub(crate) fn run(self, command_line: &[String]) -> Result<ExitStatus, CliError> {
        let recorded = Recorded::read(&self.run, self.bin.as_deref(), &self.arguments)?;
        let signal = signals::watch();
        let runs = VirtualRuns::new(recorded.program.clone(), Mode::Strict, signal);
        let (first, _) = runs.run(recorded.replay.plan()).map_err(TestError::Run)?;
        let Some(failure) = first.failure else {
            let sentence = glomers_protocol::text::escape_lines(&first.sentence);
            output::note(&format!(
                "There is nothing to shrink: repeated under virtual time, the run does not fail. {sentence}"
            ));
            return Ok(ExitStatus::Unknown);
        };
        let stopwatch = Stopwatch::start();
        let spinner = Spinner::new();
        let mut problem: Option<RunError> = None;
        let mut run = |plan: &Plan| match runs.run(plan) {
            Ok((conclusion, _)) => conclusion.failure,
            Err(error) => {
                problem.get_or_insert(error);
                None
            }
        };
        let shrunk = shrink::shrink(&recorded.replay, &failure, self.max_runs, &mut run, &mut |progress| {
            spinner.show(&format!("{} after {}", progress.size, count(progress.runs)));
            signal.load(Ordering::Relaxed) == 0
        });
        spinner.finish();
        if let Some(error) = problem {
            return Err(CliError::Test(TestError::Run(error)));
        }
        let shrunk = shrunk.map_err(|error| CliError::Arguments(error.to_string()))?;
        let (conclusion, history) = runs.run(shrunk.replay.plan()).map_err(TestError::Run)?;
        let out = self.out.clone().unwrap_or_else(|| beside(&self.run));
        let comment = format!("{}\n{} instead of {}.", conclusion.sentence, shrunk.after, shrunk.before);
        fs::write(&out, shrunk.replay.to_text(&comment))
            .map_err(|error| CliError::Test(TestError::Store(StoreError::new("write", &out, error))))?;
        output::print(&summary(&shrunk, stopwatch.elapsed().as_secs_f64()))?;
        tell(&shrunk.replay, &history)?;
        output::print(&format!("{}\n\n", glomers_protocol::text::escape_lines(&conclusion.sentence)))?;
        let report = repeat(&shrunk.replay, &recorded.program, &self.store, command_line)?;
        output::print(&format!(
            "choices  {}\nrun      {}\nagain    glomers replay {}\n",
            out.display(),
            report.directory.display(),
            out.display()
        ))?;
        Ok(ExitStatus::Invalid)
    }
}

fn summary(shrunk: &Shrunk, seconds: f64) -> String {
    let mut text = format!(
        "\n{} instead of {}, after {} in {seconds:.1} s{}\n",
        shrunk.after,
        shrunk.before,
        count(shrunk.runs),
        if shrunk.is_minimal { "" } else { " (it was ended before nothing more could be taken away)" }
    );
    for pass in shrunk.passes.iter().filter(|pass| pass.tried > 0) {
        text.push_str(&format!("  {:<18} {} of {} changes kept\n", pass.name, pass.kept, pass.tried));
    }
    text.push('\n');
    text
}

fn count(runs: u64) -> String {
    glomers_protocol::text::count(runs, "run")
}

/// `shrunk.txt` in the directory of a run, or beside a file.
fn beside(run: &Path) -> PathBuf {
    if run.is_dir() { run.join(SHRUNK) } else { run.with_file_name(SHRUNK) }
}

/// What is going on, on a terminal.
struct Spinner(Option<ProgressBar>);

impl Spinner {
    fn new() -> Self {
        let is_shown = std::io::stderr().is_terminal();
        Self(is_shown.then(|| ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())))
    }

    fn show(&self, message: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(message.to_owned());
            bar.tick();
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
