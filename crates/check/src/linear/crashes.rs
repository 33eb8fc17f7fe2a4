//! Operations of which nobody knows the end, counted by action.

use rustc_hash::FxHashMap;

/// How many crashed operations of each action there are, and interned vectors of how many were used.
#[derive(Debug)]
pub(super) struct CrashCounts {
    /// Action and number of crashed operations, per kind.
    kinds: Vec<(u32, u16)>,
    kind_of: FxHashMap<u32, usize>,
    /// Numbers used per kind; trailing zeros are left out, so that equal counts are equal vectors.
    used: Vec<Box<[u16]>>,
    interned: FxHashMap<Box<[u16]>, u32>,
    successors: FxHashMap<(u32, usize), u32>,
}

impl CrashCounts {
    pub(super) fn new() -> Self {
        let none: Box<[u16]> = Box::default();
        Self {
            kinds: Vec::new(),
            kind_of: FxHashMap::default(),
            used: vec![none.clone()],
            interned: [(none, 0)].into_iter().collect(),
            successors: FxHashMap::default(),
        }
    }

    pub(super) fn add(&mut self, action: u32) {
        let kind = *self.kind_of.entry(action).or_insert_with(|| {
            self.kinds.push((action, 0));
            self.kinds.len() - 1
        });
        let count = &mut self.kinds[kind].1;
        *count = count.saturating_add(1);
    }

    pub(super) fn kinds(&self) -> usize {
        self.kinds.len()
    }

    pub(super) fn action(&self, kind: usize) -> u32 {
        self.kinds[kind].0
    }

    pub(super) fn unused(&self, used: u32, kind: usize) -> bool {
        self.used[used as usize].get(kind).copied().unwrap_or(0) < self.kinds[kind].1
    }

    pub(super) fn use_one(&mut self, used: u32, kind: usize) -> u32 {
        if let Some(&after) = self.successors.get(&(used, kind)) {
            return after;
        }
        let mut counts = self.used[used as usize].to_vec();
        counts.resize(counts.len().max(kind + 1), 0);
        counts[kind] += 1;
        let counts = counts.into_boxed_slice();
        let next =
            u32::try_from(self.used.len()).expect("the budget of steps is far below 2^32 configurations");
        let after = *self.interned.entry(counts.clone()).or_insert(next);
        if after == next {
            self.used.push(counts);
        }
        self.successors.insert((used, kind), after);
        after
    }

    /// How many crashed operations were used in all.
    pub(super) fn total(&self, used: u32) -> u32 {
        self.used[used as usize].iter().map(|&count| u32::from(count)).sum()
    }

    /// Whether `a` used no more crashed operations of any action than `b`.
    pub(super) fn at_most(&self, a: u32, b: u32) -> bool {
        if a == b || a == 0 {
            return true;
        }
        let (a, b) = (&self.used[a as usize], &self.used[b as usize]);
        a.len() <= b.len() && a.iter().zip(b).all(|(a, b)| a <= b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crash_counts_are_compared_by_kind() {
        let mut counts = CrashCounts::new();
        counts.add(7);
        counts.add(9);
        let (first, second) = (counts.use_one(0, 0), counts.use_one(0, 1));
        assert!(counts.at_most(0, first) && !counts.at_most(first, second) && !counts.at_most(second, first));
        let both = counts.use_one(first, 1);
        assert_eq!(both, counts.use_one(second, 0));
        assert!(counts.at_most(second, both) && !counts.unused(both, 1));
    }
}
