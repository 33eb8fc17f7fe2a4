//! Timers that go off by themselves: `alarm`, `setitimer`, POSIX timers and timer descriptors. None is ever armed in the kernel.

use std::os::fd::{AsFd, OwnedFd};

use nix::libc;
use nix::unistd;

use super::Tree;
use crate::linux::arch::Registers;
use crate::linux::memory::{
    read_timespec, read_timeval, read_u64, read_words, write_i32, write_timespec, write_timeval,
};
use crate::linux::sys::{self, SignalInfo};
use crate::linux::thread::{CallError, Id, Verdict};

/// The number that a timer descriptor is created by, in place of the kernel's: its behaviour when read and polled is the same, and the
/// supervisor can make it readable.
const STAND_IN: libc::c_long = libc::SYS_eventfd2;

#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// In the order in which they were created.
    timers: Vec<Timer>,
}

#[derive(Debug)]
struct Timer {
    owner: Id,
    kind: Kind,
    /// When it goes off, in virtual nanoseconds; `None` if it is not armed.
    next_ns: Option<u64>,
    /// The time between two times that it goes off; 0 for once.
    interval_ns: u64,
    /// How often it went off beyond the first time since the last signal.
    overrun: u64,
}

#[derive(Debug)]
enum Kind {
    /// `alarm` and `setitimer(ITIMER_REAL)`: SIGALRM.
    Alarm,
    Posix {
        number: i32,
        clock: u64,
        signal: Option<i32>,
        thread: Option<Id>,
        value: u64,
    },
    /// The file is held while the timer is armed.
    Descriptor {
        number: i32,
        clock: u64,
        file: Option<OwnedFd>,
    },
}

impl Timers {
    pub(crate) fn deadline_ns(&self) -> Option<u64> {
        self.timers.iter().filter_map(|timer| timer.next_ns).min()
    }

    /// The process ended.
    pub(crate) fn forget(&mut self, process: Id) {
        self.timers.retain(|timer| timer.owner != process);
    }

    /// The process executed another program.
    pub(crate) fn forget_posix(&mut self, process: Id) {
        self.timers.retain(|timer| timer.owner != process || !matches!(timer.kind, Kind::Posix { .. }));
    }

    fn alarm(&mut self, owner: Id) -> &mut Timer {
        let position = self
            .position(owner, |kind| matches!(kind, Kind::Alarm))
            .unwrap_or_else(|| self.add(owner, Kind::Alarm));
        &mut self.timers[position]
    }

    fn posix(&mut self, owner: Id, wanted: u64) -> Result<&mut Timer, CallError> {
        let position = self
            .position(owner, |kind| matches!(kind, Kind::Posix { number, .. } if *number == wanted as i32))
            .ok_or(CallError::Errno(libc::EINVAL))?;
        Ok(&mut self.timers[position])
    }

    fn descriptor(&mut self, owner: Id, wanted: i32) -> Option<&mut Timer> {
        let position = self
            .position(owner, |kind| matches!(kind, Kind::Descriptor { number, .. } if *number == wanted))?;
        Some(&mut self.timers[position])
    }

    fn position(&self, owner: Id, is_wanted: impl Fn(&Kind) -> bool) -> Option<usize> {
        self.timers.iter().position(|timer| timer.owner == owner && is_wanted(&timer.kind))
    }

    fn add(&mut self, owner: Id, kind: Kind) -> usize {
        self.timers.push(Timer { owner, kind, next_ns: None, interval_ns: 0, overrun: 0 });
        self.timers.len() - 1
    }
}

impl Timer {
    /// The time until it goes off, and the time from then on, as the calls that read a timer want them.
    fn remaining_ns(&self, now_ns: u64) -> (u64, u64) {
        // A timer that is due has not gone off yet, and 0 would say that it is not armed.
        let remaining = self.next_ns.map_or(0, |next_ns| next_ns.saturating_sub(now_ns).max(1));
        (remaining, self.interval_ns)
    }

