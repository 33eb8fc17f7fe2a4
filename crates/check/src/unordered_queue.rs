//! Queues without an order: what is dequeued was enqueued, and in the end all of it.

use std::collections::BTreeMap;

use crate::jepsen::jepsen_finding;
use crate::moment::{Moment, tell};
use crate::{Checker, Finding, Mode, Operation, OperationKind, Pairing, Validity, Value, Verdict};

/// Demands that everything that is dequeued was enqueued before, and no more often. Whether all comes out in the end is
/// [`TotalQueue`]'s matter, and the order that of [`linear::models::Queue`](crate::linear::models::Queue).
///
/// Strictly, this decides exactly whether the history is linearizable as a bag without tests for emptiness: each element
/// that was dequeued can be matched with an enqueue of it that did not fail and began before the dequeue ended. A `drain`
/// is a dequeue of each of its elements. [`Mode::Compat`] judges as Jepsen's `checker/queue` with an unordered queue: an
/// enqueue that failed may be dequeued, and drains are passed over.
///
/// O(n log n); memory is that of the elements.
///
/// ```
/// use glomers_check::{History, Mode, UnorderedQueue, Validity, check};
/// let history = History::from_edn(
///     "{:type :invoke, :process 0, :f :enqueue, :value 5}
///      {:type :invoke, :process 1, :f :dequeue}
///      {:type :ok, :process 1, :f :dequeue, :value 5}
///      {:type :invoke, :process 1, :f :dequeue}
///      {:type :ok, :process 1, :f :dequeue, :value 5}",
/// )?;
/// let verdict = check(&history, UnorderedQueue::new(Mode::Strict));
/// assert_eq!(verdict.validity, Validity::Invalid);
/// assert_eq!(
///     verdict.findings[0].sentence,
///     "Operation 4 (process 1, 0.000 s) dequeued 5, of which 1 enqueue had begun by then and 1 was dequeued already."
/// );
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
#[derive(Debug)]
pub struct UnorderedQueue {
    mode: Mode,
    queue: Contents,
}

/// Demands that what goes in comes out: every element that was acknowledged is dequeued, by a `dequeue` or a `drain`, and
/// nothing else is.
///
/// Strictly, an element may come out as often as its enqueue was tried without failing, after that has begun. Where
/// elements are missing, the verdict is invalid only if they can only have been lost: the queue was seen empty, or was
/// drained, after they were in it, and no dequeue of unknown outcome can have taken them; otherwise it is unknown.
/// [`Mode::Compat`] judges as Jepsen's `checker/total-queue`, whose result keys these are: duplicates are counted and
/// pass, an enqueue that failed may come out, and whatever did not come out is lost. A drain of unknown outcome makes its
/// verdict unknown, as its crash there amounts to.
///
/// O(n log n); memory is that of the elements.
///
/// ```
/// use glomers_check::{History, Mode, TotalQueue, Validity, check};
/// let history = History::from_edn(
///     "{:type :invoke, :process 0, :f :enqueue, :value 5}
///      {:type :ok, :process 0, :f :enqueue, :value 5}
///      {:type :invoke, :process 1, :f :drain}
///      {:type :ok, :process 1, :f :drain, :value []}",
/// )?;
/// let verdict = check(&history, TotalQueue::new(Mode::Strict));
/// assert_eq!(verdict.validity, Validity::Invalid);
/// assert_eq!(
///     verdict.findings[0].sentence,
///     "The element 5, acknowledged by operation 1 (process 0, 0.000 s), was never dequeued, although the queue was emptied after that."
/// );
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
#[derive(Debug)]
pub struct TotalQueue {
    mode: Mode,
    queue: Contents,
}

/// What went into a queue and what came out, by element.
#[derive(Debug, Default)]
struct Contents {
    elements: BTreeMap<Value, Element>,
    open: Pairing<Open>,
    /// Operations that took an unknown number of elements, or one unknown.
    crashed_dequeues: u64,
    crashed_drains: u64,
    /// When the last operation began that found nothing left.
    last_emptied: Option<u64>,
    /// Acknowledged enqueues and successful dequeues, each element of a drain counted.
    judged_count: u64,
    clock: u64,
}

