//! The logs, as far as sends and polls tell: which messages stand at which offsets of a key.
//!
//! Offsets are followed by a sort of those that were seen, so that it does not matter how large they are or how far apart.

use std::ops::Range;

use super::ledger::{Entry, Ledger, Message};
use crate::OperationKind;
use crate::txn::KeyId;

/// A place that a message does not have.
const NOWHERE: u32 = u32::MAX;

/// An offset of a key at which some message was seen. Slots are numbered by key, and within a key by offset, without gaps.
#[derive(Clone, Copy, Debug)]
struct Slot {
    offset: i64,
    /// Where its messages begin; they end where those of the next slot begin.
    first: u32,
}

/// The logs of all keys.
pub(super) struct Logs {
    slots: Vec<Slot>,
    /// The messages by slot, those of a slot in the order in which they were first heard of.
    messages: Vec<Message>,
    /// The first slot of each key, and the end.
    first_slots: Vec<u32>,
    /// For each message, where it stands in the order of its key. A message that shares all its slots with earlier ones has
    /// no place.
    order: Vec<u32>,
    /// For each message, the first and the last slot that it was seen at.
    first_seen: Vec<u32>,
    last_seen: Vec<u32>,
}

impl Logs {
    /// Takes in all polls, and those sends that must have happened: acknowledged ones, and unknown ones of which some message
    /// was polled. Linear in what was sent and polled, but for the sort of the messages.
    pub(super) fn new(ledger: &Ledger, is_read: &[bool]) -> Self {
        let mut places = Places { single: vec![None; ledger.message_count()], others: Vec::new() };
        for (_, entry) in ledger.entries() {
            let has_happened = entry.is_ok() || has_proof(ledger, entry, is_read);
            if has_happened {
                ledger.sends(entry).for_each(|(message, offset)| places.add(message, offset));
            }
            ledger.polled(entry).for_each(|polled| places.add(polled.message, polled.offset));
        }
        let mut seen: Vec<(KeyId, i64, Message)> = Vec::with_capacity(places.single.len());
        let single = places.single.iter().enumerate();
        let single = single.filter_map(|(message, offset)| Some((message as Message, (*offset)?)));
        seen.extend(
            single
                .chain(places.others)
                .map(|(message, offset)| (ledger.names.key_of(message), offset, message)),
        );
        seen.sort_unstable();
        seen.dedup();
        Self::of_sorted(&seen, ledger.key_count(), ledger.message_count())
    }

    fn of_sorted(seen: &[(KeyId, i64, Message)], key_count: usize, message_count: usize) -> Self {
        let mut logs = Self {
            slots: Vec::new(),
            messages: Vec::with_capacity(seen.len()),
            first_slots: vec![0; key_count + 1],
            order: vec![NOWHERE; message_count],
            first_seen: vec![NOWHERE; message_count],
            last_seen: vec![NOWHERE; message_count],
        };
        let mut last = None;
        for &(key, offset, message) in seen {
            if last != Some((key, offset)) {
                logs.order[message as usize] = logs.slots.len() as u32;
                logs.slots.push(Slot { offset, first: logs.messages.len() as u32 });
                logs.first_slots[key as usize + 1] += 1;
                last = Some((key, offset));
            }
            let slot = logs.slots.len() as u32 - 1;
            let first = &mut logs.first_seen[message as usize];
            *first = (*first).min(slot);
            logs.last_seen[message as usize] = slot;
            logs.messages.push(message);
        }
        for key in 0..key_count {
            logs.first_slots[key + 1] += logs.first_slots[key];
        }
        logs
    }

    /// The slots of a key.
    pub(super) fn slots_of(&self, key: KeyId) -> Range<u32> {
        self.first_slots[key as usize]..self.first_slots[key as usize + 1]
    }

    /// The place of a slot in its key's log, from 0, not counting offsets at which nothing was seen.
    pub(super) fn index(&self, key: KeyId, slot: u32) -> u32 {
        slot - self.first_slots[key as usize]
    }

    pub(super) fn offset(&self, slot: u32) -> i64 {
        self.slots[slot as usize].offset
    }

    /// The messages that were seen at a slot. In a log, that is one.
    pub(super) fn messages(&self, slot: u32) -> &[Message] {
        let end = self.slots.get(slot as usize + 1).map_or(self.messages.len(), |next| next.first as usize);
        &self.messages[self.slots[slot as usize].first as usize..end]
    }

    /// Where a message stands in the order of its key. Of several messages at one offset the first that was heard of
    /// counts; a message at several offsets stands at the last.
    pub(super) fn place(&self, message: Message) -> Option<u32> {
        known(self.order[message as usize])
    }

    /// The message before it in the order of its key.
    pub(super) fn previous(&self, key: KeyId, message: Message) -> Option<Message> {
        let place = self.place(message)?;
        (place > self.first_slots[key as usize]).then(|| self.messages(place - 1)[0])
    }

    /// The first slot that a message was seen at.
    pub(super) fn first_seen(&self, message: Message) -> Option<u32> {
        known(self.first_seen[message as usize])
    }

    /// The last slot that a message was seen at.
    pub(super) fn last_seen(&self, message: Message) -> Option<u32> {
        known(self.last_seen[message as usize])
    }

    pub(super) fn slot_count(&self) -> u32 {
        self.slots.len() as u32
    }
}

fn known(slot: u32) -> Option<u32> {
    (slot != NOWHERE).then_some(slot)
}

/// Whether an operation of unknown outcome is proved to have happened, since some poll that succeeded has one of its messages.
pub(super) fn has_proof(ledger: &Ledger, entry: &Entry, is_read: &[bool]) -> bool {
    entry.kind == OperationKind::Info && ledger.sends(entry).any(|(message, _)| is_read[message as usize])
}

/// The offsets of messages. Nearly every message has one, which costs no search.
struct Places {
    single: Vec<Option<i64>>,
    others: Vec<(Message, i64)>,
}

impl Places {
    fn add(&mut self, message: Message, offset: Option<i64>) {
        let Some(offset) = offset else { return };
        let single = self.single[message as usize].get_or_insert(offset);
        if *single != offset {
            self.others.push((message, offset));
        }
    }
}
