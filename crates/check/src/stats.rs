//! How many operations succeeded, failed, and ended unknown.

use std::collections::BTreeMap;

use crate::{Checker, Finding, Name, Operation, OperationKind, Requirement, Validity, Value, Verdict};

/// Counts the ends of clients' operations, in all and by function.
///
/// A function of which no operation succeeded makes the verdict invalid: a test in which nothing worked proves
/// nothing. Functions that are not meant to succeed (a client that crashes on purpose) are excused.
///
/// Constant memory, constant time per operation. Keys and meaning are those of Jepsen's `checker/stats`, as
/// Maelstrom uses it.
///
/// ```
/// use glomers_check::{History, Operation, OperationKind, Stats, Validity, check};
/// let read = Operation::invoke(0, "read", ());
/// let history = History::new(vec![read.clone(), read.completed(OperationKind::Info, ())]);
/// let verdict = check(&history, Stats::default());
/// assert_eq!(verdict.validity, Validity::Invalid);
/// assert_eq!(verdict.results.get("info-count").unwrap().as_int(), Some(1));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Stats {
    all: Counts,
    by_f: BTreeMap<Name, Counts>,
}

/// Functions whose operations always end unknown, by intent: a client that crashes, and one that looks around.
const NEVER_SUCCEED: [&str; 2] = ["crash", "debug-topic-partitions"];

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    ok: u64,
    fail: u64,
    info: u64,
    /// Of the failed ones, those without a reply in time.
    timed_out_fail: u64,
    /// The same of the unknown ones.
    timed_out_info: u64,
    /// The first that did not succeed, by the index of its end.
    first_failure: Option<u64>,
}

/// The error of an operation without a reply in time.
const TIMED_OUT: &str = "net-timeout";

impl Counts {
    fn count(&mut self, operation: &Operation) {
        let error = operation.error.as_ref().and_then(Value::as_keyword);
        let timed_out = u64::from(error == Some(TIMED_OUT));
        if !operation.is_invoke() && !operation.is_ok() {
            self.first_failure.get_or_insert(operation.index);
        }
        match operation.kind {
            OperationKind::Invoke => {}
            OperationKind::Ok => self.ok += 1,
            OperationKind::Fail => {
                self.fail += 1;
                self.timed_out_fail += timed_out;
            }
            OperationKind::Info => {
                self.info += 1;
                self.timed_out_info += timed_out;
            }
        }
    }

    /// How those that did not succeed ended, such as `0 failed, 1 timed out (outcome unknown)`.
    fn describe_failures(self) -> String {
        let timed_out = self.timed_out_fail + self.timed_out_info;
        let mut text = format!("{} failed", self.fail - self.timed_out_fail);
        if timed_out > 0 {
            text.push_str(&format!(", {timed_out} timed out (outcome unknown)"));
        }
        if self.info > self.timed_out_info {
            let otherwise = self.info - self.timed_out_info;
            text.push_str(&format!(", {otherwise} ended otherwise with an unknown outcome"));
        }
        text
    }

    fn entries(self) -> [(&'static str, Value); 4] {
        [
            ("count", (self.ok + self.fail + self.info).into()),
            ("ok-count", self.ok.into()),
            ("fail-count", self.fail.into()),
            ("info-count", self.info.into()),
        ]
    }
}

impl Stats {
    /// Whether of every function at least one operation succeeded.
    pub(crate) fn validity(&self) -> Validity {
        Validity::from(self.unsuccessful().next().is_none())
    }

    /// The functions of which no operation succeeded, and their counts.
    fn unsuccessful(&self) -> impl Iterator<Item = (&Name, &Counts)> {
        self.by_f.iter().filter(|(f, counts)| counts.ok == 0 && !NEVER_SUCCEED.contains(&f.as_str()))
    }
}

impl Checker for Stats {
    fn observe(&mut self, operation: &Operation) {
        if operation.is_invoke() || !operation.is_client() {
            return;
        }
        self.all.count(operation);
        match self.by_f.get_mut(operation.f.as_str()) {
            Some(counts) => counts.count(operation),
            None => self.by_f.entry(operation.f.clone()).or_default().count(operation),
        }
    }

    fn requirement(&self) -> Requirement {
        Requirement::Entries
    }

    fn finish(self: Box<Self>) -> Verdict {
        let mut by_f = Vec::new();
        for (f, counts) in &self.by_f {
            let part = Verdict::new(Validity::from(counts.ok > 0), counts.entries());
            by_f.push((Value::Keyword(f.clone()), part.results));
        }
        let finding = |(f, counts): (&Name, &Counts)| {
            let first: Vec<u64> = counts.first_failure.into_iter().collect();
            Finding::new(format!("No `{f}` succeeded: {}.", counts.describe_failures()), first)
        };
        let findings: Vec<Finding> = self.unsuccessful().map(finding).collect();
        let validity = Validity::from(findings.is_empty());
        let entries = self.all.entries().into_iter().chain([("by-f", Value::Map(by_f))]);
        Verdict { findings, ..Verdict::new(validity, entries) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{History, check};

    #[test]
    fn time_outs_are_called_time_outs() {
        let read = Operation::invoke(0, "read", ());
        let ended = |kind, error: Option<Value>| {
            [read.clone(), Operation { error, ..read.clone().completed(kind, ()) }]
        };
        let timed_out = || Some(Value::keyword(TIMED_OUT));
        let sentence = |ends: Vec<[Operation; 2]>| {
            let history = History::new(ends.into_iter().flatten().collect());
            check(&history, Stats::default()).findings.remove(0).sentence
        };
        let info = || ended(OperationKind::Info, timed_out());
        assert_eq!(sentence(vec![info()]), "No `read` succeeded: 0 failed, 1 timed out (outcome unknown).");
        assert_eq!(
            sentence(vec![ended(OperationKind::Fail, timed_out()), ended(OperationKind::Fail, None)]),
            "No `read` succeeded: 1 failed, 1 timed out (outcome unknown)."
        );
        assert_eq!(
            sentence(vec![info(), ended(OperationKind::Info, None)]),
            "No `read` succeeded: 0 failed, 1 timed out (outcome unknown), 1 ended otherwise with an unknown outcome."
        );
    }
}
