//! The container: a journal is a run of frames, each with a header of its own, each readable without the others.
//!
//! A header is 48 bytes, little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | `GLMJ` |
//! | 2 | version of the format |
//! | 2 | 1 where the payload is a zstd frame, 0 where it is plain |
//! | 8 | sequence number of the first record |
//! | 8 | time of the first record, in nanoseconds |
//! | 4 | how many records |
//! | 4 | bytes of the payload, unpacked |
//! | 4 | bytes of the payload, as it stands in the file |
//! | 4 | zero |
//! | 8 | XXH3-64 of the forty bytes before, then of the payload as it stands in the file |

use glomers_node::Time;
use xxhash_rust::xxh3::Xxh3Default;

/// The size of a header.
pub(crate) const HEADER_BYTES: usize = 48;
/// No frame is larger than this, unpacked: the longest line of a node, many times over. A header that claims more is damaged.
pub(crate) const MAX_FRAME_BYTES: u32 = 256 << 20;

const MAGIC: [u8; 4] = *b"GLMJ";
const VERSION: u16 = 1;
const HASHED_BYTES: usize = HEADER_BYTES - 8;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) is_packed: bool,
    pub(crate) first_sequence: u64,
    pub(crate) first_time: Time,
    pub(crate) record_count: u32,
    pub(crate) unpacked_bytes: u32,
    pub(crate) stored_bytes: u32,
}

/// Why a header cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    NotAFrame,
    Version(u16),
    TooLarge,
}

impl FrameHeader {
    /// The header's bytes, with the checksum over them and `payload`.
    pub(crate) fn encode(&self, payload: &[u8]) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&VERSION.to_le_bytes());
        bytes[6..8].copy_from_slice(&u16::from(self.is_packed).to_le_bytes());
        bytes[8..16].copy_from_slice(&self.first_sequence.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first_time.as_ns().to_le_bytes());
        bytes[24..28].copy_from_slice(&self.record_count.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.unpacked_bytes.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.stored_bytes.to_le_bytes());
        let checksum = checksum(&bytes, payload);
        bytes[HASHED_BYTES..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, HeaderFault> {
        if bytes[0..4] != MAGIC {
            return Err(HeaderFault::NotAFrame);
        }
        let version = u16::from_le_bytes(field(bytes, 4));
        if version != VERSION {
            return Err(HeaderFault::Version(version));
        }
        let header = Self {
            is_packed: u16::from_le_bytes(field(bytes, 6)) == 1,
            first_sequence: u64::from_le_bytes(field(bytes, 8)),
            first_time: Time::from_ns(u64::from_le_bytes(field(bytes, 16))),
            record_count: u32::from_le_bytes(field(bytes, 24)),
            unpacked_bytes: u32::from_le_bytes(field(bytes, 28)),
            stored_bytes: u32::from_le_bytes(field(bytes, 32)),
        };
        let is_too_large = header.unpacked_bytes.max(header.stored_bytes) > MAX_FRAME_BYTES;
        if is_too_large { Err(HeaderFault::TooLarge) } else { Ok(header) }
    }

    /// Whether header and payload are as they were written.
    pub(crate) fn is_intact(header: &[u8; HEADER_BYTES], payload: &[u8]) -> bool {
        checksum(header, payload) == u64::from_le_bytes(field(header, HASHED_BYTES))
    }
}

fn checksum(header: &[u8; HEADER_BYTES], payload: &[u8]) -> u64 {
    let mut hasher = Xxh3Default::new();
    hasher.update(&header[..HASHED_BYTES]);
    hasher.update(payload);
    hasher.digest()
}

fn field<const N: usize>(bytes: &[u8; HEADER_BYTES], start: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[start..start + N]);
    field
}
