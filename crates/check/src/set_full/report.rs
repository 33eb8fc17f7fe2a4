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
    let judged = judge(set);
    let summary = Summary::new(set, &judged);
    let upstream = summary.upstream_validity();
    let validity = match set.mode {
        Mode::Strict => summary.strict_validity(),
        Mode::Compat => upstream,
    };
    let mut findings = summary.findings();
    if validity == Validity::Unknown {
        findings.push(Finding::new(nothing_to_judge(&judged, set.reads.count()), []));
    }
    findings.extend(upstream_finding(validity, upstream.max(set.stats.validity())));
    Verdict { validity, results: summary.results(validity), findings }
}

/// All elements, in the order of their values.
fn judge(set: &SetFull) -> Vec<Judged<'_>> {
    let values = set.numbering.values().iter().zip(&set.elements).enumerate();
    let mut judged: Vec<Judged<'_>> = values
        .map(|(number, (value, element))| Judged { number, value, element, outcome: element.outcome() })
        .collect();
    judged.sort_unstable_by_key(|judged| judged.value);
    judged
}

/// The elements by what came of them, each list in the order of values.
struct Summary<'a> {
    set: &'a SetFull,
    all: &'a [Judged<'a>],
    stable_count: usize,
    lost: Vec<&'a Judged<'a>>,
    never_read: Vec<&'a Judged<'a>>,
    /// Stable, and missed for at least a millisecond.
    stale: Vec<&'a Judged<'a>>,
    /// Stable, and missed for however short a time.
    missed: Vec<&'a Judged<'a>>,
    /// In the strict mode only, as is the next.
    duplicated: Vec<&'a Judged<'a>>,
    unexpected: Vec<Unexpected<'a>>,
}

/// What was read although nobody had added it: the value, the read, the reason.
type Unexpected<'a> = (&'a Value, Moment, &'static str);

impl<'a> Summary<'a> {
    fn new(set: &'a SetFull, all: &'a [Judged<'a>]) -> Self {
        let that =
            |is_wanted: &dyn Fn(&Judged<'_>) -> bool| all.iter().filter(|judged| is_wanted(judged)).collect();
        let is_strict = set.mode == Mode::Strict;
        Self {
            set,
            all,
            stable_count: all.iter().filter(|judged| judged.outcome.stable_ms().is_some()).count(),
            lost: that(&|judged| judged.outcome.lost_ms().is_some()),
            never_read: that(&|judged| judged.outcome == Outcome::NeverRead),
            stale: that(&|judged| judged.outcome.stable_ms() > Some(0)),
            missed: that(&|judged| judged.outcome.stable_ms().is_some() && judged.element.was_missed()),
            duplicated: that(&|judged| is_strict && set.duplicates.contains_key(&judged.number)),
            unexpected: if is_strict { unexpected(set, all) } else { Vec::new() },
        }
    }

    fn upstream_validity(&self) -> Validity {
        match () {
            () if !self.lost.is_empty() => Validity::Invalid,
            () if self.stable_count == 0 => Validity::Unknown,
            () => Validity::from(!self.set.is_linearizable || self.stale.is_empty()),
        }
    }

    fn strict_validity(&self) -> Validity {
        let is_late = self.set.is_linearizable && !self.missed.is_empty();
        let is_clean =
            self.duplicated.is_empty() && self.unexpected.is_empty() && self.set.malformed.is_empty();
        self.upstream_validity().max(Validity::from(is_clean && !is_late))
    }

    /// Upstream's keys in upstream's order, which is that of its hash map.
    fn results(&self, validity: Validity) -> Value {
        let latencies_ms = |of: fn(Outcome) -> Option<u64>| {
            distribution(self.all.iter().filter_map(|judged| of(judged.outcome)).collect())
        };
        let multiplicity = |judged: &&Judged<'_>| {
            (judged.value.clone(), Value::from(self.set.duplicates[&judged.number].count))
        };
        let mut entries = vec![
            ("worst-stale", self.worst_stale()),
            ("duplicated-count", self.duplicated.len().into()),
            ("valid?", validity.into()),
            ("lost-count", self.lost.len().into()),
            ("lost", values_of(&self.lost)),
            ("stable-count", self.stable_count.into()),
            ("stale-count", self.stale.len().into()),
            ("stale", values_of(&self.stale)),
            ("never-read-count", self.never_read.len().into()),
        ];
        entries.extend(latencies_ms(Outcome::stable_ms).map(|map| ("stable-latencies", map)));
        entries.push(("attempt-count", self.all.len().into()));
        entries.extend(latencies_ms(Outcome::lost_ms).map(|map| ("lost-latencies", map)));
        entries.push(("never-read", values_of(&self.never_read)));
        entries.push(("duplicated", Value::Map(self.duplicated.iter().map(multiplicity).collect())));
        if self.set.mode == Mode::Strict {
            let list = self.unexpected.iter().map(|(value, ..)| (*value).clone()).collect();
            entries.extend([
                ("unexpected-count", self.unexpected.len().into()),
                ("unexpected", Value::List(list)),
            ]);
        }
        Value::record(entries)
    }

    /// The most stale; of equally stale ones, the greatest first.
    fn worst_stale(&self) -> Value {
        let mut worst = self.stale.clone();
        worst.reverse();
        worst.sort_by_key(|judged| Reverse(judged.outcome.stable_ms()));
        Value::List(worst.iter().take(WORST_STALE_COUNT).map(|judged| shown(judged)).collect())
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        tell(&mut findings, &self.lost, "elements are lost", |judged| lost_finding(judged));
        tell(&mut findings, &self.duplicated, "elements are duplicated", |judged| {
            let duplicate = self.set.duplicates[&judged.number];
            let sentence = format!(
                "Element {} stands {} times in what {} read; a set has every element once.",
                judged.value, duplicate.count, duplicate.read
            );
            Finding::new(sentence, [duplicate.read.index]).about(judged.value)
        });
        tell(
            &mut findings,
            &self.unexpected,
            "elements were read that nobody added",
            |(value, moment, why)| {
                Finding::new(format!("Element {value} was read by {moment}, {why}."), [moment.index])
                    .about(value)
            },
        );
        if self.set.mode == Mode::Strict {
            tell(
                &mut findings,
                &self.set.malformed,
                "answers were no list of elements",
                |(moment, value)| {
                    let sentence = format!("A list of elements was expected, and {moment} read {value}.");
                    Finding::new(sentence, [moment.index])
                },
            );
        }
        if self.set.is_linearizable {
            let late = if self.set.mode == Mode::Strict { &self.missed } else { &self.stale };
            tell(&mut findings, late, "elements are stale", |judged| stale_finding(judged));
        }
        findings
    }
}

/// What was read although nobody had added it, in the order of values.
fn unexpected<'a>(set: &'a SetFull, judged: &[Judged<'a>]) -> Vec<Unexpected<'a>> {
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
    let name = match outcome {
        Outcome::Stable { .. } => "stable",
        Outcome::Lost { .. } => "lost",
        Outcome::NeverRead => "never-read",
    };
    Value::record([
        ("element", (*value).clone()),
        ("outcome", Value::keyword(name)),
        ("stable-latency", outcome.stable_ms().into()),
        ("lost-latency", outcome.lost_ms().into()),
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
    Finding::new(sentence, [known.moment.index, absent.index]).about(value)
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
    Finding::new(sentence, [known.moment.index, absent.index]).about(value)
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
