//! The order of each register's versions, and the dependencies that follow from it.

use rustc_hash::FxHashMap;

use super::Registers;
use super::shown::{External, all_reads, reads, writes};
use super::version_orders::VersionOrders;
use crate::txn::component::Edge;
use crate::txn::graph::{Digraph, NO_VERTEX};
use crate::txn::interner::{ElementId, KeyId};
use crate::txn::relation::Relation;
use crate::txn::report::Case;
use crate::txn::time_order::real_time_edges;
use crate::txn::transactions::{Span, TransactionId, Transactions, Unusable};
use crate::{Mode, OperationKind, Process, Subject, Value};

/// Every version, who wrote and read it, and which version it came before.
pub(super) struct Versions {
    /// Each key's initial version.
    initial: Vec<ElementId>,
    /// Whether each version is its key's initial one.
    is_initial: Vec<bool>,
    /// Whether a transaction that may have committed shows the version.
    is_shown: Vec<bool>,
    /// The transaction that wrote each version last, whatever became of it.
    last_writers: Vec<TransactionId>,
    failed_writers: Vec<TransactionId>,
    /// The transactions that wrote each version as their last of its key, and are known or, in the strict mode, not
    /// known to have failed.
    writers: Digraph,
    /// The committed transactions that read the version: in their first step on the key or, in the strict mode, in any.
    readers: Digraph,
    /// The initial versions of keys to which some transaction wrote that value again, so that a read of it does not tell
    /// whether it saw the beginning. They take no part.
    is_untellable: Vec<bool>,
    /// The first committed read of such a version.
    ambiguous_read: Option<(TransactionId, KeyId)>,
    /// Which version came before which, apart from the initial one, which came before all others; sorted.
    order: Vec<(ElementId, ElementId)>,
    /// Where the order comes from.
    sources: Vec<&'static str>,
}

/// Of the initial versions, those that a transaction which may have committed wrote again.
fn rewritten(transactions: &Transactions<Registers>, is_initial: &[bool]) -> Vec<bool> {
    let mut rewritten = vec![false; is_initial.len()];
    for transaction in transactions.ids().filter(|&transaction| transactions.is_possible(transaction)) {
        for step in transactions.micro_operations(transaction) {
            if let super::Action::Write(version) = step.action {
                rewritten[version as usize] = is_initial[version as usize];
            }
        }
    }
    rewritten
}

impl Versions {
    pub(super) fn new(transactions: &mut Transactions<Registers>, mode: Mode) -> Result<Self, Unusable> {
        let keys = 0..transactions.interner.key_count() as KeyId;
        let value = transactions.data.initial.clone();
        let initial: Vec<ElementId> = keys.map(|key| transactions.interner.element(key, &value)).collect();
        let count = transactions.interner.element_count();
        let mut is_initial = vec![false; count];
        for &version in &initial {
            is_initial[version as usize] = true;
        }
        let is_untellable =
            if mode == Mode::Strict { rewritten(transactions, &is_initial) } else { vec![false; count] };
        let mut ambiguous_read = None;
        let mut is_shown = vec![false; count];
        let mut last_writers = vec![NO_VERTEX; count];
        let mut failed_writers = vec![NO_VERTEX; count];
        let (mut written, mut read) = (Vec::new(), Vec::new());
        for transaction in transactions.ids() {
            let steps = transactions.micro_operations(transaction);
            let kind = transactions.span(transaction).kind;
            for step in steps {
                let super::Action::Write(version) = step.action else { continue };
                last_writers[version as usize] = transaction;
                if kind == OperationKind::Fail {
                    failed_writers[version as usize] = transaction;
                }
            }
            if kind == OperationKind::Fail {
                continue;
            }
            for External { version, .. } in writes(steps) {
                if is_untellable[version as usize] {
                    continue;
                }
                is_shown[version as usize] = true;
                if kind == OperationKind::Ok || mode == Mode::Strict {
                    written.push((version, transaction));
                }
            }
            if kind == OperationKind::Ok {
                let mut take = |key: KeyId, version: ElementId| {
                    if is_untellable[version as usize] {
                        ambiguous_read.get_or_insert((transaction, key));
                        return;
                    }
                    is_shown[version as usize] = true;
                    read.push((version, transaction));
                };
                if mode == Mode::Strict {
                    all_reads(steps).for_each(|(key, version)| take(key, version));
                } else {
                    reads(steps).for_each(|read| take(read.key, read.version));
                }
            }
        }
        let writers = Digraph::new(count, || written.iter().copied());
        let readers = Digraph::new(count, || read.iter().copied());
        for version in 0..count as ElementId {
            if writers.successors(version).len() > 1 && !readers.successors(version).is_empty() {
                return Err(Unusable::DuplicateWrite {
                    index: transactions.span(writers.successors(version)[1]).index,
                    key: transactions.interner.key_value(transactions.interner.key_of(version)).to_string(),
                    element: transactions.interner.element_value(version).to_string(),
                });
            }
        }
        Ok(Self {
            initial,
            is_initial,
            is_shown,
            last_writers,
            failed_writers,
            writers,
            readers,
            is_untellable,
            ambiguous_read,
            order: Vec::new(),
            sources: Vec::new(),
        })
    }

