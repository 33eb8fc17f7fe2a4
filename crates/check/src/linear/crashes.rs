//! Crashed operations: how many of each action there are, and how many a configuration used.
//!
//! All that is asked of a crashed operation is that it takes effect once at most. To count that for every action is
//! what makes a search large: a hundred crashed operations can be used up in as many ways as there are numbers of each
//! action left. So the count may be *exact* for some actions only, and *relaxed* for the others, of which any number
//! may be used. A history that fits no order even so fits none. A configuration is *exceeded* once it used more of an
//! action than there were; what one that is not exceeded shows to be possible is possible. Where neither tells, one
//! more action is counted exactly.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

/// When more vectors of counts than this are known, those that no configuration has can be forgotten.
const FORGET_FROM_VECTORS: usize = 1 << 16;

/// Which actions are counted exactly.
#[derive(Clone, Debug)]
pub(super) enum Counting {
    /// All.
    Exact,
    /// These alone.
    ExactFor(BTreeSet<u32>),
}

/// The crashed operations of a history.
#[derive(Debug)]
pub(super) struct Crashes {
    counting: Counting,
    exact: CrashCounts,
    relaxed: CrashCounts,
}

/// Which crashed operations a configuration has used.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    /// Of the actions that are counted exactly, as interned.
    exact: u32,
    /// Of the others, as interned, up to the first of which there were too few.
    relaxed: u32,
    /// One more than the action of which there were too few; 0 if there is none.
    exceeded: u32,
}

impl Used {
    /// The action of which more were used than there were.
    pub(super) fn exceeded(self) -> Option<u32> {
        self.exceeded.checked_sub(1)
    }
}

impl Crashes {
    pub(super) fn new(counting: Counting) -> Self {
        Self { counting, exact: CrashCounts::new(), relaxed: CrashCounts::new() }
    }

    /// A crashed operation with this action began; the number names it.
    pub(super) fn add(&mut self, action: u32, operation: u32) {
        let is_exact = match &self.counting {
            Counting::Exact => true,
            Counting::ExactFor(actions) => actions.contains(&action),
        };
        if is_exact { self.exact.add(action, operation) } else { self.relaxed.add(action, operation) }
    }

    /// Takes back the last operation with this action, which no configuration at hand has used.
    pub(super) fn remove_last(&mut self, action: u32) {
        for counts in [&mut self.exact, &mut self.relaxed] {
            if let Some(&kind) = counts.kind_of.get(&action) {
                counts.kinds[kind].operations.pop();
            }
        }
    }

    /// How many kinds of crashed operations there are: as many as different actions.
    pub(super) fn kinds(&self) -> usize {
        self.exact.kinds.len() + self.relaxed.kinds.len()
    }

    pub(super) fn action(&self, kind: usize) -> u32 {
        self.kind(kind).action
    }

    /// The operation of this kind that would be used next, if there is one left.
    pub(super) fn operation(&self, used: Used, kind: usize) -> Option<u32> {
        let count = match kind.checked_sub(self.exact.kinds.len()) {
            None => self.exact.used(used.exact, kind),
            Some(kind) => self.relaxed.used(used.relaxed, kind),
        };
        self.kind(kind).operations.get(count as usize).copied()
    }

    /// What is used when one more of this kind is. None if it is counted exactly and none is left.
    pub(super) fn use_one(&mut self, used: Used, kind: usize) -> Option<Used> {
        let Some(relaxed) = kind.checked_sub(self.exact.kinds.len()) else {
            let is_left = self.exact.is_left(used.exact, kind);
            return is_left.then(|| Used { exact: self.exact.use_one(used.exact, kind), ..used });
        };
        Some(if used.exceeded != 0 {
            used
        } else if self.relaxed.is_left(used.relaxed, relaxed) {
            Used { relaxed: self.relaxed.use_one(used.relaxed, relaxed), ..used }
        } else {
            Used { exceeded: self.relaxed.kinds[relaxed].action + 1, ..used }
        })
    }

    /// Whether all that may be used after `b` may be used after `a`, as far as it is counted exactly.
    pub(super) fn at_most(&self, a: Used, b: Used) -> bool {
        (a.exceeded == 0 || b.exceeded != 0) && self.exact.at_most(a.exact, b.exact)
    }

    /// How many crashed operations were used in all.
    pub(super) fn total(&self, used: Used) -> u32 {
        self.exact.totals[used.exact as usize] + self.relaxed.totals[used.relaxed as usize]
    }

