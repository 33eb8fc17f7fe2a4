//! Calls that wait until a file has something to offer.
//!
//! The supervisor asks about a copy of the descriptor, without waiting. If there is nothing, the thread stays stopped before its call, and
//! the supervisor asks again when another thread has had a turn, or when there is new input. So these calls never wait in the kernel.

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{SFlag, fstat, major, minor};

use super::arch::{self, Registers};
use super::call::Call;
use super::clock::SHORTEST_WAIT_NS;
use super::memory::{read_timespec, read_timeval, read_u64, read_words};
use super::sys;
use super::thread::{CallError, Id, KeptDeadline, Park, Resume, State, Verdict, Wait};
use super::tree::Tree;

/// How much of the random devices, and of `getrandom`, is given at a time. A caller that wants more asks again.
const MAX_RANDOM: u64 = 1 << 20;
/// The most descriptors in one `poll` or `select` that are looked at: what the kernel's own limit on descriptors allows by default.
const MAX_POLLED: u64 = 1 << 20;
/// The character device of memory and its kin, and those of its numbers that are random: `/dev/random` and `/dev/urandom`.
const MEMORY_DEVICES: u64 = 1;
const RANDOM_DEVICES: [u64; 2] = [8, 9];

/// What a read of a file would do.
enum Readiness {
    /// Not wait, or fail: the kernel makes the call.
    Ready,
    Waits,
    /// Give random numbers.
    Random,
}

impl Tree {
    pub(crate) fn read(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        match self.readiness(id, registers) {
            Readiness::Ready => Ok(Verdict::Execute),
            Readiness::Waits => Ok(self.wait_to_read(registers)),
            Readiness::Random => self.give_random(id, &[[registers.argument(1), registers.argument(2)]]),
        }
    }

    pub(crate) fn readv(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        match self.readiness(id, registers) {
            Readiness::Ready => Ok(Verdict::Execute),
            Readiness::Waits => Ok(self.wait_to_read(registers)),
            Readiness::Random => {
                let tid = self.thread(id).tid;
                let count = registers.argument(2).min(libc::UIO_MAXIOV as u64);
                let buffers = (0..count).map(|index| read_words(tid, registers.argument(1) + 16 * index));
                let buffers = buffers.collect::<Result<Vec<[u64; 2]>, _>>()?;
                self.give_random(id, &buffers)
            }
        }
    }

    /// A positioned read waits on no file; it may be one of a random device.
    pub(crate) fn pread(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        match self.readiness(id, registers) {
            Readiness::Ready | Readiness::Waits => Ok(Verdict::Execute),
            Readiness::Random => self.give_random(id, &[[registers.argument(1), registers.argument(2)]]),
        }
    }

    pub(crate) fn receive(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        match self.readiness(id, registers) {
            Readiness::Ready | Readiness::Random => Ok(Verdict::Execute),
            Readiness::Waits => Ok(self.wait_to_read(registers)),
        }
    }

    fn wait_to_read(&self, registers: &Registers) -> Verdict {
        Verdict::park(Wait::Files(vec![(registers.argument(0) as i32, libc::POLLIN)]), None)
    }

    pub(crate) fn getrandom(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        self.give_random(id, &[[registers.argument(0), registers.argument(1)]])
    }

    /// Fills buffers, each an address and a length, from the program's stream of chance.
    fn give_random(&mut self, id: Id, buffers: &[[u64; 2]]) -> Result<Verdict, CallError> {
        let tid = self.thread(id).tid;
        let mut given = 0;
        for &[address, length] in buffers {
            let mut bytes = vec![0; length.min(MAX_RANDOM - given) as usize];
            self.chance.fill(&mut bytes);
            if !bytes.is_empty() {
                sys::write_memory(tid, address, &bytes)?;
            }
            given += bytes.len() as u64;
        }
        Ok(Verdict::Return(given as i64))
    }

    fn readiness(&self, id: Id, registers: &Registers) -> Readiness {
        let Ok(file) = self.copy_descriptor(id, registers.argument(0) as i32) else {
            return Readiness::Ready;
        };
        let Ok(data) = fstat(&file) else { return Readiness::Ready };
        let kind = SFlag::from_bits_truncate(data.st_mode & SFlag::S_IFMT.bits());
        if kind == SFlag::S_IFREG || kind == SFlag::S_IFDIR || kind == SFlag::S_IFBLK {
            return Readiness::Ready;
        }
        if kind == SFlag::S_IFCHR
            && major(data.st_rdev) == MEMORY_DEVICES
            && RANDOM_DEVICES.contains(&minor(data.st_rdev))
        {
            return Readiness::Random;
        }
        let flags = fcntl(&file, FcntlArg::F_GETFL).unwrap_or(0);
        if flags & OFlag::O_NONBLOCK.bits() != 0 || has_event(&file, libc::POLLIN) {
            Readiness::Ready
        } else {
            Readiness::Waits
        }
    }

