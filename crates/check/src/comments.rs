//! Whether inserts and reads of the whole are strictly serializable.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::jepsen::jepsen_finding;
use crate::moment::{Moment, tell};
use crate::{Checker, Finding, Mode, Operation, OperationKind, Pairing, Validity, Value, Verdict};

/// Demands that inserts (`write`, each of a value of its own) and reads of all that was inserted (`read`) are strictly
/// serializable: some order of all operations agrees with real time, and every read shows exactly the inserts before it.
///
/// Strictly, this is decided exactly. What reads show has to grow: of any two, one shows all that the other does. That
/// orders the inserts that were read, up to those that come between the same two reads; inserts that were acknowledged and
/// never read come last. An order that agrees with real time exists if and only if no operation of a later group ended
/// before one of an earlier group began, since operations within a group can follow real time. An insert of unknown
/// outcome that was never read never happened. Moreover, a read must not show what was never inserted, or whose insert
/// failed.
///
/// [`Mode::Compat`] judges as Jepsen's test `comments` of CockroachDB: where a read shows an insert, it must show every
/// insert that was acknowledged before that one began. It does not compare reads, nor reads with what was acknowledged
/// before them. A value that is inserted twice makes the strict verdict unknown.
///
/// O(n log n) in the sum of the lengths of the reads, all of which are kept as numbers. Only whole reads can be judged:
/// reads by predicate or of a range are not. Result keys are those of Jepsen's test.
///
/// ```
/// use glomers_check::{Comments, History, Mode, Validity, check};
/// let history = History::from_edn(
///     "{:type :invoke, :process 0, :f :write, :value 1}
///      {:type :ok, :process 0, :f :write, :value 1}
///      {:type :invoke, :process 1, :f :read}
///      {:type :invoke, :process 0, :f :write, :value 2}
///      {:type :ok, :process 0, :f :write, :value 2}
///      {:type :ok, :process 1, :f :read, :value #{2}}",
/// )?;
/// let verdict = check(&history, Comments::new(Mode::Strict));
/// assert_eq!(verdict.validity, Validity::Invalid);
/// assert!(verdict.findings[0].sentence.ends_with(
///     "does not show 1, although the insert of 1 was acknowledged before the insert of 2 began, which it shows."
/// ));
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
#[derive(Debug)]
pub struct Comments {
    mode: Mode,
    numbers: FxHashMap<Value, u32>,
    inserts: Vec<Insert>,
    reads: Vec<Read>,
    open: Pairing<(Moment, u64)>,
    repeated: Option<(Moment, Value)>,
    /// A read of something that is no collection.
    unreadable: Option<(Moment, Value)>,
    /// Entries so far: the clock of the history.
    clock: u64,
}

#[derive(Debug)]
struct Insert {
    value: Value,
    begin: u64,
    /// When it was acknowledged; none for one that was not, or not yet.
    end: Option<u64>,
    has_failed: bool,
    at: Moment,
}

#[derive(Debug)]
struct Read {
    begin: u64,
    end: u64,
    at: Moment,
    /// The numbers of the values, ascending.
    shown: Vec<u32>,
    operation: Operation,
}

