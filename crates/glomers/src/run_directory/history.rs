//! The history as text, written during the run.
//!
//! A thread follows the journal as it grows, writes `history.edn` and `history.txt`, and collects what the timeline and the diagram of
//! messages show. So a run ends without a pause for them, however long it was. Both files stop at a number of entries, since a run at
//! full speed writes a gigabyte a minute; the journal has all of them.

use std::{
    cell::Cell,
    fs::File,
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
    rc::Rc,
    sync::mpsc::{self, RecvTimeoutError},
    thread::{self, JoinHandle},
    time::Duration,
};

use glomers_check::Operation;
use glomers_workbench::run::operation_record::{self, RecordError};
use glomers_world::journal::{Entry, JournalReader};

use super::{RunDirectory, StoreError, files};
use crate::{
    clock::Stopwatch,
    report::{messages::Messages, timeline::Timeline},
};

/// How many entries the history files hold unless `--history-limit` says otherwise.
pub const DEFAULT_LIMIT: u64 = 1_000_000;

/// How often new records of the journal are read.
const POLL: Duration = Duration::from_millis(100);
/// How much is written to a file at once, in bytes.
const WRITE_BYTES: usize = 256 << 10;
/// After working for some time the thread rests for this many times as long, to leave the processor to the run.
const REST_FACTOR: u32 = 3;
/// How many records are read between two rests.
const RECORDS_PER_TURN: usize = 4096;

/// Why the history can't be written.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// A file can't be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal can't be read back.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// What was collected from the journal of a run.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) timeline: Timeline,
    pub(crate) messages: Messages,
}

/// The thread that follows the journal.
#[derive(Debug)]
pub(crate) struct HistoryFollower {
    thread: JoinHandle<Result<Collected, HistoryError>>,
    /// Dropped when the journal is complete.
    end: mpsc::Sender<()>,
}

impl HistoryFollower {
    /// Begins to follow the journal of a run, which exists already.
    pub(crate) fn start(directory: &RunDirectory, limit: u64) -> Self {
        let (end, is_complete) = mpsc::channel();
        let directory = directory.clone();
        let thread = thread::spawn(move || follow(&directory, limit, is_complete));
        Self { thread, end }
    }

    /// Reads the rest of the complete journal, and moves the files to their final names.
    pub(crate) fn finish(self) -> Result<Collected, HistoryError> {
        drop(self.end);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn follow(
    directory: &RunDirectory,
    limit: u64,
    is_complete: mpsc::Receiver<()>,
) -> Result<Collected, HistoryError> {
    let path = directory.file(files::JOURNAL);
    let file = File::open(&path).map_err(|error| StoreError::new("open", &path, error))?;
    let end = Rc::new(End { is_complete, has_come: Cell::new(false) });
    let mut records = JournalReader::new(GrowingFile { file, end: Rc::clone(&end) });
    let mut collected = Collected { timeline: Timeline::new(), messages: Messages::new() };
    directory.replace(files::HISTORY_EDN, |edn| {
        directory.replace(files::HISTORY_TEXT, |text| {
            let mut history = HistoryFiles::create(edn, text, limit)?;
            let mut is_at_end = false;
            while !is_at_end && !history.is_full() {
                let turn = Stopwatch::start();
                for _ in 0..RECORDS_PER_TURN {
                    let Some(record) = records.next() else {
                        is_at_end = true;
                        break;
                    };
                    let record = record.map_err(RecordError::from)?;
                    collected.messages.observe_record(&record);
                    if let Entry::UserRecord(bytes) = &record.entry {
                        let operation = operation_record::decode(record.sequence, bytes)?;
                        collected.timeline.observe(&operation);
                        history.write(&operation)?;
                    }
                }
                if !is_at_end {
                    end.wait(turn.elapsed() * REST_FACTOR);
                }
            }
            history.finish()
        })
    })?;
    Ok(collected)
}

/// Signals that the journal is complete.
struct End {
    is_complete: mpsc::Receiver<()>,
    has_come: Cell<bool>,
}

impl End {
    /// Waits for some time, or until the journal is complete.
    fn wait(&self, pause: Duration) {
        if !self.has_come.get() {
            self.has_come.set(self.is_complete.recv_timeout(pause) != Err(RecvTimeoutError::Timeout));
        }
    }
}

/// A file that is still being written: it ends only once it is complete.
struct GrowingFile {
    file: File,
    end: Rc<End>,
}

impl Read for GrowingFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            // What was written before the end is read after it.
            let is_complete = self.end.has_come.get();
            let count = self.file.read(buffer)?;
            if count > 0 || is_complete || buffer.is_empty() {
                return Ok(count);
            }
            self.end.wait(POLL);
        }
    }
}

/// `history.edn` and `history.txt`, written side by side.
struct HistoryFiles {
    edn: BufWriter<File>,
    text: BufWriter<File>,
    path: PathBuf,
    count: u64,
    limit: u64,
}

impl HistoryFiles {
    fn create(edn: &Path, text: &Path, limit: u64) -> Result<Self, StoreError> {
        let create = |path: &Path| {
            File::create(path)
                .map(|file| BufWriter::with_capacity(WRITE_BYTES, file))
                .map_err(|error| StoreError::new("create", path, error))
        };
        Ok(Self { edn: create(edn)?, text: create(text)?, path: edn.to_owned(), count: 0, limit })
    }

    fn is_full(&self) -> bool {
        self.count > self.limit
    }

    fn write(&mut self, operation: &Operation) -> Result<(), StoreError> {
        self.count += 1;
        let written = match self.count {
            count if count <= self.limit => writeln!(self.edn, "{operation}")
                .and_then(|()| writeln!(self.text, "{}", operation.to_text_line())),
            count if count == self.limit + 1 => {
                let note = format!(
                    "; {} entries are written here. The journal has all: `glomers check` reads it, and --history-limit raises the limit.",
                    self.limit
                );
                writeln!(self.edn, "{note}").and_then(|()| writeln!(self.text, "{note}"))
            }
            _ => Ok(()),
        };
        written.map_err(|error| StoreError::new("write", &self.path, error))
    }

    fn finish(mut self) -> Result<(), HistoryError> {
        let flushed = self.edn.flush().and_then(|()| self.text.flush());
        Ok(flushed.map_err(|error| StoreError::new("write", &self.path, error))?)
    }
}
