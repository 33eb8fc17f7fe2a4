//! A set of configurations of which none dominates another.

use super::configuration::Configuration;
use super::crashes::Crashes;
use super::slots::Slots;

/// Keeps the configurations that no other one [dominates](Configuration::dominates), by state. Of two that dominate
/// each other, the one is kept that used fewer of the crashed operations that are not counted exactly.
#[derive(Debug)]
pub(super) struct Antichain<S> {
    /// Indexed by state. A state's list counts only if its epoch is the current one, which makes clearing cheap.
    buckets: Vec<Bucket<S>>,
    touched: Vec<u32>,
    epoch: u64,
    len: usize,
    comparisons: u64,
}

#[derive(Debug)]
struct Bucket<S> {
    epoch: u64,
    configurations: Vec<Configuration<S>>,
}

impl<S: Slots> Antichain<S> {
    pub(super) fn new() -> Self {
        Self { buckets: Vec::new(), touched: Vec::new(), epoch: 0, len: 0, comparisons: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.epoch += 1;
        self.len = 0;
        self.touched.clear();
    }

    /// How many configurations were compared since this was asked last: the work that was done.
    pub(super) fn take_comparisons(&mut self) -> u64 {
        std::mem::take(&mut self.comparisons)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a configuration unless one dominates it, and drops those that it dominates. Says whether it was added.
    pub(super) fn insert(&mut self, new: Configuration<S>, crashes: &Crashes) -> bool {
        let index = new.state as usize;
        if self.buckets.len() <= index {
            self.buckets.resize_with(index + 1, || Bucket { epoch: 0, configurations: Vec::new() });
        }
        let bucket = &mut self.buckets[index];
        if bucket.epoch != self.epoch {
            bucket.epoch = self.epoch;
            bucket.configurations.clear();
            self.touched.push(new.state);
        }
        self.comparisons += bucket.configurations.len() as u64;
        if let Some(old) = bucket.configurations.iter_mut().find(|old| old.dominates(&new, crashes)) {
            if crashes.total(new.used) < crashes.total(old.used) && new.dominates(old, crashes) {
                *old = new;
            }
            return false;
        }
        let before = bucket.configurations.len();
        bucket.configurations.retain(|old| !new.dominates(old, crashes));
        bucket.configurations.push(new);
        self.len = self.len + bucket.configurations.len() - before;
        true
    }

    /// Moves everything out, states in the order in which they were first seen.
    pub(super) fn drain_into(&mut self, configurations: &mut Vec<Configuration<S>>) {
        configurations.clear();
        for &state in &self.touched {
            configurations.append(&mut self.buckets[state as usize].configurations);
        }
        self.clear();
    }
}
