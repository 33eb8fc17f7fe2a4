//! Histories: operations in their order, read from files, paired with their ends.

use std::io::{self, BufRead};
use std::path::Path;

use rustc_hash::FxHashMap;

use crate::edn::{self, ReadError};
use crate::formats::Forms;
use crate::{Name, Operation, OperationKind, Process, Value};

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

    /// Reads a file such as `history.edn`. See [`HistoryReader`] for the forms accepted.
    ///
    /// # Errors
    /// The file cannot be read, or a line is not an operation.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, HistoryError> {
        let file = std::fs::File::open(path)?;
        HistoryReader::new(io::BufReader::with_capacity(1 << 16, file)).collect()
    }

    /// Reads a history from a text in memory.
    ///
    /// # Errors
    /// A line is not an operation.
    pub fn from_edn(text: &str) -> Result<Self, HistoryError> {
        HistoryReader::new(text.as_bytes()).collect()
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

/// Why a history could not be read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The file could not be read.
    #[error("cannot read the history: {0}")]
    Io(#[from] io::Error),
    /// An entry is not EDN.
    #[error("the history is not EDN: {0}")]
    Edn(ReadError),
    /// An entry is not JSON.
    #[error("the history is not JSON: line {line}, column {column}: {reason}")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The byte within the line, from 1.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A line is not of the history's format.
    #[error("line {line} of the history is {found:?}; expected {expected}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What the format has.
        expected: &'static str,
        /// What the line begins with.
        found: String,
    },
    /// An entry is not text.
    #[error("line {line} of the history begins what is not UTF-8: is the file damaged, or compressed?")]
    NotText {
        /// The line, from 1.
        line: usize,
    },
    /// An entry is longer than any operation.
    #[error(
        "line {line} of the history begins an entry of more than {limit} bytes: is a bracket or a newline missing?"
    )]
    TooLong {
        /// The line, from 1.
        line: usize,
        /// How many bytes an entry may have.
        limit: usize,
    },
    /// The text is cut short.
    #[error("the sequence of entries begins on line {line} and never ends: the history was cut short")]
    Unclosed {
        /// The line of its opening bracket, from 1.
        line: usize,
    },
    /// Something follows the sequence of all entries.
    #[error("line {line} of the history goes on after the sequence of its entries has ended")]
    AfterEnd {
        /// The line, from 1.
        line: usize,
    },
    /// There is nothing in the text.
    #[error("the history is empty: was the run cut short before its first operation?")]
    Empty,
    /// The text is in no known format.
    #[error(
        "the text resembles no history: it begins with {beginning:?}; expected EDN or JSON maps of :type, :process, :f and :value, \
         a Jepsen log, or AWDIT's text format"
    )]
    UnknownFormat {
        /// Its first line.
        beginning: String,
    },
    /// A form is EDN, but not an operation.
    #[error(
        "line {line} of the history is not an operation: {reason}; expected, for example, {{:type :invoke, :process 0, :f :read, :value nil}}"
    )]
    NotAnOperation {
        /// The line on which it begins, from 1.
        line: usize,
        /// What is missing or wrong.
        reason: String,
    },
}

/// Reads a history of EDN maps without keeping it: one after the other, as `history.edn` has them on its lines, or in
/// one vector or list. [`formats::Reader`](crate::formats::Reader) reads other formats too.
///
/// An operation is a map, with or without the tag `#jepsen.history.Op`. Where `:index` is missing, the entries are
/// counted; where `:time` is missing, it is 0. A process that has a name instead of a number gets a number from
/// 1,000,000,000 on, and its entries keep the name as `:process-name`; a number in quotes is that number.
///
/// ```
/// use glomers_check::HistoryReader;
/// let text = "{:type :invoke, :process 0, :f :read, :value nil}\n{:type :ok, :f :read}\n";
/// let mut reader = HistoryReader::new(text.as_bytes());
/// assert_eq!(reader.next().unwrap()?.f, "read");
/// assert!(reader.next().unwrap().unwrap_err().to_string().starts_with("line 2 of the history is not an operation: :process is missing"));
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
pub struct HistoryReader<R> {
    forms: Forms<R>,
    numbering: Numbering,
    is_broken: bool,
}

impl<R: BufRead> HistoryReader<R> {
    /// Reads from here. Nothing is read before the first operation is asked for.
    pub fn new(source: R) -> Self {
        Self { forms: Forms::new(source), numbering: Numbering::default(), is_broken: false }
    }

    fn next_operation(&mut self) -> Result<Option<Operation>, HistoryError> {
        let Some((line, text)) = self.forms.next_form()? else { return Ok(None) };
        let form = edn::read(text).map_err(|mut error| {
            error.line += line - 1;
            HistoryError::Edn(error)
        })?;
        let operation = self.numbering.operation(form);
        operation.map(Some).map_err(|reason| HistoryError::NotAnOperation { line, reason })
    }
}

impl<R: BufRead> Iterator for HistoryReader<R> {
    type Item = Result<Operation, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_broken {
            return None;
        }
        let result = self.next_operation();
        self.is_broken = result.is_err();
        result.transpose()
    }
}

