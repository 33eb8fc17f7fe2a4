//! Whether two reads see two writes in opposite orders.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::jepsen::jepsen_finding;
use crate::moment::{Moment, tell};
use crate::{Checker, Finding, Mode, Operation, OperationKind, Validity, Value, Verdict};

/// Demands that all reads are of one order of the writes. What breaks that first is a long fork: one read sees a write and not another, and a second read sees the other and not the first.
///
/// Transactions either write one key (`[[:w k v]]`), each key at most once, or read several (`[[:r k v] …]`); the function
/// `:f` does not matter. Snapshot isolation forbids long forks, and so does everything stronger; parallel snapshot isolation
/// allows them. Nothing else is judged: not how recent reads are, and not real time.
///
/// Strictly, this decides exactly whether the writes have an order of which every read shows a beginning: a read that sees one
/// write and not another puts the first before the second, and an order exists if and only if nothing comes before itself. It
/// does not matter which keys a read reads. Moreover, a read must not show a value that nobody wrote to that
/// key, or whose write failed. [`Mode::Compat`] judges as Jepsen's `long-fork`: it compares reads of exactly the same keys,
/// believes every value, and does not know the verdict where reads are of more or fewer keys than
/// [`LongFork::with_group_size`] says, or show different values of one key. In both, a second write of a key makes the verdict
/// unknown.
///
/// Time and memory are linear in the reads, times the square of the number of keys in one. Source:
/// `jepsen.tests.long-fork`, whose result keys these are; of each two keys one fork is shown.
///
/// ```
/// use glomers_check::{History, LongFork, Mode, Validity, check};
/// let history = History::from_edn(
///     "{:type :invoke, :process 0, :f :write, :value [[:w 1 1]]}
///      {:type :invoke, :process 1, :f :write, :value [[:w 2 1]]}
///      {:type :invoke, :process 2, :f :read, :value [[:r 1 nil] [:r 2 nil]]}
///      {:type :ok, :process 2, :f :read, :value [[:r 1 1] [:r 2 nil]]}
///      {:type :invoke, :process 3, :f :read, :value [[:r 1 nil] [:r 2 nil]]}
///      {:type :ok, :process 3, :f :read, :value [[:r 1 nil] [:r 2 1]]}",
/// )?;
/// let verdict = check(&history, LongFork::new(Mode::Strict));
/// assert_eq!(verdict.validity, Validity::Invalid);
/// assert_eq!(
///     verdict.findings[0].sentence,
///     "A long fork: operation 3 (process 2, 0.000 s) sees the write of 1 and not that of 2, operation 5 (process 3, 0.000 s) sees the \
///      write of 2 and not that of 1."
/// );
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
#[derive(Debug)]
pub struct LongFork {
    mode: Mode,
    group_size: usize,
    writes: FxHashMap<Value, Write>,
    rewritten: Option<(Moment, Value)>,
    reads: Vec<Read>,
}

#[derive(Debug)]
struct Write {
    value: Value,
    at: Moment,
    has_failed: bool,
}

#[derive(Debug)]
struct Read {
    at: Moment,
    /// Keys and what they showed, by key, each once.
    keys: Vec<(Value, Value)>,
    operation: Operation,
}

/// Two reads that no order of two writes explains.
struct Fork<'a> {
    keys: (&'a Value, &'a Value),
    reads: (&'a Read, &'a Read),
}

impl LongFork {
    /// A checker in this mode, of groups of two keys.
    pub fn new(mode: Mode) -> Self {
        Self { mode, group_size: 2, writes: FxHashMap::default(), rewritten: None, reads: Vec::new() }
    }

    /// How many keys each read reads, which [`Mode::Compat`] insists on.
    #[must_use]
    pub fn with_group_size(mut self, key_count: usize) -> Self {
        self.group_size = key_count;
        self
    }

    fn observe_write(&mut self, operation: &Operation, key: &Value, value: &Value) {
        let at = Moment::of(operation);
        if !operation.is_invoke() {
            if operation.kind == OperationKind::Fail
                && let Some(write) = self.writes.get_mut(key)
                && write.at.process == operation.process
            {
                write.has_failed = true;
            }
        } else if self.writes.contains_key(key) {
            self.rewritten.get_or_insert_with(|| (at, key.clone()));
        } else {
            self.writes.insert(key.clone(), Write { value: value.clone(), at, has_failed: false });
        }
    }

