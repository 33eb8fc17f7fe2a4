//! The thread that packs frames and writes them to the disk.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

use thiserror::Error;

use super::frame::{FrameHeader, HEADER_BYTES};
use super::packing::Packer;

/// How many frames may wait for the disk before the world waits too. Bounds the memory of a run on a slow disk.
const WAITING_FRAMES: usize = 16;
/// A buffer that one long record has left larger than this is not used again.
const KEPT_BUFFER_BYTES: usize = 1 << 20;

/// The journal cannot be written. The run goes on without it.
#[derive(Debug, Error)]
#[error("the journal {} could not be written: {source}; what was recorded before can still be read", path.display())]
pub struct JournalError {
    /// The journal's file.
    pub path: PathBuf,
    /// What the system says: no space is left, perhaps.
    pub source: io::Error,
}

/// A full frame, not yet packed.
pub(crate) struct Frame {
    pub(crate) header: FrameHeader,
    pub(crate) payload: Vec<u8>,
}

/// The recorder thread has stopped; [`Recorder::finish`] says why.
pub(crate) struct Stopped;

/// The recorder thread, and the channel to it. The channel is bounded: the world slows down rather than grow.
pub(crate) struct Recorder {
    path: PathBuf,
    frames: SyncSender<Frame>,
    spare: Receiver<Vec<u8>>,
    thread: JoinHandle<io::Result<()>>,
}

impl Recorder {
    pub(crate) fn start(path: PathBuf) -> Result<Self, JournalError> {
        let failed = |source| JournalError { path: path.clone(), source };
        let file = File::create(&path).map_err(failed)?;
        let (frames, waiting) = sync_channel(WAITING_FRAMES);
        let (used, spare) = channel();
        let thread = Builder::new()
            .name("journal".into())
            .spawn(move || write_frames(file, &waiting, &used))
            .map_err(failed)?;
        Ok(Self { path, frames, spare, thread })
    }

    /// A buffer for the next frame.
    pub(crate) fn spare_buffer(&self) -> Vec<u8> {
        self.spare.try_recv().unwrap_or_default()
    }

    pub(crate) fn record(&self, frame: Frame) -> Result<(), Stopped> {
        self.frames.send(frame).map_err(|_| Stopped)
    }

    /// Waits until everything is written.
    pub(crate) fn finish(self) -> Result<(), JournalError> {
        drop(self.frames);
        let written = self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the recorder panicked")));
        written.map_err(|source| JournalError { path: self.path, source })
    }
}

fn write_frames(mut file: File, waiting: &Receiver<Frame>, used: &Sender<Vec<u8>>) -> io::Result<()> {
    let mut packer = Packer::new()?;
    let mut stored = Vec::new();
    for Frame { header, mut payload } in waiting {
        stored.clear();
        stored.resize(HEADER_BYTES, 0);
        let is_packed = packer.pack(&payload, &mut stored)?;
        let stored_bytes = (stored.len() - HEADER_BYTES) as u32;
        let header = FrameHeader { is_packed, stored_bytes, ..header };
        let header = header.encode(&stored[HEADER_BYTES..]);
        stored[..HEADER_BYTES].copy_from_slice(&header);
        // One write for a whole frame: a killed run leaves at most one frame cut short.
        file.write_all(&stored)?;
        if payload.capacity() <= KEPT_BUFFER_BYTES {
            payload.clear();
            // Nobody takes it back once the world is gone.
            let _ = used.send(payload);
        } else {
            stored = Vec::new();
        }
    }
    Ok(())
}
