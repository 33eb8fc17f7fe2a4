//! The order of each register's versions, and the dependencies that follow from it.

use rustc_hash::FxHashMap;

use super::{External, Registers, VersionOrders, reads, writes};
use crate::txn::component::Edge;
use crate::txn::graph::{Digraph, NO_VERTEX};
use crate::txn::interner::{ElementId, KeyId};
use crate::txn::relation::Relation;
use crate::txn::report::Case;
use crate::txn::time_order::real_time_edges;
use crate::txn::transactions::{Span, TransactionId, Transactions, Unusable};
use crate::{Mode, OperationKind, Process, Value};

/// Every version, who wrote and read it, and which version it came before.
pub(super) struct Versions {
    /// Each key's nil.
    initial: Vec<ElementId>,
    /// Whether each version is its key's nil.
    is_initial: Vec<bool>,
    /// Whether a transaction that may have committed shows the version.
    is_shown: Vec<bool>,
    /// The transaction that wrote each version last, whatever became of it.
    last_writers: Vec<TransactionId>,
    failed_writers: Vec<TransactionId>,
    /// The transactions that wrote each version as their last of its key, and are known or, in the strict mode, not
    /// known to have failed.
    writers: Digraph,
    /// The committed transactions whose first step on the key read the version.
    readers: Digraph,
    /// Which version came before which, apart from nil, which came before all others; sorted.
    order: Vec<(ElementId, ElementId)>,
}

impl Versions {
    pub(super) fn new(transactions: &mut Transactions<Registers>, mode: Mode) -> Result<Self, Unusable> {
        let keys = 0..transactions.interner.key_count() as KeyId;
        let initial: Vec<ElementId> =
            keys.map(|key| transactions.interner.element(key, &Value::Nil)).collect();
        let count = transactions.interner.element_count();
        let mut is_initial = vec![false; count];
        for &version in &initial {
            is_initial[version as usize] = true;
        }
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
                is_shown[version as usize] = true;
                if kind == OperationKind::Ok || mode == Mode::Strict {
                    written.push((version, transaction));
                }
            }
            if kind == OperationKind::Ok {
                for External { version, .. } in reads(steps) {
                    is_shown[version as usize] = true;
                    read.push((version, transaction));
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
            order: Vec::new(),
        })
    }

    /// Takes in the order of versions from each source, and returns the cycles of those that have some.
    pub(super) fn ordered(
        mut self,
        transactions: &Transactions<Registers>,
        orders: &VersionOrders,
    ) -> (Self, Vec<Case>) {
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
        let mut used: Vec<&str> = Vec::new();
        let mut cases = Vec::new();
        for (_, name, source) in sources.into_iter().filter(|(is_used, ..)| *is_used) {
            let mut order = source(transactions, orders);
            order.retain(|(one, other)| one != other);
            order.extend_from_slice(&self.order);
            order.sort_unstable();
            order.dedup();
            used.push(name);
            let cycles = self.cycles(transactions, &order);
            if cycles.is_empty() {
                order.retain(|&(one, _)| !self.is_initial[one as usize]);
                self.order = order;
            } else {
                cases.extend(cycles.into_iter().map(|versions| cyclic_case(transactions, &versions, &used)));
                used.pop();
            }
        }
        (self, cases)
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

fn cyclic_case(transactions: &Transactions<Registers>, versions: &[ElementId], sources: &[&str]) -> Case {
    let key = transactions.interner.key_value(transactions.interner.key_of(versions[0]));
    let mut values: Vec<Value> =
        versions.iter().map(|&version| transactions.interner.element_value(version)).collect();
    values.sort();
    let values = Value::Set(values);
    Case {
        sentence: format!(
            "the versions {values} of key {key} each come before the others, by {}.",
            sources.join(", ")
        ),
        operations: Vec::new(),
        value: Value::record([
            ("key", key),
            ("scc", values),
            ("sources", Value::Vector(sources.iter().map(|source| Value::keyword(*source)).collect())),
        ]),
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

/// The passages of a transaction. One whose end is unknown wrote, if anything, at an unknown time: it left nothing.
fn passages(transactions: &Transactions<Registers>, transaction: TransactionId) -> Vec<Passage> {
    let steps = transactions.micro_operations(transaction);
    let is_ok = transactions.is_ok(transaction);
    let mut passages: Vec<Passage> = Vec::new();
    for write in writes(steps) {
        passages.push(Passage { key: write.key, found: Some(write.version), left: Some(write.version) });
    }
    for read in reads(steps).filter(|_| is_ok) {
        match passages.iter_mut().find(|passage| passage.key == read.key) {
            Some(passage) if transactions.interner.element_value(read.version).is_nil() => {
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

/// The version that a process left before the one that it came upon next.
fn sequential_keys(transactions: &Transactions<Registers>) -> Vec<(ElementId, ElementId)> {
    let mut last: FxHashMap<(Process, KeyId), ElementId> = FxHashMap::default();
    let mut order = Vec::new();
    for transaction in transactions.ids().filter(|&transaction| transactions.is_ok(transaction)) {
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
