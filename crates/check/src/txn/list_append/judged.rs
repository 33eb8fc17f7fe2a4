//! A judged history, as explanations and exact levels see it.

use super::lists::{Lists, Prefix};
use super::versions::Versions;
use crate::Value;
use crate::txn::exact;
use crate::txn::explain::{Detail, Explain};
use crate::txn::interner::ElementId;
use crate::txn::relation::Relation;
use crate::txn::transactions::{Action, MicroOperation, TransactionId, Transactions};
use crate::txn::weak::Step;

/// A history with its version orders: all that an explanation needs.
pub(super) struct Judged<'a> {
    pub(super) transactions: &'a Transactions<Lists>,
    pub(super) versions: &'a Versions,
}

impl Explain<Lists> for Judged<'_> {
    fn transactions(&self) -> &Transactions<Lists> {
        self.transactions
    }

    fn detail(&self, source: TransactionId, target: TransactionId, relation: Relation) -> Option<Detail> {
        let (earlier, later) =
            (self.transactions.micro_operations(source), self.transactions.micro_operations(target));
        let element_value = |element| self.transactions.interner.element_value(element);
        let written_at = |element: ElementId| {
            earlier
                .iter()
                .position(|step| matches!(step.action, Action::Write(written) if written == element))
        };
        for (position, step) in later.iter().enumerate() {
            let key = || self.transactions.interner.key_value(step.key);
            match (relation, step.action) {
                (Relation::WriteWrite, Action::Write(element)) => {
                    let Some(previous) = self.versions.previous(step.key, element) else { continue };
                    let Some(at) = written_at(previous) else { continue };
                    return Some(Detail {
                        key: key(),
                        value: element_value(previous),
                        next: Some(element_value(element)),
                        positions: (Some(at), Some(position)),
                        reason: |detail, one, other| match &detail.next {
                            Some(next) => format!(
                                "{other} appended {next} to key {} after {one} had appended {}",
                                detail.key, detail.value
                            ),
                            None => String::new(),
                        },
                    });
                }
                (Relation::WriteRead, Action::Read(prefix)) => {
                    let Some(&last) = self.transactions.data.elements(step.key, prefix).last() else {
                        continue;
                    };
                    let Some(at) = written_at(last) else { continue };
                    return Some(Detail {
                        key: key(),
                        value: element_value(last),
                        next: None,
                        positions: (Some(at), Some(position)),
                        reason: |detail, one, other| {
                            format!("{other} saw {one}'s append of {} to key {}", detail.value, detail.key)
                        },
                    });
                }
                (Relation::ReadWrite, Action::Write(element)) => {
                    let previous = self.versions.previous(step.key, element);
                    let saw = |other: &MicroOperation<Prefix>| match other.action {
                        Action::Read(prefix) if other.key == step.key => {
                            self.transactions.data.elements(step.key, prefix).last().copied() == previous
                        }
                        _ => false,
                    };
                    let Some(at) = earlier.iter().position(saw) else { continue };
                    return Some(Detail {
                        key: key(),
                        value: previous.map_or(Value::Nil, element_value),
                        next: Some(element_value(element)),
                        positions: (Some(at), Some(position)),
                        reason: |detail, one, other| match &detail.next {
                            Some(next) => {
                                format!("{one} did not see {other}'s append of {next} to key {}", detail.key)
                            }
                            None => String::new(),
                        },
                    });
                }
                _ => {}
            }
        }
        None
    }
}

impl exact::Steps<Lists> for Judged<'_> {
    fn transactions(&self) -> &Transactions<Lists> {
        self.transactions
    }

    fn steps(&self, transaction: TransactionId) -> Vec<Step> {
        let exact = |step: &MicroOperation<Prefix>| {
            let key = step.key.into();
            match step.action {
                Action::Write(element) => Some(Step::Write { key, value: element.into() }),
                Action::Read(prefix) => {
                    // What the transaction appended itself stands at the end, and hides the version that it came upon.
                    let list = self.transactions.data.elements(step.key, prefix);
                    let is_own = |element: &&ElementId| self.versions.writer(**element) == Some(transaction);
                    let found = list.iter().rev().find(|element| !is_own(element));
                    Some(Step::Read { key, value: found.map(|&element| element.into()) })
                }
                Action::ReadUnknown => None,
            }
        };
        self.transactions.micro_operations(transaction).iter().filter_map(exact).collect()
    }

    fn write_order(&self) -> Vec<(TransactionId, TransactionId)> {
        self.versions.write_order(self.transactions)
    }
}