impl Comments {
    /// A checker in this mode.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            numbers: FxHashMap::default(),
            inserts: Vec::new(),
            reads: Vec::new(),
            open: Pairing::new(),
            repeated: None,
            unreadable: None,
            clock: 0,
        }
    }

    fn observe_write(&mut self, operation: &Operation) {
        let value = &operation.value;
        let number = self.numbers.get(value).copied();
        match operation.kind {
            OperationKind::Invoke => match number {
                // A value may be read, by mistake, before anybody inserts it: it has a number then, but no insert.
                Some(_) => {
                    self.repeated.get_or_insert_with(|| (Moment::of(operation), value.clone()));
                }
                None => {
                    self.numbers.insert(value.clone(), self.inserts.len() as u32);
                    let (begin, at) = (self.clock, Moment::of(operation));
                    self.inserts.push(Insert {
                        value: value.clone(),
                        begin,
                        end: None,
                        has_failed: false,
                        at,
                    });
                }
            },
            OperationKind::Ok | OperationKind::Fail => {
                let Some(insert) = number.and_then(|number| self.inserts.get_mut(number as usize)) else {
                    return;
                };
                match operation.kind {
                    OperationKind::Ok => insert.end = Some(self.clock),
                    _ => insert.has_failed = true,
                }
            }
            OperationKind::Info => {}
        }
    }

    fn observe_read(&mut self, operation: &Operation) {
        if operation.is_invoke() {
            self.open.begin(operation.process, (Moment::of(operation), self.clock));
            return;
        }
        let Some((_, begin)) = self.open.end(operation.process) else { return };
        if !operation.is_ok() {
            return;
        }
        let at = Moment::of(operation);
        let Some(elements) = operation.value.as_elements() else {
            self.unreadable.get_or_insert_with(|| (at, operation.value.clone()));
            return;
        };
        let mut shown: Vec<u32> = Vec::with_capacity(elements.len());
        let mut invented = None;
        for element in elements {
            match self.numbers.get(element) {
                Some(number) => shown.push(*number),
                None => invented = Some(element.clone()),
            }
        }
        shown.sort_unstable();
        shown.dedup();
        let mut kept = operation.clone();
        kept.value = invented.unwrap_or_default();
        self.reads.push(Read { begin, end: self.clock, at, shown, operation: kept });
    }

    /// The reads that lack an insert which was acknowledged before one that they show began: read, missing, shown.
    fn lacking(&self) -> Vec<(&Read, usize, usize)> {
        // For each insert, by the time of its beginning, what was acknowledged before is a prefix of the acknowledgements.
        let mut acknowledged: Vec<(u64, usize)> = self
            .inserts
            .iter()
            .enumerate()
            .filter_map(|(number, insert)| Some((insert.end?, number)))
            .collect();
        acknowledged.sort_unstable();
        let mut lacking = Vec::new();
        for read in &self.reads {
            // Inserts are numbered in the order of their beginnings, so that the last one shown expects the most.
            let Some(&latest) = read.shown.last() else { continue };
            let begin = self.inserts[latest as usize].begin;
            let expected = &acknowledged[..acknowledged.partition_point(|(end, _)| *end < begin)];
            let missing =
                expected.iter().find(|(_, number)| read.shown.binary_search(&(*number as u32)).is_err());
            lacking.extend(missing.map(|(_, number)| (read, *number, latest as usize)));
        }
        lacking
    }

    /// What contradicts strict serializability, as sentences; nothing if an order exists.
    fn violations(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let invented: Vec<&Read> = self.reads.iter().filter(|read| !read.operation.value.is_nil()).collect();
        tell(&mut findings, &invented, "reads show what nobody had begun to insert", |read| {
            let sentence = format!(
                "The read of {} shows {}, which nobody had begun to insert by then.",
                read.at, read.operation.value
            );
            Finding::new(sentence, [read.at.index])
        });
        let failed: Vec<(&Read, &Insert)> = self
            .reads
            .iter()
            .filter_map(|read| {
                let failed = read.shown.iter().map(|number| &self.inserts[*number as usize]);
                Some((read, failed.into_iter().find(|insert| insert.has_failed)?))
            })
            .collect();
        tell(&mut findings, &failed, "reads show inserts that failed", |(read, insert)| {
            let sentence = format!(
                "The read of {} shows {}, whose insert, {}, failed.",
                read.at, insert.value, insert.at
            );
            Finding::new(sentence, [insert.at.index, read.at.index]).about(&insert.value)
        });
        tell(&mut findings, &self.lacking(), "reads lack an earlier insert", |(read, missing, shown)| {
            let (missing, shown) = (&self.inserts[*missing], &self.inserts[*shown]);
            let sentence = format!(
                "The read of {} does not show {}, although the insert of {} was acknowledged before the insert of {} began, which it \
                 shows.",
                read.at, missing.value, missing.value, shown.value
            );
            Finding::new(sentence, [missing.at.index, shown.at.index, read.at.index]).about(&missing.value)
        });
        if findings.is_empty() {
            findings.extend(self.disorder());
        }
        findings
    }

    /// Why the reads and the inserts have no order that agrees with real time, if they have none.
    fn disorder(&self) -> Option<Finding> {
        let mut reads: Vec<&Read> = self.reads.iter().collect();
        reads.sort_by_key(|read| (read.shown.len(), read.begin));
        for pair in reads.windows(2) {
            let (smaller, larger) = (pair[0], pair[1]);
            let lacks = smaller.shown.iter().find(|number| larger.shown.binary_search(number).is_err());
            if let Some(&only_first) = lacks {
                let only_second =
                    larger.shown.iter().find(|number| smaller.shown.binary_search(number).is_err());
                let (first, second) = (
                    &self.inserts[only_first as usize].value,
                    only_second.map_or(&Value::Nil, |number| &self.inserts[*number as usize].value),
                );
                let sentence = format!(
                    "No order of the inserts explains both reads: {} shows {first} and not {second}, {} shows {second} and not {first}.",
                    smaller.at, larger.at
                );
                return Some(Finding::new(sentence, [smaller.at.index, larger.at.index]));
            }
        }
        // Each insert belongs before the first read that shows it: to the group of that read's size.
        let mut group_of = vec![usize::MAX; self.inserts.len()];
        for read in &reads {
            for number in &read.shown {
                let group = &mut group_of[*number as usize];
                *group = (*group).min(read.shown.len());
            }
        }
        // Groups ascend: the inserts that a read of this size is the first to show, then the reads of this size.
        let mut groups: BTreeMap<(usize, bool), Vec<Span<'_>>> = BTreeMap::new();
        for (insert, group) in self.inserts.iter().zip(group_of) {
            if group == usize::MAX && insert.end.is_none() {
                continue;
            }
            let end = insert.end.unwrap_or(u64::MAX);
            groups.entry((group, false)).or_default().push(Span {
                begin: insert.begin,
                end,
                at: insert.at,
                insert: Some(insert),
            });
        }
        for read in &reads {
            let span = Span { begin: read.begin, end: read.end, at: read.at, insert: None };
            groups.entry((read.shown.len(), true)).or_default().push(span);
        }
        let mut earliest_end: Option<&Span<'_>> = None;
        for spans in groups.values().rev() {
            let latest = spans.iter().max_by_key(|span| span.begin)?;
            if let Some(later) = earliest_end
                && later.end < latest.begin
            {
                return Some(contradiction(latest, later));
            }
            let earliest = spans.iter().min_by_key(|span| span.end)?;
            if earliest_end.is_none_or(|span| earliest.end < span.end) {
                earliest_end = Some(earliest);
            }
        }
        None
    }
}

