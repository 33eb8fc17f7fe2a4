//! From operations to results: the checkers of a run, which see every operation as it happens, and the results map.
//!
//! The map has Maelstrom's keys in Maelstrom's order. `:nodes` is ours: which nodes died or broke the protocol. So is `:warnings`: what a
//! reader should know although it does not decide the verdict.

use std::collections::BTreeSet;

use glomers_check::{
    Availability, Checker, Exceptions, Finding, Guarded, Mode, Operation, Stats, Validity, Value, Verdict,
};
use glomers_world::{MessageCounts, NetworkStatistics};

use super::{
    nodes,
    overlap::Overlap,
    perf::Perf,
    run_facts::{OperationCounts, RunFacts},
    warnings::{self, Warning, WarningKind},
};
use crate::{plan::Plan, run::Event, text, workloads};

/// How many findings a verdict has at most.
const MAX_FINDINGS: usize = 50;
/// How long a sentence of a verdict is at most, in bytes. The last words of a node that died are the longest.
const MAX_SENTENCE_BYTES: usize = 16 << 10;

/// The checkers of one run.
pub struct Analysis {
    exceptions: Box<dyn Checker>,
    stats: Box<dyn Checker>,
    availability: Box<dyn Checker>,
    workload: Box<dyn Checker>,
    perf: Perf,
    counts: OperationCounts,
    overlap: Overlap,
    /// Whether a node has died, and whether one has broken the protocol.
    has_death: bool,
    has_violation: bool,
    plan: Plan,
    mode: Mode,
}

/// The results of a run.
pub struct Results {
    /// The verdict over all checkers.
    pub validity: Validity,
    /// The results map.
    pub map: Value,
    /// Why the run is invalid, the most important first.
    pub findings: Vec<Finding>,
    /// Why a part of it is unknown.
    pub doubts: Vec<Finding>,
    /// What a reader should know although it does not decide the verdict.
    pub warnings: Vec<Warning>,
    /// With [`Mode::Compat`]: whether Maelstrom would have ended with status 255 and without results, because a node died or did not
    /// answer init.
    pub is_aborted: bool,
    /// The operations, counted.
    pub counts: OperationCounts,
    /// The latencies and rates, for the plots.
    pub perf: Perf,
}

impl Analysis {
    /// The checkers for this plan.
    pub fn new(plan: &Plan, mode: Mode) -> Self {
        let workload = workloads::named(&plan.workload);
        let guarded = |checker: Box<dyn Checker>| -> Box<dyn Checker> { Box::new(Guarded::new(checker)) };
        Self {
            exceptions: guarded(Box::<Exceptions>::default()),
            stats: guarded(Box::<Stats>::default()),
            availability: guarded(Box::new(Availability::new(plan.availability))),
            workload: guarded(workload.build_checker(&plan.settings, mode)),
            perf: Perf::new(),
            counts: OperationCounts::default(),
            overlap: Overlap::default(),
            has_death: false,
            has_violation: false,
            plan: plan.clone(),
            mode,
        }
    }

    /// Is called for the next operation of the history.
    pub fn observe(&mut self, operation: &Operation) {
        self.counts.observe(operation);
        self.perf.observe(operation);
        self.overlap.observe(operation);
        for checker in [&mut self.exceptions, &mut self.stats, &mut self.availability, &mut self.workload] {
            checker.observe(operation);
        }
    }

    /// Is called for every other event.
    pub fn observe_event(&mut self, event: &Event<'_>) {
        match event {
            Event::NodeExited { .. } => self.has_death = true,
            Event::ProtocolViolation { .. } => self.has_violation = true,
            _ => {}
        }
    }

    /// Whether the run is certain to be invalid.
    pub fn has_failed(&self) -> bool {
        let by_nodes = self.has_death || (self.has_violation && self.mode == Mode::Strict);
        by_nodes || self.workload.has_violation() || self.availability.has_violation()
    }

    /// The operations so far.
    pub fn counts(&self) -> OperationCounts {
        self.counts
    }

    /// The results, once the run has ended.
    pub fn finish(self, facts: &RunFacts<'_>) -> Results {
        let drawn = Verdict::bare(Validity::Valid).results;
        let perf = Value::record([
            ("latency-graph", drawn.clone()),
            ("rate-graph", drawn.clone()),
            ("valid?", Value::Bool(true)),
        ]);
        let has_faults = self.plan.has_faults();
        let is_aborted =
            self.mode == Mode::Compat && (facts.not_started.is_some() || !facts.exits.is_empty());
        let nodes = match self.mode {
            Mode::Strict => nodes::judge(facts),
            Mode::Compat => nodes::judge_as_maelstrom(facts),
        };
        let [exceptions, stats, availability, mut workload] =
            [self.exceptions, self.stats, self.availability, self.workload].map(Checker::finish);
        let mut map = Value::record([
            ("perf", perf),
            ("timeline", drawn),
            ("exceptions", exceptions.results.clone()),
            ("stats", stats.results.clone()),
            ("availability", availability.results.clone()),
            ("net", network(facts.network, self.counts.invoked)),
            ("workload", workload.results.clone()),
        ]);
        // Maelstrom does not check its nodes beyond the operations, so its results have no such entry.
        if self.mode == Mode::Strict {
            map.insert("nodes", nodes.results.clone());
        }
        if facts.not_started.is_some() {
            // That no operation was invoked is already the reason; what a checker says about an empty history is no help.
            workload.findings.clear();
        }
        let mut sorted = Sorted::default();
        // Violations of the protocol come first, then the workload's own checker, then the rest.
        for part in [nodes, workload, availability, stats] {
            sorted.add(part);
        }
        // An exception is a reply that a client could not use: that does not decide the verdict.
        sorted.add(Verdict { validity: Validity::Valid, ..exceptions });
        let Sorted { validity, findings, doubts, mut warnings } = sorted;
        warnings.extend(warnings::of_replies(facts.replies, has_faults));
        warnings.extend(warnings::of_counts(&self.counts));
        warnings.extend(self.overlap.warnings());
        warnings.extend(warnings::of_lateness(facts.lateness, &self.plan));
        warnings.extend(facts.notes.iter().map(|note| Warning::new(WarningKind::NodeNote, 1, note.as_str())));
        warnings.sort_by_key(|warning| warning.kind);
        for warning in &mut warnings {
            warning.sentence = text::bounded(std::mem::take(&mut warning.sentence), MAX_SENTENCE_BYTES);
        }
        if !warnings.is_empty() {
            map.insert("warnings", Value::Vector(warnings.iter().map(Warning::to_value).collect()));
        }
        map.insert("valid?", validity.to_value());
        let (findings, doubts) = (bounded(findings), bounded(doubts));
        Results {
            validity,
            map,
            findings,
            doubts,
            warnings,
            is_aborted,
            counts: self.counts,
            perf: self.perf,
        }
    }
}

