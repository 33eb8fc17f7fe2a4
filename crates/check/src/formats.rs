//! The text formats of histories: which one a text is in, and its operations, one after the other.
//!
//! ```
//! use glomers_check::formats::{Format, Reader};
//! let reader = Reader::new(r#"{"type": "invoke", "process": 0, "f": "read", "value": null}"#.as_bytes())?;
//! assert_eq!(reader.format(), Format::Json);
//! let operations = reader.collect::<Result<Vec<_>, _>>()?;
//! assert_eq!(operations[0].to_string(), "{:index 0, :time 0, :type :invoke, :process 0, :f :read, :value nil}");
//! # Ok::<(), glomers_check::HistoryError>(())
//! ```
//!
//! A byte order mark is passed over, and so is compression by gzip and zstd with the feature `compressed`. Files that are
//! something else, such as Jepsen's binary format, are named in the error together with what to do.

mod awdit;
mod edn;
mod entry;
mod error;
mod forms;
mod json;
mod lines;
mod log;
pub mod otlp;
mod plume;
mod source;

use std::fmt;
use std::io::{BufRead, Cursor, Read};

use self::awdit::AwditReader;
use self::edn::EdnReader;
pub use self::error::HistoryError;
use self::json::JsonReader;
use self::log::LogReader;
use self::plume::PlumeReader;
use self::source::{Begun, Text};
use crate::{Operation, Value};

/// The longest entry of a history that is read, in bytes. No honest operation comes near it, and a file that is not a
/// history does not fill the memory.
pub(crate) const MAX_ENTRY_BYTES: usize = 64 << 20;

/// A text format of histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Jepsen's `history.edn`: maps, with or without the tag `#jepsen.history.Op`, one after the other or in one vector,
    /// as Knossos keeps them.
    ///
    /// Where `:index` is missing, the entries are counted; where `:time` is missing, it is 0, and a float of time is seconds.
    /// A process that has a name instead of a number gets a number from 1,000,000,000 on, and its entries keep the name as
    /// `:process-name`; a number in quotes is that number. A transaction may leave out its `:f`, as Elle's own histories do; one
    /// that has ended may also leave out its `:process`, and then is of a process of its own.
    Edn,
    /// The same maps as JSON objects, one after the other or in one array.
    Json,
    /// Columns of process, type, function and value, as in `history.txt`, in `jepsen.log`, and in what Jepsen shows on a
    /// terminal. Other lines are passed over; see [`Reader::notes`].
    Log,
    /// AWDIT's steps of transactions, by session.
    Awdit,
    /// Steps of transactions as Plume, PolySI and IsoVista have them: `r(KEY,VALUE,SESSION,TRANSACTION)` and `w(…)`. A key
    /// that nothing was written to reads as 0, and what belongs to a transaction `-1` was aborted.
    Plume,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Edn, Self::Json, Self::Log, Self::Awdit, Self::Plume];

    /// What the format is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Edn => "EDN",
            Self::Json => "JSON",
            Self::Log => "a Jepsen log",
            Self::Awdit => "AWDIT's text format",
            Self::Plume => "Plume's text format",
        }
    }

    /// The format of a text that begins like this; none if it resembles no history.
    ///
    /// ```
    /// use glomers_check::formats::Format;
    /// assert_eq!(Format::of(b"[{:type :invoke"), Some(Format::Edn));
    /// assert_eq!(Format::of(b"INFO jepsen.util - 4 :invoke :read nil\n"), Some(Format::Log));
    /// assert_eq!(Format::of(b"w 1 7\n-----\n"), Some(Format::Awdit));
    /// assert_eq!(Format::of(b"once upon a time"), None);
    /// ```
    pub fn of(beginning: &[u8]) -> Option<Self> {
        // The beginning may end within a character; what came before it is text nevertheless.
        let text = skip_gaps(beginning.utf8_chunks().next()?.valid());
        let (is_sequence, element) = match text.strip_prefix(['[', '(']) {
            Some(elements) => (true, skip_gaps(elements)),
            None => (false, text),
        };
        if let Some(map) = element.strip_prefix('{') {
            return Some(if skip_gaps(map).starts_with('"') { Self::Json } else { Self::Edn });
        }
        if is_sequence || element.starts_with('#') {
            return Some(Self::Edn);
        }
        let mut lines = text.lines();
        let first = lines.clone().next().unwrap_or_default();
        if awdit::is_line(first) {
            return Some(Self::Awdit);
        }
        if plume::is_line(first) {
            return Some(Self::Plume);
        }
        (log::is_log_line(first) || lines.any(log::is_entry)).then_some(Self::Log)
    }
}

/// A text format that is not read, and what to do with it.
fn foreign(beginning: &[u8]) -> Option<HistoryError> {
    let text = skip_gaps(beginning.utf8_chunks().next()?.valid());
    let map = text.strip_prefix('{').map(skip_gaps);
    let is_trace =
        map.is_some_and(|map| map.starts_with("\"resourceSpans\"") || map.starts_with("\"resource_spans\""));
    is_trace.then_some(HistoryError::Foreign {
        format: "a trace of OpenTelemetry",
        advice: "say which spans are operations, with `glomers check --otlp` or formats::otlp",
    })
}