    /// Goes off, and returns how many times that makes by now.
    fn go_off(&mut self, now_ns: u64) -> u64 {
        let Some(next_ns) = self.next_ns else { return 0 };
        if self.interval_ns == 0 {
            self.next_ns = None;
            return 1;
        }
        let count = (now_ns - next_ns) / self.interval_ns + 1;
        self.next_ns = Some(next_ns.saturating_add(count.saturating_mul(self.interval_ns)));
        count
    }
}

impl Tree {
    /// Lets all timers go off whose time has come; false if there is none.
    pub(crate) fn fire_timers(&mut self) -> bool {
        let now_ns = self.now_ns;
        let is_due = |timer: &Timer| timer.next_ns.is_some_and(|next_ns| next_ns <= now_ns);
        let mut due = (0..self.timers.timers.len())
            .filter(|&index| is_due(&self.timers.timers[index]))
            .collect::<Vec<_>>();
        due.sort_by_key(|&index| (self.timers.timers[index].next_ns, index));
        for &index in &due {
            self.counters.wakeups += 1;
            self.turn += 1;
            self.fire(index);
        }
        !due.is_empty()
    }

    fn fire(&mut self, index: usize) {
        let now_ns = self.now_ns;
        let timer = &mut self.timers.timers[index];
        let owner = timer.owner;
        let count = timer.go_off(now_ns);
        match &mut timer.kind {
            Kind::Alarm => self.send_from_timer(owner, None, None),
            Kind::Posix { number, signal, thread, value, .. } => {
                timer.overrun = count - 1;
                if let Some(signal) = *signal {
                    let info = SignalInfo::of_timer(signal, *number, timer.overrun as i32, *value);
                    let thread = *thread;
                    self.send_from_timer(owner, thread, Some(info));
                }
            }
            Kind::Descriptor { number, file, .. } => {
                let process = self.processes.get(&owner).map(|process| process.tid);
                let is_open = file
                    .as_ref()
                    .zip(process)
                    .is_some_and(|(file, process)| sys::is_same_file(file.as_fd(), process, *number));
                if let Some(file) = file.as_ref().filter(|_| is_open) {
                    // It only fails when nobody has read 2^64 expirations.
                    let _result = unistd::write(file, &count.to_ne_bytes());
                } else {
                    // The program has closed it.
                    timer.next_ns = None;
                }
                if timer.next_ns.is_none()
                    && let Kind::Descriptor { file, .. } = &mut timer.kind
                {
                    *file = None;
                }
            }
        }
    }

    pub(crate) fn alarm(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        let now_ns = self.now_ns;
        let owner = self.thread(id).process;
        let timer = self.timers.alarm(owner);
        let (remaining_ns, _) = timer.remaining_ns(now_ns);
        let seconds = registers.argument(0) & 0xffff_ffff;
        timer.next_ns = (seconds > 0).then(|| now_ns + seconds * 1_000_000_000);
        timer.interval_ns = 0;
        Ok(Verdict::Return(remaining_ns.div_ceil(1_000_000_000) as i64))
    }

    pub(crate) fn setitimer(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        let tid = self.thread(id).tid;
        let (now_ns, owner) = (self.now_ns, self.thread(id).process);
        let [which, new, old] = [registers.argument(0), registers.argument(1), registers.argument(2)];
        let (interval_ns, value_ns) = match new {
            0 => (0, 0),
            _ => (read_timeval(tid, new)?, read_timeval(tid, new + 16)?),
        };
        if which as i32 != libc::ITIMER_REAL {
            // The others measure CPU time, which does not pass.
            if old != 0 {
                sys::write_memory(tid, old, &[0; 32])?;
            }
            return Ok(Verdict::Return(0));
        }
        let timer = self.timers.alarm(owner);
        let before = timer.remaining_ns(now_ns);
        timer.next_ns = (value_ns > 0).then(|| now_ns.saturating_add(value_ns));
        timer.interval_ns = interval_ns;
        if old != 0 {
            write_timeval(tid, old, before.1)?;
            write_timeval(tid, old + 16, before.0)?;
        }
        Ok(Verdict::Return(0))
    }

