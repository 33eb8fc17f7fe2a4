//! `glomers replay`: a run again, operation by operation.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use glomers_check::{Mode, Operation};
use glomers_workbench::{
    plan::FaultScript,
    replay::{Replay, story},
    run::operation_record,
};
use glomers_world::{ClockKind, journal::JournalReader, node_seed};

use super::{
    exit::{CliError, ExitStatus},
    output,
    progress::Terminal,
    terminal::{self, Format},
};
use glomers_protocol::{
    NodeId,
    text::{count, escape_lines},
};

use crate::{
    execution::{self, Report, Request},
    node_replay::{self, Comparison, Difference, Recording, Repeat},
    run_directory::{
        files, history, is_under_way,
        manifest::{NodeProgram, RunFile},
        reading,
    },
};

/// The options of `glomers replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArguments {
    /// The directory of a run, or a file with its choices, as `glomers shrink` writes it.
    #[arg(value_name = "RUN", default_value = "store/latest")]
    run: PathBuf,

    /// The program that every node runs [default: that of the run].
    #[arg(long, value_name = "FILE")]
    bin: Option<PathBuf>,

    /// Repeat this node alone, in real time and in whatever way it was run: give it the lines that it got, and show where it first prints something
    /// else than it did.
    #[arg(long, value_name = "NODE")]
    node: Option<String>,

    /// Which start of the node, if it was killed and started again.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "node")]
    start: u64,

    /// Leave out the recorded gaps: each line comes when the node has printed what it had printed before.
    #[arg(long, requires = "node")]
    fast: bool,

    /// Only write the lines that the node got to this file.
    #[arg(long, value_name = "FILE", requires = "node")]
    input_file: Option<PathBuf>,

    /// Put a debugger in front of the node, such as 'gdb --args' or 'dlv exec'. The node reads the lines from a file.
    #[arg(long, value_name = "COMMAND", requires = "node")]
    exec: Option<String>,

    /// The directory that holds the runs.
    #[arg(long, value_name = "DIR", default_value = "store")]
    store: PathBuf,

    /// Arguments for the node's program: everything after `--`.
    #[arg(value_name = "ARGUMENTS", last = true)]
    arguments: Vec<String>,
}

impl ReplayArguments {
    pub(crate) fn run(self, command_line: &[String]) -> Result<ExitStatus, CliError> {
        if let Some(node) = &self.node {
            return self.repeat_node(node);
        }
        let recorded = Recorded::read(&self.run, self.bin.as_deref(), &self.arguments)?;
        let report = repeat(&recorded.replay, &recorded.program, &self.store, command_line)?;
        terminal::print(&report, Format::Human)?;
        Ok(terminal::exit_status(&report))
    }
}

impl ReplayArguments {
    /// Repeats one node alone.
    fn repeat_node(&self, node: &str) -> Result<ExitStatus, CliError> {
        let directory = &self.run;
        let run = RunFile::read(directory).map_err(|error| {
            refused(
                directory,
                &format!("its {} can't be read ({error}); --node needs the directory of a run", files::RUN),
            )
        })?;
        if is_under_way(directory) {
            return Err(refused(directory, "the run is still going on"));
        }
        let file = reading::open_regular(&directory.join(files::JOURNAL))
            .map_err(|error| refused(directory, &format!("its {} can't be read: {error}", files::JOURNAL)))?;
        let records = JournalReader::new(std::io::BufReader::new(file));
        let recording = Recording::read(records, node, self.start)
            .map_err(|error| refused(directory, &error.to_string()))?;
        if let Some(damage) = &recording.damage {
            output::note(&escape_lines(&format!("Only what came before is repeated: {damage}.")));
        }
        let program = match &self.bin {
            Some(program) => NodeProgram {
                program: std::path::absolute(program)
                    .map_err(|error| refused(program, &error.to_string()))?,
                arguments: self.arguments.clone(),
            },
            None => run.program.clone(),
        };
        if self.input_file.is_some() || self.exec.is_some() {
            return self.debug_node(node, &recording, &program);
        }
        self.compare_node(node, &recording, &program, run.plan.seed)
    }

