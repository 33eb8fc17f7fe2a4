//! Where a history comes from: a file, standard input, or the directory of a run.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use glomers_check::{
    AvailabilityGoal, Operation, RunOptions, Value, edn,
    formats::{
        Format, Reader,
        otlp::{self, Mapping},
    },
    txn::Model,
};
use glomers_workbench::{run::operation_record, workloads};
use glomers_world::journal::JournalReader;

use super::Watch;
use crate::run_directory::{files, manifest::RunFile};

/// The operations of a history as they are read; after an error nothing more is.
pub(super) type Operations = Box<dyn Iterator<Item = Result<Operation, String>>>;

/// A history that is about to be read, and what its directory says about it.
pub struct Source {
    pub(super) operations: Operations,
    pub(super) told: Told,
}

/// What is known about a history without its operations.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The workload, and who says so.
    pub(super) workload: Option<(String, &'static str)>,
    /// The text format; none for a journal or a trace.
    pub(super) format: Option<Format>,
    /// The span of each operation of a trace.
    pub(super) spans: Vec<Arc<str>>,
    /// The run's seed.
    pub(super) seed: Option<u64>,
    /// What the run's transactions were promised.
    pub(super) models: Vec<Model>,
    /// What the run's nodes did against the protocol, as its results tell: no operation shows it.
    pub(super) nodes: Option<Value>,
    /// The share of operations that had to succeed, if it is the history of a run.
    pub(super) availability: Option<AvailabilityGoal>,
}

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such file.
    #[error("{} does not exist. Name a history, such as history.edn, or the directory of a run.", path.display())]
    Missing {
        /// The path as given.
        path: PathBuf,
    },
    /// The system refuses.
    #[error("{} cannot be opened: {source}", path.display())]
    Refused {
        /// The path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A directory, where only a file can be a trace.
    #[error("{} is no file. --otlp reads a file of OpenTelemetry's spans, as the collector's file exporter writes it.", path.display())]
    NoTrace {
        /// The path as given.
        path: PathBuf,
    },
    /// A directory without a run in it.
    #[error("{} contains neither {} nor {}, so it is not the directory of a run.", path.display(), files::HISTORY_EDN, files::JOURNAL)]
    NoRun {
        /// The directory.
        path: PathBuf,
    },
}

/// The log in the directory of a run of Jepsen or Maelstrom: its options stand in it.
const JEPSEN_LOG: &str = "jepsen.log";

/// Where else the directory of a run of Jepsen has its operations, the best first.
const LOGS: [&str; 2] = [files::HISTORY_TEXT, JEPSEN_LOG];

/// Where a history is, which has been found and not yet been read.
enum Place {
    StandardInput,
    Text(PathBuf),
    Journal(PathBuf),
}

impl Place {
    fn of(path: &Path) -> Result<Self, OpenError> {
        if path == Path::new("-") {
            return Ok(Self::StandardInput);
        }
        let metadata = std::fs::metadata(path).map_err(|error| open_error(path, error))?;
        if !metadata.is_dir() {
            let is_journal = path.file_name().is_some_and(|name| name == files::JOURNAL);
            return Ok(if is_journal { Self::Journal(path.to_owned()) } else { Self::Text(path.to_owned()) });
        }
        let [history, journal] = [files::HISTORY_EDN, files::JOURNAL].map(|name| path.join(name));
        // The journal comes first: it is whole as far as the run got, and the history of a long run is not.
        if journal.is_file() {
            Ok(Self::Journal(journal))
        } else if history.is_file() {
            Ok(Self::Text(history))
        } else if let Some(log) = LOGS.iter().map(|name| path.join(name)).find(|log| log.is_file()) {
            Ok(Self::Text(log))
        } else {
            Err(OpenError::NoRun { path: path.to_owned() })
        }
    }
}

