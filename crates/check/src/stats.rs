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
}

impl Counts {
    fn count(&mut self, kind: OperationKind) {
        match kind {
            OperationKind::Invoke => {}
            OperationKind::Ok => self.ok += 1,
            OperationKind::Fail => self.fail += 1,
            OperationKind::Info => self.info += 1,
        }
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
        self.all.count(operation.kind);
        match self.by_f.get_mut(operation.f.as_str()) {
            Some(counts) => counts.count(operation.kind),
            None => self.by_f.entry(operation.f.clone()).or_default().count(operation.kind),
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
            let (fail, info) = (counts.fail, counts.info);
            let sentence =
                format!("No `{f}` succeeded: {fail} failed, and the outcome of {info} is unknown.");
            Finding::new(sentence, [])
        };
        let findings: Vec<Finding> = self.unsuccessful().map(finding).collect();
        let validity = Validity::from(findings.is_empty());
        let entries = self.all.entries().into_iter().chain([("by-f", Value::Map(by_f))]);
        Verdict { findings, ..Verdict::new(validity, entries) }
    }
}