/// The findings of all checkers, sorted by what they mean for the verdict.
#[derive(Default)]
struct Sorted {
    validity: Validity,
    findings: Vec<Finding>,
    doubts: Vec<Finding>,
    warnings: Vec<Warning>,
}

impl Sorted {
    fn add(&mut self, part: Verdict) {
        self.validity = self.validity.max(part.validity);
        match part.validity {
            Validity::Invalid => self.findings.extend(part.findings),
            Validity::Unknown => self.doubts.extend(part.findings),
            Validity::Valid => {
                let sentences = part.findings.into_iter().map(|finding| finding.sentence);
                self.warnings
                    .extend(sentences.map(|sentence| Warning::new(WarningKind::Checker, 1, sentence)));
            }
        }
    }
}

/// Each sentence once, no more of them than a person reads, and none longer than that.
fn bounded(findings: Vec<Finding>) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let mut kept: Vec<Finding> = Vec::new();
    let mut left_out = 0;
    for finding in findings {
        if kept.len() == MAX_FINDINGS {
            left_out += 1;
            continue;
        }
        let sentence = text::bounded(finding.sentence, MAX_SENTENCE_BYTES);
        if seen.insert(sentence.clone()) {
            kept.push(Finding { sentence, ..finding });
        }
    }
    if left_out > 0 {
        kept.push(Finding::new(format!("… and {} more.", text::grouped(left_out)), []));
    }
    kept
}

/// `:net`: the messages, counted, and how many an operation took.
fn network(statistics: &NetworkStatistics, invoked: u64) -> Value {
    let counts = |counts: &MessageCounts| {
        [
            ("send-count", counts.send_count),
            ("recv-count", counts.recv_count),
            ("msg-count", counts.msg_count),
        ]
        .map(|(key, count)| (key, Value::from(count)))
    };
    let per_operation = |counts: &MessageCounts| {
        (invoked > 0).then(|| ("msgs-per-op", Value::ratio(counts.msg_count, invoked)))
    };
    let with_ratio = |of: &MessageCounts| Value::record(counts(of).into_iter().chain(per_operation(of)));
    Value::record([
        ("all", with_ratio(&statistics.all)),
        ("clients", Value::record(counts(&statistics.clients))),
        ("servers", with_ratio(&statistics.servers)),
        ("valid?", Value::Bool(true)),
    ])
}

#[cfg(test)]
mod tests {
    use glomers_check::OperationKind;

    use super::{super::run_facts::RESULT_ERRORS, *};
    use crate::clients::TIMED_OUT;

    #[test]
    fn findings_are_said_once_and_are_bounded_in_number_and_length() {
        let mut findings: Vec<Finding> = (0..9_184)
            .map(|number| Finding::new(format!("{number} {}", "x".repeat(20_000)), [number]))
            .collect();
        findings.insert(1, findings[0].clone());
        let bounded = bounded(findings);
        assert_eq!(bounded.len(), MAX_FINDINGS + 1);
        assert_eq!(bounded[1].operations, [1]);
        assert!(bounded.iter().all(|finding| finding.sentence.len() < MAX_SENTENCE_BYTES + 100));
        assert_eq!(bounded[MAX_FINDINGS].sentence, "… and 9,134 more.");
    }

    #[test]
    fn a_time_out_and_a_refusal_are_counted_beside_the_outcome() {
        let mut counts = OperationCounts::default();
        let cas = Operation::invoke(0, "cas", ());
        counts.observe(&cas);
        for (kind, error) in [
            (OperationKind::Info, Value::keyword(TIMED_OUT)),
            (OperationKind::Fail, Value::Vector(vec![Value::keyword("precondition-failed"), "no".into()])),
            (OperationKind::Fail, Value::Vector(vec![Value::keyword("abort"), "no".into()])),
        ] {
            counts.observe(&Operation { error: Some(error), ..cas.clone().completed(kind, ()) });
        }
        let expected = OperationCounts { invoked: 1, failed: 2, unknown: 1, timed_out: 1, refused: 1, ok: 0 };
        assert_eq!(counts, expected);
    }

    #[test]
    fn the_errors_that_are_results_are_those_of_the_protocol() {
        let names =
            glomers_protocol::ErrorCode::REGISTRY.iter().filter(|info| warnings::is_result(info.code));
        assert_eq!(names.map(|info| info.name).collect::<Vec<_>>(), RESULT_ERRORS);
    }
}
