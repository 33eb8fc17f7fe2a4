//! The verdict on a set.

use std::cmp::Reverse;

use super::SetFull;
use super::outcome::{Element, Outcome};
use crate::checker::upstream_finding;
use crate::moment::{Moment, tell};
use crate::{Finding, Mode, Operation, Validity, Value, Verdict};

/// How many of the most stale elements are shown in full.
const WORST_STALE_COUNT: usize = 8;

/// An element with its value and what came of it.
struct Judged<'a> {
    number: usize,
    value: &'a Value,
    element: &'a Element,
    outcome: Outcome,
}

pub(super) fn verdict(set: &SetFull) -> Verdict {
    let values = set.numbering.values();
    let mut judged: Vec<Judged<'_>> = set
        .elements
        .iter()
        .enumerate()
        .map(|(number, element)| Judged {
            number,
            value: &values[number],
            element,
            outcome: element.outcome(),
        })
        .collect();
    judged.sort_unstable_by_key(|judged| judged.value);

    let stable_ms = |judged: &Judged<'_>| match judged.outcome {
        Outcome::Stable { latency_ms } => Some(latency_ms),
        Outcome::Lost { .. } | Outcome::NeverRead => None,
    };
    let lost: Vec<&Judged<'_>> =
        judged.iter().filter(|judged| matches!(judged.outcome, Outcome::Lost { .. })).collect();
    let never_read: Vec<&Judged<'_>> =
        judged.iter().filter(|judged| judged.outcome == Outcome::NeverRead).collect();
    let stale: Vec<&Judged<'_>> =
        judged.iter().filter(|judged| stable_ms(judged).is_some_and(|latency_ms| latency_ms > 0)).collect();
    // Of equally stale ones, the greatest come first.
    let mut worst = stale.clone();
    worst.reverse();
    worst.sort_by_key(|judged| Reverse(stable_ms(judged)));
    worst.truncate(WORST_STALE_COUNT);
    let stable_latencies_ms: Vec<u64> = judged.iter().filter_map(stable_ms).collect();
    let lost_latencies_ms: Vec<u64> = lost
        .iter()
        .filter_map(|judged| match judged.outcome {
            Outcome::Lost { latency_ms } => Some(latency_ms),
            Outcome::Stable { .. } | Outcome::NeverRead => None,
        })
        .collect();

    let base = |forbids_stale: bool| match () {
        () if !lost.is_empty() => Validity::Invalid,
        () if stable_latencies_ms.is_empty() => Validity::Unknown,
        () if forbids_stale => Validity::Invalid,
        () => Validity::Valid,
    };
    let missed: Vec<&Judged<'_>> =
        judged.iter().filter(|judged| stable_ms(judged).is_some() && judged.element.was_missed()).collect();
    let upstream = base(set.is_linearizable && !stale.is_empty());
    let is_strict = set.mode == Mode::Strict;
    let unexpected = if is_strict { unexpected(set, &judged) } else { Vec::new() };
    let duplicated: Vec<&Judged<'_>> = if is_strict {
        judged.iter().filter(|judged| set.duplicates.contains_key(&judged.number)).collect()
    } else {
        Vec::new()
    };
    let validity = if is_strict {
        let has_more = !unexpected.is_empty() || !duplicated.is_empty() || !set.malformed.is_empty();
        base(set.is_linearizable && !missed.is_empty()).max(Validity::from(!has_more))
    } else {
        upstream
    };

    let multiplicity =
        |judged: &&Judged<'_>| (judged.value.clone(), Value::from(set.duplicates[&judged.number].count));
    let mut entries = vec![
        ("worst-stale", Value::List(worst.iter().map(|judged| shown(judged)).collect())),
        ("duplicated-count", duplicated.len().into()),
        ("valid?", validity.into()),
        ("lost-count", lost.len().into()),
        ("lost", values_of(&lost)),
        ("stable-count", stable_latencies_ms.len().into()),
        ("stale-count", stale.len().into()),
        ("stale", values_of(&stale)),
        ("never-read-count", never_read.len().into()),
    ];
    entries.extend(distribution(stable_latencies_ms).map(|map| ("stable-latencies", map)));
    entries.push(("attempt-count", judged.len().into()));
    entries.extend(distribution(lost_latencies_ms).map(|map| ("lost-latencies", map)));
    entries.push(("never-read", values_of(&never_read)));
    entries.push(("duplicated", Value::Map(duplicated.iter().map(multiplicity).collect())));
    if is_strict {
        let list = unexpected.iter().map(|(value, ..)| (*value).clone()).collect();
        entries.extend([("unexpected-count", unexpected.len().into()), ("unexpected", Value::List(list))]);
    }

    let mut findings = Vec::new();
    tell(&mut findings, &lost, "elements are lost", |judged| lost_finding(judged));
    if is_strict {
        tell(&mut findings, &duplicated, "elements are duplicated", |judged| {
            let duplicate = set.duplicates[&judged.number];
            let sentence = format!(
                "Element {} stands {} times in what {} read; a set has every element once.",
                judged.value, duplicate.count, duplicate.read
            );
            Finding::new(sentence, [duplicate.read.index])
        });
        tell(&mut findings, &unexpected, "elements were read that nobody added", |(value, moment, why)| {
            Finding::new(format!("Element {value} was read by {moment}, {why}."), [moment.index])
        });
        tell(&mut findings, &set.malformed, "answers were no list of elements", |(moment, value)| {
            let sentence = format!("A list of elements was expected, and {moment} read {value}.");
            Finding::new(sentence, [moment.index])
        });
    }
    if set.is_linearizable {
        let late = if is_strict { &missed } else { &stale };
        tell(&mut findings, late, "elements are stale", |judged| stale_finding(judged));
    }
    if validity == Validity::Unknown {
        findings.push(Finding::new(nothing_to_judge(&judged, set.reads.count()), []));
    }
    if is_strict {
        findings.extend(upstream_finding(validity, upstream));
    }
    Verdict { validity, results: Value::record(entries), findings }
}

