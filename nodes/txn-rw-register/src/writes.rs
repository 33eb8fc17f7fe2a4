//! What the transactions of one start of one node wrote.

use std::collections::{BTreeMap, BTreeSet};

use crdt::{Interval, Part};
use glomers_node::RawValue;
use serde::{Deserialize, Serialize};

/// What the transactions of one start of one node wrote: for each register that they wrote, the last value.
#[derive(Debug, Default)]
pub struct Writes {
    version: u64,
    by_key: BTreeMap<String, Entry>,
    /// The version at which each register was last written, to find what is new without looking at every register.
    by_version: BTreeSet<(u64, String)>,
    /// The count of the last transaction's stamp.
    latest_count: u64,
}

#[derive(Debug)]
struct Entry {
    version: u64,
    write: Write,
}

/// What a transaction leaves behind.
#[derive(Debug)]
pub struct Transaction {
    /// The count of its stamp, higher than those of all that its node has seen.
    pub count: u64,
    /// The last value that it wrote to each register, by the text of the register's key.
    pub values: BTreeMap<String, Box<RawValue>>,
}

/// A value in a register.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Write {
    /// The text of the register's key, which is JSON.
    pub key: String,
    /// The value, any JSON.
    pub value: Box<RawValue>,
    /// The count of the stamp of the transaction that wrote it.
    pub count: u64,
}

impl Writes {
    /// The last value written here to this register.
    pub fn get(&self, key: &str) -> Option<&Write> {
        self.by_key.get(key).map(|entry| &entry.write)
    }

    /// The highest count of all stamps here.
    pub fn latest_count(&self) -> u64 {
        self.latest_count
    }
}

/// What some transactions did is the last value of each register that they wrote. A copy sees them all at once, so that it is in a state
/// which the writer was in.
impl Part for Writes {
    type Change = Transaction;
    type Delta = Vec<Write>;

    fn version(&self) -> u64 {
        self.version
    }

    fn since(&self, version: u64) -> Interval<Vec<Write>> {
        let newer = self.by_version.range((version + 1, String::new())..);
        let delta = newer.map(|(_, key)| self.by_key[key].write.clone()).collect();
        Interval { since: version, until: self.version, delta }
    }

    fn extended_by(&self, transactions: Vec<Transaction>) -> Interval<Vec<Write>> {
        let until = self.version + transactions.len() as u64;
        let mut last = BTreeMap::new();
        for Transaction { count, values } in transactions {
            for (key, value) in values {
                last.insert(key.clone(), Write { key, value, count });
            }
        }
        Interval { since: self.version, until, delta: last.into_values().collect() }
    }

    fn absorb(&mut self, interval: Interval<Vec<Write>>) {
        self.version = interval.until;
        for write in interval.delta {
            self.latest_count = self.latest_count.max(write.count);
            let (key, version) = (write.key.clone(), self.version);
            self.by_version.insert((version, key.clone()));
            if let Some(former) = self.by_key.insert(key.clone(), Entry { version, write })
                && former.version != version
            {
                self.by_version.remove(&(former.version, key));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transaction(count: u64, writes: &[(&str, &str)]) -> Transaction {
        let value = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let values = writes.iter().map(|(key, text)| ((*key).to_owned(), value(text))).collect();
        Transaction { count, values }
    }

    fn shown(writes: &Writes) -> Vec<String> {
        let show = |Write { key, value, count }: &Write| format!("{key}={value}@{count}");
        writes.by_key.values().map(|entry| show(&entry.write)).collect()
    }

    #[test]
    fn a_copy_that_takes_every_second_state_sees_whole_transactions() {
        let (mut writer, mut copy) = (Writes::default(), Writes::default());
        writer.absorb(writer.extended_by(vec![transaction(1, &[("1", "1"), ("2", "1")])]));
        writer.absorb(writer.extended_by(vec![transaction(4, &[("2", "2"), ("3", "1")])]));
        copy.absorb(writer.since(0));
        assert_eq!(shown(&copy), ["1=1@1", "2=2@4", "3=1@4"]);
        assert_eq!(copy.latest_count(), 4);
        writer.absorb(writer.extended_by(vec![transaction(5, &[("1", "2")])]));
        let news = writer.since(copy.version());
        assert_eq!(news.delta.len(), 1, "only what is new is told");
        copy.absorb(news);
        assert_eq!(shown(&copy), shown(&writer));
    }

    #[test]
    fn a_register_that_is_written_again_is_told_once() {
        let mut writer = Writes::default();
        for count in 1..=3 {
            writer.absorb(writer.extended_by(vec![transaction(count, &[("1", &count.to_string())])]));
        }
        let told: Vec<u64> = writer.since(0).delta.iter().map(|write| write.count).collect();
        assert_eq!(told, [3]);
        assert!(writer.since(3).delta.is_empty());
    }
}
