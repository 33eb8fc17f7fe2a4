//! `glomers check`: existing histories, of Glomers or of another tool.

mod trace;

use std::{path::PathBuf, time::Duration};

use clap::{
    Args, ValueEnum,
    builder::{PossibleValue, PossibleValuesParser},
};
use glomers_check::{
    Mode, Value, edn, registry,
    txn::{Model, VersionOrders},
};
use glomers_workbench::workloads;

use self::trace::TraceArguments;
use super::{
    exit::{CliError, ExitStatus},
    output, values,
    watched::{self, Ended},
};
use crate::{
    check::{Answer, Question, Source, report},
    junit::{self, Case},
};

/// The options of `glomers check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// Histories or directories of runs; `-` is standard input.
    ///
    /// The format is recognised by the first lines: Jepsen's history.edn, the same as JSON (one object a line, or an array),
    /// history.txt and Jepsen's log, Knossos's vectors, AWDIT's text format, and that of Plume and PolySI.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// The workload that recorded the histories. Without this option, it is read from the run or recognised by the operations.
    #[arg(short, long, value_name = "NAME", value_parser = PossibleValuesParser::new(workloads::names()))]
    workload: Option<String>,

    /// The property to check.
    #[arg(long, value_name = "NAME", conflicts_with = "workload", value_parser = PossibleValuesParser::new(checker_values()))]
    checker: Option<String>,

    /// The consistency models that transactions must satisfy, separated by commas, such as serializable. Without this option,
    /// those of the run, or strict-serializable.
    #[arg(long, value_name = "MODELS", value_parser = parse_models)]
    consistency_models: Option<Models>,

    /// How to infer the order of a register's versions, in addition to what the models guarantee, separated by commas:
    /// wfr-keys (writes follow reads, which Maelstrom assumes), sequential-keys, linearizable-keys; or none.
    #[arg(long, value_name = "LIST")]
    version_orders: Option<VersionOrders>,

    /// End a check that takes longer, in seconds or with a unit, such as 2.5 or 500ms; what is undecided by then is unknown.
    #[arg(long, value_name = "SECONDS", value_parser = values::positive_seconds)]
    time_limit: Option<Duration>,

    /// The value of a register before the first write, as EDN [default: nil].
    #[arg(long, value_name = "VALUE", value_parser = values::edn)]
    initial: Option<Value>,

    /// The first transaction writes the initial values: it comes before all others, and is not one of them.
    #[arg(long, conflicts_with = "initial")]
    initial_transaction: bool,

    /// Use our verdict, and say where Maelstrom's would be milder. This is the default.
    #[arg(long, overrides_with = "compat")]
    strict: bool,

    /// Use Maelstrom's verdict where ours is stricter.
    #[arg(long, overrides_with = "strict")]
    compat: bool,

    /// What to print on stdout.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,

    #[command(flatten)]
    trace: TraceArguments,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Sentences.
    Human,
    /// The results maps, with Maelstrom's keys.
    Edn,
    /// The same maps as JSON.
    Json,
    /// JUnit XML, one test for each history.
    Junit,
}

/// `--consistency-models`: one argument with any number of names.
#[derive(Debug, Clone)]
struct Models(Vec<Model>);

impl CheckArguments {
    pub(crate) fn run(self) -> Result<ExitStatus, CliError> {
        let question = self.question()?;
        // A wrong name is reported before the other histories are checked, which may take long.
        let trace = self.trace.mapping();
        for path in &self.files {
            if trace.is_some() { Source::find_trace(path)? } else { Source::find(path)? }
        }
        let mut answers = Vec::new();
        let mut status = ExitStatus::Valid;
        for path in &self.files {
            let Ended { answer, signal } = watched::check(path, trace.as_ref(), &question, self.time_limit)?;
            status = status.worst(ExitStatus::of(answer.validity));
            answers.push(answer);
            if let Some(signal) = signal {
                status = ExitStatus::Interrupted { signal };
                break;
            }
        }
        output::print(&self.printed(&answers)?)?;
        Ok(status)
    }

    fn question(&self) -> Result<Question, CliError> {
        if let (Some(_), Some(checker)) = (&self.consistency_models, &self.checker)
            && registry::find(checker).is_some_and(|entry| !entry.takes_models)
        {
            let takers: Vec<&str> =
                registry::ALL.iter().filter(|entry| entry.takes_models).map(|entry| entry.name).collect();
            return Err(CliError::Arguments(format!(
                "--consistency-models has no effect on --checker {checker}; it is for {}.",
                takers.join(" and ")
            )));
        }
        if let (Some(_), Some(checker)) = (&self.version_orders, &self.checker)
            && registry::find(checker).is_some_and(|entry| !entry.takes_version_orders)
        {
            return Err(CliError::Arguments(format!(
                "--version-orders has no effect on --checker {checker}; it is for rw-register."
            )));
        }
        if let (Some(_), Some(checker)) = (&self.initial, &self.checker)
            && registry::find(checker).is_some_and(|entry| !entry.takes_initial)
        {
            let takers: Vec<&str> =
                registry::ALL.iter().filter(|entry| entry.takes_initial).map(|entry| entry.name).collect();
            return Err(CliError::Arguments(format!(
                "--initial has no effect on --checker {checker}; it is for {}.",
                takers.join(", ")
            )));
        }
        Ok(Question {
            workload: self.workload.clone(),
            checker: self.checker.clone(),
            models: self.consistency_models.clone().map_or_else(Vec::new, |models| models.0),
            version_orders: self.version_orders.clone(),
            initial: self.initial.clone(),
            has_initial_transaction: self.initial_transaction,
            mode: if self.compat { Mode::Compat } else { Mode::Strict },
        })
    }

    fn printed(&self, answers: &[Answer]) -> Result<String, CliError> {
        Ok(match self.format {
            Format::Human => report::human(answers),
            Format::Edn => format!("{}\n", edn::pretty(&report::results(answers))),
            Format::Json => format!("{}\n", report::results(answers).to_json_pretty()),
            Format::Junit => junit(answers)?,
        })
    }
}

/// One test for each history, named after it.
fn junit(answers: &[Answer]) -> Result<String, CliError> {
    let paths: Vec<String> = answers.iter().map(|answer| answer.path.display().to_string()).collect();
    let cases = answers.iter().zip(&paths).map(|(answer, path)| Case {
        name: path,
        class: answer.checked_as.as_deref().unwrap_or("unknown"),
        validity: answer.validity,
        sentence: &answer.sentence,
        findings: &answer.findings,
    });
    Ok(junit::report("glomers check", cases)?)
}

fn checker_values() -> impl Iterator<Item = PossibleValue> {
    registry::ALL.iter().map(|entry| PossibleValue::new(entry.name).help(entry.doc))
}

fn parse_models(text: &str) -> Result<Models, String> {
    let models: Result<Vec<Model>, String> = text
        .split(',')
        .map(|name| match name.trim() {
            "" => Err("a name is missing beside a comma. If there are spaces after commas, quote the list: \"a, b\""
                .to_owned()),
            name => name
                .trim_start_matches(':')
                .parse()
                .map_err(|error: glomers_check::txn::UnknownModel| error.to_string()),
        })
        .collect();
    models.map(Models)
}
