//! Segments of the history, and how they are merged.

use std::collections::BTreeMap;
use std::rc::Rc;

use glomers_node::Json;
use serde::{Deserialize, Serialize};

/// Names a segment: nobody else ever gives the same name.
pub type SegmentId = String;

/// As many segments of one size become one of the next.
pub const FANOUT: usize = 16;

/// The elements that some transactions append, by key, in the order of their commits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Appends {
    by_key: Vec<(Json, Vec<Json>)>,
}

impl Appends {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// The elements for each key.
    pub fn iter(&self) -> impl Iterator<Item = (&Json, &[Json])> {
        self.by_key.iter().map(|(key, elements)| (key, elements.as_slice()))
    }
}

/// Elements under keys that say the same, or not, are told apart by the keys' canonical texts.
impl<'a> FromIterator<(&'a Json, &'a [Json])> for Appends {
    fn from_iter<I: IntoIterator<Item = (&'a Json, &'a [Json])>>(appends: I) -> Self {
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        let mut by_key: Vec<(Json, Vec<Json>)> = Vec::new();
        for (key, elements) in appends {
            let place = *places.entry(key.canonical()).or_insert(by_key.len());
            match by_key.get_mut(place) {
                Some((_, list)) => list.extend_from_slice(elements),
                None => by_key.push((key.clone(), elements.to_vec())),
            }
        }
        Self { by_key }
    }
}

/// A segment as a node keeps it.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Its name.
    pub id: SegmentId,
    /// How often it is the merger of mergers.
    pub level: u32,
    /// What it says.
    pub appends: Rc<Appends>,
}

/// The whole history, as few segments of falling levels: the oldest first.
#[derive(Debug, Clone, Default)]
pub struct History {
    segments: Vec<Segment>,
}

impl History {
    /// Adds a commit, and merges where there are enough segments of one level. Returns the merged segments, which
    /// replace those that they consist of. Everybody merges alike: the names follow from that of the commit.
    pub fn push(&mut self, id: &SegmentId, appends: Rc<Appends>) -> Vec<Segment> {
        self.segments.push(Segment { id: id.clone(), level: 0, appends });
        let mut merged = Vec::new();
        let mut level = 0;
        while self.segments.iter().rev().take_while(|segment| segment.level == level).count() == FANOUT {
            let parts = self.segments.split_off(self.segments.len() - FANOUT);
            let appends: Appends = parts.iter().flat_map(|part| part.appends.iter()).collect();
            level += 1;
            let segment = Segment { id: format!("{id}/{level}"), level, appends: Rc::new(appends) };
            self.segments.push(segment.clone());
            merged.push(segment);
        }
        merged
    }

    /// A history from its segments, the oldest first.
    pub fn from_segments(segments: Vec<Segment>) -> Self {
        Self { segments }
    }

    /// The segments, the oldest first.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn appends(number: usize) -> Appends {
        let (key, element): (Json, Json) = (
            serde_json::from_str(&(number % 3).to_string()).unwrap(),
            serde_json::from_str(&number.to_string()).unwrap(),
        );
        [(&key, [element].as_slice())].into_iter().collect()
    }

    #[test]
    fn equal_keys_share_a_list() {
        let keys: Vec<Json> = ["1", r#"{"a":1,"b":2}"#, r#"{"b":2, "a":1}"#]
            .map(|text| serde_json::from_str(text).unwrap())
            .into();
        let element = [keys[0].clone()];
        let appends: Appends = keys.iter().map(|key| (key, element.as_slice())).collect();
        assert_eq!(serde_json::to_string(&appends).unwrap(), r#"[[1,[1]],[{"a":1,"b":2},[1,1]]]"#);
    }

    #[test]
    fn a_long_history_has_few_segments_and_loses_nothing() {
        let mut history = History::default();
        let mut all: Vec<Appends> = Vec::new();
        for number in 0..1000 {
            history.push(&format!("s{number}"), Rc::new(appends(number)));
            all.push(appends(number));
            let merged: Appends = history.segments().iter().flat_map(|part| part.appends.iter()).collect();
            if number % 97 == 0 {
                let expected: Appends = all.iter().flat_map(Appends::iter).collect();
                assert_eq!(merged, expected);
            }
        }
        let levels: Vec<u32> = history.segments().iter().map(|segment| segment.level).collect();
        assert!(levels.is_sorted_by(|left, right| left >= right), "{levels:?}");
        assert!(levels.len() < 3 * FANOUT, "{levels:?}");
        assert_eq!(history.segments()[0].id, "s255/2");
    }
}
