//! `glomers why`: what happened to the things that a run's findings speak of.

use std::path::{Path, PathBuf};

use clap::Args;
use glomers_check::Value;
use glomers_protocol::text;
use glomers_workbench::trail::Trail;

use super::{
    exit::{CliError, ExitStatus},
    output,
};
use crate::{
    run_directory::{files, manifest::RunFile},
    why,
};

/// How many findings are explained.
const MAX_FINDINGS: usize = 5;

/// The options of `glomers why`.
#[derive(Debug, Args)]
pub(crate) struct WhyArguments {
    /// The directory of a run.
    #[arg(value_name = "RUN", default_value = "store/latest")]
    run: PathBuf,

    /// Tell what happened to this value, as JSON or as plain text, instead of what the findings speak of.
    #[arg(long, value_name = "VALUE", conflicts_with = "operation")]
    value: Option<String>,

    /// Tell what happened to the operation of this number.
    #[arg(long, value_name = "NUMBER")]
    operation: Option<u64>,
}

impl WhyArguments {
    pub(crate) fn run(self) -> Result<ExitStatus, CliError> {
        let directory = &self.run;
        let run = RunFile::read(directory)
            .map_err(|error| refused(directory, &format!("its {} can't be read: {error}", files::RUN)))?;
        let unreadable = |error: std::io::Error| {
            refused(directory, &format!("its {} can't be read: {error}", files::JOURNAL))
        };
        if let Some(text) = &self.value {
            let value = Value::from_json(text).unwrap_or_else(|_| Value::string(text));
            show(&why::value(directory, &value).map_err(unreadable)?)?;
            return Ok(ExitStatus::Valid);
        }
        if let Some(index) = self.operation {
            let trail = why::operation(directory, index).map_err(unreadable)?;
            let trail = trail.ok_or_else(|| {
                refused(
                    directory,
                    &format!("no operation begins at number {index}; history.txt lists them by their index"),
                )
            })?;
            show(&trail)?;
            return Ok(ExitStatus::Valid);
        }
        if let Some(sentence) = &run.sentence {
            output::print(&format!("{}\n\n", text::escape_lines(sentence)))?;
        }
        let mut is_explained = false;
        for finding in run.all_findings().take(MAX_FINDINGS) {
            let Some(trail) = why::finding(directory, finding).map_err(unreadable)? else { continue };
            if is_explained {
                output::print(&format!("{}\n", text::escape_lines(&finding.sentence)))?;
            }
            show(&trail)?;
            is_explained = true;
        }
        if !is_explained {
            output::print(
                "No finding of this run speaks of an operation or a value. --value and --operation ask about any.\n",
            )?;
        }
        Ok(ExitStatus::Valid)
    }
}

fn show(trail: &Trail) -> Result<(), CliError> {
    Ok(output::print(&format!("{}\n", text::escape_lines(&trail.to_string())))?)
}

fn refused(directory: &Path, reason: &str) -> CliError {
    CliError::Arguments(format!("{} can't be explained: {reason}.", directory.display()))
}
