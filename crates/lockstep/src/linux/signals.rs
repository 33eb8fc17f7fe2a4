//! Signals: who of the parked threads is interrupted by one, and the calls that wait for one.

use std::fs;

use nix::libc;

use super::arch::Registers;
use super::memory::{read_timespec, read_u64};
use super::sys::{self, Status, Until};
use super::thread::{After, CallError, Id, Resume, Saved, State, Verdict, Wait};
use super::tree::Tree;
use super::watchdog;

impl Tree {
    pub(crate) fn signal_suspend(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        let mask = read_u64(self.thread(id).tid, registers.argument(0))?;
        Ok(Verdict::Park { wait: Wait::Signal { set: 0 }, deadline_ns: None, mask: Some(mask) })
    }

    pub(crate) fn signal_timed_wait(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        let tid = self.thread(id).tid;
        let set = read_u64(tid, registers.argument(0))?;
        let deadline_ns = match registers.argument(2) {
            0 => None,
            address => Some(self.now_ns.saturating_add(read_timespec(tid, address)?)),
        };
        // One may be pending already.
        self.has_new_signals = true;
        Ok(Verdict::park(Wait::Signal { set }, deadline_ns))
    }

    /// Finds the parked threads that have a signal waiting for them. A signal sent to a process interrupts one thread of it, the first
    /// that does not block it, as in the kernel.
    pub(crate) fn look_at_signals(&mut self) {
        let mut taken = Vec::new();
        let ids = self.threads.keys().copied().collect::<Vec<_>>();
        for id in ids {
            let thread = self.thread(id);
            let State::Parked(park) = &thread.state else { continue };
            let process = thread.process;
            let (leader, tid) = self.tids(id);
            let Some(pending) = Signals::of(leader, tid) else { continue };
            let wanted = match &park.wait {
                Wait::Vfork(_) => continue,
                Wait::Signal { set } => *set,
                _ => 0,
            };
            let unblocked = !park.mask.unwrap_or(pending.blocked) | wanted;
            let of_process = if taken.contains(&process) { 0 } else { pending.process };
            if (pending.thread | of_process) & unblocked == 0 {
                continue;
            }
            if pending.thread & unblocked == 0 {
                taken.push(process);
            }
            let resume =
                if matches!(park.wait, Wait::Child) { Resume::InterruptAfterCall } else { Resume::Interrupt };
            let deadline_ns = park.deadline_ns;
            self.keep_deadline(id, deadline_ns);
            self.make_ready(id, resume);
        }
    }

    /// A call that sends a signal, to the ids in its arguments.
    pub(crate) fn sends_signal(
        &mut self,
        id: Id,
        registers: &mut Registers,
        arguments: &[usize],
    ) -> Result<Verdict, CallError> {
        let original = Saved::of(registers);
        let is_kill = (1..=2).any(|argument| registers.argument(argument) as i32 == libc::SIGKILL);
        self.translate(registers, arguments);
        registers.store(self.thread(id).tid)?;
        Ok(Verdict::ExecuteThen(After::SignalSent { original, is_kill }))
    }

    /// Finds the processes that a SIGKILL from `killer` ended, and reaps them.
    pub(crate) fn collect_killed(&mut self, killer: Id) {
        for process in self.processes.keys().copied().filter(|&process| process != killer).collect::<Vec<_>>()
        {
            if self.processes.contains_key(&process) && self.is_killed(process) {
                self.end_process(process);
            }
        }
    }

    /// Whether a process is on its way to its end, although none of its threads has the turn.
    fn is_killed(&mut self, process: Id) -> bool {
        let tid = self.processes[&process].tid;
        let is_in_kernel =
            self.threads.get(&process).is_some_and(|first| matches!(first.state, State::InKernel));
        // It may get from one sign of its end to the next between two looks, so the first sign is looked for twice.
        for _ in 0..2 {
            match sys::try_wait(tid) {
                Some(Status::Ended { .. } | Status::Unknown) => return true,
                Some(Status::Ending) => {
                    let _gone = sys::resume(tid, Until::Trap, 0);
                    return true;
                }
                Some(status) => self.came_back(process, status),
                // Every thread that is not in the kernel is stopped.
                None if !is_in_kernel && !watchdog::is_stopped_or_asleep(tid, tid) => return true,
                None => {}
            }
        }
        let sigkill = 1 << (libc::SIGKILL - 1);
        is_in_kernel
            && Signals::of(tid, tid).is_none_or(|signals| (signals.thread | signals.process) & sigkill != 0)
    }

    /// Whether the program handles a signal.
    pub(crate) fn is_caught(&self, id: Id, signal: i32) -> bool {
        let (process, tid) = self.tids(id);
        Signals::of(process, tid).is_some_and(|signals| signals.caught & (1 << (signal - 1)) != 0)
    }

    /// Sends a signal from a timer to a process, or to one of its threads.
    pub(crate) fn send_from_timer(&mut self, process: Id, thread: Option<Id>, info: Option<sys::SignalInfo>) {
        let Some(leader) = self.processes.get(&process).map(|process| process.tid) else { return };
        let tid = thread.and_then(|id| self.threads.get(&id)).map(|thread| thread.tid);
        match info {
            Some(info) => info.send(leader, tid),
            None => sys::kill(leader, libc::SIGALRM),
        }
        self.has_new_signals = true;
    }
}

/// Signals of a thread, as sets in which bit 0 is signal 1.
struct Signals {
    /// Sent to the thread, and not delivered yet.
    thread: u64,
    /// Sent to the process, and not delivered yet.
    process: u64,
    blocked: u64,
    caught: u64,
}

impl Signals {
    fn of(process: i32, thread: i32) -> Option<Signals> {
        let status = fs::read_to_string(format!("/proc/{process}/task/{thread}/status")).ok()?;
        let set = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            u64::from_str_radix(line.trim(), 16).ok()
        };
        Some(Signals {
            thread: set("SigPnd:")?,
            process: set("ShdPnd:")?,
            blocked: set("SigBlk:")?,
            caught: set("SigCgt:")?,
        })
    }
}
