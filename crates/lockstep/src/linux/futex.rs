//! Futexes: the supervisor keeps the queues, so no thread ever waits for another one in the kernel.
//!
//! Since one thread runs at a time, the word cannot change between looking at it and parking.

use std::fs;

use nix::libc;

use super::arch::Registers;
use super::memory::{read_timespec, read_u32, write_i32};
use super::thread::{CallError, FutexKey, Id, Resume, State, Verdict, Wait};
use super::tree::Tree;

const ANY: u32 = libc::FUTEX_BITSET_MATCH_ANY as u32;

impl Tree {
    pub(crate) fn futex(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        let operation = registers.argument(1) as i32;
        let value = registers.argument(2) as u32;
        let is_private = operation & libc::FUTEX_PRIVATE_FLAG != 0;
        let key = |tree: &Tree, address| tree.futex_key(id, address, is_private);
        let first = registers.argument(0);
        match operation & libc::FUTEX_CMD_MASK {
            libc::FUTEX_WAIT => self.futex_wait(id, registers, ANY),
            libc::FUTEX_WAIT_BITSET => self.futex_wait(id, registers, registers.argument(5) as u32),
            libc::FUTEX_WAKE => {
                let key = key(self, first)?;
                Ok(Verdict::Return(self.wake(key, value as i32, ANY)))
            }
            libc::FUTEX_WAKE_BITSET => {
                let key = key(self, first)?;
                Ok(Verdict::Return(self.wake(key, value as i32, registers.argument(5) as u32)))
            }
            requeue @ (libc::FUTEX_REQUEUE | libc::FUTEX_CMP_REQUEUE) => {
                let (from, to) = (key(self, first)?, key(self, registers.argument(4))?);
                let tid = self.thread(id).tid;
                let is_compared = requeue == libc::FUTEX_CMP_REQUEUE;
                if is_compared && read_u32(tid, first)? != registers.argument(5) as u32 {
                    return Err(CallError::Errno(libc::EAGAIN));
                }
                let woken = self.wake(from, value as i32, ANY);
                let moved = self.requeue(from, to, registers.argument(3) as i32);
                Ok(Verdict::Return(if is_compared { woken + moved } else { woken }))
            }
            libc::FUTEX_WAKE_OP => self.futex_wake_op(id, registers, is_private),
            // Priority inheritance compares words with the kernel's thread ids, which the program does not know. Every user of it asks
            // whether it is there.
            _ => Err(CallError::Errno(libc::ENOSYS)),
        }
    }

    fn futex_wait(&mut self, id: Id, registers: &Registers, mask: u32) -> Result<Verdict, CallError> {
        let operation = registers.argument(1) as i32;
        let tid = self.thread(id).tid;
        if mask == 0 {
            return Err(CallError::Errno(libc::EINVAL));
        }
        if read_u32(tid, registers.argument(0))? != registers.argument(2) as u32 {
            return Err(CallError::Errno(libc::EAGAIN));
        }
        let key = self.futex_key(id, registers.argument(0), operation & libc::FUTEX_PRIVATE_FLAG != 0)?;
        let deadline_ns = match registers.argument(3) {
            0 => None,
            address => {
                let ns = read_timespec(tid, address)?;
                Some(if operation & libc::FUTEX_CMD_MASK == libc::FUTEX_WAIT {
                    self.now_ns.saturating_add(ns)
                } else if operation & libc::FUTEX_CLOCK_REALTIME != 0 {
                    self.time_of_clock(libc::CLOCK_REALTIME as u64, ns)?
                } else {
                    self.time_of_clock(libc::CLOCK_MONOTONIC as u64, ns)?
                })
            }
        };
        let deadline_ns = deadline_ns.map(|deadline_ns| self.until(id, deadline_ns));
        Ok(Verdict::park(Wait::Futex { key, mask }, deadline_ns))
    }

    /// Wakes up to `limit` threads, those first that have waited longest, and returns how many.
    pub(crate) fn wake(&mut self, key: FutexKey, limit: i32, mask: u32) -> i64 {
        let waiting = self.waiting(key, mask, limit);
        for &id in &waiting {
            self.make_ready(id, Resume::Return(0));
        }
        waiting.len() as i64
    }

