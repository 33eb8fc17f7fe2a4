//! Transactions over lists, which tell the order of their writes with every read.
//!
//! Operations are `[:append key element]` and `[:r key list]`. Since every element is appended to a key once, a read
//! of `[1 2 3]` says that 2 followed 1 and 3 followed 2: the version order that other data types keep to themselves.
//! From it come all three of Adya's dependencies, by the method of Elle (Kingsbury and Alvaro, VLDB 2020):
//!
//! * `ww` from the transaction that appended an element to the one that appended the next,
//! * `wr` from the transaction that appended the last element of a list to each that read this list,
//! * `rw` from each transaction that read a list to the one that appended the next element.
//!
//! An element that no read shows came after all those that were shown.
//!
//! The version orders accumulate while the history is observed, so that only the graph remains for the end:
//! `O(elements read + edges)`, where a key contributes an edge for each read and each append, and one for each pair
//! of a read of its last shown version and an append that nobody saw.

mod judged;
mod lists;
mod versions;

use std::collections::BTreeMap;

use self::judged::Judged;
use self::lists::{Lists, Prefix};
use self::versions::Versions;
use super::anomaly::Anomaly;
use super::exact;
use super::interner::{ElementId, KeyId};
use super::options::Options;
use super::relation::Relation;
use super::report::{Case, Report};
use super::search;
use super::transactions::{Action, TransactionId, Transactions, Unusable};
use super::updates::Updates;
use crate::{Checker, Mode, Operation, OperationKind, Requirement, Subject, Value, Verdict};

/// Upstream's order of explanations: where an edge has several relations, the first one names it.
const PREFERENCE: [Relation; 5] =
    [Relation::WriteWrite, Relation::WriteRead, Relation::ReadWrite, Relation::Process, Relation::RealTime];

/// The checker of transactions over lists.
///
/// ```
/// use glomers_check::txn::{ListAppend, Options};
/// use glomers_check::{History, Validity, check};
/// let history = History::from_edn(
///     "{:index 0, :type :invoke, :process 0, :f :txn, :value [[:append :x 1]]}
///      {:index 1, :type :ok, :process 0, :f :txn, :value [[:append :x 1]]}
///      {:index 2, :type :invoke, :process 1, :f :txn, :value [[:r :x nil]]}
///      {:index 3, :type :ok, :process 1, :f :txn, :value [[:r :x []]]}",
/// )?;
/// let verdict = check(&history, ListAppend::new(Options::default()));
/// assert_eq!(verdict.validity, Validity::Invalid);
/// assert_eq!(verdict.results.get("anomaly-types").unwrap().to_string(), "(:G-single-item-realtime)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ListAppend {
    options: Options,
    transactions: Transactions<Lists>,
    report: Report,
    updates: Updates<Prefix>,
    /// Why a history in which nothing is wrong cannot be called valid.
    undecided: Option<String>,
}

impl ListAppend {
    /// A checker with these options.
    pub fn new(options: Options) -> Self {
        Self {
            transactions: Transactions::new(Lists::new(options.mode), options.mode),
            report: Report::default(),
            updates: Updates::default(),
            undecided: None,
            options,
        }
    }
}

impl Checker for ListAppend {
    fn observe(&mut self, operation: &Operation) {
        let Some(transaction) = self.transactions.observe(operation) else { return };
        if self.transactions.is_ok(transaction) {
            self.check_internally(transaction);
            self.updates.observe(transaction, self.transactions.micro_operations(transaction));
        }
    }

    fn requirement(&self) -> Requirement {
        match self.options.mode {
            Mode::Strict => Requirement::Completions,
            Mode::Compat => Requirement::Entries,
        }
    }

    fn finish(mut self: Box<Self>) -> Verdict {
        self.transactions.finish();
        match self.judge() {
            Ok(()) => self.report.verdict_unless(self.undecided, &self.options),
            Err(unusable) => Verdict::unknown(unusable.to_string()),
        }
    }
}

