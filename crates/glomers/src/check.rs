//! The checkers on an existing history.
//!
//! [`Source`] opens a file or the directory of a run. A [`Question`] says what is known of the history; the rest is recognized from its
//! operations. [`check()`] gives an [`Answer`], which [`report`] and [`crate::junit`] print. A [`Watch`] shows the progress of a long check,
//! and can end it.

mod choice;
mod recognition;
pub mod report;
mod source;
mod watch;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use glomers_check::{
    Checker, Finding, Guarded, Mode, Operation, Validity, Value, Verdict,
    txn::{InitialTransaction, Model, VersionOrders},
};
use glomers_workbench::verdict::OperationCounts;

use self::{
    choice::{Choice, Guess},
    recognition::Recognition,
    source::Operations,
};
pub use self::{
    source::{OpenError, Source},
    watch::Watch,
};

/// How many entries are looked at before it is guessed what a history is of.
const BEGINNING: usize = 1_000;

/// How many, if the first ones leave it open.
const LONG_BEGINNING: usize = 200_000;

/// What is known about a history from the command line. The rest is recognised.
#[derive(Debug, Clone)]
pub struct Question {
    /// The workload that the history is of, one of [`glomers_workbench::workloads::names`].
    pub workload: Option<String>,
    /// The checker to use, by its name in [`glomers_check::registry::ALL`].
    pub checker: Option<String>,
    /// The consistency models that transactions were promised; empty for what the run or Maelstrom assumes.
    pub models: Vec<Model>,
    /// What the order of a register's versions is inferred from, besides what the models promise.
    pub version_orders: Option<VersionOrders>,
    /// The value that a register has before anything is written; nil if it is not said.
    pub initial: Option<Value>,
    /// Whether the first transaction writes the initial values.
    pub has_initial_transaction: bool,
    /// Whether the verdict is ours or Maelstrom's.
    pub mode: Mode,
}

/// The result of checking a history.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The file or directory as given.
    pub path: PathBuf,
    /// The verdict.
    pub validity: Validity,
    /// The verdict in one sentence. It may quote what a node sent: escape it before it reaches a terminal.
    pub sentence: String,
    /// What a person should know, the most important first.
    pub findings: Vec<Finding>,
    /// The results map, with Maelstrom's keys.
    pub results: Value,
    /// The operations of clients that were read.
    pub counts: OperationCounts,
    /// What it was checked as; `None` if that could not be determined.
    pub checked_as: Option<String>,
    /// Why it was checked as that.
    pub reason: String,
    /// What all chance of the run was drawn from, where the run tells.
    pub seed: Option<u64>,
}

/// Reads a history to its end and checks it.
///
/// Nothing is kept but what the checkers keep. A history that cannot be read to its end is `unknown`, unless what comes
/// before is invalid already: no end makes that good. The same holds where the watch interrupts it.
pub fn check(path: &Path, source: Source, question: &Question, watch: &Watch) -> Answer {
    let Source { mut operations, told } = source;
    if question.has_initial_transaction {
        operations = after_initial_transaction(operations);
    }
    let mut beginning = Vec::new();
    let mut damage = None;
    let mut recognition = Recognition::new(told.format);
    while damage.is_none()
        && (beginning.len() < BEGINNING || beginning.len() < LONG_BEGINNING && recognition.is_open())
    {
        match operations.next() {
            Some(Ok(operation)) => {
                watch.count_operation();
                recognition.observe(&operation);
                beginning.push(operation);
            }
            Some(Err(reason)) => damage = Some(reason),
            None => break,
        }
    }
    let chosen = if beginning.is_empty() {
        Err(damage.take().unwrap_or_else(|| "It contains no operations, so nothing was checked.".to_owned()))
    } else {
        choice::choose(question, &told, &recognition, watch)
    };
    // Maelstrom does not check its nodes beyond the operations.
    let nodes = told.nodes.filter(|_| question.mode == Mode::Strict);
    let mut examination = match chosen {
        Ok(choice) => Examination::new(choice, nodes),
        // If the history is broken so early that nothing can be recognised, the break is what to report.
        Err(reason) => return undecided(path, &damage.unwrap_or(reason), told.seed),
    };
    beginning.iter().for_each(|operation| examination.observe(operation));
    drop(beginning);
    if damage.is_none() {
        for operation in operations {
            match operation {
                Ok(operation) => {
                    watch.count_operation();
                    recognition.observe(&operation);
                    examination.observe(&operation);
                    if watch.interrupt().is_raised() {
                        damage = Some(format!("The check was interrupted at operation {}", operation.index));
                        break;
                    }
                }
                Err(reason) => {
                    damage = Some(reason);
                    break;
                }
            }
        }
    }
    let refuted = examination.guess.confirm(&recognition).err();
    let mut answer = examination.finish(path, damage, refuted, told.seed);
    if let Some(first) = answer.findings.first()
        && let Some(spans) = spans_of(first, &told.spans)
    {
        answer.findings.insert(1, Finding::new(spans, first.operations.clone()));
    }
    answer
}

