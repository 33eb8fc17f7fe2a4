//! Lost updates: transactions that read one version of a key and then wrote the key, each unaware of the other.

use super::anomaly::Anomaly;
use super::interner::KeyId;
use super::report::{Case, Report};
use super::transactions::{Action, DataType, MicroOperation, TransactionId, Transactions};
use crate::{Subject, Value};

/// The versions on which committed transactions based a write.
pub(crate) struct Updates<R> {
    updates: Vec<(KeyId, R, TransactionId)>,
}

impl<R> Default for Updates<R> {
    fn default() -> Self {
        Self { updates: Vec::new() }
    }
}

impl<R: Copy + Ord> Updates<R> {
    /// Takes in a committed transaction: for each key that it first read and then wrote, the version it read.
    pub(crate) fn observe(&mut self, transaction: TransactionId, steps: &[MicroOperation<R>]) {
        for (position, step) in steps.iter().enumerate() {
            let Action::Write(_) = step.action else { continue };
            let mut earlier = steps[..position].iter().filter(|other| other.key == step.key);
            let read = earlier.by_ref().find_map(|other| match other.action {
                Action::Read(observed) => Some(observed),
                Action::ReadUnknown | Action::Write(_) => None,
            });
            // A second write after the read builds on the first, not on what was read.
            let has_written = earlier.any(|other| matches!(other.action, Action::Write(_)));
            if let Some(observed) = read.filter(|_| !has_written) {
                self.updates.push((step.key, observed, transaction));
            }
        }
    }

    /// Leaves out the updates of versions that are not these.
    pub(crate) fn retain(&mut self, is_kept: impl Fn(R) -> bool) {
        self.updates.retain(|&(_, observed, _)| is_kept(observed));
    }

    /// Reports every version on which two transactions or more based a write: `O(updates · log updates)`.
    pub(crate) fn report<D: DataType<Observed = R>>(
        mut self,
        transactions: &Transactions<D>,
        report: &mut Report,
    ) {
        self.updates.sort_unstable();
        for group in self.updates.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
            let &[(key, observed, _), _, ..] = group else { continue };
            report.add(Anomaly::LOST_UPDATE, || {
                let (name, value) = (transactions.interner.key_value(key), transactions.data.value(&transactions.interner, key, observed));
                let members = || group.iter().map(|update| update.2);
                let operations: Vec<u64> = members().map(|member| transactions.span(member).index).collect();
                let listed: Vec<String> = operations.iter().map(u64::to_string).collect();
                Case {
                    subjects: vec![Subject::entry(&name, &value)],
                    sentence: format!("operations {} all read key {name} as {value} and then wrote it, so that all but one of their updates were lost.", listed.join(", ")),
                    value: Value::record([
                        ("key", name),
                        ("value", value),
                        ("txns", Value::Vector(members().map(|member| transactions.operation_value(member)).collect())),
                    ]),
                    operations,
                }
            });
        }
    }
}
