//! Values in the memory of a traced program, as its system calls lay them out on 64-bit Linux.

use nix::libc;

use super::sys::{self, Fault, Tid};
use super::thread::CallError;

const NS_PER_S: u64 = 1_000_000_000;

pub(crate) fn read_bytes<const N: usize>(tid: Tid, address: u64) -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    sys::read_memory(tid, address, &mut bytes)?;
    Ok(bytes)
}

pub(crate) fn read_u32(tid: Tid, address: u64) -> Result<u32, Fault> {
    read_bytes(tid, address).map(u32::from_ne_bytes)
}

pub(crate) fn read_u64(tid: Tid, address: u64) -> Result<u64, Fault> {
    read_bytes(tid, address).map(u64::from_ne_bytes)
}

/// Neighbouring 64-bit words.
pub(crate) fn read_words<const N: usize>(tid: Tid, address: u64) -> Result<[u64; N], Fault> {
    let mut bytes = vec![0; N * 8];
    sys::read_memory(tid, address, &mut bytes)?;
    let mut words = [0; N];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_ne_bytes(chunk.try_into().expect("chunks of eight bytes"));
    }
    Ok(words)
}

pub(crate) fn write_i32(tid: Tid, address: u64, value: i32) -> Result<(), Fault> {
    sys::write_memory(tid, address, &value.to_ne_bytes())
}

pub(crate) fn write_words<const N: usize>(tid: Tid, address: u64, words: [u64; N]) -> Result<(), Fault> {
    let bytes = words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<_>>();
    sys::write_memory(tid, address, &bytes)
}

/// A `timespec`, in nanoseconds.
pub(crate) fn read_timespec(tid: Tid, address: u64) -> Result<u64, CallError> {
    let [seconds, nanoseconds] = two_words(tid, address)?;
    to_ns(seconds, nanoseconds, 1)
}

/// A `timeval`, in nanoseconds.
pub(crate) fn read_timeval(tid: Tid, address: u64) -> Result<u64, CallError> {
    let [seconds, microseconds] = two_words(tid, address)?;
    to_ns(seconds, microseconds, 1000)
}

pub(crate) fn write_timespec(tid: Tid, address: u64, ns: u64) -> Result<(), Fault> {
    write_two_words(tid, address, [ns / NS_PER_S, ns % NS_PER_S])
}

pub(crate) fn write_timeval(tid: Tid, address: u64, ns: u64) -> Result<(), Fault> {
    write_two_words(tid, address, [ns / NS_PER_S, ns % NS_PER_S / 1000])
}

fn two_words(tid: Tid, address: u64) -> Result<[u64; 2], Fault> {
    let bytes = read_bytes::<16>(tid, address)?;
    let word = |from: usize| u64::from_ne_bytes(bytes[from..from + 8].try_into().expect("eight bytes"));
    Ok([word(0), word(8)])
}

fn write_two_words(tid: Tid, address: u64, [first, second]: [u64; 2]) -> Result<(), Fault> {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&first.to_ne_bytes());
    bytes[8..].copy_from_slice(&second.to_ne_bytes());
    sys::write_memory(tid, address, &bytes)
}

fn to_ns(seconds: u64, fraction: u64, ns_per_fraction: u64) -> Result<u64, CallError> {
    let is_valid = (seconds as i64) >= 0 && fraction < NS_PER_S / ns_per_fraction;
    // What is longer than 584 years lasts for ever.
    let ns = seconds.saturating_mul(NS_PER_S).saturating_add(fraction.saturating_mul(ns_per_fraction));
    if is_valid { Ok(ns) } else { Err(CallError::Errno(libc::EINVAL)) }
}
