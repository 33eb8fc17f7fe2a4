//! What a process has yet to read.

use std::collections::VecDeque;
use std::io::{self, Write};

use glomers_protocol::write_envelope;

use super::pipe::PIPE_BYTES;
use crate::network::Arrival;

/// The messages that a process has yet to read: first those that wait for room in its pipe, then those that the pipe has taken.
///
/// A message counts as delivered when the pipe has taken all of it. How much of that the process has read is asked only when it has
/// ended: what is left in the pipe then was never read.
#[derive(Debug)]
pub(crate) struct InputBuffer {
    bytes: Vec<u8>,
    /// How much of `bytes` the pipe has taken.
    written: usize,
    /// How many bytes the pipe has taken since the process was started.
    taken_bytes: u64,
    /// The lines in `bytes`, in order.
    waiting: VecDeque<Line>,
    /// The last lines that the pipe has taken: all that fit into it.
    taken: VecDeque<Line>,
    limit_bytes: usize,
    /// How much can be in the pipe.
    pipe_bytes: u64,
}

#[derive(Debug)]
struct Line {
    arrival: Arrival,
    /// How many bytes the process has been given once this line is complete.
    end: u64,
    body_bytes: usize,
}

/// More waits than is kept.
pub(crate) struct Overflow;

impl InputBuffer {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self {
            bytes: Vec::new(),
            written: 0,
            taken_bytes: 0,
            waiting: VecDeque::new(),
            taken: VecDeque::new(),
            limit_bytes,
            pipe_bytes: PIPE_BYTES as u64,
        }
    }

    /// One for a pipe that takes all there is, of which the world knows how much was not read.
    pub(crate) fn without_pipe(limit_bytes: usize) -> Self {
        Self { pipe_bytes: u64::MAX / 2, ..Self::new(limit_bytes) }
    }

    /// All but the last `unread_bytes` have been read: what they held is not needed any more.
    pub(crate) fn forget_read(&mut self, unread_bytes: usize) {
        let read_bytes = self.taken_bytes.saturating_sub(unread_bytes as u64);
        while self.taken.front().is_some_and(|line| line.end <= read_bytes) {
            self.taken.pop_front();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Appends a message as a line. `unread_bytes` is how much of what was written is known to be unread.
    pub(crate) fn push(
        &mut self,
        arrival: &Arrival,
        unread_bytes: usize,
        src: &str,
        dest: &str,
        body: &str,
    ) -> Result<(), Overflow> {
        let waiting_bytes = self.bytes.len() - self.written;
        if unread_bytes + waiting_bytes + body.len() > self.limit_bytes {
            return Err(Overflow);
        }
        let start = self.bytes.len();
        write_envelope(&mut self.bytes, Some(arrival.number), src, dest, body.as_bytes());
        let end = self.taken_bytes + (waiting_bytes + self.bytes.len() - start) as u64;
        self.waiting.push_back(Line { arrival: arrival.clone(), end, body_bytes: body.len() });
        Ok(())
    }

    /// Hands over what the pipe takes, with one write, and calls `delivered` with each message and its body that the pipe has now taken
    /// whole.
    pub(crate) fn write_to(
        &mut self,
        stdin: &mut impl Write,
        mut delivered: impl FnMut(&Arrival, &str),
    ) -> io::Result<()> {
        match stdin.write(&self.bytes[self.written..]) {
            Ok(count) => {
                self.written += count;
                self.taken_bytes += count as u64;
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
        while self.waiting.front().is_some_and(|line| line.end <= self.taken_bytes) {
            let Some(line) = self.waiting.pop_front() else { break };
            // A line ends with the body, a brace and a newline.
            let end = self.written - (self.taken_bytes - line.end) as usize - 2;
            let body = std::str::from_utf8(&self.bytes[end - line.body_bytes..end]);
            delivered(&line.arrival, body.expect("it was written as text"));
            self.taken.push_back(line);
        }
        while self.taken.front().is_some_and(|line| line.end + self.pipe_bytes <= self.taken_bytes) {
            self.taken.pop_front();
        }
        if self.written == self.bytes.len() {
            self.clear();
        } else if self.written > self.bytes.len() / 2 {
            // Half is gone: moving the rest to the front costs no more than the writing did.
            self.bytes.drain(..self.written);
            self.written = 0;
        }
        Ok(())
    }

    /// Empties the buffer. Returns the messages that lie in the last `unread_bytes` that the pipe has taken, and those that it has not
    /// taken whole.
    pub(crate) fn abandon(&mut self, unread_bytes: usize) -> (Vec<Arrival>, Vec<Arrival>) {
        let read_bytes = self.taken_bytes.saturating_sub(unread_bytes as u64);
        let unread = self.taken.drain(..).filter(|line| line.end > read_bytes).map(|line| line.arrival);
        let unread = unread.collect();
        let waiting = self.waiting.drain(..).map(|line| line.arrival).collect();
        self.clear();
        (unread, waiting)
    }

    /// Forgets the bytes, and the memory that a burst has left.
    fn clear(&mut self) {
        const KEPT_BYTES: usize = 1 << 20;
        self.bytes.clear();
        self.written = 0;
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
    }
}
