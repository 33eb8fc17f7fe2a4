//! The journal: every message's fate, and all else that happened, in one order.
//!
//! - `record`: [`Record`] and [`Entry`], what a reader sees.
//! - `wire`: how a record is encoded.
//! - `frame`: the container, which survives a killed run.
//! - `packing`: compression, where the feature `zstd` is set.
//! - `writer`: numbers and encodes records.
//! - `recorder`: the thread that packs and writes.
//! - `reader`: [`JournalReader`].

mod frame;
mod packing;
mod reader;
mod record;
mod recorder;
mod wire;
mod writer;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;

pub use reader::{JournalReadError, JournalReader};
pub use record::{Entry, Record};
pub use recorder::JournalError;
use recorder::Recorder;
pub(crate) use wire::{Name, WireEntry};
pub(crate) use writer::JournalWriter;

/// Where a world records what happens.
pub struct Journal {
    sink: Sink,
}

pub(crate) enum Sink {
    File(Recorder),
    Memory(Vec<u8>),
    Nowhere,
}

impl Journal {
    /// Records into a file, which is replaced. A thread packs (with the feature `zstd`) and writes; a run on a slow disk waits for it rather than grow.
    ///
    /// # Errors
    /// Where the file cannot be created. Later errors come from [`World::turn`](crate::World::turn).
    pub fn to_file(path: &Path) -> Result<Self, JournalError> {
        Ok(Self { sink: Sink::File(Recorder::start(path.to_owned())?) })
    }

    /// Records into memory, unpacked: for short simulated runs. [`World::finish`](crate::World::finish) returns the bytes.
    pub fn in_memory() -> Self {
        Self { sink: Sink::Memory(Vec::new()) }
    }

    /// Records nothing but the trace hash: for sweeps over many seeds.
    pub fn hash_only() -> Self {
        Self { sink: Sink::Nowhere }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.sink {
            Sink::File(_) => "Journal::to_file",
            Sink::Memory(_) => "Journal::in_memory",
            Sink::Nowhere => "Journal::hash_only",
        })
    }
}