impl Operation {
    /// Reads an operation from its map, with or without a tag. What is missing is named in the error.
    ///
    /// # Errors
    /// A sentence that says which entry is missing or wrong.
    pub fn from_value(value: Value) -> Result<Self, HistoryError> {
        Numbering::default()
            .operation(value)
            .map_err(|reason| HistoryError::NotAnOperation { line: 1, reason })
    }
}

/// What a reader remembers from entry to entry: the next index, and the numbers of processes that have names.
#[derive(Debug, Default)]
pub(crate) struct Numbering {
    next_index: u64,
    named: FxHashMap<Name, u64>,
}

/// Where an entry keeps the name of its process.
const PROCESS_NAME: Name = Name::from_static("process-name");

/// The number of the first process that has a name. Tests that number their processes do not get so far.
const FIRST_NAMED_PROCESS: u64 = 1_000_000_000;

impl Numbering {
    /// Reads an operation from its map.
    pub(crate) fn operation(&mut self, value: Value) -> Result<Operation, String> {
        let operation = operation_from(value, self)?;
        self.next_index = operation.index.saturating_add(1);
        Ok(operation)
    }

    /// The process of this name; whether the name is more than a number in quotes.
    fn process(&mut self, name: &str) -> (Process, bool) {
        if name == "nemesis" {
            return (Process::Nemesis, false);
        }
        if let Ok(number) = name.parse() {
            return (Process::Client(number), false);
        }
        let next = FIRST_NAMED_PROCESS + self.named.len() as u64;
        (Process::Client(*self.named.entry(Name::new(name)).or_insert(next)), true)
    }
}

/// The text of a keyword, a symbol or a string.
fn text_of(value: &Value) -> &str {
    match value {
        Value::Keyword(name) | Value::Symbol(name) => name,
        other => other.as_str().unwrap_or_default(),
    }
}

fn operation_from(value: Value, numbering: &mut Numbering) -> Result<Operation, String> {
    let entries = match value {
        Value::Map(entries) => entries,
        Value::Tagged(tagged) if matches!(tagged.1, Value::Map(_)) => {
            let Value::Map(entries) = tagged.1 else { unreachable!("the guard saw a map") };
            entries
        }
        other => return Err(format!("it is {other}, and not a map")),
    };
    let (mut index, mut time_ns, mut kind, mut process, mut f) = (numbering.next_index, 0, None, None, None);
    let (mut value, mut error, mut extra) = (Value::Nil, None, Vec::new());
    for (key, entry) in entries {
        let Value::Keyword(key) = key else { return Err(format!("the key {key} is not a keyword")) };
        match (key.as_str(), entry) {
            ("index", Value::Int(number)) => {
                index = u64::try_from(number).map_err(|_| format!(":index is {number}"))?;
            }
            // Early events may carry a small negative time, since upstream's clock starts a little later.
            ("time", Value::Int(number)) => time_ns = u64::try_from(number.max(0)).unwrap_or(u64::MAX),
            ("type", Value::Keyword(name)) => {
                kind = Some(OperationKind::from_name(&name).ok_or_else(|| format!(":type is :{name}"))?);
            }
            ("process", Value::Int(number)) => {
                process = Some(Process::Client(
                    u64::try_from(number).map_err(|_| format!(":process is {number}"))?,
                ));
            }
            ("process", name @ (Value::Keyword(_) | Value::Symbol(_) | Value::String(_))) => {
                let (number, is_named) = numbering.process(text_of(&name));
                process = Some(number);
                extra.extend(is_named.then_some((PROCESS_NAME, name)));
            }
            ("f", Value::Keyword(name) | Value::Symbol(name)) => f = Some(name),
            ("f", Value::Nil) => f = Some(Name::from_static("nil")),
            ("value", entry) => value = entry,
            ("error", entry) => error = Some(entry),
            ("index" | "time", Value::Nil) => {}
            (name @ ("index" | "time" | "type" | "process" | "f"), entry) => {
                return Err(format!(":{name} is {entry}"));
            }
            (_, entry) => extra.push((key, entry)),
        }
    }
    Ok(Operation {
        index,
        time_ns,
        kind: kind.ok_or(":type is missing")?,
        process: process.ok_or(":process is missing")?,
        f: f.ok_or(":f is missing")?,
        value,
        error,
        extra,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_with_names_are_clients() {
        let text = "{:type :invoke :process :c1 :f :read} {:type :invoke :process c2 :f :read} {:type :ok :process :c1 :f :read}
                    {:type :invoke :process \"7\" :f :read} {:type :info :process :nemesis :f :start}";
        let history = History::from_edn(text).expect("a history");
        let processes: Vec<Process> =
            history.operations().iter().map(|operation| operation.process).collect();
        let named = |number| Process::Client(FIRST_NAMED_PROCESS + number);
        assert_eq!(processes, [named(0), named(1), named(0), Process::Client(7), Process::Nemesis]);
        assert_eq!(history.operations()[2].get("process-name"), Some(&Value::keyword("c1")));
    }
}
