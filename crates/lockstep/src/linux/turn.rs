//! One turn: a thread goes on until it waits, yields or ends.

use nix::libc;

use super::arch::{self, Registers};
use super::call::Call;
use super::memory::write_timespec;
use super::sys::{self, Gone, SignalInfo, Status, Tid, Until};
use super::thread::{After, CallError, Id, KeptDeadline, Resume, Saved, State, Verdict, Wait, Written};
use super::tree::Tree;
use super::watchdog;
use crate::error::StepError;
use crate::outcome::Notice;

/// The kernel's internal results of a call that a signal kept: ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND, ERESTART_RESTARTBLOCK.
const RESTART_SYS: i64 = -512;
const RESTART_RESULTS: [i64; 4] = [RESTART_SYS, -513, -514, -516];
/// Every so many traps the budget is looked at.
const TRAPS_PER_BUDGET_CHECK: u64 = 256;

/// Whether the thread that had the turn still has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// It runs; in the case of exec under the id of its process.
    Runs(Id),
    Stands,
}

impl Tree {
    /// Lets a thread run until it waits, yields or ends.
    pub(crate) fn turn(&mut self, id: Id) -> Result<(), StepError> {
        self.turn += 1;
        self.counters.turns += 1;
        let State::Ready(resume) = std::mem::replace(&mut self.thread_mut(id).state, State::Running) else {
            unreachable!("only a ready thread gets the turn");
        };
        let mut flow = match self.begin_turn(id, resume) {
            Ok(flow) => flow,
            // It was killed; waiting for it says how it ended.
            Err(Gone) => Flow::Runs(id),
        };
        while let Flow::Runs(id) = flow {
            if !self.threads.contains_key(&id) {
                return Ok(());
            }
            let (process, tid) = self.tids(id);
            watchdog::watch(process, tid, self.remaining_budget());
            let status = sys::wait(tid);
            watchdog::rest();
            flow = self.on_status(id, status)?;
        }
        Ok(())
    }

    fn begin_turn(&mut self, id: Id, resume: Resume) -> Result<Flow, Gone> {
        let tid = self.thread(id).tid;
        match resume {
            Resume::Go => sys::resume(tid, Until::Trap, 0)?,
            Resume::FinishCall => sys::resume(tid, Until::CallBoundary, 0)?,
            Resume::CallMade => return self.on_call_boundary(id),
            Resume::Deliver(signal) => sys::resume(tid, Until::Trap, signal)?,
            Resume::Return(result) => {
                let mut registers = Registers::of(tid)?;
                registers.skip_call(result);
                registers.store(tid)?;
                sys::resume(tid, Until::Trap, 0)?;
            }
            Resume::TimedOut => {
                let mut registers = Registers::of(tid)?;
                let result = self.time_out_files(id, &registers);
                registers.skip_call(result);
                registers.store(tid)?;
                sys::resume(tid, Until::Trap, 0)?;
            }
            Resume::Again => {
                let mut registers = Registers::of(tid)?;
                return self.decide(id, &mut registers);
            }
            Resume::Repeat => {
                let mut registers = Registers::of(tid)?;
                let number = registers.call_number();
                registers.rewind_call(number);
                registers.store(tid)?;
                sys::resume(tid, Until::Trap, 0)?;
            }
            // The kernel itself sees the signal, and returns from the call without waiting.
            Resume::Interrupt => sys::resume(tid, Until::Trap, 0)?,
            Resume::InterruptAfterCall => {
                let mut registers = Registers::of(tid)?;
                registers.set_result(RESTART_SYS);
                registers.store(tid)?;
                sys::resume(tid, Until::Trap, 0)?;
            }
        }
        Ok(Flow::Runs(id))
    }

