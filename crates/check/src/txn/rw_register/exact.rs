//! The weak levels, decided exactly where one is asked for.

use std::collections::BTreeMap;

use super::{Action, Registers};
use crate::txn::anomaly::Anomaly;
use crate::txn::model::Model;
use crate::txn::options::Options;
use crate::txn::report::{Case, Report};
use crate::txn::transactions::{TransactionId, Transactions};
use crate::txn::weak::{Level, Sessions, Step, Violation};
use crate::{Process, Value};

/// The models that one of the exact levels decides, and whether they keep each process's order. Stronger models are
/// left to the search for cycles; read committed is too, since Adya's allows what the level of that name forbids.
const LEVELS: [(&str, Level, bool); 5] = [
    ("monotonic-atomic-view", Level::ReadCommitted, false),
    ("read-atomic", Level::ReadAtomic, false),
    ("update-atomic", Level::ReadAtomic, false),
    ("causal-cerone", Level::ReadAtomic, false),
    ("causal", Level::Causal, true),
];

/// Decides the levels that were asked for, by a model or by the level's anomaly, and reports those that do not hold.
pub(super) fn report(transactions: &Transactions<Registers>, options: &Options, report: &mut Report) {
    let by_model = LEVELS.into_iter().filter(|(name, ..)| options.models.contains(&Model::known(name)));
    let by_anomaly = Level::ALL.into_iter().filter(|&level| options.anomalies.contains(&anomaly(level)));
    let mut wanted: Vec<(Level, bool)> =
        by_model.map(|(_, level, in_sessions)| (level, in_sessions)).collect();
    wanted.extend(by_anomaly.map(|level| (level, true)));
    wanted.sort_unstable();
    wanted.dedup();
    for (level, in_sessions) in wanted {
        let (sessions, ids) = sessions(transactions, in_sessions);
        // Reads that are wrong in themselves have been reported as what they are.
        let Some(Violation::Cycle { transactions: cycle }) = sessions.violation(level) else { continue };
        let cycle: Vec<TransactionId> = cycle.into_iter().map(|number| ids[number]).collect();
        report.add(anomaly(level), || case(transactions, level, &cycle));
    }
}

fn anomaly(level: Level) -> Anomaly {
    match level {
        Level::ReadCommitted => Anomaly::NO_READ_COMMITTED_ORDER,
        Level::ReadAtomic => Anomaly::NO_READ_ATOMIC_ORDER,
        Level::Causal => Anomaly::NO_CAUSAL_ORDER,
    }
}

fn case(transactions: &Transactions<Registers>, level: Level, cycle: &[TransactionId]) -> Case {
    let operations: Vec<u64> = cycle.iter().map(|&member| transactions.span(member).index).collect();
    let listed: Vec<String> = operations.iter().map(u64::to_string).collect();
    let mut members: Vec<Value> = cycle.iter().map(|&member| transactions.operation_value(member)).collect();
    members.extend(members.first().cloned());
    Case {
        sentence: format!(
            "under {level}, by what they read, each of the operations {} had to commit before the next, and the last \
             before the first.",
            listed.join(", ")
        ),
        operations,
        value: Value::record([("cycle", Value::Vector(members))]),
    }
}

/// The transactions that may have committed, each process a session, or each transaction one of its own.
fn sessions(transactions: &Transactions<Registers>, in_sessions: bool) -> (Sessions, Vec<TransactionId>) {
    let mut by_process: BTreeMap<(Process, TransactionId), Vec<TransactionId>> = BTreeMap::new();
    for transaction in transactions.ids().filter(|&transaction| transactions.is_possible(transaction)) {
        let alone = if in_sessions { 0 } else { transaction };
        by_process.entry((transactions.span(transaction).process, alone)).or_default().push(transaction);
    }
    let mut sessions = Sessions::new();
    let mut ids = Vec::new();
    for session in by_process.into_values() {
        sessions.begin();
        for transaction in session {
            ids.push(transaction);
            sessions.push(transactions.micro_operations(transaction).iter().filter_map(|step| {
                let key = u64::from(step.key);
                match step.action {
                    Action::Read(version) if transactions.interner.element_value(version).is_nil() => {
                        Some(Step::Read { key, value: None })
                    }
                    Action::Read(version) => Some(Step::Read { key, value: Some(version.into()) }),
                    Action::Write(version) => Some(Step::Write { key, value: version.into() }),
                    Action::ReadUnknown => None,
                }
            }));
        }
    }
    (sessions, ids)
}