    pub(crate) fn poll(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        let timeout = time_out_of_ms(registers.argument(2));
        self.wait_for_polled(id, registers, timeout, None)
    }

    pub(crate) fn ppoll(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        let tid = self.thread(id).tid;
        let timeout = optional(registers.argument(2), |address| read_timespec(tid, address))?;
        let mask = optional(registers.argument(3), |address| Ok(read_u64(tid, address)?))?;
        self.wait_for_polled(id, registers, timeout, mask)
    }

    fn wait_for_polled(
        &mut self,
        id: Id,
        registers: &Registers,
        timeout_ns: Option<u64>,
        mask: Option<u64>,
    ) -> Result<Verdict, CallError> {
        let tid = self.thread(id).tid;
        let [address, count] = [registers.argument(0), registers.argument(1)];
        if count > MAX_POLLED {
            return Ok(Verdict::Execute);
        }
        let mut files = Vec::with_capacity(count as usize);
        for index in 0..count {
            // struct pollfd: an int, and two shorts.
            let entry = read_u64(tid, address + 8 * index)?;
            files.push((entry as u32 as i32, (entry >> 32) as u16 as i16));
        }
        files.retain(|&(descriptor, _)| descriptor >= 0);
        Ok(self.wait_for_files(id, registers, files, timeout_ns, mask))
    }

    pub(crate) fn select(
        &mut self,
        id: Id,
        registers: &Registers,
        is_pselect: bool,
    ) -> Result<Verdict, CallError> {
        let tid = self.thread(id).tid;
        let read_timeout = if is_pselect { read_timespec } else { read_timeval };
        let timeout = optional(registers.argument(4), |address| read_timeout(tid, address))?;
        let mask = match registers.argument(5) {
            0 => None,
            _ if !is_pselect => None,
            // A pointer to the mask, and its size.
            address => optional(read_u64(tid, address)?, |mask| Ok(read_u64(tid, mask)?))?,
        };
        let count = registers.argument(0);
        if count > MAX_POLLED {
            return Ok(Verdict::Execute);
        }
        let mut files = Vec::new();
        for (argument, events) in [(1, libc::POLLIN), (2, libc::POLLOUT), (3, libc::POLLPRI)] {
            let set = registers.argument(argument);
            if set == 0 {
                continue;
            }
            for word in 0..count.div_ceil(64) {
                let bits = read_u64(tid, set + 8 * word)?;
                let members = (0..64).filter(|bit| bits & (1 << bit) != 0).map(|bit| word * 64 + bit);
                files.extend(
                    members.filter(|&descriptor| descriptor < count).map(|file| (file as i32, events)),
                );
            }
        }
        Ok(self.wait_for_files(id, registers, files, timeout, mask))
    }

    pub(crate) fn epoll_wait(
        &mut self,
        id: Id,
        registers: &Registers,
        mask_address: u64,
    ) -> Result<Verdict, CallError> {
        let tid = self.thread(id).tid;
        let timeout = time_out_of_ms(registers.argument(3));
        let mask = optional(mask_address, |address| Ok(read_u64(tid, address)?))?;
        let epoll = vec![(registers.argument(0) as i32, libc::POLLIN)];
        Ok(self.wait_for_files(id, registers, epoll, timeout, mask))
    }

    pub(crate) fn epoll_pwait2(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        let tid = self.thread(id).tid;
        let timeout = optional(registers.argument(3), |address| read_timespec(tid, address))?;
        let mask = optional(registers.argument(4), |address| Ok(read_u64(tid, address)?))?;
        Ok(self.wait_for_files(
            id,
            registers,
            vec![(registers.argument(0) as i32, libc::POLLIN)],
            timeout,
            mask,
        ))
    }

    /// Makes the call if it would return at once, else waits.
    fn wait_for_files(
        &mut self,
        id: Id,
        registers: &Registers,
        files: Vec<(i32, i16)>,
        timeout_ns: Option<u64>,
        mask: Option<u64>,
    ) -> Verdict {
        if self.is_any_ready(id, &files) {
            return Verdict::Execute;
        }
        if timeout_ns == Some(0) {
            // A thread whose wait has just ended at its deadline asks again without waiting: its program waits until the clock is past the
            // deadline, not at it, and would ask until then.
            if self.thread(id).expired_at_ns == Some(self.now_ns) {
                let deadline_ns = Some(self.now_ns + SHORTEST_WAIT_NS);
                return Verdict::Park { wait: Wait::Files(files), deadline_ns, mask };
            }
            return self.look(id, registers).unwrap_or(Verdict::Execute);
        }
        let deadline_ns = timeout_ns.map(|timeout_ns| self.now_ns.saturating_add(timeout_ns));
        Verdict::Park { wait: Wait::Files(files), deadline_ns, mask }
    }