    /// Writes the node's lines to a file, and runs the debugger, if there is one.
    fn debug_node(
        &self,
        node: &str,
        recording: &Recording,
        program: &NodeProgram,
    ) -> Result<ExitStatus, CliError> {
        let path = match &self.input_file {
            Some(path) => path.clone(),
            None => self.file_of_replay(&format!("{node}-input.txt"))?,
        };
        fs::write(&path, recording.input_text())
            .map_err(|error| refused(&path, &format!("it can't be written: {error}")))?;
        let lines = count(recording.inputs.len() as u64, "line");
        output::note(&format!("{lines} for {node} are in {}.", path.display()));
        let Some(command) = &self.exec else { return Ok(ExitStatus::Valid) };
        let status = node_replay::debug(command, program, &path, output::note).map_err(|error| {
            CliError::Arguments(format!(
                "--exec: \"{command}\" can't be started: {error}. Is it installed, and in the PATH?"
            ))
        })?;
        output::note(&format!("{command}: {status}"));
        Ok(if status.success() { ExitStatus::Valid } else { ExitStatus::Invalid })
    }

    /// Gives the node its lines, and says where it first differs from the recorded run.
    fn compare_node(
        &self,
        node: &str,
        recording: &Recording,
        program: &NodeProgram,
        seed: u64,
    ) -> Result<ExitStatus, CliError> {
        let log_file = self.file_of_replay(&format!("{node}.log"))?;
        if let Err(error) = fs::remove_file(&log_file)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(refused(&log_file, &format!("it can't be written again: {error}")));
        }
        output::note(&format!(
            "Giving {node} the {} that it got",
            count(recording.inputs.len() as u64, "line")
        ));
        let repeat = Repeat {
            node,
            program,
            seed: node_seed(seed, &NodeId::from(node), self.start - 1),
            log_file: log_file.clone(),
            is_fast: self.fast,
        };
        let compared = repeat
            .run(recording, &mut output::note)
            .map_err(|error| CliError::Arguments(escape_lines(&error.to_string())))?;
        output::print(&escape_lines(&said(node, recording, &compared)))?;
        output::note(&format!("Its stderr is in {}.", log_file.display()));
        Ok(if compared.difference.is_some() { ExitStatus::Invalid } else { ExitStatus::Valid })
    }

    /// A file in the directory of the run for what a replay of one of its nodes leaves.
    fn file_of_replay(&self, name: &str) -> Result<PathBuf, CliError> {
        let directory = self.run.join(files::REPLAY);
        fs::create_dir_all(&directory)
            .map_err(|error| refused(&directory, &format!("it can't be made: {error}")))?;
        Ok(directory.join(name))
    }
}

/// What came of a node's replay, for a terminal.
fn said(node: &str, recording: &Recording, compared: &Comparison<'_>) -> String {
    let recorded = compared.recorded();
    let lines = count(compared.given as u64, "line");
    let mut text = String::new();
    match &compared.difference {
        None => {
            let messages = count(recorded as u64, "message");
            text += &format!("{node} printed the same: {messages}. Its own msg_ids may differ.");
            if let Some(words) = &compared.exit {
                text += &format!(" It {words}, as it did in the recorded run or after its end.");
            }
            if recording.damage.is_some() {
                text += " What came later in the recorded run is not known.";
            }
        }
        Some(Difference { part, recorded: before, now }) => {
            let place = part.as_ref().map(|part| format!(", in {part}")).unwrap_or_default();
            text += &format!(
                "{node} differs at message {} of {recorded}{place}, when it had been given {lines} of {}:\n  recorded  {before}\n  now       {now}",
                compared.equal() + 1,
                recording.inputs.len(),
            );
        }
    }
    if let Some((first, number)) = &compared.rubbish {
        let lines = count(*number, "line");
        text += &format!(
            "\nOf what it printed, {lines} could not be compared, for want of a message in it. The first: {first}"
        );
    }
    text.push('\n');
    text
}

