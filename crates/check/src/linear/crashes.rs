//! Operations of which nobody knows the end: how many of each action there are, and how many were used.
//!
//! All that is asked of a crashed operation is that it is used once at most. To keep account of that for every action
//! is what makes a search large: a hundred crashed operations can be used up in as many ways as there are numbers of
//! each action left. So the account may be kept for some actions only. Of the others any number is then *lent*: what
//! is impossible although any number may be had is impossible. Whoever used no more than there were is honest, and
//! what an honest configuration shows to be possible is possible. Where neither tells, an account is opened for one
//! more action.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

/// When more vectors of counts than this are known, those that nobody has can be forgotten.
const FORGET_FROM_VECTORS: usize = 1 << 16;

/// Of which actions an account is kept.
#[derive(Clone, Debug)]
pub(super) enum Accounts {
    /// Of all: what is used is what there was.
    All,
    /// Of these alone.
    Of(BTreeSet<u32>),
}

/// The crashed operations of a history.
#[derive(Debug)]
pub(super) struct Crashes {
    accounts: Accounts,
    counted: CrashCounts,
    lent: CrashCounts,
}

/// Which crashed operations a configuration has used.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    /// Of the actions with an account, as interned.
    counted: u32,
    /// Of the others, as interned, up to the first of which there were too few.
    lent: u32,
    /// One more than the action of which there were too few; 0 if there is none.
    overdrawn: u32,
}

impl Used {
    /// The action of which more were used than there were.
    pub(super) fn overdrawn(self) -> Option<u32> {
        self.overdrawn.checked_sub(1)
    }
}

impl Crashes {
    pub(super) fn new(accounts: Accounts) -> Self {
        Self { accounts, counted: CrashCounts::new(), lent: CrashCounts::new() }
    }

    /// A crashed operation with this action began; the number names it.
    pub(super) fn add(&mut self, action: u32, operation: u32) {
        let has_account = match &self.accounts {
            Accounts::All => true,
            Accounts::Of(actions) => actions.contains(&action),
        };
        if has_account { self.counted.add(action, operation) } else { self.lent.add(action, operation) }
    }

    /// How many kinds of crashed operations there are: as many as different actions.
    pub(super) fn kinds(&self) -> usize {
        self.counted.kinds.len() + self.lent.kinds.len()
    }

    pub(super) fn action(&self, kind: usize) -> u32 {
        self.kind(kind).action
    }

    /// The operation of this kind that would be used next, if there is one left.
    pub(super) fn operation(&self, used: Used, kind: usize) -> Option<u32> {
        let count = match kind.checked_sub(self.counted.kinds.len()) {
            None => self.counted.used(used.counted, kind),
            Some(lent) => self.lent.used(used.lent, lent),
        };
        self.kind(kind).operations.get(usize::from(count)).copied()
    }

    /// What is used when one more of this kind is; none if there is an account that says that none is left.
    pub(super) fn use_one(&mut self, used: Used, kind: usize) -> Option<Used> {
        let Some(lent) = kind.checked_sub(self.counted.kinds.len()) else {
            let is_left = self.counted.is_left(used.counted, kind);
            return is_left.then(|| Used { counted: self.counted.use_one(used.counted, kind), ..used });
        };
        Some(if used.overdrawn != 0 {
            used
        } else if self.lent.is_left(used.lent, lent) {
            Used { lent: self.lent.use_one(used.lent, lent), ..used }
        } else {
            Used { overdrawn: self.lent.kinds[lent].action + 1, ..used }
        })
    }

    /// Whether all that may be used after `b` may be used after `a`, as far as there are accounts.
    pub(super) fn at_most(&self, a: Used, b: Used) -> bool {
        (a.overdrawn == 0 || b.overdrawn != 0) && self.counted.at_most(a.counted, b.counted)
    }

    /// How many crashed operations were used in all.
    pub(super) fn total(&self, used: Used) -> u32 {
        self.counted.totals[used.counted as usize] + self.lent.totals[used.lent as usize]
    }

    /// Forgets the vectors of counts that are not among these, when there are many.
    pub(super) fn forget_all_but<'a>(&mut self, used: impl Iterator<Item = &'a mut Used>) {
        if self.counted.vectors.len() + self.lent.vectors.len() < FORGET_FROM_VECTORS {
            return;
        }
        let counted = self.counted.forget();
        let lent = self.lent.forget();
        for used in used {
            used.counted = self.counted.intern(&counted[used.counted as usize]);
            used.lent = self.lent.intern(&lent[used.lent as usize]);
        }
    }

    fn kind(&self, kind: usize) -> &Kind {
        match kind.checked_sub(self.counted.kinds.len()) {
            None => &self.counted.kinds[kind],
            Some(lent) => &self.lent.kinds[lent],
        }
    }
}

