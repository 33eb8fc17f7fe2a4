//! How a process ended, and what it said last.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use glomers_node::{NodeId, Time};
use glomers_protocol::text::excerpt;
use nix::sys::signal::Signal;

use crate::ids::HostIndex;

/// How many lines of each stream a report shows.
const TAIL_LINES: usize = 32;
/// How much of each stream is kept to find them.
pub(super) const TAIL_BYTES: usize = 32 << 10;
/// How much of each line is shown, in characters.
const TAIL_LINE_CHARS: usize = 1000;

/// A node's process ended without being told to.
///
/// The lines are free of control characters: they can be printed on a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitReport {
    /// The node.
    pub node: NodeId,
    /// Its host, which is dead now.
    pub host: HostIndex,
    /// When the world noticed.
    pub time: Time,
    /// How it ended.
    pub status: ExitStatus,
    /// The last lines that it printed.
    pub stdout_tail: Vec<String>,
    /// The last lines that it logged.
    pub stderr_tail: Vec<String>,
}

impl ExitReport {
    /// How it ended, in words: `exited with status 1`, `was killed by SIGSEGV`.
    pub fn status_in_words(&self) -> String {
        describe(self.status)
    }
}

impl fmt::Display for ExitReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at_s = self.time.as_ns() as f64 / 1e9;
        write!(
            formatter,
            "Node {} {}, {at_s:.3} s into the run and without being told to.",
            self.node,
            describe(self.status)
        )?;
        for (stream, lines) in [("stdout", &self.stdout_tail), ("stderr", &self.stderr_tail)] {
            if lines.is_empty() {
                write!(formatter, "\nIt wrote nothing to {stream}.")?;
                continue;
            }
            write!(formatter, "\nThe end of its {stream}:")?;
            for line in lines {
                write!(formatter, "\n    {line}")?;
            }
        }
        Ok(())
    }
}

pub(crate) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(signal)) => match Signal::try_from(signal) {
            Ok(signal) => format!("was killed by {signal}"),
            Err(_) => format!("was killed by signal {signal}"),
        },
        (None, None) => "ended in an unknown way".into(),
    }
}

/// The end of a stream.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    bytes: Vec<u8>,
}

impl Tail {
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        let end = &chunk[chunk.len().saturating_sub(TAIL_BYTES)..];
        if self.bytes.len() + end.len() > 2 * TAIL_BYTES {
            let kept = TAIL_BYTES.saturating_sub(end.len()).min(self.bytes.len());
            self.bytes.drain(..self.bytes.len() - kept);
        }
        self.bytes.extend_from_slice(end);
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        last_lines(&self.bytes)
    }
}

pub(super) fn last_lines(bytes: &[u8]) -> Vec<String> {
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if text.is_empty() {
        return Vec::new();
    }
    let mut lines: Vec<String> = text
        .rsplit(|byte| *byte == b'\n')
        .take(TAIL_LINES)
        .map(|line| excerpt(line, TAIL_LINE_CHARS))
        .collect();
    lines.reverse();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_keeps_the_last_lines_in_bounded_memory() {
        let mut tail = Tail::default();
        for number in 0..100_000 {
            tail.push(format!("line {number}\n").as_bytes());
        }
        let lines = tail.lines();
        assert_eq!((lines.len(), lines[0].as_str(), lines[31].as_str()), (32, "line 99968", "line 99999"));
        assert!(tail.bytes.capacity() <= 4 * TAIL_BYTES);
        assert!(Tail::default().lines().is_empty());
    }

    #[test]
    fn statuses_are_said_in_words() {
        assert_eq!(describe(ExitStatus::from_raw(256)), "exited with status 1");
        assert_eq!(describe(ExitStatus::from_raw(11)), "was killed by SIGSEGV");
    }
}
