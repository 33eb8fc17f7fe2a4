//! What is kept of a run: the journal, the protocol violations, and whoever watches the messages.

use std::borrow::Cow;

use glomers_node::Time;

use crate::journal::{JournalWriter, Name, WireEntry};
use crate::message_event::{MessageEnd, MessageEvent, Watcher};
use crate::network::{Addressee, DropReason, Endpoint, Message, Trace};
use crate::violation::{ProtocolViolation, ProtocolViolations, ViolationKind};

pub(crate) struct Records {
    pub(crate) journal: JournalWriter,
    pub(crate) violations: ProtocolViolations,
    pub(crate) watcher: Option<Watcher>,
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

    fn show(&mut self, end: MessageEnd, time: Time, message: &Message<'_>) {
        let Some(Watcher(watcher)) = &mut self.watcher else { return };
        let Message { number, src, dest, body } = *message;
        watcher(&MessageEvent { end, time, message: number, src: &src.id, dest: &dest.id, body });
    }
}

impl Trace for Records {
    fn sent(&mut self, now: Time, number: u64, src: &Endpoint, dest: Addressee<'_>, body: &str) {
        let src_name = self.journal.host_name(src.host.0, src.id.as_str());
        let dest_name = match dest {
            Addressee::Host(dest) => self.journal.host_name(dest.host.0, dest.id.as_str()),
            Addressee::Unknown(name) => self.journal.foreign_name(name),
        };
        self.journal.append(now, WireEntry::Sent { message: number, src: src_name, dest: dest_name, body });
        if let Addressee::Host(dest) = dest {
            self.show(MessageEnd::Sent, now, &Message { number, src, dest, body });
        }
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
