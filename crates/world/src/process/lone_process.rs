//! A program without a world: whoever started it gives it lines and reads its lines.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use glomers_node::NodeId;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::deadline::Deadline;
use super::exit::describe;
use super::lines::Line;
use super::process_guard::NodeEnd;
use super::process_host::ProcessHost;
use super::spec::{ProcessSpec, SpawnError};
use crate::options::Limits;

/// At most this much is read before somebody has looked at it.
const READ_BYTES: usize = 256 << 10;

/// A node's process, started and guarded as those of a [`World`](crate::World) are, of which nobody else knows.
///
/// Dropping it kills the process and all that it started.
#[derive(Debug)]
pub struct LoneProcess {
    process: ProcessHost,
    waiting: Vec<u8>,
    /// How much of `waiting` the pipe has taken.
    written: usize,
    events: VecDeque<LoneEvent>,
    end: Option<NodeEnd>,
}

/// What a [`LoneProcess`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoneEvent {
    /// It printed a line, which is here without its newline. Of a line longer than [`Limits::line_bytes`], the beginning.
    Line(Vec<u8>),
    /// It ended, in words: `exited with status 1`. Nothing comes after this.
    Ended(String),
}

impl LoneProcess {
    /// Starts a program. `seed` is the value of `GLOMERS_NODE_SEED`.
    ///
    /// # Errors
    /// Where the program cannot be started; the error says what to do about it.
    pub fn start(node: &NodeId, spec: &ProcessSpec, seed: u64, limits: Limits) -> Result<Self, SpawnError> {
        Ok(Self {
            process: ProcessHost::spawn(node, spec, seed, limits)?,
            waiting: Vec::new(),
            written: 0,
            events: VecDeque::new(),
            end: None,
        })
    }

    /// Appends a line, without its newline, to what the process is to read. It is handed over by [`next`](Self::next).
    pub fn push(&mut self, line: &str) {
        self.waiting.extend_from_slice(line.as_bytes());
        self.waiting.push(b'\n');
    }

    /// How many bytes of the lines the process's pipe has not taken yet.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting.len() - self.written
    }

    /// Waits until the process does something, but no longer than `timeout`; meanwhile hands over what waits. `None` when the time is up, and
    /// at once when the process has ended.
    pub fn next(&mut self, timeout: Duration) -> Option<LoneEvent> {
        let deadline = Deadline::after(timeout);
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if self.end.is_some() {
                return None;
            }
            self.write();
            let left = deadline.left();
            self.wait(left);
            self.read();
            self.take_end();
            if left.is_zero() && self.events.is_empty() {
                return None;
            }
        }
    }

    /// Waits for room in its input, for output, or for its end.
    fn wait(&self, timeout: Duration) {
        let notice = self.process.notice();
        let wanted = |stream, flags| PollFd::new(stream, flags);
        let mut descriptors = vec![wanted(notice, PollFlags::POLLIN)];
        descriptors.extend(self.process.stdout.as_ref().map(|out| wanted(out.as_fd(), PollFlags::POLLIN)));
        let blocked = self.process.stdin.as_ref().filter(|_| self.waiting_bytes() > 0);
        descriptors.extend(blocked.map(|stdin| wanted(stdin.as_fd(), PollFlags::POLLOUT)));
        let timeout_ms = timeout.as_micros().div_ceil(1000);
        // An interrupted wait is a short one.
        let _ = poll(&mut descriptors, PollTimeout::try_from(timeout_ms).unwrap_or(PollTimeout::MAX));
    }

    fn write(&mut self) {
        let Some(stdin) = self.process.stdin.as_mut().filter(|_| self.waiting.len() > self.written) else {
            return;
        };
        match stdin.write(&self.waiting[self.written..]) {
            Ok(count) => self.written += count,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            // It does not read any more, which is no reason to end it.
            Err(_) => self.process.stdin = None,
        }
        if self.written == self.waiting.len() || self.process.stdin.is_none() {
            self.waiting.clear();
            self.written = 0;
        }
    }

    /// Reads once. Returns whether there may be more.
    fn read(&mut self) -> bool {
        let mut buffer = vec![0; READ_BYTES];
        let count = match self.process.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return false;
            }
            Err(_) => 0,
        };
        let events = &mut self.events;
        let mut each = |_number, line: Line<'_>| {
            let (Line::Whole(bytes) | Line::Unfinished(bytes) | Line::TooLong(bytes)) = line;
            events.push_back(LoneEvent::Line(bytes.to_owned()));
        };
        if count == 0 {
            self.process.stdout = None;
            self.process.printed.lines.finish(&mut each);
        } else {
            self.process.printed.lines.split(&buffer[..count], &mut each);
        }
        count > 0
    }

    /// Notices its end, after all that it had printed.
    fn take_end(&mut self) {
        let Some(end) = self.process.read_reports() else { return };
        // Whoever holds the pipe open could print for ever: no pipe holds more than this.
        const MAX_READS: usize = 8;
        for _ in 0..MAX_READS {
            if self.process.stdout.is_none() || !self.read() {
                break;
            }
        }
        self.end = Some(end);
        self.events.push_back(LoneEvent::Ended(describe(end.status)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(script: &str) -> (tempfile::TempDir, LoneProcess) {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let spec = ProcessSpec {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            directory: directory.path().to_owned(),
            log_file: directory.path().join("n1.log"),
        };
        let process = LoneProcess::start(&NodeId::from("n1"), &spec, 7, Limits::default());
        (directory, process.expect("there is a shell"))
    }

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn lines_go_in_and_come_out_and_the_end_comes_last() {
        let (directory, mut process) =
            start("read line; echo \"$line $GLOMERS_NODE_SEED\"; echo words >&2; printf 'the end'; exit 3");
        assert_eq!(process.next(Duration::from_millis(1)), None);
        process.push("hello");
        assert_eq!(process.next(LONG), Some(LoneEvent::Line(b"hello 7".to_vec())));
        assert_eq!(process.next(LONG), Some(LoneEvent::Line(b"the end".to_vec())));
        assert_eq!(process.next(LONG), Some(LoneEvent::Ended("exited with status 3".into())));
        assert_eq!(process.next(LONG), None);
        let log = std::fs::read_to_string(directory.path().join("n1.log")).expect("there is a log");
        assert_eq!(log, "words\n");
    }

    #[test]
    fn one_that_does_not_read_blocks_nobody() {
        let (_directory, mut process) = start("echo ready; exec sleep 60");
        let line = "x".repeat(1 << 20);
        process.push(&line);
        assert_eq!(process.next(LONG), Some(LoneEvent::Line(b"ready".to_vec())));
        assert_eq!(process.next(Duration::from_millis(20)), None);
        assert!(process.waiting_bytes() > 0);
    }

    #[test]
    fn a_closed_input_is_not_the_end() {
        let (_directory, mut process) = start("exec <&-; echo closed; sleep 0.1; echo end");
        assert_eq!(process.next(LONG), Some(LoneEvent::Line(b"closed".to_vec())));
        process.push("hello");
        assert_eq!(process.next(LONG), Some(LoneEvent::Line(b"end".to_vec())));
        assert_eq!(process.next(LONG), Some(LoneEvent::Ended("exited with status 0".into())));
    }
}
