//! Random numbers as an input: streams whose output never changes between versions.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of random numbers, the same on every platform and in every version of this crate.
///
/// The stream is the keystream of ChaCha with 8 rounds (Bernstein 2008), read as little-endian words. Each
/// consumer has a stream of its own, so that drawing more from one does not shift another.
///
/// ```
/// use glomers_node::Random;
///
/// let mut latency = Random::derive(42, "latency");
/// let mut loss = Random::derive(42, "loss");
/// assert_ne!(latency.next_u64(), loss.next_u64());
/// assert!(latency.below(6) < 6);
/// ```
#[derive(Debug, Clone)]
pub struct Random {
    stream: ChaCha8Rng,
}

impl Random {
    /// The stream called `stream_name` of a run's seed.
    ///
    /// The key is the seed, eight zero bytes, and the 128-bit FNV-1a hash of the name.
    pub fn derive(seed: u64, stream_name: &str) -> Self {
        Self::from_words(seed, 0, stream_name)
    }

    /// A new stream called `stream_name`, which depends on all that seeded this one. Draws two words from
    /// this stream.
    #[must_use]
    pub fn fork(&mut self, stream_name: &str) -> Self {
        let (first, second) = (self.next_u64(), self.next_u64());
        Self::from_words(first, second, stream_name)
    }

    fn from_words(first: u64, second: u64, stream_name: &str) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&first.to_le_bytes());
        key[8..16].copy_from_slice(&second.to_le_bytes());
        key[16..].copy_from_slice(&fnv1a_128(stream_name.as_bytes()).to_le_bytes());
        Self { stream: ChaCha8Rng::from_seed(key) }
    }

    /// Any of the 2^64 numbers, each as likely as the others.
    pub fn next_u64(&mut self) -> u64 {
        self.stream.next_u64()
    }

    /// A number from 0 to `bound` - 1, each exactly as likely as the others: Lemire, "Fast Random Integer
    /// Generation in an Interval" (2019).
    ///
    /// # Panics
    /// When `bound` is 0: there is no such number.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "there is no number below 0 to draw");
        let mut product = u128::from(self.next_u64()) * u128::from(bound);
        if (product as u64) < bound {
            // The lowest part of the range holds a few numbers too many: draw again where they would be
            // counted.
            let threshold = bound.wrapping_neg() % bound;
            while (product as u64) < threshold {
                product = u128::from(self.next_u64()) * u128::from(bound);
            }
        }
        (product >> 64) as u64
    }

    /// A fraction from 0 to just under 1, a multiple of 2^-53.
    pub fn f64(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.next_u64() >> 11) as f64 * STEP
    }

    /// True with the given probability: never at 0, always at 1.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.f64() < probability
    }

    /// A number from the exponential distribution with this mean, by inversion. The logarithm is `libm`'s,
    /// since the platform's may differ in its last bit.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * libm::log(1.0 - self.f64())
    }

    /// Brings the items into a random order, each order as likely as the others (Fisher and Yates, in
    /// Durstenfeld's form).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }

    /// One of the items, or `None` where there are none.
    pub fn choose<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() { None } else { Some(&items[self.index(items.len())]) }
    }

    fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }
}

/// The 128-bit FNV-1a hash (RFC 9923).
fn fnv1a_128(bytes: &[u8]) -> u128 {
    const OFFSET_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(OFFSET_BASIS, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests;
