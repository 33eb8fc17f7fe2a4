//! The version order of every key, and the dependencies that follow from it.

use super::lists::{Lists, distinct};
use crate::txn::component::Edge;
use crate::txn::graph::{Digraph, NO_VERTEX};
use crate::txn::interner::{ElementId, KeyId, NO_ELEMENT};
use crate::txn::relation::Relation;
use crate::txn::transactions::{Action, TransactionId, Transactions, Unusable};

/// The order in which the elements of each key were appended, as far as reads show it.
pub(super) struct Versions {
    /// For each key, its elements in order.
    chains: Vec<Vec<ElementId>>,
    /// The position of each element in its key's chain.
    position_of: Vec<u32>,
    /// The transaction that appended each element, whether it committed or not.
    writers: Vec<TransactionId>,
}

impl Versions {
    pub(super) fn new(transactions: &Transactions<Lists>) -> Self {
        let element_count = transactions.interner.element_count();
        let mut writers = vec![NO_VERTEX; element_count];
        let mut possible_appends = vec![(0_u32, NO_ELEMENT); transactions.interner.key_count()];
        for transaction in transactions.ids() {
            for step in transactions.micro_operations(transaction) {
                let Action::Write(element) = step.action else { continue };
                writers[element as usize] = transaction;
                if transactions.is_possible(transaction) {
                    let (count, last) = &mut possible_appends[step.key as usize];
                    (*count, *last) = (*count + 1, element);
                }
            }
        }
        let mut position_of = vec![NO_ELEMENT; element_count];
        let chain = |(key, &(count, only)): (usize, &(u32, ElementId))| {
            // A key that was appended to once can have had no other version, even if no read shows it.
            let list = match transactions.data.longest(key as KeyId) {
                [] if count == 1 => std::slice::from_ref(&only),
                longest => longest,
            };
            distinct(list, &mut position_of)
        };
        let chains = possible_appends.iter().enumerate().map(chain).collect();
        Self { chains, position_of, writers }
    }

    /// The elements of each key in order.
    pub(super) fn chains(&self) -> &[Vec<ElementId>] {
        &self.chains
    }

    /// The place of an element in its key's order, if a read shows it.
    pub(super) fn position(&self, element: ElementId) -> Option<u32> {
        Some(self.position_of[element as usize]).filter(|&position| position != NO_ELEMENT)
    }

    /// Pairs of transactions of which the first appended to a key before the second. Those whose appends no read shows come
    /// after the others.
    pub(super) fn write_order(
        &self,
        transactions: &Transactions<Lists>,
    ) -> Vec<(TransactionId, TransactionId)> {
        let mut order = Vec::new();
        let mut last = Vec::with_capacity(self.chains.len());
        for chain in &self.chains {
            let mut previous = None;
            for writer in chain.iter().filter_map(|&element| self.possible_writer(transactions, element)) {
                order.extend(previous.replace(writer).map(|previous| (previous, writer)));
            }
            last.push(previous);
        }
        for transaction in transactions.ids().filter(|&transaction| transactions.is_possible(transaction)) {
            for step in transactions.micro_operations(transaction) {
                let Action::Write(element) = step.action else { continue };
                if self.position(element).is_none() {
                    order.extend(last[step.key as usize].map(|last| (last, transaction)));
                }
            }
        }
        order.retain(|(one, other)| one != other);
        order
    }

    /// Who appended this element.
    pub(super) fn writer(&self, element: ElementId) -> Option<TransactionId> {
        Some(self.writers[element as usize]).filter(|&writer| writer != NO_VERTEX)
    }

    /// The element that an append came next after; none if the list was empty.
    pub(super) fn previous(&self, key: KeyId, element: ElementId) -> Option<ElementId> {
        let chain = &self.chains[key as usize];
        self.state_before(key, element).checked_sub(1).map(|position| chain[position])
    }

    /// How many elements the list had, as far as is known, when this one was appended.
    fn state_before(&self, key: KeyId, element: ElementId) -> usize {
        match self.position_of[element as usize] {
            NO_ELEMENT => self.chains[key as usize].len(),
            position => position as usize,
        }
    }

    /// All data dependencies.
    pub(super) fn edges(
        &self,
        transactions: &Transactions<Lists>,
        limit: u64,
    ) -> Result<Vec<Edge>, Unusable> {
        let bases = self.bases();
        let readers = self.readers(transactions, &bases);
        let mut edges = Vec::new();
        let mut link = |source: TransactionId, target: TransactionId, relation: Relation| {
            if source != target {
                edges.push(Edge { source, target, relation });
            }
            edges.len() as u64
        };
        for transaction in transactions.ids().filter(|&transaction| transactions.is_possible(transaction)) {
            let mut count = 0;
            for step in transactions.micro_operations(transaction) {
                match step.action {
                    Action::Read(prefix) => {
                        let last = transactions.data.elements(step.key, prefix).last();
                        let writer = last.and_then(|&last| self.possible_writer(transactions, last));
                        count = writer.map_or(count, |writer| link(writer, transaction, Relation::WriteRead));
                    }
                    Action::Write(element) => {
                        let before = self.state_before(step.key, element);
                        let previous =
                            before.checked_sub(1).map(|position| self.chains[step.key as usize][position]);
                        let writer =
                            previous.and_then(|previous| self.possible_writer(transactions, previous));
                        count =
                            writer.map_or(count, |writer| link(writer, transaction, Relation::WriteWrite));
                        for &reader in readers.successors(bases[step.key as usize] + before as u32) {
                            count = link(reader, transaction, Relation::ReadWrite);
                        }
                    }
                    Action::ReadUnknown => {}
                }
            }
            if count > limit {
                return Err(Unusable::TooManyEdges { edges: count, limit });
            }
        }
        Ok(edges)
    }

    fn possible_writer(
        &self,
        transactions: &Transactions<Lists>,
        element: ElementId,
    ) -> Option<TransactionId> {
        self.writer(element).filter(|&writer| transactions.is_possible(writer))
    }

    /// The number of each key's empty list; the states after it are numbered on from there.
    fn bases(&self) -> Vec<u32> {
        let mut next = 0;
        let end = |chain: &Vec<ElementId>| {
            next += chain.len() as u32 + 1;
            next
        };
        std::iter::once(0).chain(self.chains.iter().map(end)).collect()
    }

    /// The transactions that read each state. States off the chain have no place among them.
    fn readers(&self, transactions: &Transactions<Lists>, bases: &[u32]) -> Digraph {
        let mut reads = Vec::new();
        for transaction in transactions.ids().filter(|&transaction| transactions.is_possible(transaction)) {
            for step in transactions.micro_operations(transaction) {
                let Action::Read(prefix) = step.action else { continue };
                let length = match transactions.data.elements(step.key, prefix).last() {
                    None => 0,
                    Some(&last) if self.position_of[last as usize] == NO_ELEMENT => continue,
                    Some(&last) => self.position_of[last as usize] + 1,
                };
                reads.push((bases[step.key as usize] + length, transaction));
            }
        }
        let states = bases.last().copied().unwrap_or(0) as usize;
        Digraph::new(states, || reads.iter().copied())
    }
}