    /// Takes in the order of versions from each source, and returns the cycles of those that have some: such a source is
    /// not used.
    pub(super) fn take_in(
        &mut self,
        transactions: &Transactions<Registers>,
        orders: &VersionOrders,
    ) -> Vec<Case> {
        type Source = fn(&Transactions<Registers>, &VersionOrders) -> Vec<(ElementId, ElementId)>;
        let sources: [(bool, &str, Source); 5] = [
            (true, "initial-state", |_, _| Vec::new()),
            (orders.transactions.is_some(), "transaction-order-keys", transaction_order),
            (orders.writes_follow_reads, "wfr-keys", |transactions, _| writes_follow_reads(transactions)),
            (orders.sequential_keys, "sequential-keys", |transactions, _| sequential_keys(transactions)),
            (orders.linearizable_keys, "linearizable-keys", |transactions, _| {
                linearizable_keys(transactions)
            }),
        ];
        let mut cases = Vec::new();
        for (_, name, source) in sources.into_iter().filter(|(is_used, ..)| *is_used) {
            let mut order = source(transactions, orders);
            order.retain(|&(one, other)| one != other && self.is_tellable(one) && self.is_tellable(other));
            order.extend_from_slice(&self.order);
            order.sort_unstable();
            order.dedup();
            self.sources.push(name);
            let cycles = self.cycles(transactions, &order);
            if cycles.is_empty() {
                order.retain(|&(one, _)| !self.is_initial[one as usize]);
                self.order = order;
            } else {
                cases.extend(cycles.iter().map(|versions| self.cyclic_case(transactions, versions)));
                self.sources.pop();
            }
        }
        cases
    }

    /// Versions that all come before the others, by these sources.
    fn cyclic_case(&self, transactions: &Transactions<Registers>, versions: &[ElementId]) -> Case {
        let key = transactions.interner.key_value(transactions.interner.key_of(versions[0]));
        let mut values: Vec<Value> =
            versions.iter().map(|&version| transactions.interner.element_value(version)).collect();
        values.sort();
        let values = Value::Set(values);
        let touching = versions.iter().flat_map(|&version| {
            let readers = self.readers.successors(version).iter().take(1);
            self.writers.successors(version).iter().chain(readers)
        });
        let mut operations: Vec<u64> = touching.map(|&id| transactions.span(id).index).collect();
        operations.sort_unstable();
        operations.dedup();
        let sources = self.sources.iter().map(|source| Value::keyword(*source)).collect();
        Case {
            sentence: format!(
                "the versions {values} of key {key} each come before the others, by {}.",
                self.sources.join(", ")
            ),
            operations,
            subjects: values
                .as_sequence()
                .unwrap_or_default()
                .iter()
                .take(2)
                .map(|value| Subject::entry(&key, value))
                .collect(),
            value: Value::record([("key", key), ("scc", values), ("sources", Value::Vector(sources))]),
        }
    }