/// What happened to one element.
#[derive(Debug, Default)]
struct Element {
    /// Begun and failed enqueues.
    enqueues: Vec<Enqueue>,
    dequeues: Vec<Dequeue>,
}

#[derive(Clone, Copy, Debug)]
struct Enqueue {
    begin: u64,
    end: Option<(u64, Moment)>,
    has_failed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Dequeue {
    at: Moment,
    end: u64,
    is_drain: bool,
}

#[derive(Debug)]
struct Open {
    begin: u64,
    /// The element and the number of its enqueue; none for what takes out.
    enqueue: Option<(Value, usize)>,
    is_drain: bool,
}

impl Contents {
    fn observe(&mut self, operation: &Operation) {
        if !operation.is_client() || !matches!(operation.f.as_str(), "enqueue" | "dequeue" | "drain") {
            return;
        }
        self.clock += 1;
        let (at, clock) = (Moment::of(operation), self.clock);
        if operation.is_invoke() {
            let enqueue = (operation.f == "enqueue").then(|| {
                let element = self.elements.entry(operation.value.clone()).or_default();
                element.enqueues.push(Enqueue { begin: clock, end: None, has_failed: false });
                (operation.value.clone(), element.enqueues.len() - 1)
            });
            self.open
                .begin(operation.process, Open { begin: clock, enqueue, is_drain: operation.f == "drain" });
            return;
        }
        let Some(open) = self.open.end(operation.process) else { return };
        match (open.enqueue, operation.kind) {
            (Some((element, number)), kind) => {
                let element = self.elements.entry(element).or_default();
                let enqueue = &mut element.enqueues[number];
                match kind {
                    OperationKind::Ok => {
                        enqueue.end = Some((clock, at));
                        self.judged_count += 1;
                    }
                    OperationKind::Fail => enqueue.has_failed = true,
                    OperationKind::Info | OperationKind::Invoke => {}
                }
            }
            (None, OperationKind::Ok) if operation.f == "drain" => {
                for element in operation.value.as_elements().unwrap_or_default() {
                    self.dequeue(element, Dequeue { at, end: clock, is_drain: true });
                }
                self.last_emptied = self.last_emptied.max(Some(open.begin));
            }
            // A dequeue that brings nothing found the queue empty. One that failed may have other reasons.
            (None, OperationKind::Ok) if operation.value.is_nil() => {
                self.last_emptied = self.last_emptied.max(Some(open.begin));
            }
            (None, OperationKind::Ok) => {
                self.dequeue(&operation.value, Dequeue { at, end: clock, is_drain: false });
            }
            (None, OperationKind::Fail | OperationKind::Invoke) => {}
            (None, OperationKind::Info) => self.crash(open.is_drain),
        }
    }

    fn crash(&mut self, is_drain: bool) {
        if is_drain {
            self.crashed_drains += 1;
        } else {
            self.crashed_dequeues += 1;
        }
    }

    fn dequeue(&mut self, element: &Value, dequeue: Dequeue) {
        self.judged_count += 1;
        match self.elements.get_mut(element) {
            Some(known) => known.dequeues.push(dequeue),
            None => {
                self.elements
                    .insert(element.clone(), Element { enqueues: Vec::new(), dequeues: vec![dequeue] });
            }
        }
    }

    /// The first dequeue of each element that no enqueue is left for: how many enqueues had begun by then, and how many of
    /// them were dequeued already. Enqueues that failed count where `with_failed`; drains where `with_drains`.
    fn unmatched(&self, with_failed: bool, with_drains: bool) -> Vec<Unmatched<'_>> {
        let mut unmatched = Vec::new();
        for (value, element) in &self.elements {
            let begins: Vec<u64> = element
                .enqueues
                .iter()
                .filter(|enqueue| with_failed || !enqueue.has_failed)
                .map(|enqueue| enqueue.begin)
                .collect();
            let dequeues = element.dequeues.iter().filter(|dequeue| with_drains || !dequeue.is_drain);
            // Both are in the order of time, so that the n-th dequeue needs n enqueues before it.
            unmatched.extend(dequeues.enumerate().find_map(|(dequeued, dequeue)| {
                let begun = begins.partition_point(|begin| *begin < dequeue.end);
                (begun <= dequeued).then_some(Unmatched { value, at: dequeue.at, begun, dequeued })
            }));
        }
        unmatched.sort_by_key(|unmatched| unmatched.at.index);
        unmatched
    }
}

