//! The copies of all parts.

use std::collections::BTreeMap;

use crate::{Clock, Interval, Origin, Part};

/// Everything that a node holds: a copy of each part, as new as it has come to know it.
#[derive(Debug)]
pub struct Parts<P> {
    by_origin: BTreeMap<Origin, P>,
}

/// Intervals of several parts.
pub(crate) type Bundle<P> = BTreeMap<Origin, Interval<<P as Part>::Delta>>;

impl<P> Default for Parts<P> {
    fn default() -> Self {
        Self { by_origin: BTreeMap::new() }
    }
}

impl<P: Part> Parts<P> {
    /// The parts, in the order of their writers.
    pub fn iter(&self) -> impl Iterator<Item = (&Origin, &P)> {
        self.by_origin.iter()
    }

    /// How much of each part is here. Costs a step for each part.
    pub fn clock(&self) -> Clock {
        let mut clock = Clock::default();
        for (origin, part) in &self.by_origin {
            clock.raise(origin, part.version());
        }
        clock
    }

    /// How much of one part is here.
    pub(crate) fn version(&self, origin: &Origin) -> u64 {
        self.by_origin.get(origin).map_or(0, P::version)
    }

    /// What is here of one part since a version; nothing where there is nothing newer.
    pub(crate) fn since(&self, origin: &Origin, version: u64) -> Option<Interval<P::Delta>> {
        self.by_origin.get(origin).filter(|part| part.version() > version).map(|part| part.since(version))
    }

    /// All that is here and that the owner of a clock lacks.
    pub(crate) fn beyond(&self, clock: &Clock) -> Bundle<P> {
        let newer = |origin: &Origin| Some((origin.clone(), self.since(origin, clock.version(origin))?));
        self.by_origin.keys().filter_map(newer).collect()
    }

    /// What some changes would do to the part of this writer.
    pub(crate) fn extended_by(&self, origin: &Origin, changes: Vec<P::Change>) -> Interval<P::Delta> {
        match self.by_origin.get(origin) {
            Some(part) => part.extended_by(changes),
            None => P::default().extended_by(changes),
        }
    }

    /// Takes an interval; `false` where it says nothing new, or begins after the version that is here, so that something between would be
    /// missing.
    pub(crate) fn absorb(&mut self, origin: &Origin, interval: Interval<P::Delta>) -> bool {
        let version = self.version(origin);
        let fits = interval.since <= version && version < interval.until;
        if fits {
            self.by_origin.entry(origin.clone()).or_default().absorb(interval);
        }
        fits
    }
}