/// Crashed operations by kind, and interned vectors of how many of each were used.
#[derive(Debug)]
struct CrashCounts {
    kinds: Vec<Kind>,
    kind_of: FxHashMap<u32, usize>,
    /// Numbers used per kind; trailing zeros are left out, so that equal counts are equal vectors. The first is empty.
    vectors: Vec<Box<[u16]>>,
    totals: Vec<u32>,
    interned: FxHashMap<Box<[u16]>, u32>,
    successors: FxHashMap<(u32, usize), u32>,
}

/// Crashed operations with the same action.
#[derive(Debug)]
struct Kind {
    action: u32,
    /// Their numbers, in the order in which they began.
    operations: Vec<u32>,
}

impl CrashCounts {
    fn new() -> Self {
        let none: Box<[u16]> = Box::default();
        Self {
            kinds: Vec::new(),
            kind_of: FxHashMap::default(),
            vectors: vec![none.clone()],
            totals: vec![0],
            interned: [(none, 0)].into_iter().collect(),
            successors: FxHashMap::default(),
        }
    }

    fn add(&mut self, action: u32, operation: u32) {
        let kind = *self.kind_of.entry(action).or_insert_with(|| {
            self.kinds.push(Kind { action, operations: Vec::new() });
            self.kinds.len() - 1
        });
        self.kinds[kind].operations.push(operation);
    }

    fn used(&self, vector: u32, kind: usize) -> u16 {
        self.vectors[vector as usize].get(kind).copied().unwrap_or(0)
    }

    fn is_left(&self, vector: u32, kind: usize) -> bool {
        let used = self.used(vector, kind);
        usize::from(used) < self.kinds[kind].operations.len() && used < u16::MAX
    }

    fn use_one(&mut self, vector: u32, kind: usize) -> u32 {
        if let Some(&after) = self.successors.get(&(vector, kind)) {
            return after;
        }
        let mut counts = self.vectors[vector as usize].to_vec();
        counts.resize(counts.len().max(kind + 1), 0);
        counts[kind] += 1;
        let after = self.intern(&counts);
        self.successors.insert((vector, kind), after);
        after
    }

    fn intern(&mut self, counts: &[u16]) -> u32 {
        if let Some(&vector) = self.interned.get(counts) {
            return vector;
        }
        let vector =
            u32::try_from(self.vectors.len()).expect("the budget of steps is far below 2^32 configurations");
        self.vectors.push(counts.into());
        self.totals.push(counts.iter().map(|&count| u32::from(count)).sum());
        self.interned.insert(counts.into(), vector);
        vector
    }

    /// Forgets all vectors but the empty one, and returns them.
    fn forget(&mut self) -> Vec<Box<[u16]>> {
        let old = std::mem::take(&mut self.vectors);
        self.totals.clear();
        self.interned.clear();
        self.successors.clear();
        self.intern(&[]);
        old
    }

    /// Whether `a` used no more crashed operations of any kind than `b`.
    fn at_most(&self, a: u32, b: u32) -> bool {
        if a == b || a == 0 {
            return true;
        }
        let (a, b) = (&self.vectors[a as usize], &self.vectors[b as usize]);
        a.len() <= b.len() && a.iter().zip(b).all(|(a, b)| a <= b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crash_counts_are_compared_by_kind() {
        let mut crashes = Crashes::new(Accounts::All);
        crashes.add(7, 0);
        crashes.add(9, 1);
        let none = Used::default();
        let (first, second) = (crashes.use_one(none, 0).unwrap(), crashes.use_one(none, 1).unwrap());
        assert!(crashes.at_most(none, first));
        assert!(!crashes.at_most(first, second) && !crashes.at_most(second, first));
        let mut both = crashes.use_one(first, 1).unwrap();
        assert_eq!(both.counted, crashes.use_one(second, 0).unwrap().counted);
        assert!(crashes.at_most(second, both) && crashes.use_one(both, 1).is_none());
        for place in 0..u16::MAX {
            crashes.counted.intern(&[1, 2, 3, place]);
        }
        crashes.forget_all_but([&mut both].into_iter());
        assert_eq!((crashes.total(both), crashes.counted.vectors.len()), (2, 2));
    }

    #[test]
    fn what_has_no_account_can_be_overdrawn_and_that_is_remembered() {
        let mut crashes = Crashes::new(Accounts::Of([7].into()));
        crashes.add(9, 0);
        crashes.add(7, 1);
        let honest = crashes.use_one(Used::default(), 1).unwrap();
        assert_eq!((honest.overdrawn(), crashes.operation(Used::default(), 1)), (None, Some(0)));
        let overdrawn = crashes.use_one(honest, 1).unwrap();
        assert_eq!(overdrawn.overdrawn(), Some(9));
        assert!(crashes.at_most(honest, overdrawn) && !crashes.at_most(overdrawn, honest));
        assert_eq!(crashes.use_one(overdrawn, 0).unwrap().overdrawn(), Some(9));
    }
}
