//! The orders that come from when and by whom transactions were executed.

use rustc_hash::FxHashMap;

use super::graph::NO_VERTEX;
use super::transactions::{Span, TransactionId};
use crate::{Mode, OperationKind, Process};

/// The real-time order of a whole history with one edge or two a transaction.
///
/// Time is cut into epochs: a new one begins with the first invocation after a completion. Every transaction that
/// completed in an epoch precedes all that were invoked in a later one, so that a vertex per epoch connects them:
/// from each completed transaction to its epoch, from each epoch to the next, and from each epoch to the transactions
/// invoked in the one after it. The strongly connected components are those of the full order, which has an edge
/// for nearly every pair.
pub(crate) struct Epochs {
    /// For each transaction, the epochs of its invocation and its completion.
    epochs: Vec<(u32, u32)>,
    count: u32,
}

impl Epochs {
    /// The epochs of a history: `O(events)`.
    pub(crate) fn new(spans: &[Span]) -> Self {
        let mut events: Vec<(u32, bool, TransactionId)> = Vec::with_capacity(spans.len() * 2);
        for (transaction, span) in spans.iter().enumerate() {
            events.push((span.invoked, false, transaction as u32));
            if span.kind == OperationKind::Ok {
                events.push((span.completed, true, transaction as u32));
            }
        }
        events.sort_unstable();
        let mut epochs = vec![(0, NO_VERTEX); spans.len()];
        let mut epoch = 0;
        let mut has_completion = false;
        for (_, completes, transaction) in events {
            if completes {
                has_completion = true;
                epochs[transaction as usize].1 = epoch;
            } else {
                epoch += u32::from(std::mem::take(&mut has_completion));
                epochs[transaction as usize].0 = epoch;
            }
        }
        Self { epochs, count: epoch + 1 }
    }

    /// How many vertices the epochs need, after those of the transactions.
    pub(crate) fn vertex_count(&self) -> usize {
        self.count as usize
    }

    /// The edges, where the epochs' vertices follow those of the transactions. Failed transactions take no part.
    pub(crate) fn edges<'a>(&'a self, spans: &'a [Span]) -> impl Iterator<Item = (u32, u32)> + 'a {
        let base = spans.len() as u32;
        let chain = (1..self.count).map(move |epoch| (base + epoch - 1, base + epoch));
        let possible = spans.iter().enumerate().filter(|(_, span)| span.kind != OperationKind::Fail);
        let of_transactions = possible.flat_map(move |(transaction, _)| {
            let (invoked, completed) = self.epochs[transaction];
            let after =
                (completed != NO_VERTEX).then_some((transaction as u32, base.wrapping_add(completed)));
            let before = (invoked > 0).then(|| (base + invoked - 1, transaction as u32));
            after.into_iter().chain(before)
        });
        chain.chain(of_transactions)
    }
}

/// Real-time edges among these transactions: enough of them that every other one follows.
///
/// A transaction is linked to those invoked after its completion, until one of these has completed. That leaves at
/// most as many edges a transaction as there are clients: `O(n · concurrency)`.
pub(crate) fn real_time_edges(
    spans: &[Span],
    members: &[TransactionId],
) -> Vec<(TransactionId, TransactionId)> {
    let mut events: Vec<(u32, bool, TransactionId)> = Vec::with_capacity(members.len() * 2);
    for &member in members {
        let span = &spans[member as usize];
        events.push((span.invoked, false, member));
        if span.kind == OperationKind::Ok {
            events.push((span.completed, true, member));
        }
    }
    events.sort_unstable();
    let mut edges = Vec::new();
    let mut latest: Vec<TransactionId> = Vec::new();
    for (_, completes, member) in events {
        if completes {
            let invoked = spans[member as usize].invoked;
            latest.retain(|&earlier| spans[earlier as usize].completed >= invoked);
            latest.push(member);
        } else {
            edges.extend(latest.iter().map(|&earlier| (earlier, member)));
        }
    }
    edges
}

/// Each committed transaction with the next one of its process. In the strict mode, the next may be of unknown outcome: it is
/// the last of its process, and if it was executed, then after those before it.
pub(crate) fn process_edges(spans: &[Span], mode: Mode) -> Vec<(TransactionId, TransactionId)> {
    let mut last: FxHashMap<Process, TransactionId> = FxHashMap::default();
    let mut edges = Vec::new();
    for (transaction, span) in (0..).zip(spans) {
        let previous = match span.kind {
            OperationKind::Ok => last.insert(span.process, transaction),
            OperationKind::Info if mode == Mode::Strict => last.get(&span.process).copied(),
            _ => None,
        };
        edges.extend(previous.map(|previous| (previous, transaction)));
    }
    edges
}