    pub(crate) fn getitimer(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        let tid = self.thread(id).tid;
        let (now_ns, owner) = (self.now_ns, self.thread(id).process);
        let is_real = registers.argument(0) as i32 == libc::ITIMER_REAL;
        let (remaining_ns, interval_ns) =
            if is_real { self.timers.alarm(owner).remaining_ns(now_ns) } else { (0, 0) };
        write_timeval(tid, registers.argument(1), interval_ns)?;
        write_timeval(tid, registers.argument(1) + 16, remaining_ns)?;
        Ok(Verdict::Return(0))
    }

    pub(crate) fn timer_create(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        const SIGEV_THREAD_ID: i32 = 4;
        let tid = self.thread(id).tid;
        let owner = self.thread(id).process;
        let clock = registers.argument(0);
        self.time_of_clock(clock, 0)?;
        let numbers = self.timers.timers.iter().filter(|timer| timer.owner == owner).filter_map(|timer| {
            match timer.kind {
                Kind::Posix { number, .. } => Some(number),
                _ => None,
            }
        });
        let number = numbers.max().map_or(0, |last| last + 1);
        let kind = match registers.argument(1) {
            0 => {
                Kind::Posix { number, clock, signal: Some(libc::SIGALRM), thread: None, value: number as u64 }
            }
            address => {
                // struct sigevent: the value, the signal, how to notify, and whom.
                let [value, signal_and_notify, target] = read_words(tid, address)?;
                let signal = signal_and_notify as u32 as i32;
                let notify = (signal_and_notify >> 32) as i32;
                let signal = (notify != libc::SIGEV_NONE).then_some(signal);
                if signal.is_some_and(|signal| !(1..=64).contains(&signal)) {
                    return Err(CallError::Errno(libc::EINVAL));
                }
                let thread = (notify == SIGEV_THREAD_ID).then_some(target as u32 as Id);
                Kind::Posix { number, clock, signal, thread, value }
            }
        };
        write_i32(tid, registers.argument(2), number)?;
        self.timers.add(owner, kind);
        Ok(Verdict::Return(0))
    }

    pub(crate) fn timer_settime(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        let owner = self.thread(id).process;
        let Kind::Posix { clock, .. } = self.timers.posix(owner, registers.argument(0))?.kind else {
            return Err(CallError::Errno(libc::EINVAL));
        };
        let (next_ns, interval_ns) = self.read_setting(id, registers, clock)?;
        let now_ns = self.now_ns;
        let timer = self.timers.posix(owner, registers.argument(0))?;
        let before = timer.remaining_ns(now_ns);
        (timer.next_ns, timer.interval_ns, timer.overrun) = (next_ns, interval_ns, 0);
        self.write_setting(id, registers.argument(3), before)
    }

    pub(crate) fn timer_gettime(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        let (now_ns, owner) = (self.now_ns, self.thread(id).process);
        let setting = self.timers.posix(owner, registers.argument(0))?.remaining_ns(now_ns);
        self.write_setting(id, registers.argument(1), setting)
    }

    pub(crate) fn timer_getoverrun(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        let owner = self.thread(id).process;
        Ok(Verdict::Return(self.timers.posix(owner, registers.argument(0))?.overrun as i64))
    }

    pub(crate) fn timer_delete(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        let owner = self.thread(id).process;
        let wanted = registers.argument(0) as i32;
        self.timers.posix(owner, registers.argument(0))?;
        self.timers.timers.retain(|timer| {
            timer.owner != owner || !matches!(timer.kind, Kind::Posix { number, .. } if number == wanted)
        });
        Ok(Verdict::Return(0))
    }

    pub(crate) fn timerfd_create(&mut self, id: Id, registers: &mut Registers) -> Result<Verdict, CallError> {
        let [clock, flags] = [registers.argument(0), registers.argument(1)];
        self.time_of_clock(clock, 0)?;
        if flags & !((libc::TFD_NONBLOCK | libc::TFD_CLOEXEC) as u64) != 0 {
            return Err(CallError::Errno(libc::EINVAL));
        }
        // Both calls have the same flags, in the same place; the first argument is a clock here and a count there.
        let original = crate::linux::thread::Saved::of(registers);
        registers.set_call_number(STAND_IN);
        registers.set_argument(0, 0);
        registers.store(self.thread(id).tid)?;
        Ok(Verdict::ExecuteThen(crate::linux::thread::After::TimerDescriptor { original }))
    }

