//! What was found: an anomaly with its cases, as results show them and as a person reads them.

use crate::moment::TOLD_LIMIT;
use crate::{Finding, Subject, Value};

/// How many cases the results show of anomalies of which upstream shows all: a broken node makes one with every message.
pub(super) const SHOWN_LIMIT: usize = 256;

/// An anomaly that was found.
pub(super) struct Found {
    /// Upstream's name of it.
    pub(super) name: &'static str,
    /// What the results say.
    pub(super) value: Value,
    pub(super) findings: Vec<Finding>,
}

/// One occurrence.
pub(super) struct Case {
    pub(super) value: Value,
    pub(super) sentence: String,
    pub(super) operations: Vec<u64>,
    /// The messages that the sentence is about, with their keys.
    pub(super) subjects: Vec<Subject>,
}

impl Found {
    /// An anomaly that occurred so often, of which these cases are shown. None if there are none.
    pub(super) fn new(
        name: &'static str,
        count: usize,
        shown: impl IntoIterator<Item = Case>,
    ) -> Option<Self> {
        if count == 0 {
            return None;
        }
        let mut findings = Vec::new();
        let mut values = Vec::new();
        for case in shown {
            if findings.len() < TOLD_LIMIT {
                let finding = Finding::new(format!("{name}: {}", case.sentence), case.operations);
                findings.push(finding.about_all(case.subjects));
            }
            values.push(case.value);
        }
        if count > findings.len() {
            findings.push(Finding::new(format!("{name}: {} more of this kind.", count - findings.len()), []));
        }
        let value = Value::record([("count", Value::from(count)), ("errs", Value::List(values))]);
        Some(Self { name, value, findings })
    }
}