/// The operations without the first transaction, whose values are nil in the others: the beginning.
fn after_initial_transaction(mut operations: Operations) -> Operations {
    let (invoke, completed) = match (operations.next(), operations.next()) {
        (Some(Ok(invoke)), Some(Ok(completed))) => (invoke, completed),
        (Some(Err(reason)), _) | (_, Some(Err(reason))) => return Box::new(std::iter::once(Err(reason))),
        _ => return Box::new(std::iter::empty()),
    };
    let is_alone = invoke.is_invoke() && invoke.process == completed.process;
    let initial = match InitialTransaction::of(if is_alone { &completed } else { &invoke }) {
        Ok(initial) => initial,
        Err(reason) => return Box::new(std::iter::once(Err(capitalised(&reason)))),
    };
    Box::new(operations.map(move |operation| {
        let mut operation = operation?;
        initial.apply(&mut operation).map_err(|reason| capitalised(&reason))?;
        Ok(operation)
    }))
}

fn capitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect()
}

/// Which spans the operations of a finding are, if they come from a trace: there is no other way to find them in it.
fn spans_of(finding: &Finding, spans: &[Arc<str>]) -> Option<String> {
    /// A cycle of transactions may have any number; the rest is found from these.
    const SHOWN: usize = 8;
    let mut names: Vec<&str> = Vec::new();
    for index in &finding.operations {
        let name = usize::try_from(*index).ok().and_then(|index| spans.get(index))?;
        if !names.contains(&&**name) {
            names.push(name);
        }
    }
    names.truncate(SHOWN);
    (!names.is_empty()).then(|| format!("In the trace: {}.", names.join("; ")))
}

/// The answer where nothing could be checked, for this reason.
pub fn undecided(path: &Path, reason: &str, seed: Option<u64>) -> Answer {
    let Verdict { validity, results, findings } = Verdict::unknown(reason);
    Answer {
        path: path.to_owned(),
        validity,
        sentence: reason.to_owned(),
        findings,
        results,
        counts: OperationCounts::default(),
        checked_as: None,
        reason: String::new(),
        seed,
    }
}

/// The checkers at work.
struct Examination {
    checked_as: String,
    reason: String,
    /// Those that look at any workload, which a history that was cut short can do no justice.
    general: Vec<(&'static str, Guarded)>,
    workload: Guarded,
    /// Whether that one can say nothing for certain of a history that breaks off.
    needs_the_end: bool,
    /// What the run itself recorded of its nodes.
    nodes: Option<Value>,
    guess: Guess,
    counts: OperationCounts,
}

impl Examination {
    fn new(choice: Choice, nodes: Option<Value>) -> Self {
        let guarded = |(name, checker)| (name, Guarded::new(checker));
        Self {
            checked_as: choice.checked_as,
            reason: choice.reason,
            general: choice.general.into_iter().map(guarded).collect(),
            workload: Guarded::new(choice.checker),
            needs_the_end: choice.needs_the_end,
            nodes,
            guess: choice.guess,
            counts: OperationCounts::default(),
        }
    }

    fn observe(&mut self, operation: &Operation) {
        self.counts.observe(operation);
        for (_, checker) in &mut self.general {
            checker.observe(operation);
        }
        self.workload.observe(operation);
    }

    /// The answer. A verdict on what the history turned out not to be is none.
    fn finish(
        self,
        path: &Path,
        damage: Option<String>,
        refuted: Option<String>,
        seed: Option<u64>,
    ) -> Answer {
        let workload = match refuted {
            None => Box::new(self.workload).finish(),
            Some(reason) => Verdict::unknown(reason),
        };
        // What is missing from a set may be read after all, where the history went on.
        let is_hopeless = workload.validity == Validity::Invalid && !self.needs_the_end;
        let mut validity = workload.validity;
        let mut findings = workload.findings;
        let mut parts = Vec::new();
        for (name, checker) in self.general {
            let verdict = Box::new(checker).finish();
            validity = validity.max(verdict.validity);
            findings.extend(verdict.findings);
            parts.push((name, verdict.results));
        }
        if let Some(nodes) = self.nodes {
            validity = validity.max(nodes.get("valid?").and_then(Validity::from_value).unwrap_or_default());
            let errors = nodes.get("errors").and_then(Value::as_elements).unwrap_or_default();
            let errors = errors.iter().filter_map(Value::as_str).map(|error| Finding::new(error, []));
            findings.splice(0..0, errors);
            parts.push(("nodes", nodes));
        }
        if let Some(reason) = damage {
            let sentence = format!("{reason}. The operations before that were checked.");
            if is_hopeless {
                findings.push(Finding::new(sentence, []));
            } else {
                validity = Validity::Unknown;
                findings.insert(0, Finding::new(sentence, []));
            }
        }
        parts.push(("workload", workload.results));
        parts.push(("valid?", validity.to_value()));
        Answer {
            path: path.to_owned(),
            validity,
            sentence: sentence(validity, self.counts, &self.checked_as, &findings),
            findings,
            results: Value::record(parts),
            counts: self.counts,
            checked_as: Some(self.checked_as),
            reason: self.reason,
            seed,
        }
    }
}

fn sentence(validity: Validity, counts: OperationCounts, checked_as: &str, findings: &[Finding]) -> String {
    match (validity, findings.first()) {
        (Validity::Unknown | Validity::Invalid, Some(finding)) => finding.sentence.clone(),
        (Validity::Valid, _) => {
            format!("Nothing is wrong with its {} operations as {checked_as}.", counts.invoked)
        }
        (Validity::Unknown | Validity::Invalid, None) => {
            format!("Its {} operations are {validity} as {checked_as}.", counts.invoked)
        }
    }
}
