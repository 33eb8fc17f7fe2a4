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

/// How long a wait lasts whose deadline has passed, if the thread has made one at this instant before.
pub(crate) const SHORTEST_WAIT_NS: u64 = 1000;
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
            libc::CLOCK_REALTIME
            | libc::CLOCK_REALTIME_COARSE
            | libc::CLOCK_TAI
            | libc::CLOCK_REALTIME_ALARM => Ok(self.unix_time_ns()),
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
    pub(crate) fn time_of_clock(&self, clock: u64, ns: u64) -> Result<u64, CallError> {
        let shown_ns = self.clock_ns(clock)?;
        Ok(if ns >= shown_ns {
            self.now_ns.saturating_add(ns - shown_ns)
        } else {
            self.now_ns.saturating_sub(shown_ns - ns)
        })
    }

    /// Counts a look at the clock, or a yield. A thread that only looks, and never waits, waits a moment, since nothing else would let time
    /// pass.
    pub(crate) fn look(&mut self, id: Id, registers: &Registers) -> Option<Verdict> {
        let now_ns = self.now_ns;
        let pause = self.thread_mut(id).looks.look((registers.instruction(), registers.stack()))?;
        self.counters.pauses += 1;
        if pause.is_notable {
            self.notice(Notice::LookedAtClockWithoutWaiting);
        }
        Some(Verdict::park(Wait::Pause, Some(now_ns + pause.length_ns)))
    }

    pub(crate) fn clock_gettime(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        if let Some(pause) = self.look(id, registers) {
            return Ok(pause);
        }
        let ns = self.clock_ns(registers.argument(0))?;
        write_timespec(self.thread(id).tid, registers.argument(1), ns)?;
        Ok(Verdict::Return(0))
    }

    pub(crate) fn gettimeofday(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        if let Some(pause) = self.look(id, registers) {
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
        if let Some(pause) = self.look(id, registers) {
            return Ok(pause);
        }
        let seconds = self.unix_time_ns() / 1_000_000_000;
        if registers.argument(0) != 0 {
            write_words(self.thread(id).tid, registers.argument(0), [seconds])?;
        }
        Ok(Verdict::Return(seconds as i64))
    }

    pub(crate) fn times(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        if let Some(pause) = self.look(id, registers) {
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
        let deadline_ns = self.until(id, self.now_ns.saturating_add(length_ns));
        Ok(Verdict::park(Wait::Sleep, Some(deadline_ns)))
    }

    pub(crate) fn clock_nanosleep(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        let [clock, flags, time] = [registers.argument(0), registers.argument(1), registers.argument(2)];
        let ns = read_timespec(self.thread(id).tid, time)?;
        let deadline_ns = if flags & libc::TIMER_ABSTIME as u64 != 0 {
            self.time_of_clock(clock, ns)?
        } else {
            self.clock_ns(clock)?;
            self.now_ns.saturating_add(ns)
        };
        Ok(Verdict::park(Wait::Sleep, Some(self.until(id, deadline_ns))))
    }

    /// When a thread that wants to wait until `deadline_ns` is to go on. A wait that is over at once lets the others have their turns first.
    /// A second one at the same instant lasts a moment: many programs wait until the clock is past their deadline, not at it, and in real
    /// time it always is.
    pub(crate) fn until(&mut self, id: Id, deadline_ns: u64) -> u64 {
        let now_ns = self.now_ns;
        if deadline_ns > now_ns {
            return deadline_ns;
        }
        match self.thread_mut(id).expired_at_ns.replace(now_ns) {
            Some(last_ns) if last_ns == now_ns => now_ns + SHORTEST_WAIT_NS,
            _ => now_ns,
        }
    }
}
