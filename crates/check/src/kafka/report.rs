//! The verdict on logs: which anomalies are allowed, and the results map.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use super::found::Found;
use super::{Kafka, contents, cycles, lag, positions, unseen};
use crate::checker::upstream_finding;
use crate::{Finding, Mode, Validity, Value, Verdict};

/// What says nothing bad of a log: transactions interleave their messages freely, so that neither gaps between them nor cycles
/// of writes alone are wrong.
const ALWAYS_ALLOWED: [&str; 4] = ["int-send-skip", "G0", "G0-process", "G0-realtime"];

/// Consumers that subscribe may be given other keys at any moment.
const ALLOWED_TO_SUBSCRIBERS: [&str; 2] = ["poll-skip", "nonmonotonic-poll"];

/// With the log's order taken for an order of transactions, cycles that a poll closes are ordinary too.
const ALLOWED_WITH_WRITE_ORDER: [&str; 3] = ["G1c", "G1c-process", "G1c-realtime"];

/// The keys of results in the order in which upstream's hash map has them, once there are more than eight.
const HASHED_ORDER: [&str; 23] = [
    "duplicate",
    "valid?",
    "G1a",
    "unseen",
    "poll-skip",
    "G0-realtime",
    "info-txn-causes",
    "worst-realtime-lag",
    "G1c",
    "int-send-skip",
    "inconsistent-offsets",
    "G1c-realtime",
    "G1c-process",
    "lost-write",
    "nonmonotonic-send",
    "G0-process",
    "G0",
    "int-nonmonotonic-send",
    "nonmonotonic-poll",
    "error-types",
    "int-poll-skip",
    "int-nonmonotonic-poll",
    "precommitted-read",
];

/// The order in which a person wants to be told: first what was lost or made up, last what follows from it.
const BY_GRAVITY: [&str; 12] = [
    "lost-write",
    "unsent-read",
    "G1a",
    "inconsistent-offsets",
    "duplicate",
    "nonmonotonic-poll",
    "int-nonmonotonic-poll",
    "poll-skip",
    "int-poll-skip",
    "nonmonotonic-send",
    "int-nonmonotonic-send",
    "precommitted-read",
];

pub(super) fn verdict(kafka: Kafka) -> Verdict {
    let Kafka { mode, with_write_order, ledger, has_subscribers, causes, unreadable, stats, .. } = kafka;
    let evidence = Evidence::new(ledger);
    let is_strict = mode == Mode::Strict;
    let is_allowed = |name: &str| {
        ALWAYS_ALLOWED.contains(&name)
            || (has_subscribers && ALLOWED_TO_SUBSCRIBERS.contains(&name))
            || (with_write_order && ALLOWED_WITH_WRITE_ORDER.contains(&name))
    };

    let mut found: Vec<Found> = positions::internal(&evidence);
    found.extend(contents::duplicates(&evidence));
    found.extend(contents::inconsistent_offsets(&evidence));
    found.extend(contents::aborted_reads(&evidence));
    found.extend(contents::precommitted_reads(&evidence));
    found.extend(contents::lost_writes(&evidence));
    found.extend(unseen::unseen(&evidence));
    found.extend(cycles::cycles(&evidence, mode, with_write_order));
    let validity_of = |found: &[Found]| Validity::from(found.iter().all(|found| is_allowed(found.name)));
    let unsent = contents::unsent_reads(&evidence);
    // Upstream gives up where a message has no sender.
    let upstream = match &unsent {
        Some(_) => Validity::Unknown,
        None => validity_of(&found).max(validity_of(&positions::external(&evidence, Mode::Compat))),
    };
    if !is_strict && let Some(unsent) = unsent {
        let reason = unsent.findings.first().map(|finding| finding.sentence.clone()).unwrap_or_default();
        return Verdict::unknown(format!("A message that was polled has no sender. {reason}"));
    }
    found.extend(unsent);
    found.extend(positions::external(&evidence, mode));

    let mut validity = validity_of(&found);
    let mut findings = told(&mut found, is_allowed);
    if let Some((moment, reason)) = unreadable {
        validity = validity.max(Validity::Unknown);
        findings.push(Finding::new(format!("{moment} cannot be judged: {reason}."), [moment.index]));
    }
    if is_strict && let Some(reason) = nothing_to_judge(&evidence) {
        validity = validity.max(Validity::Unknown);
        findings.push(Finding::new(reason, []));
    }
    if is_strict {
        findings.extend(upstream_finding(validity, upstream.max(stats.validity())));
    }
    let lag = lag::shown(&evidence, lag::worst(&evidence));
    Verdict { validity, results: results(validity, lag, causes, found, is_allowed), findings }
}

/// The findings of what is not allowed, the gravest first.
fn told(found: &mut [Found], is_allowed: impl Fn(&str) -> bool) -> Vec<Finding> {
    let gravity = |found: &&mut Found| {
        BY_GRAVITY.iter().position(|name| *name == found.name).unwrap_or(BY_GRAVITY.len())
    };
    let mut bad: Vec<&mut Found> = found.iter_mut().filter(|found| !is_allowed(found.name)).collect();
    bad.sort_by_key(gravity);
    bad.into_iter().flat_map(|found| std::mem::take(&mut found.findings)).collect()
}

fn nothing_to_judge(evidence: &Evidence) -> Option<String> {
    let count = |of: &[bool]| of.iter().filter(|is_true| **is_true).count();
    match (count(&evidence.is_acknowledged), count(&evidence.is_read)) {
        (0, _) => Some("No message was acknowledged, so there was nothing to judge.".to_owned()),
        (sent, 0) => {
            Some(format!("Of {sent} acknowledged messages none was polled, so there was nothing to judge."))
        }
        _ => None,
    }
}

fn results(
    validity: Validity,
    lag: Value,
    causes: Vec<Value>,
    found: Vec<Found>,
    is_allowed: impl Fn(&str) -> bool,
) -> Value {
    let by_name: BTreeMap<&'static str, Value> =
        found.into_iter().map(|found| (found.name, found.value)).collect();
    let names = |of: &dyn Fn(&str) -> bool| {
        Value::List(by_name.keys().filter(|name| of(name)).map(|name| Value::keyword(*name)).collect())
    };
    let mut entries = vec![
        ("valid?", validity.into()),
        ("worst-realtime-lag", lag),
        ("bad-error-types", names(&|name| !is_allowed(name))),
        ("error-types", names(&|_| true)),
        ("info-txn-causes", Value::List(causes)),
    ];
    entries.extend(by_name);
    if entries.len() > 8 {
        entries.sort_by_key(|(name, _)| {
            HASHED_ORDER.iter().position(|other| other == name).unwrap_or(HASHED_ORDER.len())
        });
    }
    Value::record(entries)
}