    /// The groups of versions that all precede each other.
    fn cycles(
        &self,
        transactions: &Transactions<Registers>,
        order: &[(ElementId, ElementId)],
    ) -> Vec<Vec<ElementId>> {
        let count = transactions.interner.element_count();
        let after_nil = || {
            let shown = (0..count as ElementId)
                .filter(|&version| self.is_shown[version as usize] && !self.is_initial[version as usize]);
            shown.map(|version| (self.initial[transactions.interner.key_of(version) as usize], version))
        };
        Digraph::new(count, || order.iter().copied().chain(after_nil())).components().cyclic(count)
    }

    /// The first committed read that may have seen the beginning or a later write of the same value.
    pub(super) fn ambiguous_read(&self) -> Option<(TransactionId, KeyId)> {
        self.ambiguous_read
    }

    /// Whether a read of this version tells what it saw.
    pub(super) fn is_tellable(&self, version: ElementId) -> bool {
        !self.is_untellable[version as usize]
    }

    /// Which version came before which, to be replaced by another order.
    pub(super) fn order(&mut self) -> &mut Vec<(ElementId, ElementId)> {
        &mut self.order
    }

    pub(super) fn is_initial(&self, version: ElementId) -> bool {
        self.is_initial[version as usize]
    }

    pub(super) fn last_writer(&self, version: ElementId) -> Option<TransactionId> {
        Some(self.last_writers[version as usize]).filter(|&writer| writer != NO_VERTEX)
    }

    pub(super) fn failed_writer(&self, version: ElementId) -> Option<TransactionId> {
        Some(self.failed_writers[version as usize]).filter(|&writer| writer != NO_VERTEX)
    }

    /// Whether one version of a key is known to come before another, directly.
    pub(super) fn precedes(&self, one: ElementId, other: ElementId) -> bool {
        one != other && (self.is_initial(one) || self.order.binary_search(&(one, other)).is_ok())
    }

    /// All data dependencies.
    pub(super) fn edges(
        &self,
        transactions: &Transactions<Registers>,
        limit: u64,
    ) -> Result<Vec<Edge>, Unusable> {
        let mut edges = Vec::new();
        let mut link = |sources: &[TransactionId], targets: &[TransactionId], relation| {
            for &source in sources {
                let targets = targets.iter().filter(|&&target| target != source);
                edges.extend(targets.map(|&target| Edge { source, target, relation }));
            }
            if edges.len() as u64 > limit {
                Err(Unusable::TooManyEdges { edges: edges.len() as u64, limit })
            } else {
                Ok(())
            }
        };
        let count = transactions.interner.element_count() as ElementId;
        for version in 0..count {
            link(self.writers.successors(version), self.readers.successors(version), Relation::WriteRead)?;
        }
        // A version that another written one precedes is reached from nil through that one's writer.
        let mut is_first = self.is_shown.clone();
        for &(one, other) in &self.order {
            let (sources, targets) = (self.writers.successors(one), self.writers.successors(other));
            link(sources, targets, Relation::WriteWrite)?;
            link(self.readers.successors(one), targets, Relation::ReadWrite)?;
            is_first[other as usize] &= sources.is_empty();
        }
        for version in (0..count).filter(|&version| is_first[version as usize] && !self.is_initial(version)) {
            let nil = self.initial[transactions.interner.key_of(version) as usize];
            link(self.readers.successors(nil), self.writers.successors(version), Relation::ReadWrite)?;
            link(self.writers.successors(nil), self.writers.successors(version), Relation::WriteWrite)?;
        }
        Ok(edges)
    }
}

/// The last write of each transaction to a key before that of the transaction which committed next. Those without a
/// place come first.
fn transaction_order(
    transactions: &Transactions<Registers>,
    orders: &VersionOrders,
) -> Vec<(ElementId, ElementId)> {
    let mut by_key: Vec<(KeyId, Option<i128>, ElementId)> = Vec::new();
    for transaction in transactions.ids().filter(|&transaction| transactions.is_possible(transaction)) {
        let place = orders
            .transactions
            .as_ref()
            .and_then(|places| places.get(&transactions.span(transaction).index).copied());
        let writes = writes(transactions.micro_operations(transaction));
        by_key.extend(writes.map(|write| (write.key, place, write.version)));
    }
    by_key.sort_by_key(|&(key, place, _)| (key, place));
    let pairs = by_key.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    pairs.map(|pair| (pair[0].2, pair[1].2)).collect()
}