    /// A timer descriptor has been created; one that had this number before is closed.
    pub(crate) fn created_timerfd(&mut self, id: Id, clock: u64, number: i32) {
        let owner = self.thread(id).process;
        self.timers.timers.retain(|timer| {
            timer.owner != owner
                || !matches!(timer.kind, Kind::Descriptor { number: other, .. } if other == number)
        });
        self.timers.add(owner, Kind::Descriptor { number, clock, file: None });
    }

    pub(crate) fn timerfd_settime(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        let owner = self.thread(id).process;
        let descriptor = registers.argument(0) as i32;
        let copy = self.copy_descriptor(id, descriptor).map_err(|_| CallError::Errno(libc::EBADF))?;
        let clock = match self.timers.descriptor(owner, descriptor).map(|timer| &timer.kind) {
            Some(&Kind::Descriptor { clock, .. }) => clock,
            // A duplicate, or one that a parent created.
            _ => {
                let clock = libc::CLOCK_MONOTONIC as u64;
                self.timers.add(owner, Kind::Descriptor { number: descriptor, clock, file: None });
                clock
            }
        };
        let (next_ns, interval_ns) = self.read_setting(id, registers, clock)?;
        // What it counted before is forgotten.
        drain_events(&copy);
        let now_ns = self.now_ns;
        let timer = self.timers.descriptor(owner, descriptor).ok_or(CallError::Errno(libc::EINVAL))?;
        let before = timer.remaining_ns(now_ns);
        (timer.next_ns, timer.interval_ns) = (next_ns, interval_ns);
        if let Kind::Descriptor { file, .. } = &mut timer.kind {
            *file = next_ns.is_some().then_some(copy);
        }
        self.write_setting(id, registers.argument(3), before)
    }

    pub(crate) fn timerfd_gettime(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        let (now_ns, owner) = (self.now_ns, self.thread(id).process);
        let timer = self.timers.descriptor(owner, registers.argument(0) as i32);
        let setting = timer.ok_or(CallError::Errno(libc::EINVAL))?.remaining_ns(now_ns);
        self.write_setting(id, registers.argument(1), setting)
    }

    /// When a timer is to go off first, and the interval after that, from the arguments of a call that sets one.
    fn read_setting(
        &self,
        id: Id,
        registers: &Registers,
        clock: u64,
    ) -> Result<(Option<u64>, u64), CallError> {
        let tid = self.thread(id).tid;
        let [flags, setting] = [registers.argument(1), registers.argument(2)];
        // One look at all of it first: a bad address changes nothing.
        read_u64(tid, setting + 24)?;
        let (interval_ns, value_ns) = (read_timespec(tid, setting)?, read_timespec(tid, setting + 16)?);
        let next_ns = match value_ns {
            0 => None,
            _ if flags & libc::TIMER_ABSTIME as u64 != 0 => Some(self.time_of_clock(clock, value_ns)?),
            _ => Some(self.now_ns.saturating_add(value_ns)),
        };
        Ok((next_ns, interval_ns))
    }

    fn write_setting(
        &self,
        id: Id,
        address: u64,
        (value_ns, interval_ns): (u64, u64),
    ) -> Result<Verdict, CallError> {
        if address != 0 {
            let tid = self.thread(id).tid;
            write_timespec(tid, address, interval_ns)?;
            write_timespec(tid, address + 16, value_ns)?;
        }
        Ok(Verdict::Return(0))
    }
}

/// Sets the count of an event descriptor to 0. It may be a blocking one, so it is only read when there is something.
fn drain_events(file: &OwnedFd) {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let mut polled = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
    if poll(&mut polled, PollTimeout::ZERO).is_ok_and(|count| count > 0) {
        let _result = unistd::read(file, &mut [0; 8]);
    }
}