impl ListAppend {
    fn judge(&mut self) -> Result<(), Unusable> {
        let prohibited = self.options.prohibited();
        let order = search::needed_order(&prohibited);
        self.transactions.check_usable(order)?;
        let versions = Versions::new(&self.transactions);
        self.transactions.report_mismatches(&mut self.report);
        self.report_unwritten(&versions)?;
        self.report_aborted_reads(&versions);
        self.report_intermediate_reads(&versions);
        self.report_dirty_updates(&versions);
        self.report_duplicates();
        self.report_incompatible_orders();
        if self.options.mode == Mode::Strict {
            self.report_append_orders(&versions);
        }
        std::mem::take(&mut self.updates).report(&self.transactions, &mut self.report);

        let edges = versions.edges(&self.transactions, self.options.edge_limit)?;
        let found = search::cycles(&self.transactions.spans, &edges, order, self.options.mode, &PREFERENCE);
        drop(edges);
        let judged = Judged { transactions: &self.transactions, versions: &versions };
        found.report(&judged, &mut self.report);
        // Where something else is wrong, that says more.
        if self.options.mode == Mode::Strict
            && !self.report.has_any_of(&prohibited)
            && !exact::report(&judged, &prohibited, &mut self.report)
            && !self.options.are_searched()
        {
            self.undecided = Some(exact::TOO_LONG.to_owned());
        }
        Ok(())
    }

    /// Looks for reads that contradict the transaction's own earlier steps, and for reads of its own later appends.
    fn check_internally(&mut self, transaction: TransactionId) {
        let steps = self.transactions.micro_operations(transaction);
        let has_earlier =
            |position: usize| steps[..position].iter().any(|step| step.key == steps[position].key);
        if !(1..steps.len()).any(has_earlier) {
            return;
        }
        let lists = &self.transactions.data;
        let mut internal = None;
        let mut future = None;
        for (position, step) in steps.iter().enumerate() {
            match step.action {
                Action::Read(prefix) if internal.is_none() => {
                    internal = lists
                        .expectation(&steps[..position], step.key)
                        .filter(|expected| !lists.meets(step.key, prefix, expected))
                        .map(|expected| (position, expected));
                }
                Action::Write(element) if future.is_none() => {
                    let saw = |earlier: &usize| match steps[*earlier].action {
                        Action::Read(prefix) if steps[*earlier].key == step.key => {
                            lists.elements(step.key, prefix).contains(&element)
                        }
                        _ => false,
                    };
                    future = (0..position).find(saw).map(|earlier| (earlier, element));
                }
                _ => {}
            }
        }
        let index = self.transactions.span(transaction).index;
        let step_value = |position: usize| self.transactions.step_value(&steps[position]);
        if let Some((position, expected)) = internal {
            let expected = expected.value(&self.transactions.interner);
            self.report.add(Anomaly::INTERNAL, || Case {
                sentence: format!(
                    "operation {index} read {}, although its own earlier steps make it {expected}.",
                    step_value(position)
                ),
                operations: vec![index],
                subjects: Vec::new(),
                value: Value::record([
                    ("op", self.transactions.operation_value(transaction)),
                    ("mop", step_value(position)),
                    ("expected", expected),
                ]),
            });
        }
        if let Some((position, element)) = future {
            let element = self.transactions.interner.element_value(element);
            self.report.add(Anomaly::FUTURE_READ, || Case {
                sentence: format!(
                    "operation {index} read {}, which holds the {element} that it appended only later.",
                    step_value(position)
                ),
                operations: vec![index],
                subjects: Vec::new(),
                value: Value::record([
                    ("op", self.transactions.operation_value(transaction)),
                    ("mop", step_value(position)),
                    ("element", element),
                ]),
            });
        }
    }

    /// Committed reads of these elements, each with the element: `which` is asked once for each list's element.
    fn committed_reads(&self, which: impl Fn(ElementId) -> bool) -> Vec<(TransactionId, usize, ElementId)> {
        let marked = self.transactions.data.marked(which);
        let mut reads = Vec::new();
        if marked.is_empty() {
            return reads;
        }
        for transaction in self.transactions.ids().filter(|&transaction| self.transactions.is_ok(transaction))
        {
            for (position, step) in self.transactions.micro_operations(transaction).iter().enumerate() {
                let Action::Read(prefix) = step.action else { continue };
                let Some(marked) = marked.get(&(step.key, prefix.branch)) else { continue };
                reads.extend(
                    marked
                        .iter()
                        .filter(|(at, _)| *at < prefix.length)
                        .map(|(_, element)| (transaction, position, *element)),
                );
            }
        }
        reads
    }

