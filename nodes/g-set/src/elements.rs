//! The elements that one start of one node took.

use crdt::{Interval, Part};
use glomers_node::RawValue;

/// The elements that one start of one node took, in the order that it took them. An element may be any JSON.
#[derive(Debug, Default)]
pub struct Elements {
    taken: Vec<Box<RawValue>>,
}

impl Elements {
    /// The elements, oldest first. One that was added twice is here twice.
    pub fn iter(&self) -> impl Iterator<Item = &RawValue> {
        self.taken.iter().map(|element| &**element)
    }
}

/// The version is the number of elements, so that what is new since a version is the rest of the list.
impl Part for Elements {
    type Change = Box<RawValue>;
    type Delta = Vec<Box<RawValue>>;

    fn version(&self) -> u64 {
        self.taken.len() as u64
    }

    fn since(&self, version: u64) -> Interval<Self::Delta> {
        Interval { since: version, until: self.version(), delta: self.taken[version as usize..].to_vec() }
    }

    fn extended_by(&self, changes: Vec<Self::Change>) -> Interval<Self::Delta> {
        let since = self.version();
        Interval { since, until: since + changes.len() as u64, delta: changes }
    }

    fn absorb(&mut self, interval: Interval<Self::Delta>) {
        let known_count = (self.version() - interval.since) as usize;
        self.taken.extend(interval.delta.into_iter().skip(known_count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_that_overlaps_what_is_known_adds_the_rest() {
        let texts =
            |elements: &Elements| elements.iter().map(|text| text.get().to_owned()).collect::<Vec<_>>();
        let element = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let (mut writer, mut copy) = (Elements::default(), Elements::default());
        writer.absorb(writer.extended_by(vec![element("1"), element("[2]")]));
        copy.absorb(writer.since(0));
        writer.absorb(writer.extended_by(vec![element("\"three\"")]));
        copy.absorb(writer.since(1));
        assert_eq!(texts(&copy), ["1", "[2]", "\"three\""]);
    }
}
