//! The commands in their order, from the last one that was compacted away.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Membership;
use crate::store::Command;

/// One place in the order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// The term of the leader that put it there. Two logs with the same term at the same index are equal up to it.
    pub term: u64,
    /// What is there.
    pub payload: Payload,
}

/// What an entry is for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// The first entry of a leader: when it is committed, so is all that came before it.
    LeaderBegins,
    /// From this entry on, committed or not, these are the members.
    Members(Membership),
    /// A change to the store.
    Command(Command),
}

/// An entry's place and term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// From 1; 0 is the place before the first entry.
    pub index: u64,
    /// The entry's term; 0 before the first.
    pub term: u64,
}

/// Entries do not fit behind this log: it lacks the one before them, or has another in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogMismatch {
    /// The last index up to which the two logs may agree.
    pub try_after: u64,
}

/// The log, whose beginning may have been compacted away.
#[derive(Debug, Default)]
pub struct Log {
    /// The last entry that is no longer here.
    base: Position,
    base_members: Membership,
    entries: VecDeque<Entry>,
    /// Where the members change among the entries.
    changes: Vec<(u64, Membership)>,
}

impl Position {
    /// The place before the first entry.
    pub const START: Self = Self { index: 0, term: 0 };
}

impl Default for Position {
    fn default() -> Self {
        Self::START
    }
}

impl Log {
    /// A log whose beginning is a snapshot: `members` is who takes part behind `base`.
    pub fn after_snapshot(base: Position, members: Membership) -> Self {
        Self { base, base_members: members, ..Self::default() }
    }

    /// The last entry that has been compacted away.
    pub fn base(&self) -> Position {
        self.base
    }

    /// The last entry.
    pub fn last(&self) -> Position {
        match self.entries.back() {
            Some(entry) => Position { index: self.last_index(), term: entry.term },
            None => self.base,
        }
    }

    /// The index of the last entry.
    pub fn last_index(&self) -> u64 {
        self.base.index + self.entries.len() as u64
    }

    /// The term of an entry; `None` where it is not here, or not here any more.
    pub fn term_at(&self, index: u64) -> Option<u64> {
        if index == self.base.index { Some(self.base.term) } else { self.get(index).map(|entry| entry.term) }
    }

    /// An entry; `None` where it is not here, or not here any more.
    pub fn get(&self, index: u64) -> Option<&Entry> {
        let offset = index.checked_sub(self.base.index + 1)?;
        self.entries.get(usize::try_from(offset).ok()?)
    }

    /// Up to `limit` entries behind an index.
    pub fn behind(&self, index: u64, limit: usize) -> Vec<Entry> {
        let skipped = usize::try_from(index.saturating_sub(self.base.index)).unwrap_or(usize::MAX);
        self.entries.iter().skip(skipped).take(limit).cloned().collect()
    }

    /// Who takes part: as the last change says, committed or not.
    pub fn members(&self) -> &Membership {
        self.changes.last().map_or(&self.base_members, |(_, members)| members)
    }

    /// Where the members last changed.
    pub fn members_changed_at(&self) -> u64 {
        self.changes.last().map_or(self.base.index, |(index, _)| *index)
    }

    /// Adds an entry at the end.
    pub fn push(&mut self, entry: Entry) {
        if let Payload::Members(members) = &entry.payload {
            self.changes.push((self.last_index() + 1, members.clone()));
        }
        self.entries.push_back(entry);
    }

    /// Takes a leader's entries that follow `after`, and returns up to where the logs now agree. Entries that
    /// contradict the leader's go; those that the leader did not mention stay, since the message may be an old one.
    ///
    /// # Errors
    /// [`LogMismatch`], where the entry at `after` is another or missing.
    ///
    /// # Panics
    /// When an entry up to `committed` would have to go: two leaders would have committed different entries.
    pub fn accept(
        &mut self,
        after: Position,
        entries: Vec<Entry>,
        committed: u64,
    ) -> Result<u64, LogMismatch> {
        if after.index > self.base.index {
            match self.term_at(after.index) {
                Some(term) if term == after.term => {}
                Some(term) => {
                    let mut first = after.index;
                    while first > committed + 1 && self.term_at(first - 1) == Some(term) {
                        first -= 1;
                    }
                    return Err(LogMismatch { try_after: first - 1 });
                }
                None => return Err(LogMismatch { try_after: self.last_index() }),
            }
        }
        let mut index = after.index;
        for entry in entries {
            index += 1;
            // What was compacted away is committed, and so the same.
            if index <= self.base.index || self.term_at(index) == Some(entry.term) {
                continue;
            }
            if index <= self.last_index() {
                assert!(
                    index > committed,
                    "the committed entry {index} of term {:?} is contradicted by one of term {}",
                    self.term_at(index),
                    entry.term
                );
                self.truncate(index);
            }
            self.push(entry);
        }
        Ok(index)
    }

