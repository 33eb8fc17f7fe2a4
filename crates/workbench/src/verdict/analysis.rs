//! From operations to results: every checker that a run goes through, fed while the run goes on, and the results map that comes of it.
//!
//! The map has upstream's keys in upstream's order. `:nodes` is ours: what the nodes did against the protocol, and which of them died.

use glomers_check::{
    Availability, Checker, Exceptions, Finding, Guarded, Mode, Operation, OperationKind, Stats, Validity,
    Value, Verdict,
};
use glomers_protocol::NodeId;
use glomers_world::{ExitReport, MessageCounts, NetworkStatistics, ProtocolViolations};

use super::{overlap::Overlap, perf::Perf};
use crate::{plan::Plan, workloads};

/// The checkers of one run.
pub struct Analysis {
    exceptions: Box<dyn Checker>,
    stats: Box<dyn Checker>,
    availability: Box<dyn Checker>,
    workload: Box<dyn Checker>,
    perf: Perf,
    counts: OperationCounts,
    overlap: Overlap,
    mode: Mode,
}

/// How many operations of clients there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OperationCounts {
    /// Invoked.
    pub invoked: u64,
    /// Of these, those that succeeded.
    pub ok: u64,
    /// Those that certainly did nothing.
    pub failed: u64,
    /// Those of which nobody knows.
    pub unknown: u64,
}

impl OperationCounts {
    /// Counts an entry of a history.
    pub fn observe(&mut self, operation: &Operation) {
        if operation.is_client() {
            match operation.kind {
                OperationKind::Invoke => self.invoked += 1,
                OperationKind::Ok => self.ok += 1,
                OperationKind::Fail => self.failed += 1,
                OperationKind::Info => self.unknown += 1,
            }
        }
    }
}

/// What a run came to.
pub struct Results {
    /// The verdict over all checkers.
    pub validity: Validity,
    /// The results map.
    pub map: Value,
    /// What a person should know, the most important first.
    pub findings: Vec<Finding>,
    /// The operations, counted.
    pub counts: OperationCounts,
    /// The latencies and rates, for the plots.
    pub perf: Perf,
}

/// What the network and the nodes have to say at the end.
#[derive(Debug, Clone, Copy)]
pub struct RunFacts<'a> {
    /// The messages, counted.
    pub network: &'a NetworkStatistics,
    /// What nodes did against the protocol, the first of each.
    pub complaints: &'a ProtocolViolations,
    /// The nodes that died before they were stopped.
    pub exits: &'a [ExitReport],
    /// The nodes that answered init more than once, and how many answers there were beyond the first.
    pub surplus_init_replies: &'a [(NodeId, u64)],
    /// The nodes that did not get ready again after they were killed, each with what it did instead.
    pub failed_restarts: &'a [(NodeId, String)],
    /// Why the run never got to its first operation.
    pub not_started: Option<&'a str>,
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
            mode,
        }
    }

    /// Takes in the next operation of the history.
    pub fn observe(&mut self, operation: &Operation) {
        self.counts.observe(operation);
        self.perf.observe(operation);
        self.overlap.observe(operation);
        for checker in [&mut self.exceptions, &mut self.stats, &mut self.availability, &mut self.workload] {
            checker.observe(operation);
        }
    }

    /// Whether it is certain already that the run will be invalid.
    pub fn has_failed(&self) -> bool {
        self.workload.has_violation() || self.availability.has_violation()
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
        let nodes = nodes(facts);
        let [exceptions, stats, availability, workload] =
            [self.exceptions, self.stats, self.availability, self.workload].map(Checker::finish);
        let mut map = Value::record([
            ("perf", perf),
            ("timeline", drawn),
            ("exceptions", exceptions.results),
            ("stats", stats.results),
            ("availability", availability.results),
            ("net", network(facts.network, self.counts.invoked)),
            ("workload", workload.results),
        ]);
        let mut validity =
            Validity::merge([exceptions.validity, stats.validity, availability.validity, workload.validity]);
        // A workload that is not invalid has only to say that there was nothing to judge; why that is stands in the others.
        let (mut findings, mut hints) = if workload.validity == Validity::Invalid {
            (workload.findings, Vec::new())
        } else {
            (Vec::new(), workload.findings)
        };
        if facts.not_started.is_some() {
            // Why there was nothing to judge is the node's affair, and what upstream would say of nothing is no help.
            hints.clear();
        }
        // Upstream never looks at what its nodes do on the side, so its verdict leaves this out.
        if self.mode == Mode::Strict {
            map.insert("nodes", nodes.results);
            validity = validity.max(nodes.validity);
            findings.splice(0..0, nodes.findings);
        }
        findings.extend(exceptions.findings);
        findings.extend(hints);
        findings.extend(availability.findings);
        findings.extend(stats.findings);
        if self.mode == Mode::Strict {
            findings.extend(self.overlap.finding());
        }
        map.insert("valid?", validity.to_value());
        Results { validity, map, findings, counts: self.counts, perf: self.perf }
    }
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

/// `:nodes`: what the nodes did that no correct node does.
fn nodes(facts: &RunFacts<'_>) -> Verdict {
    let mut findings: Vec<Finding> = Vec::new();
    findings.extend(facts.not_started.map(|reason| Finding::new(reason, [])));
    if facts.not_started.is_none() {
        findings.extend(facts.exits.iter().map(|exit| Finding::new(exit.to_string(), [])));
    }
    findings.extend(
        facts
            .failed_restarts
            .iter()
            .map(|(_, reason)| Finding::new(format!("{reason}. It had been killed and started again."), [])),
    );
    findings.extend(facts.surplus_init_replies.iter().map(|(node, count)| {
        let sentence = format!(
            "Node {node} answered init twice: {} came beyond the first. Init is answered once; usually the node's own code answers it \
             and its library does too.",
            if *count == 1 { "one answer".to_owned() } else { format!("{count} answers") }
        );
        Finding::new(sentence, [])
    }));
    findings.extend(complaints(facts.complaints));
    let sentences: Vec<Value> =
        findings.iter().map(|finding| Value::from(finding.sentence.as_str())).collect();
    let mut verdict = Verdict::new(Validity::from(findings.is_empty()), [("errors", Value::List(sentences))]);
    verdict.findings = findings;
    verdict
}

/// One finding for each rule that a node broke, with the first line that broke it, and how often it broke any.
fn complaints(complaints: &ProtocolViolations) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (node, &count) in complaints.count_by_node() {
        let mut rules = Vec::new();
        for complaint in complaints.kept().iter().filter(|complaint| complaint.node == *node) {
            let rule = std::mem::discriminant(&complaint.kind);
            if !rules.contains(&rule) {
                rules.push(rule);
                findings.push(Finding::new(complaint.to_string(), []));
            }
        }
        if count > rules.len() as u64 {
            findings.push(Finding::new(format!("Node {node} broke the protocol {count} times in all."), []));
        }
    }
    findings
}