/// What was read although nobody had added it, in the order of values, with the read and the reason.
fn unexpected<'a>(set: &'a SetFull, judged: &[Judged<'a>]) -> Vec<(&'a Value, Moment, &'static str)> {
    let mut unexpected: Vec<_> = set
        .unexpected
        .iter()
        .map(|(value, moment)| (value, *moment, "although nobody had begun to add it"))
        .collect();
    let aborted = judged.iter().filter_map(|judged| {
        let Element { known, adds, failed_adds, .. } = judged.element;
        let read = known.as_ref().filter(|known| known.read.is_some() && failed_adds == adds)?;
        (!set.unexpected.contains_key(judged.value)).then_some((
            judged.value,
            read.moment,
            "although its addition failed",
        ))
    });
    unexpected.extend(aborted);
    unexpected.sort_by_key(|(value, ..)| *value);
    unexpected
}

fn values_of(judged: &[&Judged<'_>]) -> Value {
    Value::List(judged.iter().map(|judged| judged.value.clone()).collect())
}

/// An element as `:worst-stale` shows it.
fn shown(judged: &Judged<'_>) -> Value {
    let Judged { value, element, outcome, .. } = judged;
    let (name, stable_ms, lost_ms) = match *outcome {
        Outcome::Stable { latency_ms } => ("stable", Some(latency_ms), None),
        Outcome::Lost { latency_ms } => ("lost", None, Some(latency_ms)),
        Outcome::NeverRead => ("never-read", None, None),
    };
    Value::record([
        ("element", (*value).clone()),
        ("outcome", Value::keyword(name)),
        ("stable-latency", stable_ms.into()),
        ("lost-latency", lost_ms.into()),
        ("known", element.known.as_ref().map(|known| known.operation(value).to_tagged_value()).into()),
        ("last-absent", element.last_absent.as_deref().map(Operation::to_tagged_value).into()),
    ])
}

/// Latencies at some shares of the whole, as upstream reports them; none if there is no latency.
fn distribution(mut latencies_ms: Vec<u64>) -> Option<Value> {
    latencies_ms.sort_unstable();
    let last = latencies_ms.len().checked_sub(1)?;
    let shares: [(Value, f64); 5] = [
        (Value::Int(0), 0.0),
        (Value::Float(0.5), 0.5),
        (Value::Float(0.95), 0.95),
        (Value::Float(0.99), 0.99),
        (Value::Int(1), 1.0),
    ];
    let at = |share: f64| latencies_ms[last.min((latencies_ms.len() as f64 * share).floor() as usize)];
    Some(Value::Map(shares.into_iter().map(|(name, share)| (name, at(share).into())).collect()))
}

fn lost_finding(judged: &Judged<'_>) -> Finding {
    let (value, element) = (judged.value, judged.element);
    let (Some(known), Some(absent)) = (&element.known, &element.last_absent) else {
        unreachable!("a lost element was known, and a read missed it");
    };
    let last = match element.last_present {
        None => "No read ever found it.".to_owned(),
        Some((index, _)) => format!("The last read that found it began at operation {index}."),
    };
    let sentence = format!(
        "Element {value} is lost: it was there at {}, and the read begun at {} did not find it. {last}",
        known.moment,
        Moment::of(absent)
    );
    Finding::new(sentence, [known.moment.index, absent.index])
}

fn stale_finding(judged: &Judged<'_>) -> Finding {
    let (value, element) = (judged.value, judged.element);
    let (Some(known), Some(absent)) = (&element.known, &element.last_absent) else {
        unreachable!("a stale element was known, and a read missed it");
    };
    let sentence = format!(
        "Element {value} is stale: it was there at {}, and the read begun later, at {}, did not find it.",
        known.moment,
        Moment::of(absent)
    );
    Finding::new(sentence, [known.moment.index, absent.index])
}

fn nothing_to_judge(judged: &[Judged<'_>], read_count: u64) -> String {
    match (judged.len(), read_count) {
        (0, _) => "Nothing was added, so there was nothing to judge.".to_owned(),
        (count, 0) => format!("Of {count} elements none could be looked for: no read succeeded."),
        (count, _) => {
            format!("Of {count} elements none was found by the last read, and none is proved lost.")
        }
    }
}
