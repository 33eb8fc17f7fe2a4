//! Where an entry stands in its history, for sentences that a person reads.

use std::fmt;

use crate::{Finding, Operation, Process};

/// How many cases of one kind are told in words.
pub(crate) const TOLD_LIMIT: usize = 3;

/// Where an entry stands in its history: small enough to be kept for every operation that may be spoken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) index: u64,
    pub(crate) time_ns: u64,
    pub(crate) process: Process,
}

impl Moment {
    pub(crate) fn of(operation: &Operation) -> Self {
        Self { index: operation.index, time_ns: operation.time_ns, process: operation.process }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, process, .. } = self;
        let milliseconds = self.time_ns / 1_000_000;
        write!(
            formatter,
            "operation {index} (process {process}, {}.{:03} s)",
            milliseconds / 1000,
            milliseconds % 1000
        )
    }
}

/// The first few of many things, and how many more there are.
pub(crate) fn listed<T: fmt::Display>(things: impl ExactSizeIterator<Item = T>, joint: &str) -> String {
    const LISTED_LIMIT: usize = 8;
    let rest = things.len().saturating_sub(LISTED_LIMIT);
    let told: Vec<String> = things.take(LISTED_LIMIT).map(|thing| thing.to_string()).collect();
    if rest > 0 { format!("{} and {rest} more", told.join(joint)) } else { told.join(joint) }
}

/// Tells the first few of many cases, and how many more there are: `more` is what one calls several of them.
pub(crate) fn tell<Case>(
    findings: &mut Vec<Finding>,
    cases: &[Case],
    more: &str,
    sentence: impl Fn(&Case) -> Finding,
) {
    findings.extend(cases.iter().take(TOLD_LIMIT).map(sentence));
    if cases.len() > TOLD_LIMIT {
        let rest = cases.len() - TOLD_LIMIT;
        findings.push(Finding::new(format!("And {rest} more {more}."), []));
    }
}
