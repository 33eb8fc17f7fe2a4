//! Calls that read a clock or sleep. Time stands still while a program computes.

use nix::libc;

use super::arch::Registers;
use super::memory::{read_timespec, write_timespec, write_timeval, write_words};
use super::sys;
use super::thread::{CallError, Id, Verdict, Wait};
use super::tree::Tree;
use crate::outcome::Notice;

/// What the monotonic clocks show when virtual time is 0. Some runtimes take 0 for "not set".
const MONOTONIC_AT_START_NS: u64 = 1_000_000_000_000;
/// Ticks of `times` in a second, as `sysconf(_SC_CLK_TCK)` says on every Linux.
const NS_PER_TICK: u64 = 10_000_000;

/// After how many looks at the clock, or yields, without a wait in between a thread is made to pause. A thread that logs a thousand lines
/// looks at the clock as often, so this is not few.
const LOOKS_BEFORE_PAUSE: u32 = 1000;
/// The same for one that has just paused, and looks again.
const LOOKS_BETWEEN_PAUSES: u32 = 50;
/// The first pause and the longest: each is twice the one before, so that a loop that spins for a second ends soon.
const FIRST_PAUSE_NS: u64 = 10_000;
const LONGEST_PAUSE_NS: u64 = 10_000_000;
/// A pause this long follows several others without a wait in between: the program does nothing but look at the clock.
const NOTABLE_PAUSE_NS: u64 = 1_000_000;

impl Tree {
    pub(crate) fn monotonic_ns(&self) -> u64 {
        MONOTONIC_AT_START_NS + self.now_ns
    }

    fn unix_time_ns(&self) -> u64 {
        self.program.unix_time_ns.saturating_add(self.now_ns)
    }

    /// What a clock shows. The clocks of CPU time show how long the program has been running.
    fn clock_ns(&self, clock: u64) -> Result<u64, CallError> {
        match clock as i32 {
            libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_TAI | libc::CLOCK_REALTIME_ALARM => {
                Ok(self.unix_time_ns())
            }
            libc::CLOCK_MONOTONIC
            | libc::CLOCK_MONOTONIC_RAW
            | libc::CLOCK_MONOTONIC_COARSE
            | libc::CLOCK_BOOTTIME
            | libc::CLOCK_BOOTTIME_ALARM => Ok(self.monotonic_ns()),
            libc::CLOCK_PROCESS_CPUTIME_ID | libc::CLOCK_THREAD_CPUTIME_ID => Ok(self.now_ns),
            // The CPU time of a certain thread or process, or a clock device.
            clock if clock < 0 => Ok(self.now_ns),
            _ => Err(CallError::Errno(libc::EINVAL)),
        }
    }

    /// When a clock will show `ns`, in virtual time.
    pub(crate) fn from_clock(&self, clock: u64, ns: u64) -> Result<u64, CallError> {
        let shown_ns = self.clock_ns(clock)?;
        Ok(if ns >= shown_ns { self.now_ns.saturating_add(ns - shown_ns) } else { self.now_ns.saturating_sub(shown_ns - ns) })
    }

    /// Counts a look at the clock, or a yield. One that looks too often without waiting waits a moment, since nothing else would let time
    /// pass: a loop that waits for the clock to move ends that way.
    pub(crate) fn look(&mut self, id: Id) -> Option<Verdict> {
        let now_ns = self.now_ns;
        let thread = self.thread_mut(id);
        thread.looks += 1;
        let limit = if thread.pause_ns == 0 { LOOKS_BEFORE_PAUSE } else { LOOKS_BETWEEN_PAUSES };
        if thread.looks <= limit {
            return None;
        }
        thread.looks = 0;
        thread.pause_ns = (thread.pause_ns * 2).clamp(FIRST_PAUSE_NS, LONGEST_PAUSE_NS);
        let deadline_ns = now_ns + thread.pause_ns;
        let is_notable = thread.pause_ns >= NOTABLE_PAUSE_NS;
        self.counters.pauses += 1;
        if is_notable {
            self.notice(Notice::LookedAtClockWithoutWaiting);
        }
        Some(Verdict::park(Wait::Pause, Some(deadline_ns)))
    }

    pub(crate) fn clock_gettime(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        if let Some(pause) = self.look(id) {
            return Ok(pause);
        }
        let ns = self.clock_ns(registers.argument(0))?;
        write_timespec(self.thread(id).tid, registers.argument(1), ns)?;
        Ok(Verdict::Return(0))
    }

    pub(crate) fn gettimeofday(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        if let Some(pause) = self.look(id) {
            return Ok(pause);
        }
        let tid = self.thread(id).tid;
        let [time, zone] = [registers.argument(0), registers.argument(1)];
        if time != 0 {
            write_timeval(tid, time, self.unix_time_ns())?;
        }
        if zone != 0 {
            sys::write_memory(tid, zone, &[0; 8])?;
        }
        Ok(Verdict::Return(0))
    }

    pub(crate) fn time(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        if let Some(pause) = self.look(id) {
            return Ok(pause);
        }
        let seconds = self.unix_time_ns() / 1_000_000_000;
        if registers.argument(0) != 0 {
            write_words(self.thread(id).tid, registers.argument(0), [seconds])?;
        }
        Ok(Verdict::Return(seconds as i64))
    }

    pub(crate) fn times(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        if let Some(pause) = self.look(id) {
            return Ok(pause);
        }
        if registers.argument(0) != 0 {
            let own_ticks = self.now_ns / NS_PER_TICK;
            write_words(self.thread(id).tid, registers.argument(0), [own_ticks, 0, 0, 0])?;
        }
        Ok(Verdict::Return((self.monotonic_ns() / NS_PER_TICK) as i64))
    }

    /// Overwrites what the kernel said about CPU time, page faults and switches, which differ from run to run. What is left is the memory.
    pub(crate) fn hide_usage(&self, id: Id, address: u64) {
        let tid = self.thread(id).tid;
        let [seconds, microseconds] = [self.now_ns / 1_000_000_000, self.now_ns % 1_000_000_000 / 1000];
        // If the address is bad, the call has failed, and there is nothing to hide.
        let _fault = write_words(tid, address, [seconds, microseconds, 0, 0]);
        let counts = address + 4 * 8 + 4 * 8;
        let _fault = write_words(tid, counts, [0; 10]);
    }

    pub(crate) fn nanosleep(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        let length_ns = read_timespec(self.thread(id).tid, registers.argument(0))?;
        Ok(self.sleep(id, self.now_ns.saturating_add(length_ns)))
    }

    pub(crate) fn clock_nanosleep(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        let [clock, flags, time] = [registers.argument(0), registers.argument(1), registers.argument(2)];
        let ns = read_timespec(self.thread(id).tid, time)?;
        let deadline_ns = if flags & libc::TIMER_ABSTIME as u64 != 0 {
            self.from_clock(clock, ns)?
        } else {
            self.clock_ns(clock)?;
            self.now_ns.saturating_add(ns)
        };
        Ok(self.sleep(id, deadline_ns))
    }

    /// A sleep that is over at once still lets the others have their turns, and counts as a look at the clock.
    fn sleep(&mut self, id: Id, deadline_ns: u64) -> Verdict {
        if deadline_ns <= self.now_ns
            && let Some(Verdict::Park { deadline_ns, .. }) = self.look(id)
        {
            return Verdict::park(Wait::Sleep, deadline_ns);
        }
        Verdict::park(Wait::Sleep, Some(deadline_ns))
    }
}