    fn is_any_ready(&self, id: Id, files: &[(i32, i16)]) -> bool {
        files.iter().any(|&(descriptor, events)| {
            // A descriptor that is not open is ready to fail.
            self.copy_descriptor(id, descriptor).map_or(true, |file| has_event(&file, events))
        })
    }

    /// The result of a wait for files whose time is up, after having said so in the program's memory as the kernel would have.
    pub(crate) fn time_out_files(&self, id: Id, registers: &Registers) -> i64 {
        let tid = self.thread(id).tid;
        let result = match arch::call(registers.call_number()) {
            Some(Call::Poll | Call::Ppoll) => {
                (0..registers.argument(1).min(MAX_POLLED)).try_for_each(|index| {
                    // The last two bytes of an entry: the events that occurred.
                    sys::write_memory(tid, registers.argument(0) + 8 * index + 6, &[0; 2])
                })
            }
            Some(Call::Select | Call::Pselect) => {
                let bytes = vec![0; registers.argument(0).min(MAX_POLLED).div_ceil(64) as usize * 8];
                let sets = (1..=3).map(|argument| registers.argument(argument)).filter(|&set| set != 0);
                // The time that is left of the time-out.
                let clear = |address| sys::write_memory(tid, address, &[0; 16]);
                sets.into_iter()
                    .try_for_each(|set| sys::write_memory(tid, set, &bytes))
                    .and(clear(registers.argument(4)))
            }
            _ => Ok(()),
        };
        result.map_or(-i64::from(libc::EFAULT), |()| 0)
    }

    /// Asks the files that threads wait for, where anything may have changed since; false if none has news.
    pub(crate) fn look_at_files(&mut self) -> bool {
        let turn = self.turn;
        let waiting = self.threads.iter().filter_map(|(&id, thread)| match &thread.state {
            State::Parked(Park { wait: Wait::Files(_), checked_at_turn, .. }) if *checked_at_turn < turn => {
                Some(id)
            }
            _ => None,
        });
        let mut with_news = Vec::new();
        for id in waiting.collect::<Vec<_>>() {
            let State::Parked(park) = &self.thread(id).state else { continue };
            let Wait::Files(files) = &park.wait else { continue };
            if self.is_any_ready(id, files) {
                with_news.push((id, park.deadline_ns));
            } else if let State::Parked(park) = &mut self.thread_mut(id).state {
                park.checked_at_turn = turn;
            }
        }
        // One thread alone finds what was there when it was looked for. Of several, another may take it first.
        if let [(id, _)] = with_news[..] {
            self.make_ready(id, Resume::Go);
            return true;
        }
        for &(id, deadline_ns) in &with_news {
            self.keep_deadline(id, deadline_ns);
            self.make_ready(id, Resume::Again);
        }
        !with_news.is_empty()
    }

    /// Remembers when the wait of a stopped thread ends, for the case that the thread turns out to wait on.
    pub(crate) fn keep_deadline(&mut self, id: Id, deadline_ns: Option<u64>) {
        let thread = self.thread_mut(id);
        thread.kept = Registers::of(thread.tid)
            .ok()
            .map(|registers| KeptDeadline { number: registers.call_number(), deadline_ns });
    }

    /// A copy of a descriptor of the thread's process. It must not be kept: while it is, the file is open.
    pub(crate) fn copy_descriptor(&self, id: Id, descriptor: i32) -> std::io::Result<OwnedFd> {
        let process = &self.processes[&self.thread(id).process];
        sys::duplicate_from(process.pidfd.as_fd(), descriptor)
    }
}

fn has_event(file: &OwnedFd, events: i16) -> bool {
    let mut polled = [PollFd::new(file.as_fd(), PollFlags::from_bits_truncate(events))];
    loop {
        match poll(&mut polled, PollTimeout::ZERO) {
            Ok(count) => return count > 0,
            Err(Errno::EINTR) => {}
            Err(_) => return true,
        }
    }
}

fn optional<T>(address: u64, read: impl FnOnce(u64) -> Result<T, CallError>) -> Result<Option<T>, CallError> {
    if address == 0 { Ok(None) } else { read(address).map(Some) }
}

/// A time-out in milliseconds; a negative one is none.
fn time_out_of_ms(argument: u64) -> Option<u64> {
    u64::try_from(argument as i32).ok().map(|ms| ms * 1_000_000)
}