    fn report_unwritten(&mut self, versions: &Versions) -> Result<(), Unusable> {
        let is_unwritten = |element| versions.writer(element).is_none();
        if self.options.mode == Mode::Compat {
            let mut shown = versions.chains().iter().flatten().copied();
            return shown
                .find(|&element| is_unwritten(element))
                .map_or(Ok(()), |element| Err(self.transactions.unknown_writer(element)));
        }
        for (transaction, position, element) in self.committed_reads(is_unwritten) {
            let doubt = self.transactions.report_unwritten(&mut self.report, transaction, position, element);
            self.undecided = self.undecided.take().or(doubt);
        }
        Ok(())
    }

    fn report_aborted_reads(&mut self, versions: &Versions) {
        let failed = |element| {
            versions
                .writer(element)
                .is_some_and(|writer| self.transactions.span(writer).kind == OperationKind::Fail)
        };
        for (transaction, position, element) in self.committed_reads(failed) {
            let Some(writer) = versions.writer(element) else { continue };
            self.transactions.report_dirty_read(
                &mut self.report,
                Anomaly::G1A,
                transaction,
                position,
                element,
                writer,
            );
        }
    }

    fn report_intermediate_reads(&mut self, versions: &Versions) {
        let intermediate = self.transactions.intermediate_writes();
        if intermediate.is_empty() {
            return;
        }
        for transaction in self.transactions.ids().filter(|&transaction| self.transactions.is_ok(transaction))
        {
            for (position, step) in self.transactions.micro_operations(transaction).iter().enumerate() {
                let Action::Read(prefix) = step.action else { continue };
                let Some(&last) = self.transactions.data.elements(step.key, prefix).last() else { continue };
                if !intermediate.contains(&last) {
                    continue;
                }
                let Some(writer) = versions.writer(last).filter(|&writer| writer != transaction) else {
                    continue;
                };
                self.transactions.report_dirty_read(
                    &mut self.report,
                    Anomaly::G1B,
                    transaction,
                    position,
                    last,
                    writer,
                );
            }
        }
    }

    /// Looks for a failed append that a committed one follows in the version order.
    fn report_dirty_updates(&mut self, versions: &Versions) {
        for (key, chain) in versions.chains().iter().enumerate() {
            let mut aborted: Option<TransactionId> = None;
            let mut between: Vec<ElementId> = Vec::new();
            for &element in chain {
                let Some(writer) = versions.writer(element) else { continue };
                between.push(element);
                match (self.transactions.span(writer).kind, aborted) {
                    (OperationKind::Fail, None) => {
                        aborted = Some(writer);
                        between = vec![element];
                    }
                    (OperationKind::Ok, Some(failed)) => {
                        self.report_dirty_update(key as KeyId, &between, failed, writer);
                        aborted = None;
                    }
                    _ => {}
                }
            }
        }
    }

    fn report_dirty_update(
        &mut self,
        key: KeyId,
        between: &[ElementId],
        failed: TransactionId,
        committed: TransactionId,
    ) {
        let transactions = &self.transactions;
        self.report.add(Anomaly::DIRTY_UPDATE, || {
            let key = transactions.interner.key_value(key);
            let (one, other) = (transactions.span(failed).index, transactions.span(committed).index);
            let values = between.iter().map(|&element| transactions.interner.element_value(element)).collect();
            let values = Value::Vector(values);
            Case {
                sentence: format!("operation {other} committed an append to key {key} on top of operation {one}, which failed: {values}."),
                operations: vec![one, other],
                subjects: Vec::new(),
                value: Value::record([
                    ("key", key),
                    ("values", values),
                    ("txns", Value::Vector(vec![transactions.operation_value(failed), Value::Symbol("...".into()), transactions.operation_value(committed)])),
                ]),
            }
        });
    }

