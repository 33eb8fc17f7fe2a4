//! What is kept of a run: the journal, protocol violations and notes, and whoever watches the messages.

use std::borrow::Cow;

use glomers_node::Time;

use crate::journal::{JournalWriter, Name, WireEntry};
use crate::message_event::{MessageEnd, MessageEvent, Watcher};
use crate::network::{Addressee, DropReason, Endpoint, Message, Trace};
use crate::note::{Note, NoteKind};
use crate::violation::{ProtocolViolation, ProtocolViolations, ViolationKind};

pub(crate) struct Records {
    pub(crate) journal: JournalWriter,
    pub(crate) violations: ProtocolViolations,
    pub(crate) notes: Vec<Note>,
    pub(crate) watchers: Vec<Watcher>,
    /// How much may be under way to one host, for the violation that says so.
    pub(crate) in_flight_limit_bytes: usize,
}

impl Records {
    /// Journals something that happened to a host, and returns the entry's number.
    pub(crate) fn host_entry<'a>(
        &mut self,
        now: Time,
        host: &'a Endpoint,
        entry: impl FnOnce(Name<'a>) -> WireEntry<'a>,
    ) -> u64 {
        let name = self.journal.host_name(host.host.0, host.id.as_str());
        self.journal.append(now, entry(name))
    }

    /// Counts a violation, and keeps and journals it if it is among the first of its node.
    pub(crate) fn violation(
        &mut self,
        now: Time,
        host: &Endpoint,
        violation: impl FnOnce() -> ProtocolViolation,
    ) {
        if !self.violations.count(&host.id) {
            return;
        }
        let violation = self.violations.keep(violation());
        tracing::warn!("{violation}");
        let text = violation.to_string();
        self.host_entry(now, host, |host| WireEntry::ProtocolViolation { host, text: &text });
    }

    /// Keeps and journals a note, unless its node has one of that kind. What virtual time can't answer for is a kind each.
    pub(crate) fn note(&mut self, now: Time, host: &Endpoint, kind: NoteKind) {
        let is_like = |note: &Note| match (&note.kind, &kind) {
            (NoteKind::Lockstep { notice: known }, NoteKind::Lockstep { notice }) => known == notice,
            (known, kind) => std::mem::discriminant(known) == std::mem::discriminant(kind),
        };
        if self.notes.iter().any(|note| note.node == host.id && is_like(note)) {
            return;
        }
        let note = Note { node: host.id.clone(), kind };
        tracing::info!("{note}");
        let text = note.to_string();
        self.notes.push(note);
        self.host_entry(now, host, |host| WireEntry::Note { host, text: &text });
    }

    fn show(&mut self, end: MessageEnd, time: Time, message: &Message<'_>) {
        if self.watchers.is_empty() {
            return;
        }
        let Message { number, src, claimed_src, dest, body } = *message;
        // Nobody waits for a message to nobody; the violation names it.
        let Addressee::Host(dest) = dest else { return };
        let (src, dest) = (&src.id, &dest.id);
        for Watcher(watcher) in &mut self.watchers {
            watcher(&MessageEvent { end, time, message: number, src, claimed_src, dest, body });
        }
    }
}

impl Trace for Records {
    fn sent(&mut self, now: Time, message: &Message<'_>) {
        let Message { number, src, claimed_src, dest, body } = *message;
        let src_name = self.journal.host_name(src.host.0, src.id.as_str());
        let dest_name = match dest {
            Addressee::Host(dest) => self.journal.host_name(dest.host.0, dest.id.as_str()),
            Addressee::Unknown(name) => self.journal.foreign_name(name),
        };
        let entry = match claimed_src {
            None => WireEntry::Sent { message: number, src: src_name, dest: dest_name, body },
            Some(claimed_src) => {
                WireEntry::SentAs { message: number, src: src_name, claimed_src, dest: dest_name, body }
            }
        };
        self.journal.append(now, entry);
        if let Some(claimed_src) = claimed_src {
            self.note(now, src, NoteKind::foreign_source(claimed_src));
        }
        self.show(MessageEnd::Sent, now, message);
    }

    fn delivered(&mut self, now: Time, message: &Message<'_>) {
        self.journal.append(now, WireEntry::Delivered { message: message.number });
        self.show(MessageEnd::Delivered, now, message);
    }

    fn dropped(&mut self, now: Time, number: u64, reason: &DropReason) {
        self.journal.append(now, WireEntry::Dropped { message: number, reason: Cow::Borrowed(reason) });
    }

    fn overflowed(&mut self, now: Time, src: &Endpoint, dest: &Endpoint) {
        let (dest, limit_bytes) = (dest.id.to_string(), self.in_flight_limit_bytes);
        self.violation(now, src, || {
            ProtocolViolation::new(src.id.clone(), ViolationKind::NetworkOverflow { dest, limit_bytes })
        });
    }
}
