//! Operations as columns: Jepsen's log, and `history.txt`.

use std::io::BufRead;

use super::excerpt;
use super::lines::Lines;
use crate::{HistoryError, Name, Operation, OperationKind, Process, edn};

/// Reads lines of process, type, function, value and error. Jepsen's log has them after a date and ` - `, and other
/// lines between them, which are passed over.
pub(super) struct LogReader<R> {
    lines: Lines<R>,
    next_index: u64,
}

impl<R: BufRead> LogReader<R> {
    pub(super) fn new(source: R) -> Self {
        Self { lines: Lines::new(source), next_index: 0 }
    }

    pub(super) fn next_operation(&mut self) -> Result<Option<Operation>, HistoryError> {
        while let Some((line, text)) = self.lines.next_line()? {
            let Some(entry) = Entry::of(text) else { continue };
            let operation = entry.operation().ok_or_else(|| HistoryError::Line {
                line,
                expected: "process, type, function and value, such as `3 :ok :read 5`",
                found: excerpt(text),
            })?;
            let operation = operation.at(self.next_index, 0);
            self.next_index += 1;
            return Ok(Some(operation));
        }
        Ok(None)
    }
}

/// Whether the line begins or ends an operation.
pub(super) fn is_entry(line: &str) -> bool {
    Entry::of(line).is_some()
}

/// A line that is an operation, as its first two columns tell.
struct Entry<'a> {
    process: Process,
    kind: OperationKind,
    rest: &'a str,
}

impl<'a> Entry<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let columns = line.split_once(" - ").map_or(line, |(_, columns)| columns);
        let (process, rest) = column(columns)?;
        let process = match process {
            ":nemesis" => Process::Nemesis,
            number => Process::Client(number.parse().ok()?),
        };
        let (kind, rest) = column(rest)?;
        Some(Self { process, kind: OperationKind::from_name(kind.strip_prefix(':')?)?, rest })
    }

    fn operation(&self) -> Option<Operation> {
        let (f, rest) = column(self.rest)?;
        let f = f.strip_prefix(':').filter(|name| Name::is_plain(name))?;
        let value = edn::read_forms(rest).next()?.ok()?;
        let operation =
            Operation { process: self.process, kind: self.kind, ..Operation::invoke(0, f, value) };
        // An error stands as a person would write it, so that only some can be read back.
        let error = rest.rsplit_once('\t').and_then(|(_, error)| edn::read(error).ok());
        let has_error = operation.kind != OperationKind::Invoke && rest.trim_start().contains('\t');
        Some(match error {
            Some(error) if has_error => operation.with_error(error),
            _ => operation,
        })
    }
}

/// The first word, and what follows it.
fn column(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}