/// A dequeue of an element that was not in the queue.
struct Unmatched<'a> {
    value: &'a Value,
    at: Moment,
    begun: usize,
    dequeued: usize,
}

impl Unmatched<'_> {
    fn finding(&self) -> Finding {
        let Self { value, at, begun, dequeued } = self;
        let sentence = match begun {
            0 => format!("{at} dequeued {value}, and no enqueue of it that did not fail had begun by then."),
            _ => {
                let (enqueues, was) = (
                    if *begun == 1 { "enqueue" } else { "enqueues" },
                    if *dequeued == 1 { "was" } else { "were" },
                );
                format!(
                    "{at} dequeued {value}, of which {begun} {enqueues} had begun by then and {dequeued} {was} dequeued already."
                )
            }
        };
        Finding::new(capitalized(sentence), [at.index]).about(value)
    }
}

fn capitalized(mut sentence: String) -> String {
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence
}

impl UnorderedQueue {
    /// A checker in this mode.
    pub fn new(mode: Mode) -> Self {
        Self { mode, queue: Contents::default() }
    }
}

impl Checker for UnorderedQueue {
    fn observe(&mut self, operation: &Operation) {
        self.queue.observe(operation);
    }

    fn finish(self: Box<Self>) -> Verdict {
        let compat = self.queue.unmatched(true, false);
        let jepsen = Validity::from(compat.is_empty());
        let (unmatched, validity, findings) = match self.mode {
            Mode::Strict => {
                let unmatched = self.queue.unmatched(false, true);
                let (validity, mut findings) = self.queue.dequeues_judged(&unmatched);
                findings.extend(jepsen_finding(validity, jepsen));
                (unmatched, validity, findings)
            }
            Mode::Compat => {
                let findings =
                    if compat.is_empty() { Vec::new() } else { self.queue.dequeues_judged(&compat).1 };
                (compat, jepsen, findings)
            }
        };
        let error = unmatched.first().map(|unmatched| ("error", Value::from(unmatched.finding().sentence)));
        Verdict { findings, ..Verdict::new(validity, error) }
    }
}

impl TotalQueue {
    /// A checker in this mode.
    pub fn new(mode: Mode) -> Self {
        Self { mode, queue: Contents::default() }
    }
}

/// The counts and the elements of a verdict, as multisets.
#[derive(Default)]
struct Totals<'a> {
    attempts: usize,
    acknowledged: usize,
    ok: usize,
    lost: Vec<&'a Value>,
    unexpected: Vec<&'a Value>,
    duplicated: Vec<&'a Value>,
    recovered: Vec<&'a Value>,
}

impl<'a> Totals<'a> {
    fn of(queue: &'a Contents) -> Self {
        let mut totals = Self::default();
        for (value, element) in &queue.elements {
            let attempts = element.enqueues.len();
            let acknowledged = element.enqueues.iter().filter(|enqueue| enqueue.end.is_some()).count();
            let dequeues = element.dequeues.len();
            let ok = dequeues.min(attempts);
            totals.attempts += attempts;
            totals.acknowledged += acknowledged;
            totals.ok += ok;
            let repeat = |count: usize| std::iter::repeat_n(value, count);
            totals.lost.extend(repeat(acknowledged.saturating_sub(dequeues)));
            match attempts {
                0 => totals.unexpected.extend(repeat(dequeues)),
                _ => totals.duplicated.extend(repeat(dequeues - ok)),
            }
            totals.recovered.extend(repeat(ok.saturating_sub(acknowledged)));
        }
        totals
    }

    fn entries(&self) -> [(&'static str, Value); 11] {
        let list = |values: &[&Value]| Value::List(values.iter().map(|value| (*value).clone()).collect());
        [
            ("attempt-count", self.attempts.into()),
            ("acknowledged-count", self.acknowledged.into()),
            ("ok-count", self.ok.into()),
            ("unexpected-count", self.unexpected.len().into()),
            ("duplicated-count", self.duplicated.len().into()),
            ("lost-count", self.lost.len().into()),
            ("recovered-count", self.recovered.len().into()),
            ("lost", list(&self.lost)),
            ("unexpected", list(&self.unexpected)),
            ("duplicated", list(&self.duplicated)),
            ("recovered", list(&self.recovered)),
        ]
    }
}

impl Checker for TotalQueue {
    fn observe(&mut self, operation: &Operation) {
        self.queue.observe(operation);
    }

