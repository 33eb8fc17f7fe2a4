//! How the program ends: a status for scripts, a sentence for people.

use std::{path::PathBuf, process::ExitCode};

use glomers_check::Validity;
use glomers_workbench::{plan::settings::SettingError, registry::PlanError, run::RunError};

use super::output::{self, OutputError};
use crate::{check::OpenError, execution::TestError, serve::ServeError};

/// The exit statuses, which are Maelstrom's, and 130 and 143 for a run that a signal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// Everything was valid.
    Valid,
    /// Something was invalid.
    Invalid,
    /// Nothing was invalid, but something could not be decided.
    Unknown,
    /// Ended by this signal; the record up to then has been analysed.
    Interrupted {
        /// The signal's number: 2 for Ctrl-C.
        signal: u8,
    },
    /// The arguments are wrong, so nothing was run.
    BadArguments,
    /// The workbench itself failed.
    Internal,
}

impl ExitStatus {
    /// The status of a finished run.
    pub fn of(validity: Validity) -> Self {
        match validity {
            Validity::Valid => Self::Valid,
            Validity::Invalid => Self::Invalid,
            Validity::Unknown => Self::Unknown,
        }
    }

    /// The number that a shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Invalid => 1,
            Self::Unknown => 2,
            Self::Interrupted { signal } => 128 + signal,
            Self::BadArguments => 254,
            Self::Internal => 255,
        }
    }

    /// The status of several runs: an interruption first, then the worst verdict.
    pub fn worst(self, other: Self) -> Self {
        let rank = |status| match status {
            Self::Valid => 0,
            Self::Unknown => 1,
            Self::Invalid => 2,
            Self::BadArguments => 3,
            Self::Internal => 4,
            Self::Interrupted { .. } => 5,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// An argument that is not UTF-8.
    #[error("the argument {argument:?} is not valid UTF-8. Type it again, or rename the file.")]
    NotText {
        /// The argument, with its bad bytes replaced.
        argument: String,
    },
    /// An option with a typographic dash.
    #[error(
        "{argument:?} begins with a typographic dash, as copied from some web pages, so it is not an option. Did you mean {meant}? \
         If it is an argument for the node, put it after `--`."
    )]
    WrongDash {
        /// The argument as given.
        argument: String,
        /// The option that it resembles.
        meant: String,
    },
    /// A program that can't be run.
    #[error("{problem}: {}. {advice}", path.display())]
    Program {
        /// What is wrong with it.
        problem: &'static str,
        /// The path that `--bin` names.
        path: PathBuf,
        /// What to do.
        advice: String,
    },
    /// Options that contradict each other.
    #[error("{0}")]
    Arguments(String),
    /// A plan that can't be carried out.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A test could not be carried out.
    #[error(transparent)]
    Test(#[from] TestError),
    /// There is no history of that name.
    #[error(transparent)]
    History(#[from] OpenError),
    /// The system can't start a thread.
    #[error("can't start a thread for the check: {0}")]
    Thread(#[source] std::io::Error),
    /// The JUnit report can't be made.
    #[error("can't make the JUnit report: {0}")]
    Junit(#[from] quick_junit::SerializeError),
    /// The JUnit report can't be written.
    #[error("can't write the JUnit report to {}: {source}. Is the disk full, or the directory not writable?", path.display())]
    JunitFile {
        /// Where to.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Stdout can't be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The store could not be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl From<SettingError> for CliError {
    fn from(error: SettingError) -> Self {
        Self::Plan(error.into())
    }
}

impl CliError {
    /// Prints the sentence to stderr and returns the status.
    pub fn report(&self) -> ExitStatus {
        let style = anstyle::AnsiColor::Red.on_default().bold();
        output::note(&format!("{style}error:{style:#} {self}"));
        match self {
            Self::NotText { .. }
            | Self::WrongDash { .. }
            | Self::Program { .. }
            | Self::Arguments(_)
            | Self::Plan(_)
            | Self::History(_) => ExitStatus::BadArguments,
            // Whoever named the program named one that can't be run.
            Self::Test(TestError::Run(RunError::Spawn(error))) if error.is_about_program() => {
                ExitStatus::BadArguments
            }
            Self::Test(_)
            | Self::Serve(_)
            | Self::Junit(_)
            | Self::JunitFile { .. }
            | Self::Thread(_)
            | Self::Output(_) => ExitStatus::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_several_runs_is_the_status() {
        use ExitStatus::{Interrupted, Invalid, Unknown, Valid};
        assert_eq!(Valid.worst(Unknown), Unknown);
        assert_eq!(Invalid.worst(Unknown), Invalid);
        assert_eq!(Invalid.worst(Interrupted { signal: 2 }).code(), 130);
        assert_eq!(Valid.worst(Valid).code(), 0);
    }
}
