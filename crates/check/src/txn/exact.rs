//! The weak levels, decided exactly: monotonic atomic view, read atomic, and causal consistency with and without sessions.

use std::collections::{BTreeMap, BTreeSet};

use super::anomaly::Anomaly;
use super::report::{Case, Report};
use super::transactions::{DataType, TransactionId, Transactions};
use super::weak::{Level, Sessions, Step};
use crate::{Process, Value};

/// Each anomaly with the level that it rules out, and whether each process is a session there. The weakest level first.
const ANOMALIES: [(Anomaly, Level, bool); 4] = [
    (Anomaly::NO_MONOTONIC_VIEW_ORDER, Level::MonotonicAtomicView, false),
    (Anomaly::NO_READ_ATOMIC_ORDER, Level::ReadAtomic, false),
    (Anomaly::NO_CAUSAL_ORDER, Level::Causal, false),
    (Anomaly::NO_CAUSAL_ORDER_PROCESS, Level::Causal, true),
];

/// Vector clocks have an entry for each session, and in the worst case there is one for each transaction: half a gigabyte.
const CLOCK_LIMIT: u64 = 1 << 27;

/// Why a verdict is unknown then.
pub(super) const TOO_LONG: &str =
    "The history is too long for causal consistency without sessions to be decided.";

/// A history as the exact levels see it.
pub(super) trait Steps<D: DataType> {
    /// The transactions.
    fn transactions(&self) -> &Transactions<D>;
    /// What a transaction read of others, and what it wrote.
    fn steps(&self, transaction: TransactionId) -> Vec<Step>;
    /// Pairs of transactions of which the first is known to have written a key before the second.
    fn write_order(&self) -> Vec<(TransactionId, TransactionId)>;
}

/// Reports the prohibited anomalies that are there. False if one was not decided, since the history is too long.
pub(super) fn report<D: DataType>(
    history: &impl Steps<D>,
    prohibited: &BTreeSet<Anomaly>,
    report: &mut Report,
) -> bool {
    let mut is_decided = true;
    let mut grouped: BTreeMap<bool, Grouped> = BTreeMap::new();
    // The strongest level first: where it holds, so do the weaker ones.
    for (anomaly, level, in_sessions) in ANOMALIES.into_iter().rev() {
        if !prohibited.contains(&anomaly) {
            continue;
        }
        let grouped = grouped.entry(in_sessions).or_insert_with(|| Grouped::new(history, in_sessions));
        if level == Level::Causal && grouped.clock_entries() > CLOCK_LIMIT {
            is_decided = false;
            continue;
        }
        let Some(mut cycle) = grouped.cycle(level) else { break };
        if let [writer] = *cycle {
            cycle.extend(torn_reader(history, &grouped.ids, writer));
        }
        report.add(anomaly, || case(history.transactions(), level, &cycle));
    }
    is_decided
}

/// A transaction that saw something of this one, and read a key that it wrote as it was in the beginning.
fn torn_reader<D: DataType>(
    history: &impl Steps<D>,
    ids: &[TransactionId],
    writer: TransactionId,
) -> Option<TransactionId> {
    let written = history.steps(writer);
    let saw = |step: &Step| match *step {
        Step::Read { key, value: Some(value) } => written.contains(&Step::Write { key, value }),
        _ => false,
    };
    let missed = |step: &Step| match *step {
        Step::Read { key, value: None } => {
            written.iter().any(|step| matches!(step, Step::Write { key: other, .. } if *other == key))
        }
        _ => false,
    };
    ids.iter().copied().filter(|&id| id != writer).find(|&id| {
        let steps = history.steps(id);
        steps.iter().any(saw) && steps.iter().any(missed)
    })
}

/// The transactions that may have committed, each process a session, or each transaction one of its own.
struct Grouped {
    sessions: Sessions,
    session_count: u64,
    /// The transaction of each number.
    ids: Vec<TransactionId>,
    write_order: Vec<(u32, u32)>,
}

impl Grouped {
    fn new<D: DataType>(history: &impl Steps<D>, in_sessions: bool) -> Self {
        let transactions = history.transactions();
        let mut by_process: BTreeMap<(Process, TransactionId), Vec<TransactionId>> = BTreeMap::new();
        for transaction in transactions.ids().filter(|&transaction| transactions.is_possible(transaction)) {
            let alone = if in_sessions { 0 } else { transaction };
            by_process.entry((transactions.span(transaction).process, alone)).or_default().push(transaction);
        }
        let session_count = by_process.len() as u64;
        let mut sessions = Sessions::new();
        let mut ids = Vec::new();
        let mut numbers = vec![0; transactions.spans.len()];
        for session in by_process.into_values() {
            sessions.begin();
            for transaction in session {
                numbers[transaction as usize] = ids.len() as u32;
                ids.push(transaction);
                sessions.push(history.steps(transaction));
            }
        }
        let number = |transaction: TransactionId| numbers[transaction as usize];
        let write_order =
            history.write_order().into_iter().map(|(one, other)| (number(one), number(other))).collect();
        Self { sessions, session_count, ids, write_order }
    }

    fn clock_entries(&self) -> u64 {
        self.ids.len() as u64 * self.session_count
    }

    fn cycle(&self, level: Level) -> Option<Vec<TransactionId>> {
        let cycle = self.sessions.cycle(level, &self.write_order)?;
        Some(cycle.into_iter().map(|number| self.ids[number]).collect())
    }
}

fn case<D: DataType>(transactions: &Transactions<D>, level: Level, cycle: &[TransactionId]) -> Case {
    let operations: Vec<u64> = cycle.iter().map(|&member| transactions.span(member).index).collect();
    let listed: Vec<String> = operations.iter().map(u64::to_string).collect();
    let mut members: Vec<Value> = cycle.iter().map(|&member| transactions.operation_value(member)).collect();
    members.extend(members.first().cloned());
    let sentence = match listed.as_slice() {
        [one] => format!(
            "under {level}, the transaction of operation {one} had to commit before the initial state, which a transaction that \
             depends on it read."
        ),
        _ => format!(
            "under {level}, by what they read, each of the transactions of operations {} had to commit before the next, and \
             the last before the first.",
            listed.join(", ")
        ),
    };
    Case {
        sentence,
        operations,
        subjects: Vec::new(),
        value: Value::record([("cycle", Value::Vector(members))]),
    }
}
