//! Histories: operations in their order, read from files, paired with their ends.

use std::io::BufReader;
use std::path::Path;

use rustc_hash::FxHashMap;

use crate::formats::{Format, Reader};
use crate::{HistoryError, Operation, Process};

/// The entries of a run, in the order in which they happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    operations: Vec<Operation>,
}

impl History {
    /// A history of these entries, in the order of the events. Their indices are what findings name, and have to
    /// increase; entries that were never numbered, and so all have the index 0, are numbered here.
    pub fn new(mut operations: Vec<Operation>) -> Self {
        if operations.iter().all(|operation| operation.index == 0) {
            operations.iter_mut().zip(0..).for_each(|(operation, index)| operation.index = index);
        }
        Self { operations }
    }

    /// Reads a file in any of the [formats](Format), such as `history.edn`. To read one without keeping it, or to see what
    /// its reader passed over, use a [`Reader`].
    ///
    /// # Errors
    /// The file cannot be read, or an entry is not an operation. The error names the file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, HistoryError> {
        let path = path.as_ref();
        let read = || -> Result<Self, HistoryError> {
            Reader::new(BufReader::with_capacity(1 << 16, std::fs::File::open(path)?))?.collect()
        };
        read().map_err(|error| HistoryError::File { path: path.to_owned(), error: Box::new(error) })
    }

    /// Reads a history from a text in memory, which may be empty.
    ///
    /// # Errors
    /// An entry is not an operation.
    pub fn from_edn(text: &str) -> Result<Self, HistoryError> {
        Reader::with_format(text.as_bytes(), Format::Edn).collect()
    }

    /// The entries, in order.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }
}

impl FromIterator<Operation> for History {
    fn from_iter<I: IntoIterator<Item = Operation>>(operations: I) -> Self {
        Self::new(operations.into_iter().collect())
    }
}

/// Finds the beginning of an operation when its end is observed, whatever the checker wants to remember of it.
///
/// Memory is bounded by the number of processes, however long the history: a beginning is forgotten when its end
/// has come.
///
/// ```
/// use glomers_check::{Pairing, Process};
/// let mut pairing = Pairing::new();
/// pairing.begin(Process::Client(4), "what it asked for");
/// assert_eq!(pairing.end(Process::Client(4)), Some("what it asked for"));
/// assert_eq!(pairing.end(Process::Client(4)), None);
/// ```
#[derive(Clone, Debug)]
pub struct Pairing<T> {
    open: FxHashMap<Process, T>,
}

impl<T> Pairing<T> {
    /// A pairing in which no operation has begun.
    pub fn new() -> Self {
        Self { open: FxHashMap::default() }
    }

    /// An operation of this process begins. If the process had one open, which no client does, that one is
    /// returned.
    pub fn begin(&mut self, process: Process, beginning: T) -> Option<T> {
        self.open.insert(process, beginning)
    }

    /// The operation of this process ends; what was remembered at its beginning is returned.
    pub fn end(&mut self, process: Process) -> Option<T> {
        self.open.remove(&process)
    }

    /// What has begun and not ended, in the order of processes.
    pub fn into_open(self) -> Vec<(Process, T)> {
        let mut open: Vec<(Process, T)> = self.open.into_iter().collect();
        open.sort_unstable_by_key(|(process, _)| *process);
        open
    }
}

impl<T> Default for Pairing<T> {
    fn default() -> Self {
        Self::new()
    }
}
