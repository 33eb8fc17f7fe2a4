//! What a node knows of all journals, and what follows from it.

use std::collections::BTreeMap;
use std::rc::Rc;

use glomers_node::{NodeId, RawValue};

use crate::entry::{Append, Entry, JournalTail, Progress};
use crate::log::{Log, Place};

/// No answer shows more messages of one key than this.
const MOST_MESSAGES_PER_KEY: usize = 1024;

/// No tail holds more entries than this; who lacks more reads the journal itself.
const MOST_ENTRIES_PER_TAIL: u64 = 128;

/// What a node knows of all journals, and what follows from it: the logs, how far they are final, and which offsets come next.
/// It does no input or output, and everything in it comes from entries that are in `lin-kv`.
#[derive(Debug)]
pub(crate) struct Replica {
    /// Which journal is the node's own.
    own: usize,
    journals: Vec<Journal>,
    logs: BTreeMap<String, Log>,
    committed: BTreeMap<String, u64>,
    /// What the entry that is being written has seen. While it may still get its place, the node must promise no more than that.
    undecided: Option<Progress>,
}

/// One journal, as far as the node has read it.
#[derive(Debug)]
struct Journal {
    entries: Vec<Rc<Entry>>,
    /// No entry after these holds an offset below one that is in so much of the other journals.
    promise: Progress,
    /// One more than the last slot that holds messages.
    messages_end: u64,
    /// How much of the node's own journal this one's owner has read, as it last said.
    owner_has_read: u64,
}

/// What is to be written in one entry.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) messages: Vec<(String, Box<RawValue>)>,
    pub(crate) commits: BTreeMap<String, u64>,
}

impl Replica {
    /// Knows nothing and promises nothing, until [`settle`](Self::settle) is called.
    pub(crate) fn new(own: usize, journal_count: usize) -> Self {
        let nothing = vec![0; journal_count];
        let journal =
            || Journal { entries: Vec::new(), promise: nothing.clone(), messages_end: 0, owner_has_read: 0 };
        Self {
            own,
            journals: (0..journal_count).map(|_| journal()).collect(),
            logs: BTreeMap::new(),
            committed: BTreeMap::new(),
            undecided: Some(nothing.clone()),
        }
    }

    /// How much of every journal is known.
    pub(crate) fn read(&self) -> Progress {
        self.journals.iter().map(|journal| journal.entries.len() as u64).collect()
    }

    /// How many entries of a journal are known: the slot that comes next.
    pub(crate) fn next_slot(&self, journal: usize) -> u64 {
        self.journals[journal].entries.len() as u64
    }

    pub(crate) fn entries(&self, journal: usize, slots: std::ops::Range<u64>) -> &[Rc<Entry>] {
        &self.journals[journal].entries[slots.start as usize..slots.end as usize]
    }

    /// Takes in the entry of a slot. An entry that is known, or that comes too early, changes nothing.
    pub(crate) fn apply(&mut self, journal: usize, slot: u64, entry: Entry) {
        if slot != self.next_slot(journal) {
            return;
        }
        for (position, Append(key, offset, _)) in entry.appends.iter().enumerate() {
            let log = self.logs.entry(key.clone()).or_default();
            log.insert(*offset, Place { journal, slot, position });
        }
        for (key, offset) in &entry.commits {
            let committed = self.committed.entry(key.clone()).or_default();
            *committed = (*committed).max(*offset);
        }
        let place = &mut self.journals[journal];
        if !entry.appends.is_empty() {
            place.messages_end = slot + 1;
        }
        raise(&mut place.promise, &entry.seen);
        place.entries.push(Rc::new(entry));
    }

    /// The entry that holds this content, with offsets above all that are known. Until [`settle`](Self::settle) is called, the node
    /// promises no more than this entry does.
    pub(crate) fn draft(&mut self, author: &NodeId, life: u64, content: &Content) -> Entry {
        let seen = self.read();
        self.undecided = Some(seen.clone());
        let mut entry = Entry::without_content(author.clone(), life, seen);
        let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
        for (key, message) in &content.messages {
            let end = ends.entry(key).or_insert_with(|| self.logs.get(key).map_or(0, Log::end));
            let offset = self.first_own_offset(*end);
            *end = offset + 1;
            entry.appends.push(Append(key.clone(), offset, message.clone()));
        }
        entry.commits.clone_from(&content.commits);
        entry
    }

