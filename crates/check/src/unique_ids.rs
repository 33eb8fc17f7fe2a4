//! Whether ids that were generated are all different.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::checker::upstream_finding;
use crate::moment::{Moment, TOLD_LIMIT};
use crate::{Checker, Finding, Mode, Operation, OperationKind, Requirement, Stats, Validity, Value, Verdict};

/// Demands that no two operations `generate` that succeeded brought back the same id.
///
/// Ids may be anything; they are compared as [`Value`]s are. A history in which none was acknowledged is unknown;
/// [`Mode::Compat`] calls it valid, as Maelstrom does.
///
/// Constant time per operation. Memory is that of the ids: about 30 bytes for an integer, for a text some 60 and its
/// length. Source: `unique-ids` in `jepsen.checker`, whose result keys these are: `:duplicated` shows the 48 most
/// frequent, and `:range` the smallest and the greatest id.
///
/// ```
/// use glomers_check::{History, Mode, UniqueIds, Validity, check};
/// let history = History::from_edn(
///     "{:time 0, :type :invoke, :process 0, :f :generate, :value nil}
///      {:time 1000000, :type :ok, :process 0, :f :generate, :value 7}
///      {:time 2000000, :type :invoke, :process 1, :f :generate, :value nil}
///      {:time 3000000, :type :ok, :process 1, :f :generate, :value 7}",
/// )?;
/// let verdict = check(&history, UniqueIds::new(Mode::Strict));
/// assert_eq!(verdict.validity, Validity::Invalid);
/// assert_eq!(
///     verdict.findings[0].sentence,
///     "The id 7 was given to operation 1, and again to operation 3 (process 1, 0.003 s)."
/// );
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
#[derive(Debug)]
pub struct UniqueIds {
    mode: Mode,
    /// What Maelstrom judges a run by besides.
    stats: Stats,
    attempted_count: u64,
    acknowledged_count: u64,
    seen: Seen,
    range: Option<(Value, Value)>,
    duplicates: BTreeMap<Value, Duplicate>,
}

/// How many of the duplicated ids the results show.
const SHOWN_COUNT: usize = 48;

/// An id that was given several times.
#[derive(Clone, Copy, Debug)]
struct Duplicate {
    count: u64,
    /// The index of the operation that was given it first.
    first: u64,
    /// The operation that was given it next.
    second: Moment,
}

/// Ids with the index of the operation that was given them first, each kind as small as it can be.
#[derive(Debug, Default)]
struct Seen {
    integers: FxHashMap<i64, u64>,
    texts: FxHashMap<Box<str>, u64>,
    others: FxHashMap<Value, u64>,
}

impl Seen {
    /// The operation that was given the id first, if this is not it.
    fn first(&mut self, id: &Value, index: u64) -> Option<u64> {
        let first = match id {
            Value::Int(number) if i64::try_from(*number).is_ok() => {
                let number = i64::try_from(*number).expect("the guard saw that it fits");
                *self.integers.entry(number).or_insert(index)
            }
            Value::String(text) => match self.texts.get(text.as_str()) {
                Some(first) => *first,
                None => *self.texts.entry(text.as_str().into()).or_insert(index),
            },
            other => match self.others.get(other) {
                Some(first) => *first,
                None => *self.others.entry(other.clone()).or_insert(index),
            },
        };
        (first != index).then_some(first)
    }
}

impl UniqueIds {
    /// A checker in this mode.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            stats: Stats::default(),
            attempted_count: 0,
            acknowledged_count: 0,
            seen: Seen::default(),
            range: None,
            duplicates: BTreeMap::new(),
        }
    }

    fn widen_range(&mut self, id: &Value) {
        match &mut self.range {
            None => self.range = Some((id.clone(), id.clone())),
            Some((smallest, _)) if id < smallest => *smallest = id.clone(),
            Some((_, greatest)) if id > greatest => *greatest = id.clone(),
            Some(_) => {}
        }
    }

    /// The most frequent duplicates; of equally frequent ones, the greatest. By id.
    fn shown(&self) -> Value {
        let mut shown: Vec<(&Value, u64)> =
            self.duplicates.iter().map(|(id, duplicate)| (id, duplicate.count)).collect();
        shown.sort_by_key(|(id, count)| Reverse((*count, *id)));
        shown.truncate(SHOWN_COUNT);
        shown.sort_by_key(|(id, _)| *id);
        Value::Map(shown.into_iter().map(|(id, count)| (id.clone(), count.into())).collect())
    }

    fn findings(&self) -> Vec<Finding> {
        let mut by_time: Vec<(&Value, &Duplicate)> = self.duplicates.iter().collect();
        by_time.sort_by_key(|(_, duplicate)| duplicate.second.index);
        let mut findings: Vec<Finding> = by_time
            .iter()
            .take(TOLD_LIMIT)
            .map(|(id, duplicate)| {
                let Duplicate { first, second, .. } = duplicate;
                let sentence = format!("The id {id} was given to operation {first}, and again to {second}.");
                Finding::new(sentence, [*first, second.index]).about(id)
            })
            .collect();
        if by_time.len() > TOLD_LIMIT {
            let rest = by_time.len() - TOLD_LIMIT;
            findings.push(Finding::new(format!("And {rest} more ids were given more than once."), []));
        }
        findings
    }
}

impl Checker for UniqueIds {
    fn observe(&mut self, operation: &Operation) {
        self.stats.observe(operation);
        if operation.f != "generate" || !operation.is_client() {
            return;
        }
        match operation.kind {
            OperationKind::Invoke => self.attempted_count += 1,
            OperationKind::Ok => {
                self.acknowledged_count += 1;
                let id = &operation.value;
                self.widen_range(id);
                if let Some(first) = self.seen.first(id, operation.index) {
                    let new = Duplicate { count: 1, first, second: Moment::of(operation) };
                    self.duplicates.entry(id.clone()).or_insert(new).count += 1;
                }
            }
            OperationKind::Fail | OperationKind::Info => {}
        }
    }

    fn has_violation(&self) -> bool {
        !self.duplicates.is_empty()
    }

    fn requirement(&self) -> Requirement {
        self.mode.requirement()
    }

    fn finish(self: Box<Self>) -> Verdict {
        let upstream = Validity::from(self.duplicates.is_empty());
        let nothing_to_judge = self.mode == Mode::Strict && self.acknowledged_count == 0;
        let validity = if nothing_to_judge { Validity::Unknown } else { upstream };
        let mut findings = self.findings();
        if nothing_to_judge {
            let sentence = format!(
                "Of {} ids asked for none was given, so there was nothing to judge.",
                self.attempted_count
            );
            findings.push(Finding::new(sentence, []));
            findings.extend(upstream_finding(validity, upstream.max(self.stats.validity())));
        }
        let shown = self.shown();
        let (smallest, greatest) = self.range.unwrap_or_default();
        let entries = [
            ("attempted-count", Value::from(self.attempted_count)),
            ("acknowledged-count", self.acknowledged_count.into()),
            ("duplicated-count", self.duplicates.len().into()),
            ("duplicated", shown),
            ("range", Value::Vector(vec![smallest, greatest])),
        ];
        Verdict { findings, ..Verdict::new(validity, entries) }
    }
}
