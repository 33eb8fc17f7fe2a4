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

mod awdit;
mod forms;
mod json;
mod lines;
mod log;

use std::fmt;
use std::io::{BufRead, Chain, Cursor, Read};

use self::awdit::AwditReader;
pub(crate) use self::forms::Forms;
use self::json::JsonReader;
use self::log::LogReader;
use crate::{HistoryError, HistoryReader, Operation};

/// The longest entry of a history that is read, in bytes. No honest operation comes near it, and a file that is not a
/// history does not fill the memory.
pub(crate) const MAX_ENTRY_BYTES: usize = 64 << 20;

/// How much of a text is looked at to tell its format, in bytes.
const BEGINNING_BYTES: u64 = 8 << 10;

/// A text format of histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Jepsen's `history.edn`: maps, with or without the tag `#jepsen.history.Op`, one after the other or in one vector,
    /// as Knossos keeps them.
    Edn,
    /// The same maps as JSON objects, one after the other or in one array.
    Json,
    /// Columns of process, type, function and value, as in `history.txt` and in Jepsen's log.
    Log,
    /// AWDIT's steps of transactions, by session.
    Awdit,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Edn, Self::Json, Self::Log, Self::Awdit];

    /// What the format is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Edn => "EDN",
            Self::Json => "JSON",
            Self::Log => "a Jepsen log",
            Self::Awdit => "AWDIT's text format",
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
        if lines.clone().next().is_some_and(awdit::is_line) {
            return Some(Self::Awdit);
        }
        lines.any(log::is_entry).then_some(Self::Log)
    }
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

/// Reads the operations of a text in any [`Format`], without keeping them.
///
/// Memory is that of the longest entry. After an error nothing more is read.
pub struct Reader<R> {
    format: Format,
    entries: Entries<Beginning<R>>,
}

/// A source, with what has been read of it to tell the format put back.
type Beginning<R> = Chain<Cursor<Vec<u8>>, R>;

enum Entries<R> {
    Edn(HistoryReader<R>),
    Json(JsonReader<R>),
    Log(LogReader<R>),
    Awdit(AwditReader<R>),
    Ended,
}

impl<R: BufRead> Reader<R> {
    /// Looks at the beginning of this text to tell its format.
    ///
    /// # Errors
    /// The source cannot be read, it is empty, or it resembles no history.
    pub fn new(mut source: R) -> Result<Self, HistoryError> {
        let mut beginning = Vec::new();
        source.by_ref().take(BEGINNING_BYTES).read_to_end(&mut beginning)?;
        if beginning.iter().all(u8::is_ascii_whitespace) {
            return Err(HistoryError::Empty);
        }
        let format = Format::of(&beginning).ok_or_else(|| HistoryError::UnknownFormat {
            beginning: excerpt(String::from_utf8_lossy(&beginning).trim_start().lines().next().unwrap_or("")),
        })?;
        let source = Cursor::new(beginning).chain(source);
        let entries = match format {
            Format::Edn => Entries::Edn(HistoryReader::new(source)),
            Format::Json => Entries::Json(JsonReader::new(source)),
            Format::Log => Entries::Log(LogReader::new(source)),
            Format::Awdit => Entries::Awdit(AwditReader::new(source)),
        };
        Ok(Self { format, entries })
    }

    /// The format that was told from the beginning.
    pub fn format(&self) -> Format {
        self.format
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Operation, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = match &mut self.entries {
            Entries::Edn(reader) => reader.next().transpose(),
            Entries::Json(reader) => reader.next_operation(),
            Entries::Log(reader) => reader.next_operation(),
            Entries::Awdit(reader) => reader.next_operation(),
            Entries::Ended => Ok(None),
        };
        if result.is_err() {
            self.entries = Entries::Ended;
        }
        result.transpose()
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