    /// The entry that was being written has its place, or never will.
    pub(crate) fn settle(&mut self) {
        self.undecided = None;
    }

    /// Takes in another node's tail; `false` where entries before it are missing.
    pub(crate) fn learn(&mut self, author: usize, tail: JournalTail<Entry>) -> bool {
        self.journals[author].owner_has_read = tail.read.get(self.own).copied().unwrap_or(0);
        let end = tail.first + tail.entries.len() as u64;
        for (slot, entry) in (tail.first..).zip(tail.entries) {
            self.apply(author, slot, entry);
        }
        let is_complete = self.next_slot(author) >= end;
        if is_complete {
            raise(&mut self.journals[author].promise, &tail.promise);
        }
        is_complete
    }

    /// What the other nodes may lack of this node's journal, and what it promises.
    pub(crate) fn tail(&self, number: u64) -> JournalTail<&Entry> {
        let entries = &self.journals[self.own].entries;
        let end = entries.len() as u64;
        let others = self.journals.iter().enumerate().filter(|(journal, _)| *journal != self.own);
        let read_by_all = others.map(|(_, journal)| journal.owner_has_read).min().unwrap_or(end);
        let first = read_by_all.clamp(end.saturating_sub(MOST_ENTRIES_PER_TAIL), end);
        JournalTail {
            number,
            read: self.read(),
            promise: self.promise(self.own),
            first,
            entries: entries[first as usize..].iter().map(|entry| &**entry).collect(),
        }
    }

    /// What the owner of a journal has promised.
    pub(crate) fn promise(&self, journal: usize) -> Progress {
        if journal == self.own {
            self.undecided.clone().unwrap_or_else(|| self.read())
        } else {
            self.journals[journal].promise.clone()
        }
    }

    /// Whether messages wait for this journal's owner to promise that it stays behind them.
    pub(crate) fn is_awaited(&self, journal: usize) -> bool {
        let promise = &self.journals[journal].promise;
        let mut others = self.journals.iter().enumerate().filter(|(other, _)| *other != journal);
        others.any(|(other, messages)| promise[other] < messages.messages_end)
    }

    /// The journals of which the node's own has seen more than the node has read: another node has closed its past.
    pub(crate) fn journals_to_read(&self) -> Vec<usize> {
        let seen = &self.journals[self.own].promise;
        (0..self.journals.len())
            .filter(|journal| *journal != self.own && seen[*journal] > self.next_slot(*journal))
            .collect()
    }

    /// The final messages of a key from an offset on.
    pub(crate) fn poll(&mut self, key: &str, first: u64) -> Vec<(u64, Box<RawValue>)> {
        let stable: Progress = (0..self.journals.len()).map(|journal| self.stable_end(journal)).collect();
        let Some(log) = self.logs.get_mut(key) else { return Vec::new() };
        let places = log.final_from(first, |place| place.slot < stable[place.journal]);
        let message = |place: Place| {
            let entry = &self.journals[place.journal].entries[place.slot as usize];
            entry.appends[place.position].2.clone()
        };
        places.take(MOST_MESSAGES_PER_KEY).map(|(offset, place)| (offset, message(place))).collect()
    }

    /// The highest offset of a key that was committed.
    pub(crate) fn committed(&self, key: &str) -> Option<u64> {
        self.committed.get(key).copied()
    }

    /// Up to which slot all others have promised to stay behind the messages of this journal.
    fn stable_end(&self, journal: usize) -> u64 {
        let others = (0..self.journals.len()).filter(|other| *other != journal);
        let promised = others.map(|other| match &self.undecided {
            Some(undecided) if other == self.own => undecided[journal],
            None if other == self.own => self.next_slot(journal),
            _ => self.journals[other].promise[journal],
        });
        promised.min().unwrap_or(u64::MAX)
    }

    /// The first offset from `end` on that is the node's to give: every node has a residue of its own.
    fn first_own_offset(&self, end: u64) -> u64 {
        let count = self.journals.len() as u64;
        end + (self.own as u64 + count - end % count) % count
    }
}

/// Raises each number to the other, where that is higher.
fn raise(progress: &mut Progress, other: &Progress) {
    for (here, there) in progress.iter_mut().zip(other) {
        *here = (*here).max(*there);
    }
}

#[cfg(test)]
mod tests;
