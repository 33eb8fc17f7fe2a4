//! Numbers and encodes records, and hands full frames to the sink.

use glomers_node::Time;
use postcard::ser_flavors::Flavor;
use xxhash_rust::xxh3::Xxh3Default;

use super::frame::FrameHeader;
use super::recorder::{Frame, JournalError};
use super::wire::{Name, WireEntry, WireRecord};
use super::{Journal, Sink};

/// A frame is handed on once it holds this much.
const FRAME_BYTES: usize = 256 << 10;
/// A frame is handed on once it is this old, so that a killed run loses no more than that.
const FRAME_AGE_NS: u64 = 1_000_000_000;

/// The one place where a run's events get their number.
pub(crate) struct JournalWriter {
    sink: Sink,
    frame: Vec<u8>,
    first_sequence: u64,
    first_time: Time,
    record_count: u32,
    last_time: Time,
    next_sequence: u64,
    names: FrameNames,
    hasher: Xxh3Default,
    failure: Option<JournalError>,
}

/// Which hosts the present frame has spelt. A host's entry counts only if it was made in this frame.
#[derive(Default)]
struct FrameNames {
    by_host: Vec<(u64, u32)>,
    frame: u64,
    count: u32,
}

impl JournalWriter {
    pub(crate) fn new(journal: Journal) -> Self {
        Self {
            sink: journal.sink,
            frame: Vec::new(),
            first_sequence: 0,
            first_time: Time::ZERO,
            record_count: 0,
            last_time: Time::ZERO,
            next_sequence: 0,
            names: FrameNames { frame: 1, ..FrameNames::default() },
            hasher: Xxh3Default::new(),
            failure: None,
        }
    }

    /// The name of a host, as the present frame writes it. Ask only for a record that is then appended.
    pub(crate) fn host_name<'a>(&mut self, host: u32, spelling: &'a str) -> Name<'a> {
        let names = &mut self.names;
        let index = host as usize;
        if index >= names.by_host.len() {
            names.by_host.resize(index + 1, (0, 0));
        }
        let (frame, number) = names.by_host[index];
        if frame == names.frame {
            return Name::Known(number);
        }
        names.by_host[index] = (names.frame, names.count);
        names.count += 1;
        Name::Spelt(spelling)
    }

    /// A name that no host has. Ask only for a record that is then appended.
    pub(crate) fn foreign_name<'a>(&mut self, spelling: &'a str) -> Name<'a> {
        self.names.count += 1;
        Name::Spelt(spelling)
    }

    /// Appends a record and returns its number. An error of the disk is kept for [`check`](Self::check).
    pub(crate) fn append(&mut self, now: Time, entry: WireEntry<'_>) -> u64 {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        if self.record_count == 0 {
            self.first_sequence = sequence;
            self.first_time = now;
            self.last_time = now;
        }
        let elapsed_ns = now.as_ns().saturating_sub(self.last_time.as_ns());
        self.last_time = self.last_time.max(now);
        self.record_count += 1;
        let record = WireRecord { elapsed_ns, entry };
        postcard::serialize_with_flavor(&record, Append(&mut self.frame))
            .expect("a record has no sequence of unknown length, the one thing postcard refuses");
        if self.frame.len() >= FRAME_BYTES {
            self.flush();
        }
        sequence
    }

    /// Hands on a frame that has grown old. Not for virtual time, where a killed run is simply run again.
    pub(crate) fn flush_if_old(&mut self, now: Time) {
        if self.record_count > 0 && now.as_ns().saturating_sub(self.first_time.as_ns()) >= FRAME_AGE_NS {
            self.flush();
        }
    }

    /// Says, once, that the journal could not be written. Recording goes on without the file.
    pub(crate) fn check(&mut self) -> Result<(), JournalError> {
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    /// The hash of all records so far.
    pub(crate) fn trace_hash(&self) -> u64 {
        let mut hasher = self.hasher.clone();
        hasher.update(&self.frame);
        hasher.digest()
    }

    /// How many records there are.
    pub(crate) fn record_count(&self) -> u64 {
        self.next_sequence
    }

    /// Hands on what is left and waits until it is written. Returns the journal's bytes where they were kept in memory.
    pub(crate) fn finish(&mut self) -> Result<Option<Vec<u8>>, JournalError> {
        self.flush();
        let sink = std::mem::replace(&mut self.sink, Sink::Nowhere);
        let finished = match sink {
            Sink::File(recorder) => recorder.finish().map(|()| None),
            Sink::Memory(bytes) => Ok(Some(bytes)),
            Sink::Nowhere => Ok(None),
        };
        self.check()?;
        finished
    }

    fn flush(&mut self) {
        if self.record_count == 0 {
            return;
        }
        self.hasher.update(&self.frame);
        let header = FrameHeader {
            is_packed: false,
            first_sequence: self.first_sequence,
            first_time: self.first_time,
            record_count: self.record_count,
            unpacked_bytes: u32::try_from(self.frame.len())
                .expect("a frame ends at the first record beyond its size"),
            stored_bytes: u32::try_from(self.frame.len())
                .expect("a frame ends at the first record beyond its size"),
        };
        match &mut self.sink {
            Sink::File(recorder) => {
                let spare = recorder.spare_buffer();
                let payload = std::mem::replace(&mut self.frame, spare);
                if recorder.record(Frame { header, payload }).is_err() {
                    let Sink::File(recorder) = std::mem::replace(&mut self.sink, Sink::Nowhere) else {
                        unreachable!("the sink was a file just now")
                    };
                    self.failure = recorder.finish().err();
                }
            }
            Sink::Memory(bytes) => {
                bytes.extend_from_slice(&header.encode(&self.frame));
                bytes.extend_from_slice(&self.frame);
            }
            Sink::Nowhere => {}
        }
        self.frame.clear();
        self.record_count = 0;
        self.names.frame += 1;
        self.names.count = 0;
    }
}

/// Appends to a frame.
struct Append<'a>(&'a mut Vec<u8>);

impl Flavor for Append<'_> {
    type Output = ();

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.0.push(data);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
