//! Packing the frames of a journal file.
//!
//! Compression is C code that takes longer to compile than all else in this crate, and a simulation keeps its journal in memory, where
//! frames are plain. So it is behind the feature `zstd`, which the application sets. Frames of both kinds are read alike; without the
//! feature files are written plain, and reading a packed one fails with an error that says so.

use std::io;

/// Why a frame cannot be unpacked.
#[derive(Debug)]
pub(super) enum UnpackError {
    #[cfg(feature = "zstd")]
    Damaged,
    #[cfg(not(feature = "zstd"))]
    Unsupported,
}

#[cfg(feature = "zstd")]
mod imp {
    use super::{UnpackError, io};

    /// The fastest level that still finds the repetitions of JSON.
    const ZSTD_LEVEL: i32 = 1;

    pub(in super::super) struct Packer(zstd::bulk::Compressor<'static>);

    impl Packer {
        pub(in super::super) fn new() -> io::Result<Self> {
            zstd::bulk::Compressor::new(ZSTD_LEVEL).map(Self)
        }

        /// Appends a payload to `stored`, packed where that is supported, and returns whether it is.
        pub(in super::super) fn pack(&mut self, payload: &[u8], stored: &mut Vec<u8>) -> io::Result<bool> {
            let start = stored.len();
            stored.resize(start + zstd::zstd_safe::compress_bound(payload.len()), 0);
            let packed_bytes = self.0.compress_to_buffer(payload, &mut stored[start..])?;
            stored.truncate(start + packed_bytes);
            Ok(true)
        }
    }

    pub(in super::super) fn unpack(stored: &[u8], unpacked_bytes: usize) -> Result<Vec<u8>, UnpackError> {
        zstd::bulk::decompress(stored, unpacked_bytes).map_err(|_| UnpackError::Damaged)
    }
}

#[cfg(not(feature = "zstd"))]
mod imp {
    use super::{UnpackError, io};

    pub(in super::super) struct Packer;

    impl Packer {
        #[expect(clippy::unnecessary_wraps, reason = "packing for real can fail")]
        pub(in super::super) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        /// Appends a payload to `stored`, packed where that is supported, and returns whether it is.
        #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "packing for real can fail")]
        pub(in super::super) fn pack(&mut self, payload: &[u8], stored: &mut Vec<u8>) -> io::Result<bool> {
            stored.extend_from_slice(payload);
            Ok(false)
        }
    }

    pub(in super::super) fn unpack(_: &[u8], _: usize) -> Result<Vec<u8>, UnpackError> {
        Err(UnpackError::Unsupported)
    }
}

pub(super) use imp::{Packer, unpack};