    /// One fork for each two keys that have any, in the order of the keys. Where `within_groups`, only reads of the same keys
    /// are compared.
    fn forks(&self, within_groups: bool) -> Vec<Fork<'_>> {
        type Sides<'a> = [Option<&'a Read>; 2];
        let mut groups: BTreeMap<Vec<&Value>, Vec<&Read>> = BTreeMap::new();
        for read in &self.reads {
            let group =
                if within_groups { read.keys.iter().map(|(key, _)| key).collect() } else { Vec::new() };
            groups.entry(group).or_default().push(read);
        }
        let mut forks = Vec::new();
        for reads in groups.into_values() {
            // For two keys, the first read that saw only the lesser one, and the first that saw only the greater one.
            let mut seen: BTreeMap<(&Value, &Value), Sides<'_>> = BTreeMap::new();
            for read in reads {
                for (place, (key, value)) in read.keys.iter().enumerate() {
                    for (other, other_value) in &read.keys[place + 1..] {
                        if value.is_nil() != other_value.is_nil() {
                            let side = usize::from(value.is_nil());
                            seen.entry((key, other)).or_default()[side].get_or_insert(read);
                        }
                    }
                }
            }
            forks.extend(seen.into_iter().filter_map(|(keys, sides)| match sides {
                [Some(first), Some(second)] => Some(Fork { keys, reads: (first, second) }),
                _ => None,
            }));
        }
        forks
    }

    /// Writes that the reads put before each other in a circle, and the reads that do. Only looked for where no two do.
    fn circle(&self) -> Option<Finding> {
        // For each key, those whose writes come after it, with the read that says so.
        let mut after: BTreeMap<&Value, BTreeMap<&Value, &Read>> = BTreeMap::new();
        for read in &self.reads {
            let (unseen, seen): (Vec<_>, Vec<_>) = read.keys.iter().partition(|(_, value)| value.is_nil());
            for (key, _) in seen {
                let others = after.entry(key).or_default();
                for (other, _) in &unseen {
                    others.entry(other).or_insert(read);
                }
            }
        }
        // Keys that nothing comes after are taken away until there are none; every other is on the way to a circle.
        let mut left_after: BTreeMap<&Value, usize> =
            after.iter().map(|(key, others)| (*key, others.len())).collect();
        let mut before: BTreeMap<&Value, Vec<&Value>> = BTreeMap::new();
        for (key, others) in &after {
            others.keys().for_each(|other| before.entry(*other).or_default().push(*key));
        }
        let mut last: Vec<&Value> = before
            .keys()
            .filter(|key| left_after.get(*key).is_none_or(|count| *count == 0))
            .copied()
            .collect();
        while let Some(key) = last.pop() {
            left_after.remove(key);
            for former in before.get(key).into_iter().flatten() {
                if let Some(count) = left_after.get_mut(former) {
                    *count -= 1;
                    if *count == 0 {
                        last.push(*former);
                    }
                }
            }
        }
        left_after.retain(|_, count| *count > 0);
        let mut path: Vec<&Value> = Vec::new();
        let mut key = *left_after.keys().next()?;
        while !path.contains(&key) {
            path.push(key);
            key = *after[key].keys().find(|other| left_after.contains_key(*other))?;
        }
        let circle = &path[path.iter().position(|other| *other == key)?..];
        let steps = circle.iter().zip(circle.iter().cycle().skip(1));
        let (mut sentences, mut operations) = (Vec::new(), Vec::new());
        for (first, second) in steps {
            let read = after[*first][*second];
            sentences.push(format!("{} sees the write of {first} and not that of {second}", read.at));
            operations.push(read.at.index);
        }
        operations.sort_unstable();
        Some(Finding::new(
            format!("No order of the writes explains the reads: {}.", sentences.join(", ")),
            operations,
        ))
    }

    /// Why Jepsen's checker would give up, if it would.
    fn illegal(&self) -> Option<String> {
        if let Some(read) = self.reads.iter().find(|read| read.keys.len() != self.group_size) {
            let (count, size) = (read.keys.len(), self.group_size);
            return Some(format!(
                "The read of {} is of {count} keys; Jepsen's checker was told {size}.",
                read.at
            ));
        }
        let mut shown: FxHashMap<(&Value, Vec<&Value>), &Value> = FxHashMap::default();
        for read in &self.reads {
            let group: Vec<&Value> = read.keys.iter().map(|(key, _)| key).collect();
            for (key, value) in read.keys.iter().filter(|(_, value)| !value.is_nil()) {
                let former = *shown.entry((key, group.clone())).or_insert(value);
                if former != value {
                    return Some(format!(
                        "Reads show {former} and {value} of the key {key}, which is written once."
                    ));
                }
            }
        }
        None
    }

    /// Values that were read and not written.
    fn invented(&self) -> Vec<Finding> {
        let mut invented = Vec::new();
        for read in &self.reads {
            for (key, value) in read.keys.iter().filter(|(_, value)| !value.is_nil()) {
                let write = self.writes.get(key);
                let reason = match write {
                    Some(write) if write.has_failed => format!("the write of {}, which failed", write.at),
                    Some(write) if write.value == *value => continue,
                    Some(write) => format!("only {} is ever written there", write.value),
                    None => "nothing is ever written there".to_owned(),
                };
                let joint = if write.is_some_and(|write| write.has_failed) { "from" } else { "although" };
                let sentence =
                    format!("The read of {} shows {value} under the key {key}, {joint} {reason}.", read.at);
                invented.push(Finding::new(sentence, [read.at.index]));
            }
        }
        invented
    }
}