    fn on_status(&mut self, id: Id, status: Status) -> Result<Flow, StepError> {
        let tid = self.thread(id).tid;
        let flow = match status {
            Status::Trap => {
                self.counters.traps += 1;
                if self.counters.traps.is_multiple_of(TRAPS_PER_BUDGET_CHECK) {
                    self.check_budget_in_trap(id)?;
                }
                Registers::of(tid).and_then(|mut registers| self.decide(id, &mut registers))
            }
            Status::CallBoundary => self.on_call_boundary(id),
            Status::Cloned => self.on_cloned(id),
            Status::Executed => return self.on_executed(id).map(Flow::Runs),
            Status::Ending => self.on_ending(id),
            Status::Paused => sys::resume(tid, Until::Trap, 0).map(|()| Flow::Runs(id)),
            Status::Signal(signal) => return self.on_signal(id, signal),
            Status::Ended { raw_status } => {
                self.on_ended(id, raw_status);
                Ok(Flow::Stands)
            }
            Status::Unknown => {
                self.on_vanished(id);
                Ok(Flow::Stands)
            }
        };
        Ok(flow.unwrap_or(Flow::Runs(id)))
    }

    /// A trap is a good place to stop a thread that makes calls for ever: it is looked at again when it goes on.
    fn check_budget_in_trap(&mut self, id: Id) -> Result<(), StepError> {
        let result = self.check_budget(Some((id, "making system calls")));
        if result.is_err() {
            self.make_ready(id, Resume::Again);
        }
        result
    }

    /// Decides about a call that has not been made, and lets the thread go on or not.
    fn decide(&mut self, id: Id, registers: &mut Registers) -> Result<Flow, Gone> {
        let tid = self.thread(id).tid;
        let verdict = match self.judge(id, registers) {
            Ok(verdict) => verdict,
            Err(CallError::Errno(error)) => Verdict::Return(-i64::from(error)),
            Err(CallError::Gone) => return Err(Gone),
        };
        match verdict {
            Verdict::Execute => sys::resume(tid, Until::Trap, 0)?,
            Verdict::ExecuteThen(after) => {
                self.thread_mut(id).after = Some(after);
                sys::resume(tid, Until::CallBoundary, 0)?;
            }
            Verdict::Return(result) => {
                registers.skip_call(result);
                registers.store(tid)?;
                sys::resume(tid, Until::Trap, 0)?;
            }
            Verdict::Park { wait, deadline_ns, mask } => {
                self.park(id, wait, deadline_ns, mask);
                return Ok(Flow::Stands);
            }
            Verdict::Yield => {
                self.make_ready(id, Resume::Return(0));
                return Ok(Flow::Stands);
            }
            Verdict::Exit => return Ok(self.exit_thread(id)?.map_or(Flow::Stands, Flow::Runs)),
            Verdict::ExitProcess => {
                self.exit_process(id)?;
                return Ok(Flow::Stands);
            }
            Verdict::Exec => return Ok(Flow::Runs(self.execute(id)?)),
        }
        Ok(Flow::Runs(id))
    }

    fn on_call_boundary(&mut self, id: Id) -> Result<Flow, Gone> {
        let tid = self.thread(id).tid;
        let Some(after) = self.thread_mut(id).after.take() else {
            sys::resume(tid, Until::Trap, 0)?;
            return Ok(Flow::Runs(id));
        };
        if let After::MakeAgain { is_waiting, written } = after {
            let thread = self.thread_mut(id);
            thread.after = written.map(After::Written);
            if is_waiting {
                thread.state = State::InKernel;
            }
            sys::resume(tid, Until::CallBoundary, 0)?;
            return Ok(if is_waiting { Flow::Stands } else { Flow::Runs(id) });
        }
        let mut registers = Registers::of(tid)?;
        if let After::Written(_) = after
            && is_cut_short(&registers)
        {
            // The signal that did it is reported next.
            self.thread_mut(id).after = Some(after);
            sys::resume(tid, Until::Trap, 0)?;
            return Ok(Flow::Runs(id));
        }
        let waits_for_child = self.finish_call(id, after, &mut registers);
        registers.store(tid)?;
        if waits_for_child {
            self.park(id, Wait::Child, None, None);
            return Ok(Flow::Stands);
        }
        sys::resume(tid, Until::Trap, 0)?;
        Ok(Flow::Runs(id))
    }