/// What follows blanks, commas and comments.
fn skip_gaps(text: &str) -> &str {
    let rest = text.trim_start_matches(|character: char| character.is_whitespace() || character == ',');
    match rest.strip_prefix(';') {
        Some(comment) => skip_gaps(comment.split_once('\n').map_or("", |(_, rest)| rest)),
        None => rest,
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Something that a reader passed over, which a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The line that it is about, from 1.
    pub line: usize,
    /// What there is to say of the line. It may quote it.
    pub sentence: String,
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Line {} {}.", self.line, self.sentence)
    }
}

/// The notes of a reader.
#[derive(Debug, Default)]
struct Notes {
    kept: Vec<Note>,
    count: usize,
}

impl Notes {
    fn add(&mut self, line: usize, sentence: impl FnOnce() -> String) {
        /// So many notes are kept; the others are only counted.
        const LIMIT: usize = 100;
        self.count += 1;
        if self.kept.len() < LIMIT {
            self.kept.push(Note { line, sentence: sentence() });
        }
    }
}

/// Reads the operations of a text in any [`Format`], without keeping them.
///
/// Memory is that of the longest entry. After an error nothing more is read.
pub struct Reader<R> {
    format: Format,
    entries: Entries<Begun<Text<R>>>,
    notes: Notes,
}

enum Entries<R> {
    Edn(EdnReader<R>),
    Json(JsonReader<R>),
    Log(LogReader<R>),
    Awdit(AwditReader<R>),
    Plume(PlumeReader<R>),
    Ended,
}

impl<R: BufRead> Reader<R> {
    /// Looks at the beginning of this text to tell its format.
    ///
    /// # Errors
    /// The source cannot be read, it is empty, it is in a format that is named and not read, or it resembles no history.
    pub fn new(source: R) -> Result<Self, HistoryError> {
        let (format, source) = source::beginning(Text::open(source)?, Format::of)?;
        let beginning = source.get_ref().0.get_ref();
        if beginning.iter().all(u8::is_ascii_whitespace) {
            return Err(HistoryError::Empty);
        }
        if let Some(foreign) = foreign(beginning) {
            return Err(foreign);
        }
        let format = format.ok_or_else(|| HistoryError::UnknownFormat {
            beginning: excerpt(String::from_utf8_lossy(beginning).trim_start().lines().next().unwrap_or("")),
        })?;
        Ok(Self::from_text(source, format))
    }

    /// Reads a text that is known to be in this format. An empty one has no operations.
    pub fn with_format(source: R, format: Format) -> Self {
        let text = Text::Plain(Cursor::new(Vec::new()).chain(source));
        Self::from_text(Cursor::new(Vec::new()).chain(text), format)
    }

    fn from_text(source: Begun<Text<R>>, format: Format) -> Self {
        let entries = match format {
            Format::Edn => Entries::Edn(EdnReader::new(source)),
            Format::Json => Entries::Json(JsonReader::new(source)),
            Format::Log => Entries::Log(LogReader::new(source)),
            Format::Awdit => Entries::Awdit(AwditReader::new(source)),
            Format::Plume => Entries::Plume(PlumeReader::new(source)),
        };
        Self { format, entries, notes: Notes::default() }
    }

    /// The format that was told from the beginning.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The lines of a log that were passed over although they look like a damaged operation, so far; the first hundred.
    ///
    /// ```
    /// use glomers_check::formats::Reader;
    /// let log = "0 :invoke :write 1\nx :ok :write 1\n0 :ok :write 1\n";
    /// let mut reader = Reader::new(log.as_bytes())?;
    /// assert_eq!(reader.by_ref().count(), 2);
    /// let note = reader.notes()[0].to_string();
    /// assert_eq!(note, r#"Line 2 is passed over, although it looks like a damaged operation: "x :ok :write 1"."#);
    /// # Ok::<(), glomers_check::HistoryError>(())
    /// ```
    pub fn notes(&self) -> &[Note] {
        &self.notes.kept
    }

    /// How many cases there were, with those that [`Reader::notes`] leaves out.
    pub fn note_count(&self) -> usize {
        self.notes.count
    }

    fn next_operation(&mut self) -> Result<Option<Operation>, HistoryError> {
        match &mut self.entries {
            Entries::Edn(reader) => reader.next_operation(),
            Entries::Json(reader) => reader.next_operation(),
            Entries::Log(reader) => reader.next_operation(&mut self.notes),
            Entries::Awdit(reader) => reader.next_operation(),
            Entries::Plume(reader) => reader.next_operation(),
            Entries::Ended => Ok(None),
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Operation, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = self.next_operation();
        if result.is_err() {
            self.entries = Entries::Ended;
        }
        result.transpose()
    }
}

/// What a transaction asked for with this micro-operation: a read has not been answered yet.
fn question(step: &Value) -> Value {
    match step.as_sequence() {
        Some([function, key, _]) if function.as_keyword() == Some("r") => {
            Value::Vector(vec![function.clone(), key.clone(), Value::Nil])
        }
        _ => step.clone(),
    }
}

/// So much of a line as a sentence can quote.
fn excerpt(line: &str) -> String {
    const LIMIT: usize = 80;
    match line.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}
