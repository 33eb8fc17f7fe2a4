//! How operations are recorded in the journal: among the messages, in the one order of the run.

use glomers_check::Operation;
use glomers_world::journal::{Entry, JournalReadError, JournalReader};

/// Appends an operation to `out`, as the journal keeps it.
pub fn encode(operation: &Operation, out: &mut Vec<u8>) {
    let written = postcard::to_extend(operation, std::mem::take(out));
    *out = written.expect("an operation has no part that postcard can't write");
}

/// Reads what [`encode`] wrote, for the journal's entry of this number.
///
/// # Errors
/// When another version has written it.
pub fn decode(sequence: u64, bytes: &[u8]) -> Result<Operation, RecordError> {
    postcard::from_bytes(bytes).map_err(|source| RecordError::Operation { sequence, source })
}

/// Reads the operations of a journal one after the other.
pub fn operations<R: std::io::Read>(journal: JournalReader<R>) -> Operations<R> {
    Operations { journal }
}

/// The operations of a journal, in their order.
pub struct Operations<R> {
    journal: JournalReader<R>,
}

/// Why the operations of a journal can't be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The journal itself is damaged from here on, as after a crash.
    #[error(transparent)]
    Journal(#[from] JournalReadError),
    /// An entry is no operation: another version has written it.
    #[error("entry {sequence} of the journal is no operation of this version: {source}")]
    Operation {
        /// Its number in the journal.
        sequence: u64,
        /// What postcard makes of it.
        source: postcard::Error,
    },
}

impl<R: std::io::Read> Iterator for Operations<R> {
    type Item = Result<Operation, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let record = match self.journal.next()? {
                Ok(record) => record,
                Err(error) => return Some(Err(error.into())),
            };
            if let Entry::UserRecord(bytes) = &record.entry {
                return Some(decode(record.sequence, bytes));
            }
        }
    }
}