/// A run that can be repeated.
pub(crate) struct Recorded {
    pub(crate) replay: Replay,
    pub(crate) program: NodeProgram,
}

impl Recorded {
    /// Reads the directory of a run, or a file with a run's choices. A file has no program, unless it lies in the directory of a run.
    pub(crate) fn read(path: &Path, program: Option<&Path>, arguments: &[String]) -> Result<Self, CliError> {
        let is_directory = path.is_dir();
        let directory = if is_directory { Some(path) } else { path.parent() };
        let run_file = directory.and_then(|directory| RunFile::read(directory).ok());
        let replay = if is_directory {
            let run = run_file.as_ref().ok_or_else(|| {
                refused(
                    path,
                    &format!("it has no readable {}, so it is not the directory of a run", files::RUN),
                )
            })?;
            of_directory(path, run)?
        } else {
            let text = fs::read_to_string(path).map_err(|error| refused(path, &error.to_string()))?;
            text.parse::<Replay>().map_err(|error| refused(path, &error.to_string()))?
        };
        let program = match (program, run_file) {
            (Some(program), _) => NodeProgram {
                program: std::path::absolute(program)
                    .map_err(|error| refused(program, &error.to_string()))?,
                arguments: arguments.to_vec(),
            },
            (None, Some(run)) => run.program,
            (None, None) => {
                return Err(refused(
                    path,
                    "the file does not say which program the nodes run; name it with --bin",
                ));
            }
        };
        Ok(Self { replay, program })
    }
}

/// The choices of a stored run: its plan, the operations of its journal and its faults.
fn of_directory(path: &Path, run: &RunFile) -> Result<Replay, CliError> {
    let file = reading::open_regular(&path.join(files::JOURNAL))
        .map_err(|error| refused(path, &format!("its {} can't be read: {error}", files::JOURNAL)))?;
    // What was cut off by a kill is missing at the end: the operations until then can be repeated.
    let journal = JournalReader::new(std::io::BufReader::new(file));
    let history: Vec<Operation> = operation_record::operations(journal).map_while(Result::ok).collect();
    const MAX_FAULTS_BYTES: u64 = 16 << 20;
    let faults = reading::read_text(&path.join(files::FAULTS), MAX_FAULTS_BYTES).unwrap_or_default();
    if faults.is_empty() && run.plan.has_faults() {
        return Err(refused(path, &format!("its faults are not known: it has no {}", files::FAULTS)));
    }
    Ok(Replay::of_run(&run.plan, &history, &FaultScript::new(faults)))
}

/// Carries out a replay under virtual time, in a directory of its own.
pub(crate) fn repeat(
    replay: &Replay,
    program: &NodeProgram,
    store: &Path,
    argv: &[String],
) -> Result<Report, CliError> {
    let request = Request {
        plan: replay.plan(),
        program,
        store,
        mode: Mode::Strict,
        clock: ClockKind::Virtual,
        log_stderr: false,
        log_sent: false,
        log_received: false,
        history_limit: history::DEFAULT_LIMIT,
        argv,
    };
    let mut terminal = Terminal::quiet(replay.plan());
    Ok(execution::run(&request, &mut terminal)?)
}

/// Prints a short run as numbered steps.
pub(crate) fn tell(replay: &Replay, history: &[Operation]) -> Result<(), CliError> {
    let text = escape_lines(&story(replay.plan(), history));
    Ok(output::print(&format!("{text}\n"))?)
}

fn refused(path: &Path, reason: &str) -> CliError {
    CliError::Arguments(format!("{} can't be repeated: {reason}.", path.display()))
}