    /// What is left to do when a call returns. True if it is `wait` and found no child to wait for.
    fn finish_call(&mut self, id: Id, after: After, registers: &mut Registers) -> bool {
        let result = registers.result();
        match after {
            After::Restore { original } => original.restore(registers),
            After::RestoreAndTranslate { original } => {
                original.restore(registers);
                registers.set_result(self.id_of(result));
            }
            After::Wait4 { original } => {
                original.restore(registers);
                if result == 0 && original.argument(2) as i32 & libc::WNOHANG == 0 {
                    return true;
                }
                registers.set_result(self.id_of(result));
                self.forget_collected();
            }
            After::Waitid { original } => {
                original.restore(registers);
                return self.finish_waitid(id, &original, result);
            }
            After::SignalSent { original, is_kill } => {
                original.restore(registers);
                self.has_new_signals = true;
                if is_kill && result == 0 {
                    self.collect_killed(self.thread(id).process);
                }
            }
            After::Written(Written { original, count }) => {
                original.restore(registers);
                // An error after part of it was written is not an error yet.
                registers.set_result(count as i64 + result.max(0));
            }
            After::TimerDescriptor { original } => {
                original.restore(registers);
                if let Ok(number) = i32::try_from(result)
                    && number >= 0
                {
                    self.created_timerfd(id, original.argument(0), number);
                }
            }
            After::Cloned { child } => registers.set_result(i64::from(child)),
            After::Usage { address } => self.hide_usage(id, address),
            After::MakeAgain { .. } => unreachable!("handled before"),
        }
        false
    }

    fn on_signal(&mut self, id: Id, signal: i32) -> Result<Flow, StepError> {
        let flow = match signal {
            libc::SIGSTOP if self.is_nudge(id) => return self.on_nudge(id),
            libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => {
                self.notice(Notice::IgnoredStopSignal);
                sys::resume(self.thread(id).tid, Until::Trap, 0)
            }
            libc::SIGSEGV => self.on_fault(id),
            _ => self.deliver(id, signal),
        };
        // If it was killed meanwhile, waiting for it says so.
        let (Ok(()) | Err(Gone)) = flow;
        Ok(Flow::Runs(id))
    }

    /// Delivers a signal; its sender appears by the id that the program knows.
    fn deliver(&mut self, id: Id, signal: i32) -> Result<(), Gone> {
        let tid = self.thread(id).tid;
        self.leave_remaining_sleep(id)?;
        if self.thread(id).kept.is_some() && self.is_caught(id, signal) {
            // No wait with a deadline goes on after a handler has run: the next one is another.
            self.thread_mut(id).kept = None;
        }
        if let Some(after @ After::Written(_)) = self.thread_mut(id).after.take() {
            // A signal of the program's own cuts the write short, as it may.
            let mut registers = Registers::of(tid)?;
            self.finish_call(id, after, &mut registers);
            registers.store(tid)?;
        }
        let mut info = SignalInfo::of(tid)?;
        if let Some(sender) = info.sender() {
            let known = self.id_of(i64::from(sender)) as Tid;
            if known != sender {
                info.set_sender(tid, known)?;
            }
        }
        sys::resume(tid, Until::Trap, signal)
    }

    /// Tells a sleep that this signal interrupts how much of it was left. The kernel has done so, by its own clock.
    fn leave_remaining_sleep(&mut self, id: Id) -> Result<(), Gone> {
        let thread = self.thread(id);
        let Some(KeptDeadline { number, deadline_ns: Some(deadline_ns) }) = thread.kept else {
            return Ok(());
        };
        let registers = Registers::of(thread.tid)?;
        let place = match arch::call(number) {
            Some(Call::Nanosleep) => registers.argument(1),
            Some(Call::ClockNanosleep) if registers.argument(1) & libc::TIMER_ABSTIME as u64 == 0 => {
                registers.argument(3)
            }
            _ => 0,
        };
        if place != 0 && RESTART_RESULTS.contains(&registers.result()) {
            // A bad address has been noticed by the kernel already.
            let _fault = write_timespec(thread.tid, place, deadline_ns.saturating_sub(self.now_ns));
        }
        Ok(())
    }

    /// A fault of the program's own, or its reading of the time-stamp counter, which the supervisor answers.
    fn on_fault(&mut self, id: Id) -> Result<(), Gone> {
        let tid = self.thread(id).tid;
        let counter = self.monotonic_ns();
        if Registers::of(tid)?.emulate_counter_read(tid, counter)? {
            return sys::resume(tid, Until::Trap, 0);
        }
        sys::resume(tid, Until::Trap, libc::SIGSEGV)
    }

