//! Reads a journal back, one record after the other.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use glomers_node::{NodeId, Time};
use thiserror::Error;

use super::frame::{FrameHeader, HEADER_BYTES, HeaderFault};
use super::packing::{UnpackError, unpack};
use super::record::Record;
use super::wire::WireRecord;

/// Reads a journal in the order it was written, holding one frame at a time.
///
/// The journal of a run that was killed may end in the middle of a frame: all records before it are read, and then one
/// [`JournalReadError::Truncated`] says where it stopped. After an error the iterator ends.
#[derive(Debug)]
pub struct JournalReader<R> {
    source: R,
    /// How many bytes of the source have been used up.
    offset: u64,
    frame: Vec<u8>,
    position: usize,
    records_left: u32,
    sequence: u64,
    time: Time,
    names: Vec<NodeId>,
    has_ended: bool,
}

/// Why a journal cannot be read on. Everything before was whole.
#[derive(Debug, Error)]
pub enum JournalReadError {
    /// The run was killed while the last frame was being written.
    #[error(
        "the journal ends in the middle of a frame at byte {offset}, after record {records}: the run was cut short"
    )]
    Truncated {
        /// Where the broken frame begins.
        offset: u64,
        /// How many records come before it.
        records: u64,
    },
    /// The file is not a journal, or was changed after it was written.
    #[error("the journal is damaged at byte {offset}, after record {records}: {reason}")]
    Damaged {
        /// Where the damaged frame begins.
        offset: u64,
        /// How many records come before it.
        records: u64,
        /// What does not fit.
        reason: &'static str,
    },
    /// Another version of this program wrote the journal.
    #[error(
        "the journal has format version {version}, which this program does not know: read it with the version that wrote it"
    )]
    Version {
        /// The version that the file claims.
        version: u16,
    },
    /// The journal is packed, and this program cannot unpack it.
    #[error(
        "the journal is packed with zstd, which this program was built without: build it with the feature `zstd` of glomers-world"
    )]
    Packed,
    /// The file cannot be read.
    #[error("the journal cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl JournalReader<BufReader<File>> {
    /// Opens a journal file.
    ///
    /// # Errors
    /// Where the file cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self::new(BufReader::new(File::open(path)?)))
    }
}

impl<R: Read> JournalReader<R> {
    /// Reads a journal from anywhere: a file, or the bytes of a [`Journal::in_memory`](super::Journal::in_memory).
    pub fn new(source: R) -> Self {
        Self {
            source,
            offset: 0,
            frame: Vec::new(),
            position: 0,
            records_left: 0,
            sequence: 0,
            time: Time::ZERO,
            names: Vec::new(),
            has_ended: false,
        }
    }

    fn next_record(&mut self) -> Result<Option<Record>, JournalReadError> {
        if self.records_left == 0 && !self.read_frame()? {
            return Ok(None);
        }
        let rest = &self.frame[self.position..];
        let (wire, rest) = postcard::take_from_bytes::<WireRecord<'_>>(rest)
            .map_err(|_| self.damaged("a record has no known shape"))?;
        self.position = self.frame.len() - rest.len();
        self.time = Time::from_ns(self.time.as_ns().saturating_add(wire.elapsed_ns));
        let (sequence, time) = (self.sequence, self.time);
        let record = wire.resolve(sequence, time, &mut self.names);
        let record =
            record.map_err(|_| self.damaged("a record names a host that the frame has not spelt"))?;
        self.sequence += 1;
        self.records_left -= 1;
        Ok(Some(record))
    }

    /// Reads the next frame with records; false at the end.
    fn read_frame(&mut self) -> Result<bool, JournalReadError> {
        let mut header_bytes = [0; HEADER_BYTES];
        match read_up_to(&mut self.source, &mut header_bytes)? {
            0 => return Ok(false),
            HEADER_BYTES => {}
            _ => return Err(self.truncated()),
        }
        let header = FrameHeader::decode(&header_bytes).map_err(|fault| match fault {
            HeaderFault::NotAFrame => self.damaged("no frame begins here"),
            HeaderFault::TooLarge => self.damaged("a frame claims to be larger than any can be"),
            HeaderFault::Version(version) => JournalReadError::Version { version },
        })?;
        let mut stored = Vec::new();
        self.source.by_ref().take(u64::from(header.stored_bytes)).read_to_end(&mut stored)?;
        if stored.len() < header.stored_bytes as usize {
            return Err(self.truncated());
        }
        if !FrameHeader::is_intact(&header_bytes, &stored) {
            return Err(self.damaged("the frame's checksum does not fit"));
        }
        if header.first_sequence != self.sequence {
            return Err(self.damaged("frames are missing"));
        }
        self.frame = if header.is_packed {
            unpack(&stored, header.unpacked_bytes as usize).map_err(|error| match error {
                #[cfg(feature = "zstd")]
                UnpackError::Damaged => self.damaged("the frame cannot be unpacked"),
                #[cfg(not(feature = "zstd"))]
                UnpackError::Unsupported => JournalReadError::Packed,
            })?
        } else {
            stored
        };
        self.offset += (HEADER_BYTES + header.stored_bytes as usize) as u64;
        self.position = 0;
        self.records_left = header.record_count;
        self.time = header.first_time;
        self.names.clear();
        if header.record_count == 0 { Err(self.damaged("a frame holds no record")) } else { Ok(true) }
    }

    fn truncated(&self) -> JournalReadError {
        JournalReadError::Truncated { offset: self.offset, records: self.sequence }
    }

    fn damaged(&self, reason: &'static str) -> JournalReadError {
        JournalReadError::Damaged { offset: self.offset, records: self.sequence, reason }
    }
}

impl<R: Read> Iterator for JournalReader<R> {
    type Item = Result<Record, JournalReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let next = self.next_record().transpose();
        self.has_ended = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Fills the buffer unless the source ends before; returns how much of it was filled.
fn read_up_to(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
