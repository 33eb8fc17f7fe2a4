//! The values that a node holds, and how two nodes find out what one of them lacks.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use compact_str::{CompactString, format_compact};
use glomers_node::{NodeId, RawValue};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// All values that a node holds, each under the life of the node that first had it.
///
/// The values of one life form a log that only grows, and a node always holds a log's beginning without
/// gaps. So the lengths of the logs say exactly what a node holds: see [`Summary`].
#[derive(Debug, Default)]
pub struct Store {
    logs: BTreeMap<Life, Vec<Value>>,
    summary: Summary,
    /// Every value once, in the order they came here.
    messages: Vec<Value>,
    seen: BTreeSet<Value>,
}

impl Store {
    /// What is here.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Every value once, in the order they came here.
    pub fn messages(&self) -> &[Value] {
        &self.messages
    }

    /// The values of one life, in order.
    pub fn log(&self, life: &Life) -> &[Value] {
        self.logs.get(life).map_or(&[], Vec::as_slice)
    }

    /// Puts a value behind the log of a life, and returns the log's new length.
    pub fn append(&mut self, life: &Life, value: Value) -> u64 {
        let log = self.logs.entry(life.clone()).or_default();
        log.push(value.clone());
        let length = log.len() as u64;
        self.summary.0.insert(life.clone(), length);
        if self.seen.insert(value.clone()) {
            self.messages.push(value);
        }
        length
    }

    /// Takes what is new to this store. A piece of a log that would leave a gap before it is left out: the
    /// sender believed that this node held more than it does, and sends all of it once it knows better.
    pub fn join(&mut self, news: News) {
        for (life, piece) in news.0 {
            let Some(skipped) = self.summary.length(&life).checked_sub(piece.from) else { continue };
            for value in piece.values.into_iter().skip(skipped as usize) {
                self.append(&life, value);
            }
        }
    }

    /// Everything that a node which holds `known` lacks.
    pub fn news_for(&self, known: &Summary) -> News {
        let pieces = self.logs.iter().filter_map(|(life, log)| {
            let from = known.length(life);
            let values = log.get(from as usize..).filter(|values| !values.is_empty())?.to_vec();
            Some((life.clone(), Piece { from, values }))
        });
        News(pieces.collect())
    }
}

/// What a node holds: the length of each log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Summary(BTreeMap<Life, u64>);

impl Summary {
    /// How many values of this life there are.
    pub fn length(&self, life: &Life) -> u64 {
        self.0.get(life).copied().unwrap_or(0)
    }

    /// Whether all that `other` holds is here too.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|(life, length)| self.length(life) >= *length)
    }

    /// Adds what `other` holds.
    pub fn raise_to(&mut self, other: &Self) {
        for (life, length) in &other.0 {
            let own = self.0.entry(life.clone()).or_default();
            *own = (*own).max(*length);
        }
    }
}

/// Pieces of logs, for a node that lacks them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct News(BTreeMap<Life, Piece>);

impl News {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The values of one log from a position on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Piece {
    from: u64,
    values: Vec<Value>,
}

/// A node's time from its init message to its end. A node that was killed and started again begins another,
/// and with it another log: it can't know how long its former log was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Life(CompactString);

impl Life {
    /// A life of this node; `tag` keeps it apart from its others.
    pub fn new(node: &NodeId, tag: u64) -> Self {
        Self(format_compact!("{node}/{tag:016x}"))
    }
}

/// What a client broadcast: any JSON, as it was written. Two values are the same when their texts are.
#[derive(Clone)]
pub struct Value(Rc<RawValue>);

impl From<Box<RawValue>> for Value {
    fn from(json: Box<RawValue>) -> Self {
        Self(Rc::from(json))
    }
}

impl Value {
    fn text(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text().cmp(other.text())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_ref().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Value {
        RawValue::from_string(json.to_owned()).unwrap().into()
    }

    fn life(node: &str) -> Life {
        Life::new(&NodeId::from(node), 7)
    }

    /// A store that holds these values under these lives.
    fn store(held: &[(&str, &[&str])]) -> Store {
        let mut store = Store::default();
        for (node, values) in held {
            for json in *values {
                store.append(&life(node), value(json));
            }
        }
        store
    }

    #[test]
    fn what_one_lacks_the_other_sends() {
        let full = store(&[("n1", &["1", "2", "3"]), ("n2", &["4"])]);
        let mut part = store(&[("n1", &["1"]), ("n3", &["9"])]);
        part.join(full.news_for(part.summary()));
        assert_eq!(format!("{:?}", part.messages()), "[1, 9, 2, 3, 4]");
        assert!(part.summary().covers(full.summary()));
        assert!(!full.summary().covers(part.summary()), "n3's value is only here");
        assert!(full.news_for(part.summary()).is_empty());
    }

    #[test]
    fn news_may_come_twice_and_overlap() {
        let full = store(&[("n1", &["1", "2", "3"])]);
        let mut part = store(&[("n1", &["1", "2"])]);
        part.join(full.news_for(&Summary::default()));
        part.join(full.news_for(&Summary::default()));
        assert_eq!(format!("{:?}", part.messages()), "[1, 2, 3]");
    }

    #[test]
    fn a_piece_behind_a_gap_is_left_out() {
        let full = store(&[("n1", &["1", "2", "3"])]);
        let believed = store(&[("n1", &["1", "2"])]);
        let mut empty = Store::default();
        empty.join(full.news_for(believed.summary()));
        assert!(empty.messages().is_empty());
        assert_eq!(empty.summary(), &Summary::default());
    }

    #[test]
    fn a_value_that_two_clients_broadcast_is_read_once() {
        let store = store(&[("n1", &["1"]), ("n2", &["1", "\"1\""])]);
        assert_eq!(format!("{:?}", store.messages()), "[1, \"1\"]");
    }
}