    /// Forgets the entries up to an index.
    ///
    /// # Panics
    /// When there is no such entry.
    pub fn compact(&mut self, up_to: u64) {
        let term = self.term_at(up_to).expect("a log is compacted up to an entry that it has");
        while self.changes.first().is_some_and(|(index, _)| *index <= up_to) {
            self.base_members = self.changes.remove(0).1;
        }
        self.entries.drain(..(up_to - self.base.index) as usize);
        self.base = Position { index: up_to, term };
    }

    /// Drops the entries from an index on.
    fn truncate(&mut self, from: u64) {
        self.entries.truncate((from - self.base.index - 1) as usize);
        self.changes.retain(|(index, _)| *index < from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::Member;

    fn entry(term: u64) -> Entry {
        Entry { term, payload: Payload::LeaderBegins }
    }

    fn log(terms: &[u64]) -> Log {
        let mut log = Log::default();
        terms.iter().for_each(|term| log.push(entry(*term)));
        log
    }

    fn terms(log: &Log) -> Vec<u64> {
        log.behind(0, usize::MAX).iter().map(|entry| entry.term).collect()
    }

    fn accept(log: &mut Log, after: (u64, u64), terms: &[u64]) -> Result<u64, LogMismatch> {
        let after = Position { index: after.0, term: after.1 };
        log.accept(after, terms.iter().map(|term| entry(*term)).collect(), 1)
    }

    #[test]
    fn entries_that_fit_are_taken_and_contradictions_go() {
        let mut log = log(&[1, 1, 2, 2]);
        assert_eq!(accept(&mut log, (2, 1), &[3]), Ok(3));
        assert_eq!(terms(&log), [1, 1, 3]);
        assert_eq!(accept(&mut log, (3, 3), &[3, 4]), Ok(5));
        assert_eq!(log.last(), Position { index: 5, term: 4 });
    }

    #[test]
    fn an_old_message_takes_nothing_away() {
        let mut log = log(&[1, 1, 2, 2]);
        assert_eq!(accept(&mut log, (1, 1), &[1]), Ok(2));
        assert_eq!(accept(&mut log, (0, 0), &[]), Ok(0));
        assert_eq!(terms(&log), [1, 1, 2, 2]);
    }

    #[test]
    fn a_misfit_says_where_to_try_next() {
        let mut log = log(&[1, 2, 2, 2]);
        assert_eq!(accept(&mut log, (9, 3), &[3]), Err(LogMismatch { try_after: 4 }));
        assert_eq!(accept(&mut log, (4, 3), &[3]), Err(LogMismatch { try_after: 1 }));
        assert_eq!(terms(&log), [1, 2, 2, 2]);
    }

    #[test]
    #[should_panic(expected = "the committed entry 1 of term Some(1) is contradicted by one of term 2")]
    fn a_committed_entry_is_never_dropped() {
        let _ = accept(&mut log(&[1, 1]), (0, 0), &[2]);
    }

    #[test]
    fn a_compacted_log_goes_on() {
        let mut log = log(&[1, 1, 2, 2]);
        log.compact(3);
        assert_eq!((log.base(), log.last_index()), (Position { index: 3, term: 2 }, 4));
        assert_eq!(
            (log.term_at(2), log.term_at(3), log.term_at(4), log.term_at(5)),
            (None, Some(2), Some(2), None)
        );
        assert_eq!(accept(&mut log, (1, 1), &[1, 2, 2, 3]), Ok(5));
        assert_eq!(log.behind(3, 9).len(), 2);
        log.compact(5);
        assert_eq!(log.last(), Position { index: 5, term: 3 });
    }

    #[test]
    fn the_members_are_those_of_the_last_change() {
        let members = |count: u64| -> Membership {
            (0..count).map(|number| Member { name: format!("n{number}").into(), incarnation: 0 }).collect()
        };
        let mut log = log(&[1]);
        for count in [3, 2, 4] {
            log.push(Entry { term: 1, payload: Payload::Members(members(count)) });
        }
        assert_eq!((log.members(), log.members_changed_at()), (&members(4), 4));
        accept(&mut log, (3, 1), &[2]).unwrap();
        assert_eq!((log.members(), log.members_changed_at()), (&members(2), 3));
        log.compact(4);
        assert_eq!((log.members(), log.members_changed_at()), (&members(2), 4));
    }
}