    fn report_duplicates(&mut self) {
        let duplicates = self.transactions.data.duplicates(self.transactions.interner.element_count());
        if duplicates.is_empty() {
            return;
        }
        for transaction in
            self.transactions.ids().filter(|&transaction| self.transactions.is_possible(transaction))
        {
            for step in self.transactions.micro_operations(transaction) {
                let Action::Read(prefix) = step.action else { continue };
                if duplicates.get(&(step.key, prefix.branch)).is_none_or(|&first| first >= prefix.length) {
                    continue;
                }
                let transactions = &self.transactions;
                self.report.add(Anomaly::DUPLICATE_ELEMENTS, || {
                    let index = transactions.span(transaction).index;
                    let mut counts: BTreeMap<Value, u64> = BTreeMap::new();
                    for &element in transactions.data.elements(step.key, prefix) {
                        *counts.entry(transactions.interner.element_value(element)).or_default() += 1;
                    }
                    counts.retain(|_, count| *count > 1);
                    let duplicates = Value::Map(counts.into_iter().map(|(element, count)| (element, Value::from(count))).collect());
                    let mop = transactions.step_value(step);
                    Case {
                        sentence: format!("operation {index} read {mop}, in which some elements stand more often than they were appended: {duplicates}."),
                        operations: vec![index],
                subjects: Vec::new(),
                        value: Value::record([("op", transactions.operation_value(transaction)), ("mop", mop), ("duplicates", duplicates)]),
                    }
                });
            }
        }
    }

    fn report_incompatible_orders(&mut self) {
        let transactions = &self.transactions;
        let incompatible = transactions.data.incompatible();
        if incompatible.is_empty() {
            return;
        }
        // The first transaction that read each branch.
        let mut readers: BTreeMap<(KeyId, u32), TransactionId> = BTreeMap::new();
        for transaction in transactions.ids().filter(|&transaction| transactions.is_ok(transaction)) {
            for step in transactions.micro_operations(transaction) {
                if let Action::Read(prefix) = step.action {
                    readers.entry((step.key, prefix.branch)).or_insert(transaction);
                }
            }
        }
        for (key, one, other) in incompatible {
            self.report.add(Anomaly::INCOMPATIBLE_ORDER, || {
                let list = |branch: u32| {
                    let elements = transactions.data.branch(key, branch).iter();
                    Value::Vector(
                        elements.map(|&element| transactions.interner.element_value(element)).collect(),
                    )
                };
                let reader = |branch| readers.get(&(key, branch)).map(|&id| transactions.span(id).index);
                let operations = [one, other].into_iter().filter_map(reader).collect();
                let (key, one, other) = (transactions.interner.key_value(key), list(one), list(other));
                let differing = [(&one, &other), (&other, &one)].map(|(list, other)| {
                    let (list, other) = (list.as_sequence()?, other.as_sequence()?);
                    let place = list.iter().zip(other).position(|(one, other)| one != other)?;
                    Some(Subject::entry(&key, &list[place]))
                });
                Case {
                    subjects: differing.into_iter().flatten().collect(),
                    sentence: format!(
                        "key {key} was read as {one} and as {other}: neither list grew out of the other."
                    ),
                    operations,
                    value: Value::record([("key", key), ("values", Value::Vector(vec![one, other]))]),
                }
            });
        }
    }

    /// Looks for transactions whose appends to a key stand in another order than they made them, or of which a later one is
    /// there and an earlier is not.
    fn report_append_orders(&mut self, versions: &Versions) {
        let transactions = &self.transactions;
        let mut last: BTreeMap<KeyId, ElementId> = BTreeMap::new();
        for transaction in transactions.ids().filter(|&transaction| transactions.is_possible(transaction)) {
            last.clear();
            for step in transactions.micro_operations(transaction) {
                let Action::Write(element) = step.action else { continue };
                let Some(earlier) = last.insert(step.key, element) else { continue };
                let Some(position) = versions.position(element) else { continue };
                if versions.position(earlier).is_some_and(|earlier| earlier < position) {
                    continue;
                }
                self.report.add(Anomaly::APPEND_ORDER, || {
                    let index = transactions.span(transaction).index;
                    let key = transactions.interner.key_value(step.key);
                    let [one, other] =
                        [earlier, element].map(|element| transactions.interner.element_value(element));
                    Case {
                        sentence: format!(
                            "operation {index} appended {one} and then {other} to key {key}, where {other} was read without {one} \
                             before it."
                        ),
                        operations: vec![index],
                        subjects: [&one, &other].map(|value| Subject::entry(&key, value)).into(),
                        value: Value::record([
                            ("op", transactions.operation_value(transaction)),
                            ("key", key),
                            ("elements", Value::Vector(vec![one, other])),
                        ]),
                    }
                });
            }
        }
    }
}
