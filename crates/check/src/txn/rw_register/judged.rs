//! A judged history, as explanations and exact levels see it.

use super::Registers;
use super::shown::{External, reads, writes};
use super::versions::Versions;
use crate::txn::exact;
use crate::txn::explain::{Detail, Explain};
use crate::txn::interner::ElementId;
use crate::txn::relation::Relation;
use crate::txn::transactions::{Action, MicroOperation, TransactionId, Transactions};
use crate::txn::weak::Step;

/// A history with its version orders: all that an explanation needs.
pub(super) struct Judged<'a> {
    pub(super) transactions: &'a Transactions<Registers>,
    pub(super) versions: &'a Versions,
}

impl Explain<Registers> for Judged<'_> {
    fn transactions(&self) -> &Transactions<Registers> {
        self.transactions
    }

    fn detail(&self, source: TransactionId, target: TransactionId, relation: Relation) -> Option<Detail> {
        let (earlier, later) =
            (self.transactions.micro_operations(source), self.transactions.micro_operations(target));
        let (before, after): (Vec<External>, Vec<External>) = match relation {
            Relation::WriteWrite => (writes(earlier).collect(), writes(later).collect()),
            Relation::WriteRead => (writes(earlier).collect(), reads(later).collect()),
            _ => (reads(earlier).collect(), writes(later).collect()),
        };
        let precedes = |one: &External, other: &External| match relation {
            Relation::WriteRead => one.version == other.version,
            _ => one.key == other.key && self.versions.precedes(one.version, other.version),
        };
        let (one, other) = before
            .iter()
            .find_map(|one| after.iter().find(|other| precedes(one, other)).map(|other| (one, other)))?;
        let value = |version| self.transactions.interner.element_value(version);
        Some(Detail {
            key: self.transactions.interner.key_value(one.key),
            value: value(one.version),
            next: (relation != Relation::WriteRead).then(|| value(other.version)),
            positions: (Some(one.position), Some(other.position)),
            reason: match relation {
                Relation::WriteWrite => |detail, one, other| match &detail.next {
                    Some(next) => {
                        format!("{other} wrote {next} to key {} over {one}'s {}", detail.key, detail.value)
                    }
                    None => String::new(),
                },
                Relation::WriteRead => |detail, one, other| {
                    format!("{other} read key {} as {}, which {one} wrote", detail.key, detail.value)
                },
                _ => |detail, one, other| match &detail.next {
                    Some(next) => format!(
                        "{one} read key {} as {} and missed {other}'s later write of {next}",
                        detail.key, detail.value
                    ),
                    None => String::new(),
                },
            },
        })
    }
}

impl exact::Steps<Registers> for Judged<'_> {
    fn transactions(&self) -> &Transactions<Registers> {
        self.transactions
    }

    fn steps(&self, transaction: TransactionId) -> Vec<Step> {
        let steps = self.transactions.micro_operations(transaction).iter();
        let exact = |step: &MicroOperation<ElementId>| {
            let key = step.key.into();
            match step.action {
                // A write of the initial value is read by nobody.
                Action::Write(version) => Some(Step::Write { key, value: version.into() }),
                Action::Read(version) if !self.versions.is_tellable(version) => None,
                Action::Read(version) if self.versions.is_initial(version) => {
                    Some(Step::Read { key, value: None })
                }
                Action::Read(version) => Some(Step::Read { key, value: Some(version.into()) }),
                Action::ReadUnknown => None,
            }
        };
        steps.filter_map(exact).collect()
    }

    /// Nothing: the exact levels decide by reads alone.
    fn write_order(&self) -> Vec<(TransactionId, TransactionId)> {
        Vec::new()
    }
}
