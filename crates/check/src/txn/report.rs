//! The verdict: anomalies as a results map, and as sentences.

use std::collections::{BTreeMap, BTreeSet};

use super::anomaly::Anomaly;
use super::model::{Boundary, Model};
use super::options::Options;
use crate::{Finding, Subject, Validity, Value, Verdict};

/// How many cases of one anomaly the results show. A broken node can produce one per operation.
const CASE_LIMIT: usize = 64;

/// How many cases of one anomaly are told in words.
const SENTENCE_LIMIT: usize = 3;

/// One occurrence of an anomaly.
pub(crate) struct Case {
    /// What the results map shows.
    pub(crate) value: Value,
    /// What a person reads.
    pub(crate) sentence: String,
    /// The indices of the operations that the sentence is about.
    pub(crate) operations: Vec<u64>,
    /// The written values that the sentence is about, with their keys.
    pub(crate) subjects: Vec<Subject>,
}

#[derive(Default)]
struct Cases {
    shown: Vec<Case>,
    count: u64,
}

/// All anomalies found in a history.
#[derive(Default)]
pub(crate) struct Report {
    found: BTreeMap<Anomaly, Cases>,
}

impl Report {
    /// Adds a case. It is only built while there is room for it.
    pub(crate) fn add(&mut self, anomaly: Anomaly, case: impl FnOnce() -> Case) {
        let cases = self.found.entry(anomaly).or_default();
        cases.count += 1;
        if cases.shown.len() < CASE_LIMIT {
            cases.shown.push(case());
        }
    }

    /// The kinds of anomalies found.
    pub(crate) fn anomalies(&self) -> impl Iterator<Item = Anomaly> + '_ {
        self.found.keys().copied()
    }

    /// Whether one of these was found.
    pub(crate) fn has_any_of(&self, anomalies: &BTreeSet<Anomaly>) -> bool {
        self.anomalies().any(|anomaly| anomalies.contains(&anomaly))
    }

    /// Judges what was found by what was promised; unknown, for this reason, where nothing is wrong.
    pub(crate) fn verdict_unless(self, undecided: Option<String>, options: &Options) -> Verdict {
        let verdict = self.verdict(options);
        match undecided {
            Some(reason) if verdict.validity == Validity::Valid => Verdict::unknown(reason),
            _ => verdict,
        }
    }

    /// Judges what was found by what was promised.
    fn verdict(self, options: &Options) -> Verdict {
        let prohibited = options.prohibited();
        let is_reported =
            |anomaly: &Anomaly| prohibited.contains(anomaly) || *anomaly == Anomaly::EMPTY_TRANSACTION_GRAPH;
        let Boundary { not, also_not } = Model::boundary_in(options.mode, self.anomalies());
        let reported: BTreeMap<Anomaly, Cases> =
            self.found.into_iter().filter(|(anomaly, _)| is_reported(anomaly)).collect();
        let bad: Vec<Anomaly> =
            reported.keys().copied().filter(|anomaly| prohibited.contains(anomaly)).collect();
        let validity = match (bad.is_empty(), reported.is_empty()) {
            (true, true) => return Verdict::bare(Validity::Valid),
            (true, false) => Validity::Unknown,
            (false, _) => Validity::Invalid,
        };
        let mut by_gravity: Vec<(&Anomaly, &Cases)> = reported.iter().collect();
        by_gravity.sort_by_cached_key(|(anomaly, _)| {
            std::cmp::Reverse(Model::ruled_out(options.mode, [**anomaly]).len())
        });
        let findings: Vec<Finding> =
            by_gravity.into_iter().flat_map(|(anomaly, cases)| sentences(*anomaly, cases)).collect();
        let types = reported.keys().map(|anomaly| Value::keyword(anomaly.name())).collect();
        let case_values =
            |cases: Cases| Value::Vector(cases.shown.into_iter().map(|case| case.value).collect());
        let entries =
            reported.into_iter().map(|(anomaly, cases)| (Value::keyword(anomaly.name()), case_values(cases)));
        let results = [
            ("anomaly-types", Value::List(types)),
            ("anomalies", Value::Map(entries.collect())),
            ("not", names(&not)),
            ("also-not", names(&also_not)),
        ];
        let mut verdict = Verdict::new(validity, results);
        verdict.findings = findings;
        verdict
    }
}

fn names(models: &BTreeSet<Model>) -> Value {
    let names: BTreeSet<&str> = models.iter().map(|model| model.name()).collect();
    Value::Set(names.into_iter().map(Value::keyword).collect())
}

fn sentences(anomaly: Anomaly, cases: &Cases) -> Vec<Finding> {
    let told = cases.shown.iter().take(SENTENCE_LIMIT);
    let mut findings: Vec<Finding> = told
        .map(|case| {
            let finding = Finding::new(format!("{anomaly}: {}", case.sentence), case.operations.clone());
            finding.about_all(case.subjects.clone())
        })
        .collect();
    let untold = cases.count - findings.len() as u64;
    if untold > 0 {
        let shown = cases.shown.len();
        let place = if cases.count > shown as u64 {
            format!("; the results show the first {shown}")
        } else {
            String::new()
        };
        findings.push(Finding::new(format!("{anomaly}: {untold} more of this kind{place}."), []));
    }
    findings
}