/// The version that each committed transaction read first and the one that it wrote last.
fn writes_follow_reads(transactions: &Transactions<Registers>) -> Vec<(ElementId, ElementId)> {
    let mut order = Vec::new();
    for transaction in transactions.ids().filter(|&transaction| transactions.is_ok(transaction)) {
        let steps = transactions.micro_operations(transaction);
        for read in reads(steps) {
            order.extend(
                writes(steps)
                    .filter(|write| write.key == read.key)
                    .map(|write| (read.version, write.version)),
            );
        }
    }
    order
}

/// What a transaction shows of a key: the version it came upon, and the version it left.
#[derive(Clone, Copy)]
struct Passage {
    key: KeyId,
    found: Option<ElementId>,
    left: Option<ElementId>,
}

/// The passages of a transaction. Of one whose outcome is unknown, nobody has learnt what it read.
fn passages(transactions: &Transactions<Registers>, transaction: TransactionId) -> Vec<Passage> {
    let steps = transactions.micro_operations(transaction);
    let is_ok = transactions.is_ok(transaction);
    let mut passages: Vec<Passage> = Vec::new();
    for write in writes(steps) {
        passages.push(Passage { key: write.key, found: Some(write.version), left: Some(write.version) });
    }
    for read in reads(steps).filter(|_| is_ok) {
        match passages.iter_mut().find(|passage| passage.key == read.key) {
            Some(passage) if transactions.interner.is(read.version, &transactions.data.initial) => {
                passage.found = passage.left;
            }
            Some(passage) => passage.found = Some(read.version),
            None => {
                passages.push(Passage { key: read.key, found: Some(read.version), left: Some(read.version) });
            }
        }
    }
    passages
}

/// The version that a process left before the one that it came upon next. A transaction of unknown outcome is the last of its
/// process: in the strict mode it came upon what it wrote, if it was executed.
fn sequential_keys(transactions: &Transactions<Registers>) -> Vec<(ElementId, ElementId)> {
    let mut last: FxHashMap<(Process, KeyId), ElementId> = FxHashMap::default();
    let mut order = Vec::new();
    let counts = |transaction: &TransactionId| match transactions.mode {
        Mode::Strict => transactions.is_possible(*transaction),
        Mode::Compat => transactions.is_ok(*transaction),
    };
    for transaction in transactions.ids().filter(counts) {
        let process = transactions.span(transaction).process;
        for passage in passages(transactions, transaction) {
            let Some((found, left)) = passage.found.zip(passage.left) else { continue };
            order.extend(last.insert((process, passage.key), left).map(|earlier| (earlier, found)));
        }
    }
    order
}

/// The version that a transaction left before the one that another, invoked later, came upon.
///
/// Key by key: the real-time order of the transactions on a key, thinned out to what the rest follows from.
fn linearizable_keys(transactions: &Transactions<Registers>) -> Vec<(ElementId, ElementId)> {
    let mut by_key: Vec<(KeyId, TransactionId, Passage)> = Vec::new();
    for transaction in transactions.ids().filter(|&transaction| transactions.is_possible(transaction)) {
        by_key.extend(
            passages(transactions, transaction)
                .into_iter()
                .map(|passage| (passage.key, transaction, passage)),
        );
    }
    by_key.sort_unstable_by_key(|&(key, transaction, _)| (key, transaction));
    let mut order = Vec::new();
    for group in by_key.chunk_by(|one, other| one.0 == other.0) {
        let spans: Vec<Span> =
            group.iter().map(|&(_, transaction, _)| *transactions.span(transaction)).collect();
        let members: Vec<u32> = (0..spans.len() as u32).collect();
        for (earlier, later) in real_time_edges(&spans, &members) {
            order.extend(group[earlier as usize].2.left.zip(group[later as usize].2.found));
        }
    }
    order
}
