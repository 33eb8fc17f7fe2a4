//! Ending a wait from outside.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// Ends a [`World::turn`](crate::World::turn) that waits, from another thread or a signal handler. Cheap to clone.
#[derive(Debug, Clone)]
pub struct WakeHandle {
    writer: Arc<PipeWriter>,
}

impl WakeHandle {
    /// Ends the turn that waits now, or the next one at once. Never blocks.
    pub fn wake(&self) {
        // A full pipe wakes as well, and a world that is gone needs no waking.
        let _ = (&*self.writer).write(&[1]);
    }

    /// A descriptor that wakes as well when a byte is written to it: for signal handlers, which may do little else, as with
    /// `signal_hook::low_level::pipe`. Writing to it never blocks.
    ///
    /// # Errors
    /// Where the system has no descriptor left.
    pub fn to_descriptor(&self) -> io::Result<OwnedFd> {
        self.writer.as_fd().try_clone_to_owned()
    }
}

#[derive(Debug)]
pub(crate) struct WakePipe {
    reader: PipeReader,
    writer: Arc<PipeWriter>,
}

impl WakePipe {
    pub(crate) fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        for end in [reader.as_fd(), writer.as_fd()] {
            fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        Ok(Self { reader, writer: Arc::new(writer) })
    }

    pub(crate) fn handle(&self) -> WakeHandle {
        WakeHandle { writer: Arc::clone(&self.writer) }
    }

    pub(crate) fn readable(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }

    /// Takes the wakings so far; whether there were any.
    pub(crate) fn clear(&mut self) -> bool {
        let mut bytes = [0; 64];
        let mut was_woken = false;
        while let Ok(count @ 1..) = self.reader.read(&mut bytes) {
            was_woken |= count > 0;
        }
        was_woken
    }
}