impl Source {
    /// Finds the history of that name, without reading it.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub fn find(path: &Path) -> Result<(), OpenError> {
        match Place::of(path)? {
            Place::StandardInput => Ok(()),
            Place::Text(path) | Place::Journal(path) => open(&path).map(drop),
        }
    }

    /// Finds the trace of that name, without reading it.
    ///
    /// # Errors
    /// As [`Source::open_trace`].
    pub fn find_trace(path: &Path) -> Result<(), OpenError> {
        match Place::of(path) {
            Ok(Place::StandardInput) => Ok(()),
            Ok(Place::Text(file)) if file == path => open(path).map(drop),
            Ok(_) | Err(OpenError::NoRun { .. }) => Err(OpenError::NoTrace { path: path.to_owned() }),
            Err(error) => Err(error),
        }
    }

    /// Reads a trace of OpenTelemetry from a file or from standard input, which is `-`.
    ///
    /// # Errors
    /// As [`Source::open`], and a directory is refused too.
    pub fn open_trace(path: &Path, mapping: &Mapping, watch: &Watch) -> Result<Self, OpenError> {
        Self::find_trace(path)?;
        let trace = if path == Path::new("-") {
            otlp::read(BufReader::new(io::stdin()), mapping)
        } else {
            let source = open(path)?;
            let bytes = source.metadata().map_or(0, |metadata| metadata.len());
            otlp::read(BufReader::with_capacity(1 << 16, watch.counted(source, bytes)), mapping)
        };
        Ok(match trace {
            Ok(trace) => Self {
                operations: Box::new(trace.operations.into_iter().map(Ok)),
                told: Told { spans: trace.spans, ..Told::default() },
            },
            Err(error) => {
                Self { operations: Box::new(std::iter::once(Err(sentence(&error)))), told: Told::default() }
            }
        })
    }

    /// Opens a history: a file, the directory of a run, or standard input, which is `-`. The watch sees what is read of a file.
    ///
    /// # Errors
    /// There is nothing of that name, it cannot be opened, or it is a directory without a run. What is there and makes
    /// no sense is no error here: reading it says so.
    pub fn open(path: &Path, watch: &Watch) -> Result<Self, OpenError> {
        Ok(match Place::of(path)? {
            Place::StandardInput => Self::text(BufReader::new(io::stdin()), Told::default()),
            Place::Text(file) => {
                let told = if file == path { Told::default() } else { told_by_run(path) };
                let source = open(&file)?;
                let bytes = source.metadata().map_or(0, |metadata| metadata.len());
                Self::text(BufReader::with_capacity(1 << 16, watch.counted(source, bytes)), told)
            }
            Place::Journal(file) => {
                open(&file)?;
                Self::journal(&file, told_by_run(file.parent().unwrap_or(Path::new("."))))
            }
        })
    }

    fn text(source: impl BufRead + 'static, told: Told) -> Self {
        match Reader::new(source) {
            Ok(reader) => Self {
                told: Told { format: Some(reader.format()), ..told },
                operations: Box::new(undamaged(reader)),
            },
            Err(error) => Self { told, operations: Box::new(std::iter::once(Err(sentence(&error)))) },
        }
    }

    fn journal(path: &Path, told: Told) -> Self {
        let operations: Box<dyn Iterator<Item = _>> = match JournalReader::open(path) {
            Ok(journal) => Box::new(
                operation_record::operations(journal)
                    .map(|operation| operation.map_err(|error| sentence(&error))),
            ),
            Err(error) => Box::new(std::iter::once(Err(sentence(&error)))),
        };
        Self { operations, told }
    }
}

/// The operations up to the first line that is damaged: behind it one is missing, and no verdict would be certain.
fn undamaged(mut reader: Reader<impl BufRead>) -> impl Iterator<Item = Result<Operation, String>> {
    let mut is_damaged = false;
    std::iter::from_fn(move || {
        if is_damaged {
            return None;
        }
        let operation = reader.next();
        match reader.notes().first() {
            Some(note) => {
                is_damaged = true;
                let rest =
                    "What comes after it was not checked; mend the line, or remove it if it is no operation.";
                Some(Err(format!("{note} {rest}")))
            }
            None => operation.map(|operation| operation.map_err(|error| sentence(&error))),
        }
    })
}

