//! A check that is watched from another thread: its progress, and a way to interrupt it.

use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use glomers_check::Interrupt;

/// What a check shares with the thread that watches it. A clone is the same watch.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    interrupt: Interrupt,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    operations: AtomicU64,
    bytes: AtomicU64,
    /// 0 if it is unknown.
    all_bytes: AtomicU64,
}

impl Watch {
    /// What ends the check, once raised.
    pub fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// How many entries of the history have been read.
    pub fn operations(&self) -> u64 {
        self.counters.operations.load(Relaxed)
    }

    /// Which share of the file has been read, from 0 to 1, if its size is known.
    pub fn share_read(&self) -> Option<f64> {
        let all = self.counters.all_bytes.load(Relaxed);
        (all > 0).then(|| (self.counters.bytes.load(Relaxed) as f64 / all as f64).min(1.0))
    }

    pub(super) fn count_operation(&self) {
        self.counters.operations.fetch_add(1, Relaxed);
    }

    /// A source of this many bytes, which counts what is read.
    pub(super) fn counted<R: Read>(&self, source: R, bytes: u64) -> Counted<R> {
        self.counters.all_bytes.store(bytes, Relaxed);
        Counted { source, counters: Arc::clone(&self.counters) }
    }
}

/// A source of bytes that are counted.
pub(super) struct Counted<R> {
    source: R,
    counters: Arc<Counters>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.counters.bytes.fetch_add(count as u64, Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_counted() {
        let watch = Watch::default();
        assert_eq!(watch.share_read(), None);
        let mut source = watch.counted(&b"history"[..], 14);
        io::copy(&mut source, &mut io::sink()).unwrap();
        assert_eq!(watch.clone().share_read(), Some(0.5));
    }
}
