//! What waits to be read by a process.

use std::io::{self, Write};
use std::process::ChildStdin;

use glomers_protocol::write_envelope;

/// The bytes that a process has yet to read: one write hands over all that the pipe takes.
#[derive(Debug)]
pub(crate) struct InputBuffer {
    bytes: Vec<u8>,
    /// How much of `bytes` the pipe has taken.
    written: usize,
    limit_bytes: usize,
}

/// More waits than is kept.
pub(crate) struct Overflow;

impl InputBuffer {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self { bytes: Vec::new(), written: 0, limit_bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Appends a message as a line.
    pub(crate) fn push(&mut self, message: u64, src: &str, dest: &str, body: &str) -> Result<(), Overflow> {
        if self.bytes.len() - self.written + body.len() > self.limit_bytes {
            return Err(Overflow);
        }
        write_envelope(&mut self.bytes, Some(message), src, dest, body.as_bytes());
        Ok(())
    }

    /// Hands over what the pipe takes, with one write.
    pub(crate) fn write_to(&mut self, stdin: &mut ChildStdin) -> io::Result<()> {
        match stdin.write(&self.bytes[self.written..]) {
            Ok(count) => self.written += count,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
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

    /// Forgets what waits, and the memory that a burst has left.
    pub(crate) fn clear(&mut self) {
        const KEPT_BYTES: usize = 1 << 20;
        self.bytes.clear();
        self.written = 0;
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
    }
}