fn open(path: &Path) -> Result<File, OpenError> {
    File::open(path).map_err(|error| open_error(path, error))
}

fn open_error(path: &Path, source: io::Error) -> OpenError {
    let path = path.to_owned();
    if source.kind() == io::ErrorKind::NotFound {
        OpenError::Missing { path }
    } else {
        OpenError::Refused { path, source }
    }
}

/// An error as a sentence, shortened, because it may quote an entry of any length.
fn sentence(error: &dyn std::error::Error) -> String {
    const LIMIT: usize = 500;
    let text = error.to_string();
    let mut characters = text.chars();
    let mut sentence: String = characters.next().into_iter().flat_map(char::to_uppercase).collect();
    sentence.extend(characters.by_ref().take(LIMIT));
    if characters.next().is_some() {
        sentence.push('…');
    }
    sentence
}

/// What `run.json` says, or Jepsen's log, or the name of the parent directory, which Maelstrom's store names after the workload.
fn told_by_run(directory: &Path) -> Told {
    let text = std::fs::read_to_string(directory.join(files::RUN)).unwrap_or_default();
    match serde_json::from_str::<RunFile>(&text) {
        Ok(run) => Told {
            models: promised_models(&run.argv),
            nodes: recorded_nodes(directory),
            workload: Some((run.plan.workload, "run.json says so")),
            seed: Some(run.plan.seed),
            availability: Some(run.plan.availability),
            ..Told::default()
        },
        Err(_) => told_by_jepsen(directory),
    }
}

/// What `jepsen.log` says, and otherwise the name of the directory above.
fn told_by_jepsen(directory: &Path) -> Told {
    let log = File::open(directory.join(JEPSEN_LOG)).ok();
    let options =
        log.and_then(|log| RunOptions::from_log(BufReader::new(log)).ok().flatten()).unwrap_or_default();
    let known = |name: &String| workloads::find(name).is_some();
    let parent = || {
        directory.canonicalize().ok().and_then(|path| Some(path.parent()?.file_name()?.to_str()?.to_owned()))
    };
    let workload = options
        .workload()
        .filter(known)
        .map(|name| (name, "jepsen.log says so"))
        .or_else(|| parent().filter(known).map(|name| (name, "its directory is named after it")));
    let models = options.consistency_models().iter().filter_map(|model| model.parse().ok()).collect();
    Told { workload, models, ..Told::default() }
}

/// `:nodes` of a run's results, if there are any.
fn recorded_nodes(directory: &Path) -> Option<Value> {
    /// Results larger than this are many keys' details, in bytes.
    const LIMIT: u64 = 32 << 20;
    let mut text = String::new();
    let file = File::open(directory.join(files::RESULTS_EDN)).ok()?;
    file.take(LIMIT).read_to_string(&mut text).ok()?;
    edn::read(&text).ok()?.get("nodes").cloned()
}

/// The consistency models on the command line of a run.
fn promised_models(argv: &[String]) -> Vec<Model> {
    const OPTION: &str = "--consistency-models";
    let options = argv.iter().take_while(|word| *word != "--");
    let mut given = None;
    let mut is_next = false;
    for word in options {
        if is_next {
            given = Some(word.as_str());
        }
        is_next = word == OPTION;
        if let Some(value) = word.strip_prefix(OPTION).and_then(|rest| rest.strip_prefix('=')) {
            given = Some(value);
        }
    }
    let names = given.into_iter().flat_map(|value| value.split(','));
    names.filter_map(|name| name.trim().trim_start_matches(':').parse().ok()).collect()
}
