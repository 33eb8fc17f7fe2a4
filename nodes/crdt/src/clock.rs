//! How much of each part a node holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Origin;

/// The version of each part that a node holds: a version vector (Parker and others, "Detection of Mutual Inconsistency in Distributed
/// Systems", 1983). A part that is not named has version 0: the node does not hold it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Clock {
    versions: BTreeMap<Origin, u64>,
}

impl Clock {
    /// The version of one part.
    pub fn version(&self, origin: &Origin) -> u64 {
        self.versions.get(origin).copied().unwrap_or_default()
    }

    /// Whether a node with this clock holds everything that a node with the other clock holds.
    pub fn covers(&self, other: &Self) -> bool {
        other.versions.iter().all(|(origin, version)| self.version(origin) >= *version)
    }

    /// Raises the version of one part; does nothing where it is as high already.
    pub fn raise(&mut self, origin: &Origin, version: u64) {
        if version > self.version(origin) {
            self.versions.insert(origin.clone(), version);
        }
    }

    /// Raises every part to its version in the other clock.
    pub fn merge(&mut self, other: &Self) {
        for (origin, version) in &other.versions {
            self.raise(origin, *version);
        }
    }

    /// The same without one part.
    #[must_use]
    pub fn without(mut self, origin: &Origin) -> Self {
        self.versions.remove(origin);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(versions: &[(&str, u64)]) -> Clock {
        let mut clock = Clock::default();
        for (origin, version) in versions {
            clock.raise(&(*origin).into(), *version);
        }
        clock
    }

    #[test]
    fn a_clock_covers_what_is_nowhere_newer() {
        let both = clock(&[("a", 2), ("b", 1)]);
        assert!(both.covers(&clock(&[])) && both.covers(&both) && both.covers(&clock(&[("a", 2)])));
        assert!(!both.covers(&clock(&[("a", 3)])));
        assert!(!both.covers(&clock(&[("c", 1)])));
        assert!(both.covers(&clock(&[("c", 1)]).without(&"c".into())));
    }

    #[test]
    fn merging_takes_the_newer_of_each() {
        let mut merged = clock(&[("a", 2), ("b", 1)]);
        merged.merge(&clock(&[("a", 1), ("b", 3), ("c", 1)]));
        assert_eq!(merged, clock(&[("a", 2), ("b", 3), ("c", 1)]));
    }
}
