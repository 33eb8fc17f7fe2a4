//! The results of several runs: a summary for people, and a JUnit report for CI servers.

use std::{fs, path::Path};

use glomers_check::{Finding, Validity};
use glomers_protocol::text;

use super::exit::CliError;
use crate::{
    execution::Report,
    junit::{self, Case},
};

/// The verdict of each run, in order.
#[derive(Debug, Default)]
pub(crate) struct RunResults {
    runs: Vec<RunResult>,
}

#[derive(Debug)]
struct RunResult {
    name: String,
    workload: String,
    seed: u64,
    validity: Validity,
    sentence: String,
    findings: Vec<Finding>,
}

impl RunResults {
    pub(crate) fn add(&mut self, name: &str, report: &Report) {
        self.runs.push(RunResult {
            name: name.to_owned(),
            workload: report.workload.clone(),
            seed: report.seed,
            validity: report.conclusion.validity,
            sentence: report.conclusion.sentence.clone(),
            findings: report.conclusion.findings.clone(),
        });
    }

    /// How many runs were valid, and the seed and sentence of each that was not.
    pub(crate) fn summary(&self) -> String {
        let count = |validity| self.runs.iter().filter(|run| run.validity == validity).count();
        let mut text = format!(
            "\n{}: {} valid, {} invalid, {} unknown\n",
            text::count(self.runs.len() as u64, "run"),
            count(Validity::Valid),
            count(Validity::Invalid),
            count(Validity::Unknown)
        );
        for run in self.runs.iter().filter(|run| run.validity != Validity::Valid) {
            let sentence = text::escape_lines(run.sentence.lines().next().unwrap_or_default());
            text.push_str(&format!("  seed {}: {}: {sentence}\n", run.seed, run.validity));
        }
        text
    }

    /// Writes the JUnit report, if a file was asked for.
    pub(crate) fn write_junit(&self, suite: &str, path: Option<&Path>) -> Result<(), CliError> {
        let Some(path) = path else { return Ok(()) };
        let cases = self.runs.iter().map(|run| Case {
            name: &run.name,
            class: &run.workload,
            validity: run.validity,
            sentence: &run.sentence,
            findings: &run.findings,
        });
        let text = junit::report(suite, cases)?;
        fs::write(path, text).map_err(|source| CliError::JunitFile { path: path.to_owned(), source })
    }
}
