//! Whether a set kept what was added to it: the elements that are lost, stale, duplicated, or came from nowhere.

mod numbering;
mod outcome;
mod recent_reads;
mod report;

use std::collections::BTreeMap;
use std::rc::Rc;

use self::numbering::Numbering;
use self::outcome::{Element, Known};
use self::recent_reads::RecentReads;
use crate::moment::Moment;
use crate::{Checker, Mode, Name, Operation, OperationKind, Pairing, Requirement, Stats, Value, Verdict};

/// Follows every element of a set from its addition to the last read, as the workloads g-set and broadcast demand.
///
/// An element is *known* once its addition was acknowledged, or a read found it. Then, of the reads that succeeded:
///
/// - it is *stable* if the read that began last found it,
/// - it is *lost* if a read that began after it was known did not find it, and none that began later did,
/// - else it was *never read*: nothing proves it there or gone.
///
/// A lost element makes the history invalid. A stable one that a read missed after it was known is *stale*, which is
/// reported, and forbidden only where the set is [`linearizable`](SetFull::linearizable). Without a stable element
/// there was nothing to judge, and the verdict is unknown.
///
/// Strictly, three more things are invalid that upstream passes: an element that stands twice in one read, an element
/// that nobody had begun to add or whose every addition failed, and an answer that is no list. [`Mode::Compat`] leaves
/// them out.
///
/// Time is linear in the size of all reads; a read costs nothing for what it does not contain. Memory is that of the
/// elements. Source: `set-full` in `jepsen.checker`, whose result keys these are, in its order; latencies are in
/// milliseconds. Strict results add `:unexpected-count` and `:unexpected`.
///
/// ```
/// use glomers_check::{History, Mode, SetFull, Validity, check};
/// let history = History::from_edn(
///     "{:index 0, :time 0, :type :invoke, :process 0, :f :add, :value 7}
///      {:index 1, :time 1000000, :type :ok, :process 0, :f :add, :value 7}
///      {:index 2, :time 2000000, :type :invoke, :process 1, :f :read, :value nil}
///      {:index 3, :time 3000000, :type :ok, :process 1, :f :read, :value []}",
/// )?;
/// let verdict = check(&history, SetFull::new(Mode::Strict));
/// assert_eq!(verdict.validity, Validity::Invalid);
/// assert_eq!(
///     verdict.findings[0].sentence,
///     "Element 7 is lost: it was there at operation 1 (process 0, 0.001 s), and the read begun at operation 2 (process 1, 0.002 s) \
///      did not find it. No read ever found it."
/// );
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
///
/// A node that answers with an element twice, which Maelstrom does not notice:
///
/// ```
/// # use glomers_check::{History, Mode, SetFull, Validity, check};
/// let history = History::from_edn(
///     "{:type :invoke, :process 0, :f :broadcast, :value 7}
///      {:type :ok, :process 0, :f :broadcast, :value 7}
///      {:type :invoke, :process 1, :f :read, :value nil}
///      {:type :ok, :process 1, :f :read, :value [7 7]}",
/// )?;
/// let checker = |mode| SetFull::new(mode).adding_with("broadcast");
/// assert_eq!(check(&history, checker(Mode::Strict)).validity, Validity::Invalid);
/// assert_eq!(check(&history, checker(Mode::Compat)).validity, Validity::Valid);
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
#[derive(Debug)]
pub struct SetFull {
    mode: Mode,
    /// What Maelstrom judges a run by besides.
    stats: Stats,
    adding: Name,
    is_linearizable: bool,
    open_reads: Pairing<Rc<Operation>>,
    numbering: Numbering,
    elements: Vec<Element>,
    reads: RecentReads,
    /// Room for the values of reads that made an element known, which the results show.
    room: usize,
    duplicates: BTreeMap<usize, Duplicate>,
    unexpected: BTreeMap<Value, Moment>,
    malformed: Vec<(Moment, Value)>,
}

/// How many values of reads are kept for the results, in all. Beyond them, a read is shown with one element.
const KEPT_VALUES: usize = 1 << 20;

/// How many different elements that nobody added are kept, and how many answers that are no list.
const UNEXPECTED_LIMIT: usize = 4096;

/// An element that one read contained several times.
#[derive(Clone, Copy, Debug)]
struct Duplicate {
    /// How often, in the read that had it most often.
    count: u64,
    /// That read's end.
    read: Moment,
}