    fn requeue(&mut self, from: FutexKey, to: FutexKey, limit: i32) -> i64 {
        let waiting = self.waiting(from, ANY, limit);
        for &id in &waiting {
            if let State::Parked(park) = &mut self.thread_mut(id).state
                && let Wait::Futex { key, .. } = &mut park.wait
            {
                *key = to;
            }
        }
        waiting.len() as i64
    }

    fn waiting(&self, wanted: FutexKey, wanted_mask: u32, limit: i32) -> Vec<Id> {
        let mut waiting = self
            .threads
            .iter()
            .filter_map(|(&id, thread)| match &thread.state {
                State::Parked(park) => match park.wait {
                    Wait::Futex { key, mask } if key == wanted && mask & wanted_mask != 0 => {
                        Some((park.sequence, id))
                    }
                    _ => None,
                },
                _ => None,
            })
            .collect::<Vec<_>>();
        waiting.sort_unstable();
        waiting.truncate(usize::try_from(limit).unwrap_or(0));
        waiting.into_iter().map(|(_, id)| id).collect()
    }

    /// Changes the second word, wakes waiters of the first, and those of the second if its old value compares as asked.
    fn futex_wake_op(
        &mut self,
        id: Id,
        registers: &Registers,
        is_private: bool,
    ) -> Result<Verdict, CallError> {
        let tid = self.thread(id).tid;
        let [first, second] = [registers.argument(0), registers.argument(4)];
        let keys = [self.futex_key(id, first, is_private)?, self.futex_key(id, second, is_private)?];
        let encoded = registers.argument(5) as u32;
        let sign_extended = |bits: u32| ((bits << 20) as i32) >> 20;
        let mut argument = sign_extended(encoded >> 12);
        let comparand = sign_extended(encoded);
        // The top bit says that the argument is the number of a bit.
        if encoded >> 31 != 0 {
            argument = 1_i32.wrapping_shl(argument as u32);
        }
        let old = read_u32(tid, second)? as i32;
        let new = match (encoded >> 28) & 7 {
            0 => argument,
            1 => old.wrapping_add(argument),
            2 => old | argument,
            3 => old & !argument,
            4 => old ^ argument,
            _ => return Err(CallError::Errno(libc::ENOSYS)),
        };
        let wakes_second = match (encoded >> 24) & 15 {
            0 => old == comparand,
            1 => old != comparand,
            2 => old < comparand,
            3 => old <= comparand,
            4 => old > comparand,
            5 => old >= comparand,
            _ => return Err(CallError::Errno(libc::ENOSYS)),
        };
        write_i32(tid, second, new)?;
        let mut woken = self.wake(keys[0], registers.argument(2) as i32, ANY);
        if wakes_second {
            woken += self.wake(keys[1], registers.argument(3) as i32, ANY);
        }
        Ok(Verdict::Return(woken))
    }

    /// What threads that wait on a word agree on. Only where several processes may share it is the mapping looked up.
    pub(crate) fn futex_key(&self, id: Id, address: u64, is_private: bool) -> Result<FutexKey, CallError> {
        if !address.is_multiple_of(4) {
            return Err(CallError::Errno(libc::EINVAL));
        }
        let process = &self.processes[&self.thread(id).process];
        let private = FutexKey::Private { memory: process.memory, address };
        if is_private || self.processes.len() == 1 {
            return Ok(private);
        }
        Ok(shared_mapping(process.tid, address).unwrap_or(private))
    }
}

/// The file and offset behind an address, if it lies in a mapping that others may share.
fn shared_mapping(process: i32, address: u64) -> Option<FutexKey> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).ok()?;
    maps.lines().find_map(|line| {
        // 7f0000000000-7f0000001000 rw-s 00000000 00:01 1234    /dev/zero (deleted)
        let mut fields = line.split_ascii_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let [start, end] = [u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?];
        if !(start..end).contains(&address) || !fields.next()?.ends_with('s') {
            return None;
        }
        let offset = u64::from_str_radix(fields.next()?, 16).ok()?;
        let (major, minor) = fields.next()?.split_once(':')?;
        let device = (u64::from_str_radix(major, 16).ok()? << 32) | u64::from_str_radix(minor, 16).ok()?;
        let inode = fields.next()?.parse().ok()?;
        Some(FutexKey::Shared { device, inode, offset: offset + (address - start) })
    })
}
