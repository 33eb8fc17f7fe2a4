//! What a transaction shows to the outside.

use rustc_hash::FxHashSet;

use crate::txn::interner::{ElementId, KeyId};
use crate::txn::transactions::{Action, MicroOperation};

/// A version that a transaction shows to the outside.
#[derive(Clone, Copy)]
pub(super) struct External {
    pub(super) key: KeyId,
    pub(super) version: ElementId,
    pub(super) position: usize,
}

/// The first read of each key that the transaction had not touched before.
pub(super) fn reads(steps: &[MicroOperation<ElementId>]) -> impl Iterator<Item = External> {
    let mut met = Keys::default();
    external(steps.iter().enumerate(), move |step| {
        let is_first = met.insert(step.key);
        match step.action {
            Action::Read(version) if is_first => Some(version),
            _ => None,
        }
    })
}

/// The last write of each key.
pub(super) fn writes(steps: &[MicroOperation<ElementId>]) -> impl Iterator<Item = External> {
    let mut met = Keys::default();
    let mut last: Vec<External> = external(steps.iter().enumerate().rev(), |step| match step.action {
        Action::Write(version) if met.insert(step.key) => Some(version),
        _ => None,
    })
    .collect();
    last.reverse();
    last.into_iter()
}

fn external<'a>(
    steps: impl Iterator<Item = (usize, &'a MicroOperation<ElementId>)>,
    mut version: impl FnMut(&MicroOperation<ElementId>) -> Option<ElementId>,
) -> impl Iterator<Item = External> {
    steps.filter_map(move |(position, step)| {
        version(step).map(|version| External { key: step.key, version, position })
    })
}

/// Every version that the transaction read, once.
pub(super) fn all_reads(steps: &[MicroOperation<ElementId>]) -> impl Iterator<Item = (KeyId, ElementId)> {
    let read = |step: &MicroOperation<ElementId>| match step.action {
        Action::Read(version) => Some((step.key, version)),
        _ => None,
    };
    let mut reads: Vec<(KeyId, ElementId)> = steps.iter().filter_map(read).collect();
    reads.sort_unstable();
    reads.dedup();
    reads.into_iter()
}

/// The keys that a transaction touched: few, as a rule.
#[derive(Default)]
struct Keys {
    few: Vec<KeyId>,
    many: FxHashSet<KeyId>,
}

impl Keys {
    /// Whether the key is new.
    fn insert(&mut self, key: KeyId) -> bool {
        const FEW: usize = 16;
        if self.few.contains(&key) {
            return false;
        }
        if self.few.len() < FEW {
            self.few.push(key);
            return true;
        }
        self.many.insert(key)
    }
}