impl SetFull {
    /// A checker of a set to which `add` adds and from which `read` reads.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            stats: Stats::default(),
            adding: Name::from_static("add"),
            is_linearizable: false,
            open_reads: Pairing::new(),
            numbering: Numbering::default(),
            elements: Vec::new(),
            reads: RecentReads::default(),
            room: KEPT_VALUES,
            duplicates: BTreeMap::new(),
            unexpected: BTreeMap::new(),
            malformed: Vec::new(),
        }
    }

    /// Elements are added by this function instead of `add`. The results call it `add` all the same, as upstream's do.
    #[must_use]
    pub fn adding_with(mut self, function: impl Into<Name>) -> Self {
        self.adding = function.into();
        self
    }

    /// Demands that every read finds what was known before it began. Upstream measures in whole milliseconds and passes
    /// what is stale for less; strictly, there is no such allowance.
    #[must_use]
    pub fn linearizable(mut self) -> Self {
        self.is_linearizable = true;
        self
    }

    fn observe_add(&mut self, operation: &Operation) {
        if operation.is_invoke() {
            let (number, is_new) = self.numbering.get_or_insert(&operation.value);
            let element = Element::added(self.reads.count());
            if is_new {
                self.elements.push(element);
            } else if self.mode == Mode::Compat {
                self.elements[number] = element;
            } else {
                self.elements[number].adds += 1;
            }
            return;
        }
        let Some(number) = self.numbering.get(&operation.value) else { return };
        let element = &mut self.elements[number];
        match operation.kind {
            OperationKind::Ok => {
                element.known.get_or_insert_with(|| Known::by_add(operation));
            }
            OperationKind::Fail => element.failed_adds += 1,
            OperationKind::Invoke | OperationKind::Info => {}
        }
    }

    fn observe_read(&mut self, operation: &Operation) {
        if operation.is_invoke() {
            self.open_reads.begin(operation.process, Rc::new(operation.clone()));
            return;
        }
        let Some(beginning) = self.open_reads.end(operation.process) else { return };
        if !operation.is_ok() {
            return;
        }
        let values = operation.value.as_elements().unwrap_or_else(|| {
            if self.malformed.len() < UNEXPECTED_LIMIT {
                self.malformed.push((Moment::of(operation), operation.value.clone()));
            }
            &[]
        });
        let this_read = self.reads.count();
        // Shared by all elements that this read makes known.
        let mut shown: Option<Rc<Operation>> = None;
        for value in values {
            let Some(number) = self.numbering.get(value) else {
                if self.unexpected.len() < UNEXPECTED_LIMIT && !self.unexpected.contains_key(value) {
                    self.unexpected.insert(value.clone(), Moment::of(operation));
                }
                continue;
            };
            let element = &mut self.elements[number];
            if element.counted_reads > this_read {
                element.copies += 1;
                let copies = u64::from(element.copies);
                let duplicate = Duplicate { count: copies, read: Moment::of(operation) };
                let worst = self.duplicates.entry(number).or_insert(duplicate);
                if worst.count < copies {
                    *worst = duplicate;
                }
                continue;
            }
            if element.counted_reads < this_read {
                element.count_absences(&self.reads);
            }
            element.counted_reads = this_read + 1;
            element.copies = 1;
            element.present_in(&beginning);
            if element.known.is_none() {
                let known = if values.len() <= self.room || shown.is_some() {
                    Rc::clone(shown.get_or_insert_with(|| {
                        self.room -= values.len();
                        Rc::new(operation.clone())
                    }))
                } else {
                    let value = Value::Vector(vec![value.clone()]);
                    Rc::new(Operation { value, extra: operation.extra.clone(), ..without_value(operation) })
                };
                element.known = Some(Known { moment: Moment::of(operation), read: Some(known) });
            }
        }
        self.reads.push(beginning);
    }
}

fn without_value(operation: &Operation) -> Operation {
    Operation {
        kind: operation.kind,
        process: operation.process,
        ..Operation::invoke(0, operation.f.clone(), ())
    }
    .at(operation.index, operation.time_ns)
}

impl Checker for SetFull {
    fn observe(&mut self, operation: &Operation) {
        self.stats.observe(operation);
        if !operation.is_client() {
            return;
        }
        if operation.f == self.adding {
            self.observe_add(operation);
        } else if operation.f == "read" {
            self.observe_read(operation);
        }
    }

    fn has_violation(&self) -> bool {
        self.mode == Mode::Strict && !(self.duplicates.is_empty() && self.malformed.is_empty())
    }

    fn requirement(&self) -> Requirement {
        self.mode.requirement()
    }

    fn finish(mut self: Box<Self>) -> Verdict {
        for element in &mut self.elements {
            element.count_absences(&self.reads);
        }
        report::verdict(&self)
    }
}