impl Fork<'_> {
    fn finding(&self) -> Finding {
        let Self { keys: (key, other), reads: (first, second) } = self;
        let sentence = format!(
            "A long fork: {} sees the write of {key} and not that of {other}, {} sees the write of {other} and not that of {key}.",
            first.at, second.at
        );
        let mut operations = [first.at.index, second.at.index];
        operations.sort_unstable();
        Finding::new(sentence, operations)
    }
}

impl Checker for LongFork {
    fn observe(&mut self, operation: &Operation) {
        if !operation.is_client() {
            return;
        }
        let Some(steps) = operation.value.as_sequence() else { return };
        let functions = || steps.iter().filter_map(|step| step.as_sequence()?.first()?.as_keyword());
        if let [step] = steps
            && let Some([function, key, value]) = step.as_sequence()
            && function.as_keyword() == Some("w")
        {
            return self.observe_write(operation, key, value);
        }
        if !operation.is_ok()
            || functions().count() != steps.len()
            || !functions().all(|function| function == "r")
        {
            return;
        }
        let mut keys: BTreeMap<Value, Value> = BTreeMap::new();
        for step in steps {
            let [_, key, value] = step.as_sequence().unwrap_or_default() else { return };
            keys.insert(key.clone(), value.clone());
        }
        let keys = keys.into_iter().collect();
        self.reads.push(Read { at: Moment::of(operation), keys, operation: operation.clone() });
    }

    fn finish(self: Box<Self>) -> Verdict {
        let within_groups = self.forks(true);
        let illegal = self.illegal();
        let jepsen = match (&self.rewritten, &illegal) {
            (Some(_), _) | (None, Some(_)) => Validity::Unknown,
            (None, None) => Validity::from(within_groups.is_empty()),
        };
        let mut findings = Vec::new();
        let (validity, forks) = match (self.mode, &self.rewritten) {
            (_, Some((at, key))) => {
                let sentence =
                    format!("The key {key} is written again by {at}; each key may be written once.");
                findings.push(Finding::new(sentence, [at.index]));
                (Validity::Unknown, within_groups)
            }
            (Mode::Compat, None) => {
                findings.extend(illegal.map(|sentence| Finding::new(sentence, [])));
                tell(&mut findings, &within_groups, "long forks", Fork::finding);
                (jepsen, within_groups)
            }
            (Mode::Strict, None) => {
                let forks = self.forks(false);
                let invented = self.invented();
                tell(&mut findings, &forks, "long forks", Fork::finding);
                if forks.is_empty() {
                    findings.extend(self.circle());
                }
                tell(&mut findings, &invented, "reads show what was not written", Finding::clone);
                let mut validity = Validity::from(findings.is_empty());
                if self.reads.is_empty() {
                    validity = Validity::Unknown;
                    findings.push(Finding::new("No read succeeded, so there was nothing to judge.", []));
                }
                (validity, forks)
            }
        };
        if self.mode == Mode::Strict {
            findings.extend(jepsen_finding(validity, jepsen));
        }
        let is_early = |read: &&Read| read.keys.iter().all(|(_, value)| value.is_nil());
        let is_late = |read: &&Read| read.keys.iter().all(|(_, value)| !value.is_nil());
        let mut entries = vec![
            ("reads-count", Value::from(self.reads.len())),
            ("early-read-count", self.reads.iter().filter(is_early).count().into()),
            ("late-read-count", self.reads.iter().filter(is_late).count().into()),
        ];
        if !forks.is_empty() {
            let pair = |fork: &Fork<'_>| {
                let (first, second) = fork.reads;
                Value::Vector(vec![first.operation.to_tagged_value(), second.operation.to_tagged_value()])
            };
            entries.push(("forks", Value::List(forks.iter().map(pair).collect())));
        }
        if let Some((_, key)) = &self.rewritten {
            entries.push(("error", Value::Vector(vec![Value::keyword("multiple-writes"), key.clone()])));
        }
        Verdict { findings, ..Verdict::new(validity, entries) }
    }
}
