//! What the whole history says of each message: who sent it, who polled it, and where it stands.

use super::ledger::{EntryId, Ledger, Message};
use super::logs::{Logs, has_proof};
use crate::OperationKind;
use crate::moment::Moment;

/// No operation.
const NOBODY: EntryId = EntryId::MAX;

/// What the anomalies are looked for in.
pub(super) struct Evidence {
    pub(super) ledger: Ledger,
    pub(super) logs: Logs,
    /// For each message, the last operation that sent it, and the first that polled it.
    writer: Vec<EntryId>,
    reader: Vec<EntryId>,
    /// Whether an operation that succeeded polled it, and whether one that succeeded or failed sent it.
    pub(super) is_read: Vec<bool>,
    pub(super) is_acknowledged: Vec<bool>,
    pub(super) is_refused: Vec<bool>,
}

impl Evidence {
    /// Linear in what was sent and polled, but for the sort of the messages.
    pub(super) fn new(ledger: Ledger) -> Self {
        let count = ledger.message_count();
        let (mut writer, mut reader) = (vec![NOBODY; count], vec![NOBODY; count]);
        let [mut is_read, mut is_acknowledged, mut is_refused] = [(); 3].map(|()| vec![false; count]);
        for (id, entry) in ledger.entries() {
            for (message, _) in ledger.sends(entry) {
                writer[message as usize] = id;
                is_acknowledged[message as usize] |= entry.is_ok();
                is_refused[message as usize] |= entry.kind == OperationKind::Fail;
            }
            for polled in ledger.polled(entry) {
                let message = polled.message as usize;
                reader[message] = reader[message].min(id);
                is_read[message] |= entry.is_ok();
            }
        }
        let logs = Logs::new(&ledger, &is_read);
        Self { ledger, logs, writer, reader, is_read, is_acknowledged, is_refused }
    }

    pub(super) fn writer(&self, message: Message) -> Option<EntryId> {
        known(self.writer[message as usize])
    }

    pub(super) fn reader(&self, message: Message) -> Option<EntryId> {
        known(self.reader[message as usize])
    }

    /// Whether an operation that sent something must have happened.
    pub(super) fn has_happened(&self, id: EntryId) -> bool {
        let entry = self.ledger.entry(id);
        entry.is_ok() || has_proof(&self.ledger, entry, &self.is_read)
    }

    /// The end of an operation.
    pub(super) fn moment(&self, id: EntryId) -> Moment {
        self.ledger.entry(id).ended
    }
}

fn known(id: EntryId) -> Option<EntryId> {
    (id != NOBODY).then_some(id)
}
