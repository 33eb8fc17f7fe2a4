//! `run.json`: what was run, and how it ended.

use std::{
    io,
    path::{Path, PathBuf},
};

use glomers_check::Finding;
use glomers_workbench::{
    plan::Plan,
    run::Ending,
    verdict::{Conclusion, Warning},
};
use glomers_world::ClockKind;
use serde::{Deserialize, Serialize};

use crate::run_directory::{RunDirectory, StoreError, files, reading};

/// `run.json`: what was run. It is written before the first process starts, and again at the end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunFile {
    /// The version of Glomers.
    pub version: String,
    /// When the run began, in UTC.
    pub started: String,
    /// Whether it is still going on, or how it ended.
    pub status: RunStatus,
    /// The plan.
    pub plan: Plan,
    /// Which clock the run had.
    #[serde(default)]
    pub clock: RunClock,
    /// What every node ran.
    pub program: NodeProgram,
    /// The command line that repeats the run, word by word.
    pub argv: Vec<String>,
    /// The verdict in one sentence, once there is one.
    pub sentence: Option<String>,
    /// The finding that the sentence quotes.
    #[serde(default)]
    pub headline: Option<Finding>,
    /// What else decides the verdict.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// What a reader should know although it does not decide the verdict.
    #[serde(default)]
    pub warnings: Vec<Warning>,
    /// The hash over every event, once the run has ended. In real time it differs from run to run; under virtual time equal runs have equal
    /// hashes.
    pub trace_hash: Option<String>,
}

/// Which clock a run had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunClock {
    /// The machine's.
    #[default]
    Real,
    /// One that moves while all nodes wait. The same seed gives the same run.
    Virtual,
}

impl From<ClockKind> for RunClock {
    fn from(kind: ClockKind) -> Self {
        match kind {
            ClockKind::Real => Self::Real,
            ClockKind::Virtual => Self::Virtual,
        }
    }
}

/// Whether a run is still going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// It is still going on, or the workbench was killed: [`is_under_way`](super::is_under_way) tells which.
    Running,
    /// It is complete.
    Finished,
    /// A signal ended it.
    Interrupted,
    /// A node never got to the first operation.
    Failed,
    /// The workbench itself failed.
    Error,
}

impl RunFile {
    /// What is known when the run begins.
    pub(crate) fn new(
        directory: &RunDirectory,
        plan: &Plan,
        clock: ClockKind,
        program: &NodeProgram,
        argv: &[String],
    ) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: format!("{:.3}", directory.started()),
            status: RunStatus::Running,
            plan: plan.clone(),
            clock: clock.into(),
            program: program.clone(),
            argv: argv.to_vec(),
            sentence: None,
            headline: None,
            findings: Vec::new(),
            warnings: Vec::new(),
            trace_hash: None,
        }
    }

    /// Adds what is known when it has ended.
    pub(crate) fn conclude(&mut self, conclusion: &Conclusion) {
        self.status = match conclusion.ending {
            Ending::Complete | Ending::FailedFast => RunStatus::Finished,
            Ending::Interrupted { .. } => RunStatus::Interrupted,
            Ending::NotStarted { .. } => RunStatus::Failed,
        };
        self.sentence = Some(conclusion.sentence.clone());
        self.headline.clone_from(&conclusion.headline);
        self.findings.clone_from(&conclusion.findings);
        self.warnings.clone_from(&conclusion.warnings);
        self.trace_hash = Some(format!("{:016x}", conclusion.trace_hash));
    }

    /// Adds why the workbench could not go on.
    pub(crate) fn fail(&mut self, error: String) {
        self.status = RunStatus::Error;
        self.sentence = Some(error);
    }

    /// All that decides the verdict, the most important first.
    pub fn all_findings(&self) -> impl Iterator<Item = &Finding> {
        self.headline.iter().chain(&self.findings)
    }

    /// Reads the one in the directory of a run.
    ///
    /// # Errors
    /// When there is none, or it can't be understood.
    pub fn read(directory: &Path) -> io::Result<Self> {
        const MAX_BYTES: u64 = 64 << 20;
        let text = reading::read_text(&directory.join(files::RUN), MAX_BYTES)?;
        serde_json::from_str(&text).map_err(io::Error::from)
    }

    pub(crate) fn write(&self, directory: &RunDirectory) -> Result<(), StoreError> {
        let text = serde_json::to_string_pretty(self).expect("a plan has no part that JSON can't write");
        directory.write(files::RUN, text + "\n")
    }
}

/// The program that every node runs, as the command line names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeProgram {
    /// The executable.
    pub program: PathBuf,
    /// Its arguments, the same for every node.
    pub arguments: Vec<String>,
}