    fn finish(mut self: Box<Self>) -> Verdict {
        let jepsen_crashes = self.queue.crashed_drains > 0;
        // What never ended may have taken something, too.
        for (_, open) in std::mem::take(&mut self.queue.open).into_open() {
            if open.enqueue.is_none() {
                self.queue.crash(open.is_drain);
            }
        }
        let totals = Totals::of(&self.queue);
        let jepsen = match jepsen_crashes {
            true => Validity::Unknown,
            false => Validity::from(totals.lost.is_empty() && totals.unexpected.is_empty()),
        };
        let (validity, findings) = self.queue.totally_judged(&totals);
        let (validity, findings) = match self.mode {
            Mode::Strict => {
                let differs = jepsen_finding(validity, jepsen);
                (validity, findings.into_iter().chain(differs).collect())
            }
            Mode::Compat if jepsen == Validity::Valid => (jepsen, Vec::new()),
            Mode::Compat if findings.is_empty() => {
                let sentence = "A drain is of unknown outcome, which Jepsen's checker cannot judge.";
                (jepsen, vec![Finding::new(sentence, [])])
            }
            Mode::Compat => (jepsen, findings),
        };
        Verdict { findings, ..Verdict::new(validity, totals.entries()) }
    }
}

impl Contents {
    /// The verdict on what was dequeued, of which this was not in the queue.
    fn dequeues_judged(&self, unmatched: &[Unmatched<'_>]) -> (Validity, Vec<Finding>) {
        let mut findings = Vec::new();
        tell(
            &mut findings,
            unmatched,
            "elements were dequeued that were not in the queue",
            Unmatched::finding,
        );
        if self.judged_count == 0 {
            findings
                .push(Finding::new("No enqueue or dequeue succeeded, so there was nothing to judge.", []));
            return (Validity::Unknown, findings);
        }
        (Validity::from(unmatched.is_empty()), findings)
    }

    /// The strict verdict on a queue that everything has to come out of.
    fn totally_judged(&self, totals: &Totals<'_>) -> (Validity, Vec<Finding>) {
        let (mut validity, mut findings) = self.dequeues_judged(&self.unmatched(false, true));
        if self.judged_count == 0 || totals.lost.is_empty() {
            return (validity, findings);
        }
        // Elements that were in the queue for certain when somebody began to empty it.
        let mut lost: Vec<(&Value, Moment)> = Vec::new();
        for (value, element) in &self.elements {
            let ends = element.enqueues.iter().filter_map(|enqueue| enqueue.end);
            let before: Vec<Moment> = ends
                .filter(|(end, _)| self.last_emptied.is_some_and(|emptied| *end < emptied))
                .map(|(_, at)| at)
                .collect();
            let missing = before.len().saturating_sub(element.dequeues.len());
            lost.extend(before.iter().take(missing).map(|at| (value, *at)));
        }
        let taken = if self.crashed_drains > 0 { u64::MAX } else { self.crashed_dequeues };
        if lost.len() as u64 > taken {
            tell(&mut findings, &lost, "elements were lost", |(value, at)| {
                let sentence = format!(
                    "The element {value}, acknowledged by {at}, was never dequeued, although the queue was emptied after that."
                );
                Finding::new(sentence, [at.index]).about(value)
            });
            if taken > 0 {
                let sentence =
                    format!("Dequeues of unknown outcome can have taken {taken} of them, and not all.");
                findings.push(Finding::new(sentence, []));
            }
            return (Validity::Invalid, findings);
        }
        validity = validity.max(Validity::Unknown);
        let reason = match lost.is_empty() {
            true => "the queue was not drained after they were enqueued",
            false => "dequeues of unknown outcome can have taken them",
        };
        let sentence =
            format!("{} acknowledged elements were never dequeued, but {reason}.", totals.lost.len());
        findings.push(Finding::new(sentence, []));
        (validity, findings)
    }
}
