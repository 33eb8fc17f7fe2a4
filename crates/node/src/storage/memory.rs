//! Files in memory, with what a disk would still have to write.

use std::collections::BTreeMap;

use super::CrashLoss;
use crate::Random;

#[derive(Debug, Default)]
pub(super) struct Memory {
    /// As a reader sees them.
    current: BTreeMap<String, Vec<u8>>,
    /// As they were at the last sync.
    durable: BTreeMap<String, Vec<u8>>,
    /// What came since, by file.
    unsynced: BTreeMap<String, Vec<Write>>,
}

#[derive(Debug)]
enum Write {
    Append(Vec<u8>),
    Replace(Vec<u8>),
}

impl Memory {
    pub(super) fn read(&self, name: &str) -> Option<Vec<u8>> {
        self.current.get(name).cloned()
    }

    pub(super) fn append(&mut self, name: &str, bytes: &[u8]) {
        self.write(name, Write::Append(bytes.to_vec()));
    }

    pub(super) fn replace(&mut self, name: &str, bytes: &[u8]) {
        self.write(name, Write::Replace(bytes.to_vec()));
    }

    pub(super) fn sync(&mut self) {
        for (name, writes) in std::mem::take(&mut self.unsynced) {
            let file = self.durable.entry(name).or_default();
            writes.into_iter().for_each(|write| write.apply(file));
        }
    }

    /// What each loss leaves is durable afterwards: the machine has started again from it.
    pub(super) fn crash(&mut self, loss: CrashLoss, random: &mut Random) {
        match loss {
            CrashLoss::Nothing => self.sync(),
            CrashLoss::Unsynced => self.unsynced.clear(),
            CrashLoss::Torn => {
                for (name, mut writes) in std::mem::take(&mut self.unsynced) {
                    writes.truncate(random.below(writes.len() as u64 + 1) as usize);
                    // A replaced file is the old or the new one, but an append may be half there.
                    if let Some(Write::Append(bytes)) = writes.last_mut() {
                        bytes.truncate(random.below(bytes.len() as u64 + 1) as usize);
                    }
                    if writes.is_empty() {
                        continue;
                    }
                    let file = self.durable.entry(name).or_default();
                    writes.into_iter().for_each(|write| write.apply(file));
                }
            }
            CrashLoss::Everything => *self = Self::default(),
        }
        self.current.clone_from(&self.durable);
    }

    fn write(&mut self, name: &str, write: Write) {
        let file = self.current.entry(name.to_owned()).or_default();
        match &write {
            Write::Append(bytes) => file.extend_from_slice(bytes),
            Write::Replace(bytes) => file.clone_from(bytes),
        }
        self.unsynced.entry(name.to_owned()).or_default().push(write);
    }
}

impl Write {
    fn apply(self, file: &mut Vec<u8>) {
        match self {
            Self::Append(bytes) => file.extend_from_slice(&bytes),
            Self::Replace(bytes) => *file = bytes,
        }
    }
}
