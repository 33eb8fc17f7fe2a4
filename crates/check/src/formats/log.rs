//! Operations as columns: Jepsen's log, and `history.txt`.

use std::io::BufRead;

use super::lines::Lines;
use super::{Notes, excerpt};
use crate::{HistoryError, Name, Operation, OperationKind, Process, edn};

/// How many words may stand before the columns of an operation: a date, a level, a thread and a logger.
const PREFIX_WORDS: usize = 12;

/// Reads lines of process, type, function, value and error. Jepsen's log has other lines between them, which are passed
/// over; those among them that look like a damaged operation are noted.
///
/// The columns stand alone, as in `history.txt`; behind ` - `, as Jepsen shows its log on a terminal; or behind the name of
/// the logger and a colon, as in the file `jepsen.log`.
pub(super) struct LogReader<R> {
    lines: Lines<R>,
    next_index: u64,
    line_count: usize,
}

impl<R: BufRead> LogReader<R> {
    pub(super) fn new(source: R) -> Self {
        Self { lines: Lines::new(source), next_index: 0, line_count: 0 }
    }

    pub(super) fn next_operation(&mut self, notes: &mut Notes) -> Result<Option<Operation>, HistoryError> {
        while let Some((line, text)) = self.lines.next_line()? {
            self.line_count = line;
            let Some(entry) = Entry::of(text) else {
                if looks_damaged(text) {
                    notes.add(line, || {
                        format!(
                            "is passed over, although it looks like a damaged operation: {:?}",
                            excerpt(text)
                        )
                    });
                }
                continue;
            };
            let Some(operation) = entry.operation() else {
                let found = excerpt(text);
                if self.lines.is_last_line_open() {
                    return Err(HistoryError::CutShort { line });
                }
                let expected = "process, type, function and value, such as `3 :ok :read 5`";
                return Err(HistoryError::Line { line, expected, found });
            };
            let operation = operation.at(self.next_index, 0);
            self.next_index += 1;
            return Ok(Some(operation));
        }
        match self.next_index {
            0 => Err(HistoryError::NoOperation { lines: self.line_count }),
            _ => Ok(None),
        }
    }
}

/// Whether the line begins or ends an operation.
pub(super) fn is_entry(line: &str) -> bool {
    Entry::of(line).is_some()
}

/// Whether the line is one of a log: it begins with a level or a date.
pub(super) fn is_log_line(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    let is_date = |word: &str| {
        let digits = |range| {
            word.get::<std::ops::Range<usize>>(range)
                .is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
        };
        word.len() >= 10
            && digits(0..4)
            && digits(5..7)
            && digits(8..10)
            && word.as_bytes()[4] == b'-'
            && word.as_bytes()[7] == b'-'
    };
    matches!(first, "INFO" | "WARN" | "ERROR" | "DEBUG") || is_date(first)
}

/// Whether the type of an operation and its function stand among the first words.
fn looks_damaged(line: &str) -> bool {
    let words = || line.split_whitespace().take(PREFIX_WORDS);
    words().zip(words().skip(1)).any(|(word, next)| kind(word).is_some() && next.starts_with(':'))
}

fn kind(word: &str) -> Option<OperationKind> {
    OperationKind::from_name(word.strip_prefix(':')?)
}

fn process(word: &str) -> Option<Process> {
    match word {
        ":nemesis" => Some(Process::Nemesis),
        number => number.parse().ok().map(Process::Client),
    }
}

/// A line that is an operation, as its first two columns tell.
struct Entry<'a> {
    process: Process,
    kind: OperationKind,
    rest: &'a str,
}

impl<'a> Entry<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let (mut rest, mut words) = (line, [""; 3]);
        for _ in 0..PREFIX_WORDS {
            let (word, behind) = column(rest)?;
            let [before_last, last, number] = words;
            // Before the process stands nothing, a dash, a logger behind a dash, or a logger with a colon.
            let is_prefix = last.is_empty() || last == "-" || before_last == "-" || last.ends_with(':');
            if is_prefix
                && let Some(kind) = kind(word)
                && let Some(process) = process(number)
            {
                return Some(Self { process, kind, rest: behind });
            }
            words = [last, number, word];
            rest = behind;
        }
        None
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_found_behind_every_prefix_that_jepsen_writes() {
        for prefix in [
            "",
            "INFO  jepsen.util - ",
            "INFO [2021-04-13 23:32:29,761] jepsen worker 0 - jepsen.util ",
            "2021-04-13 23:32:29,761{GMT}\tINFO\t[jepsen worker 0] jepsen.util: ",
            "INFO\t[jepsen worker 0] jepsen.print: ",
        ] {
            for (columns, process) in
                [("0\t:ok\t:read\t5", Process::Client(0)), (":nemesis\t:info\t:start\tnil", Process::Nemesis)]
            {
                let line = format!("{prefix}{columns}");
                let entry = Entry::of(&line).unwrap_or_else(|| panic!("{line}"));
                assert_eq!(entry.operation().unwrap().process, process, "{line}");
            }
        }
        for line in [
            "",
            "x 0 :ok :read 5",
            "INFO worker 0 :ok :read 5",
            "0 :okay :read 5",
            ":ok 0 :ok",
            "a - b c 0 :ok :read 1",
        ] {
            assert!(Entry::of(line).is_none(), "{line}");
        }
    }
}
