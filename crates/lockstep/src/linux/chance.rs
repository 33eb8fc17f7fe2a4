//! Numbers from a seed, in place of the machine's chance.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of random numbers. Streams of one seed are independent, so that what one is used for shifts no other.
#[derive(Debug)]
pub(crate) struct Chance(ChaCha8Rng);

/// What a stream is for.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub(crate) enum Stream {
    /// Which thread gets the turn.
    Schedule,
    /// What the program draws: `getrandom`, the random devices, `AT_RANDOM`.
    Program,
    /// The ids of its processes.
    Ids,
}

impl Chance {
    pub(crate) fn new(seed: u64, stream: Stream) -> Chance {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(stream as u64);
        Chance(generator)
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        // The high half of a product is as even as 64 bits make it.
        ((u128::from(self.0.next_u64()) * bound as u128) >> 64) as usize
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}
