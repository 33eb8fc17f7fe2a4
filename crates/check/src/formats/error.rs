//! Why a history could not be read.

use std::io;
use std::path::PathBuf;

use crate::edn::ReadError;

/// Why a history could not be read. What came before the place that it names has been read already.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The file could not be read.
    #[error("cannot read the history: {0}")]
    Io(#[from] io::Error),
    /// The history in this file could not be read.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: Box<Self>,
    },
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
    #[error("line {line} of the history begins an entry that is not UTF-8: is the file damaged?")]
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
    /// The text ends within an entry.
    #[error(
        "the history was cut short: the entry that begins on line {line} has no end; remove it to check what comes before"
    )]
    CutShort {
        /// The line on which the entry begins, from 1.
        line: usize,
    },
    /// The text ends between two entries of a sequence.
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
    /// A log in which no line is an operation.
    #[error(
        "the log has {lines} lines, and none is an operation; expected, for example, `0 :invoke :read nil` after the date"
    )]
    NoOperation {
        /// How many lines it has.
        lines: usize,
    },
    /// The file is in a format that is known and not read.
    #[error("this is {format}, which is not read: {advice}")]
    Foreign {
        /// What the format is called.
        format: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// The text is in no known format.
    #[error(
        "the text resembles no history: it begins with {beginning:?}; expected EDN or JSON maps of :type, :process, :f and :value, \
         a Jepsen log, AWDIT's text format, or Plume's"
    )]
    UnknownFormat {
        /// Its first line.
        beginning: String,
    },
    /// A span of a trace should be an operation, and can't be one.
    #[error("in the entry on line {line} of the trace, {reason}")]
    Span {
        /// The line on which the entry begins, from 1.
        line: usize,
        /// Which span, and what is missing or wrong.
        reason: String,
    },
    /// No span of a trace is an operation.
    #[error("none of the {spans} spans of the trace is an operation: {reason}")]
    NoSpan {
        /// How many spans there are.
        spans: usize,
        /// What the spans have instead.
        reason: String,
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

impl HistoryError {
    /// Whether the history ends too early and is right up to there, as the history of a run that was killed is.
    pub fn is_cut_short(&self) -> bool {
        match self {
            Self::CutShort { .. } | Self::Unclosed { .. } => true,
            Self::File { error, .. } => error.is_cut_short(),
            _ => false,
        }
    }
}