    /// Forgets the vectors of counts that are not among these, when there are many.
    pub(super) fn forget_all_but<'a>(&mut self, used: impl Iterator<Item = &'a mut Used>) {
        if self.exact.vectors.len() + self.relaxed.vectors.len() < FORGET_FROM_VECTORS {
            return;
        }
        let exact = self.exact.forget();
        let relaxed = self.relaxed.forget();
        for used in used {
            used.exact = self.exact.intern(&exact[used.exact as usize]);
            used.relaxed = self.relaxed.intern(&relaxed[used.relaxed as usize]);
        }
    }

    /// About how much memory the vectors of counts take.
    pub(super) fn bytes(&self) -> usize {
        self.exact.bytes() + self.relaxed.bytes()
    }

    fn kind(&self, kind: usize) -> &Kind {
        match kind.checked_sub(self.exact.kinds.len()) {
            None => &self.exact.kinds[kind],
            Some(kind) => &self.relaxed.kinds[kind],
        }
    }
}

/// Crashed operations by kind, and interned vectors of how many of each were used.
#[derive(Debug)]
struct CrashCounts {
    kinds: Vec<Kind>,
    kind_of: FxHashMap<u32, usize>,
    /// Numbers used per kind; trailing zeros are left out, so that equal counts are equal vectors. The first is empty.
    vectors: Vec<Box<[u32]>>,
    totals: Vec<u32>,
    interned: FxHashMap<Box<[u32]>, u32>,
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
        let none: Box<[u32]> = Box::default();
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

    fn bytes(&self) -> usize {
        const OVERHEAD_BYTES: usize = 96;
        self.vectors.len() * (OVERHEAD_BYTES + 2 * size_of::<u32>() * self.kinds.len())
            + self.successors.len() * 24
    }

    fn used(&self, vector: u32, kind: usize) -> u32 {
        self.vectors[vector as usize].get(kind).copied().unwrap_or(0)
    }

    fn is_left(&self, vector: u32, kind: usize) -> bool {
        let used = self.used(vector, kind);
        (used as usize) < self.kinds[kind].operations.len()
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

    fn intern(&mut self, counts: &[u32]) -> u32 {
        if let Some(&vector) = self.interned.get(counts) {
            return vector;
        }
        let vector =
            u32::try_from(self.vectors.len()).expect("the budget of steps is far below 2^32 configurations");
        self.vectors.push(counts.into());
        self.totals.push(counts.iter().copied().sum());
        self.interned.insert(counts.into(), vector);
        vector
    }

    /// Forgets all vectors but the empty one, and returns them.
    fn forget(&mut self) -> Vec<Box<[u32]>> {
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
        let mut crashes = Crashes::new(Counting::Exact);
        crashes.add(7, 0);
        crashes.add(9, 1);
        let none = Used::default();
        let (first, second) = (crashes.use_one(none, 0).unwrap(), crashes.use_one(none, 1).unwrap());
        assert!(crashes.at_most(none, first));
        assert!(!crashes.at_most(first, second) && !crashes.at_most(second, first));
        let mut both = crashes.use_one(first, 1).unwrap();
        assert_eq!(both.exact, crashes.use_one(second, 0).unwrap().exact);
        assert!(crashes.at_most(second, both) && crashes.use_one(both, 1).is_none());
        for place in 0..u32::from(u16::MAX) {
            crashes.exact.intern(&[1, 2, 3, place]);
        }
        crashes.forget_all_but([&mut both].into_iter());
        assert_eq!((crashes.total(both), crashes.exact.vectors.len()), (2, 2));
    }

    #[test]
    fn a_relaxed_count_can_be_exceeded_and_that_is_remembered() {
        let mut crashes = Crashes::new(Counting::ExactFor([7].into()));
        crashes.add(9, 0);
        crashes.add(7, 1);
        let within = crashes.use_one(Used::default(), 1).unwrap();
        assert_eq!((within.exceeded(), crashes.operation(Used::default(), 1)), (None, Some(0)));
        let exceeded = crashes.use_one(within, 1).unwrap();
        assert_eq!(exceeded.exceeded(), Some(9));
        assert!(crashes.at_most(within, exceeded) && !crashes.at_most(exceeded, within));
        assert_eq!(crashes.use_one(exceeded, 0).unwrap().exceeded(), Some(9));
    }
}
