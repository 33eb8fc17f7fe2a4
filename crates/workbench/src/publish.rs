//! The reports of a run, read back from its journal: the history as text, the diagrams, the plots.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
};

use glomers_check::Operation;
use glomers_world::journal::{Entry, JournalReader};

use crate::{
    plan::Plan,
    record::{self, RecordError},
    report::{
        ReportError,
        messages::Messages,
        perf::Perf,
        plots::write_plots,
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

/// Writes every report of a run into its directory.
///
/// The plots are drawn on one core while the journal is read on another. Memory does not grow with the run.
///
/// # Errors
/// [`PublishError`], for the first that can't be made.
pub(crate) fn write_reports(directory: &RunDirectory, perf: &Perf, plan: &Plan) -> Result<(), PublishError> {
    let title = format!("{}, seed {}", plan.workload, plan.seed);
    std::thread::scope(|scope| {
        let plots = scope.spawn(|| write_plots(perf, &title, directory.path()));
        write_history(directory, &title)?;
        let drawn = plots.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok(drawn?)
    })
}

/// One pass over the journal, for all that follows it.
fn write_history(directory: &RunDirectory, title: &str) -> Result<(), PublishError> {
    let path = directory.file(files::JOURNAL);
    let journal = JournalReader::open(&path).map_err(|error| StoreError::new("open", &path, error))?;
    let mut history = HistoryFiles::create(directory)?;
    let mut timeline = Timeline::new();
    let mut messages = Messages::new();
    for record in journal {
        let record = record.map_err(RecordError::from)?;
        messages.observe_record(&record);
        if let Entry::Note(bytes) = &record.entry {
            let operation = record::decode(record.sequence, bytes)?;
            timeline.observe(&operation);
            history.write(&operation)?;
        }
    }
    history.finish()?;
    timeline.write(title, &directory.file(files::TIMELINE))?;
    messages.write(title, &directory.file(files::MESSAGES))?;
    Ok(())
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
            File::create(&path).map(BufWriter::new).map_err(|error| StoreError::new("create", path, error))
        };
        Ok(Self { directory, edn: create(files::HISTORY_EDN)?, text: create(files::HISTORY_TEXT)? })
    }

    fn write(&mut self, operation: &Operation) -> Result<(), StoreError> {
        let written = writeln!(self.edn, "{operation}").and_then(|()| writeln!(self.text, "{}", operation.to_text_line()));
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