    /// Whether a SIGSTOP comes from the watchdog of this process.
    fn is_nudge(&self, id: Id) -> bool {
        let own_pid = std::process::id() as Tid;
        SignalInfo::of(self.thread(id).tid).is_ok_and(|info| info.sender() == Some(own_pid))
    }

    /// The watchdog found this thread asleep in the kernel, or over its budget, when it sent SIGSTOP.
    fn on_nudge(&mut self, id: Id) -> Result<Flow, StepError> {
        let tid = self.thread(id).tid;
        let Ok(mut registers) = Registers::of(tid) else { return Ok(Flow::Runs(id)) };
        let (number, result) = (registers.call_number(), registers.result());
        let was_in_call =
            number >= 0 && (RESTART_RESULTS.contains(&result) || result == -i64::from(libc::EINTR));
        if let Err(error) = self.check_budget(Some((id, "computing"))) {
            self.make_ready(id, Resume::Go);
            return Err(error);
        }
        let printed_before = self.output_length();
        self.drain()?;
        let written = match self.thread_mut(id).after.take() {
            Some(After::Written(written)) => Some(written),
            after => {
                self.thread_mut(id).after = after;
                None
            }
        };
        if result > 0 && is_cut_short(&registers) {
            let _gone = self.write_rest(id, &mut registers, written, result as u64);
            return Ok(Flow::Runs(id));
        }
        let has_printed = self.output_length() > printed_before;
        if !was_in_call || has_printed && written.is_none() {
            // It computes, or its output was what it waited to get rid of.
            let _gone = sys::resume(tid, Until::Trap, 0);
            return Ok(Flow::Runs(id));
        }
        if result == -i64::from(libc::EINTR) {
            // A call that no signal restarts; without this the program would see an interruption that it never had.
            registers.rewind_call(number);
            let _gone = registers.store(tid);
        }
        if !has_printed {
            self.counters.kernel_waits += 1;
            self.notice(Notice::WaitedInKernel { call_number: number });
        }
        self.thread_mut(id).after = Some(After::MakeAgain { is_waiting: !has_printed, written });
        let _gone = sys::resume(tid, Until::CallBoundary, 0);
        Ok(Flow::Runs(id))
    }

    /// A nudge cut a write short, which the program cannot expect: the thread writes the rest.
    fn write_rest(
        &mut self,
        id: Id,
        registers: &mut Registers,
        before: Option<Written>,
        count: u64,
    ) -> Result<(), Gone> {
        let before = before.unwrap_or(Written { original: Saved::of(registers), count: 0 });
        let written = Written { count: before.count + count, ..before };
        self.thread_mut(id).after = Some(After::MakeAgain { is_waiting: false, written: Some(written) });
        registers.set_argument(1, registers.argument(1) + count);
        registers.set_argument(2, registers.argument(2) - count);
        registers.rewind_call(registers.call_number());
        let tid = self.thread(id).tid;
        registers.store(tid)?;
        sys::resume(tid, Until::CallBoundary, 0)
    }

    /// A thread that waited in the kernel has reported something.
    pub(crate) fn came_back(&mut self, id: Id, status: Status) {
        match status {
            Status::Ended { raw_status } => self.on_ended(id, raw_status),
            Status::Unknown => self.on_vanished(id),
            Status::Trap => self.make_ready(id, Resume::Again),
            Status::Signal(libc::SIGSTOP) if self.is_nudge(id) => self.make_ready(id, Resume::FinishCall),
            Status::Signal(signal) => self.make_ready(id, Resume::Deliver(signal)),
            Status::CallBoundary => self.make_ready(id, Resume::CallMade),
            // It says so again when it has ended.
            Status::Ending => {
                let _gone = self.on_ending(id);
            }
            Status::Cloned | Status::Executed | Status::Paused => self.make_ready(id, Resume::Go),
        }
    }
}

/// Whether a call is a write that ended early, before or after it wrote something.
fn is_cut_short(registers: &Registers) -> bool {
    let result = registers.result();
    let is_partial = result > 0 && (result as u64) < registers.argument(2);
    registers.call_number() == arch::WRITE && (is_partial || RESTART_RESULTS.contains(&result))
}