/// An operation with its time.
struct Span<'a> {
    begin: u64,
    end: u64,
    at: Moment,
    /// None for a read.
    insert: Option<&'a Insert>,
}

/// What reads show puts `first` before `second`, and time the other way round.
fn contradiction(first: &Span<'_>, second: &Span<'_>) -> Finding {
    let sentence = match (first.insert, second.insert) {
        (None, Some(insert)) => format!(
            "The read of {} does not show {}, although the insert of {} had been acknowledged before the read began.",
            first.at, insert.value, insert.value
        ),
        (None, None) => format!(
            "The read of {} does not show all that the read of {} shows, which ended before it began.",
            first.at, second.at
        ),
        (Some(insert), None) => format!(
            "The reads put the insert of {} ({}) before the read of {}, which ended before it began.",
            insert.value, insert.at, second.at
        ),
        (Some(insert), Some(other)) => format!(
            "The reads put the insert of {} ({}) before the insert of {} ({}), which was acknowledged before it began.",
            insert.value, insert.at, other.value, other.at
        ),
    };
    Finding::new(sentence, [first.at.index, second.at.index])
}

impl Checker for Comments {
    fn observe(&mut self, operation: &Operation) {
        if !operation.is_client() {
            return;
        }
        self.clock += 1;
        match operation.f.as_str() {
            "write" => self.observe_write(operation),
            "read" => self.observe_read(operation),
            _ => {}
        }
    }

    fn finish(self: Box<Self>) -> Verdict {
        if let Some((at, value)) = &self.unreadable {
            return Verdict::unknown(format!(
                "The read of {at} is {value}, which is no collection of what was inserted."
            ));
        }
        let lacking = self.lacking();
        let jepsen = Validity::from(lacking.is_empty());
        let errors: Vec<Value> = lacking
            .iter()
            .map(|(read, missing, _)| {
                let missing = Value::Set(vec![self.inserts[*missing].value.clone()]);
                Value::record([("op", Value::from(read.at.index)), ("missing", missing)])
            })
            .collect();
        let errors = if errors.is_empty() { Value::Nil } else { Value::List(errors) };
        let (validity, mut findings) = match (self.mode, &self.repeated) {
            (Mode::Compat, _) => (jepsen, self.violations()),
            (Mode::Strict, Some((at, value))) => {
                let sentence = format!(
                    "The value {value} is inserted again by {at}; each insert needs a value of its own."
                );
                (Validity::Unknown, vec![Finding::new(sentence, [at.index])])
            }
            (Mode::Strict, None) if self.reads.is_empty() => {
                let sentence = "No read succeeded, so there was nothing to judge.";
                (Validity::Unknown, vec![Finding::new(sentence, [])])
            }
            (Mode::Strict, None) => {
                let violations = self.violations();
                (Validity::from(violations.is_empty()), violations)
            }
        };
        if self.mode == Mode::Strict {
            findings.extend(jepsen_finding(validity, jepsen));
        } else if validity == Validity::Valid {
            findings.clear();
        }
        Verdict { findings, ..Verdict::new(validity, [("errors", errors)]) }
    }
}
