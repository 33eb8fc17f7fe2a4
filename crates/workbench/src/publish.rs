//! The reports of a run, read back from its journal: the history as text, the diagrams, the plots.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    sync::mpsc,
    thread,
};

use glomers_check::{Operation, Value};
use glomers_world::journal::{Entry, JournalReader};

use crate::{
    plan::Plan,
    record::{self, RecordError},
    report::{
        ReportError, cycles::write_cycles, messages::Messages, perf::Perf, plots::write_plots,
        timeline::Timeline,
    },
    store::{RunDirectory, StoreError, files},
};

/// Why a report can't be made.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A file can't be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A drawing can't be made or written.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The journal can't be read back.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// How many operations go from the thread that reads to the one that writes at a time, and how many such batches may wait.
const BATCH_OPERATIONS: usize = 1024;
const WAITING_BATCHES: usize = 8;
/// How much is written to a history file at once.
const WRITE_BYTES: usize = 256 << 10;

/// Writes every report of a run into its directory.
///
/// The plots are drawn beside the rest, and the journal is read on one thread while the history is written on another. Memory does not
/// grow with the run.
///
/// # Errors
/// [`PublishError`], for the first that can't be made.
pub(crate) fn write_reports(
    directory: &RunDirectory,
    perf: &Perf,
    results: &Value,
    plan: &Plan,
) -> Result<(), PublishError> {
    write_cycles(results, directory.path())?;
    let title = format!("{}, seed {}", plan.workload, plan.seed);
    thread::scope(|scope| {
        let plots = scope.spawn(|| write_plots(perf, &title, directory.path()));
        let (batches, waiting) = mpsc::sync_channel(WAITING_BATCHES);
        let history = scope.spawn(move || write_history(directory, waiting));
        let read = read_journal(directory, &title, &batches);
        drop(batches);
        // A history that can't be written is also why its batches were refused, so it is told first.
        join(history)?;
        read?;
        Ok(join(plots)?)
    })
}

fn join<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// One pass over the journal: draws the diagrams, and hands the operations on.
fn read_journal(
    directory: &RunDirectory,
    title: &str,
    batches: &mpsc::SyncSender<Vec<Operation>>,
) -> Result<(), PublishError> {
    let path = directory.file(files::JOURNAL);
    let journal = JournalReader::open(&path).map_err(|error| StoreError::new("open", &path, error))?;
    let mut timeline = Timeline::new();
    let mut messages = Messages::new();
    let mut batch = Vec::with_capacity(BATCH_OPERATIONS);
    for record in journal {
        let record = record.map_err(RecordError::from)?;
        messages.observe_record(&record);
        if let Entry::UserRecord(bytes) = &record.entry {
            let operation = record::decode(record.sequence, bytes)?;
            timeline.observe(&operation);
            batch.push(operation);
        }
        if batch.len() == BATCH_OPERATIONS {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH_OPERATIONS));
            if batches.send(full).is_err() {
                return Ok(());
            }
        }
    }
    // Refused only by a writer that has failed, and says so itself.
    let _ = batches.send(batch);
    timeline.write(title, &directory.file(files::TIMELINE))?;
    messages.write(title, &directory.file(files::MESSAGES))?;
    Ok(())
}

fn write_history(
    directory: &RunDirectory,
    batches: mpsc::Receiver<Vec<Operation>>,
) -> Result<(), StoreError> {
    let mut history = HistoryFiles::create(directory)?;
    for operation in batches.into_iter().flatten() {
        history.write(&operation)?;
    }
    history.finish()
}

/// `history.edn` and `history.txt`, written side by side.
struct HistoryFiles<'a> {
    directory: &'a RunDirectory,
    edn: BufWriter<File>,
    text: BufWriter<File>,
}

impl<'a> HistoryFiles<'a> {
    fn create(directory: &'a RunDirectory) -> Result<Self, StoreError> {
        let create = |name| {
            let path = directory.file(name);
            File::create(&path)
                .map(|file| BufWriter::with_capacity(WRITE_BYTES, file))
                .map_err(|error| StoreError::new("create", path, error))
        };
        Ok(Self { directory, edn: create(files::HISTORY_EDN)?, text: create(files::HISTORY_TEXT)? })
    }

    fn write(&mut self, operation: &Operation) -> Result<(), StoreError> {
        let written = writeln!(self.edn, "{operation}")
            .and_then(|()| writeln!(self.text, "{}", operation.to_text_line()));
        written.map_err(|error| self.error(error))
    }

    fn finish(mut self) -> Result<(), StoreError> {
        let flushed = self.edn.flush().and_then(|()| self.text.flush());
        flushed.map_err(|error| self.error(error))
    }

    fn error(&self, error: io::Error) -> StoreError {
        StoreError::new("write", self.directory.file(files::HISTORY_EDN), error)
    }
}
