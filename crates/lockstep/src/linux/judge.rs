//! What becomes of each trapped call: one table from calls to the functions that decide.

use nix::libc;

use super::arch::{self, Registers};
use super::call::Call;
use super::thread::{After, CallError, Id, Saved, Verdict, Wait};
use super::tree::Tree;
use crate::outcome::Notice;

impl Tree {
    /// What is to become of a call that has not been made.
    pub(crate) fn judge(&mut self, id: Id, registers: &mut Registers) -> Result<Verdict, CallError> {
        let mut number = registers.call_number();
        let kept = self.thread_mut(id).kept.take();
        if arch::call(number) == Some(Call::RestartSyscall) {
            // The kernel goes on with a wait that it never knew the end of: it is made anew, with the end that it had.
            let Some(kept) = kept else { return Ok(Verdict::Return(-i64::from(libc::EINTR))) };
            number = kept.number;
            registers.set_call_number(number);
            registers.store(self.thread(id).tid)?;
        }
        let Some(call) = arch::call(number) else { return Ok(Verdict::Execute) };
        let mut verdict = self.judge_call(id, call, registers)?;
        if let Some(kept) = kept.filter(|kept| kept.number == number)
            && let Verdict::Park { deadline_ns, .. } = &mut verdict
            && deadline_ns.is_some()
        {
            *deadline_ns = kept.deadline_ns;
        }
        Ok(verdict)
    }

    fn judge_call(&mut self, id: Id, call: Call, registers: &mut Registers) -> Result<Verdict, CallError> {
        let tid = self.thread(id).tid;
        match call {
            Call::ClockGettime => self.clock_gettime(id, registers),
            Call::Gettimeofday => self.gettimeofday(id, registers),
            Call::Time => self.time(id, registers),
            Call::Times => self.times(id, registers),
            Call::Getrusage => Ok(Verdict::ExecuteThen(After::Usage { address: registers.argument(1) })),
            Call::Nanosleep => self.nanosleep(id, registers),
            Call::ClockNanosleep => self.clock_nanosleep(id, registers),
            Call::Pause => Ok(Verdict::park(Wait::Signal { set: 0 }, None)),
            Call::SignalSuspend => self.signal_suspend(id, registers),
            Call::SignalTimedWait => self.signal_timed_wait(id, registers),
            Call::RestartSyscall => unreachable!("replaced by the call that is restarted"),
            Call::Read => self.read(id, registers),
            Call::Readv => self.readv(id, registers),
            Call::Pread => self.pread(id, registers),
            Call::Receive => self.receive(id, registers),
            Call::Poll => self.poll(id, registers),
            Call::Ppoll => self.ppoll(id, registers),
            Call::Select => self.select(id, registers, false),
            Call::Pselect => self.select(id, registers, true),
            Call::EpollWait => self.epoll_wait(id, registers, 0),
            Call::EpollPwait => self.epoll_wait(id, registers, registers.argument(4)),
            Call::EpollPwait2 => self.epoll_pwait2(id, registers),
            Call::Futex => self.futex(id, registers),
            Call::Yield => Ok(self.look(id, registers).unwrap_or(Verdict::Yield)),
            Call::Wait4 => self.wait4(id, registers),
            Call::Waitid => self.waitid(id, registers),
            Call::Alarm => self.alarm(id, registers),
            Call::Setitimer => self.setitimer(id, registers),
            Call::Getitimer => self.getitimer(id, registers),
            Call::TimerCreate => self.timer_create(id, registers),
            Call::TimerSettime => self.timer_settime(id, registers),
            Call::TimerGettime => self.timer_gettime(id, registers),
            Call::TimerGetoverrun => self.timer_getoverrun(id, registers),
            Call::TimerDelete => self.timer_delete(id, registers),
            Call::TimerfdCreate => self.timerfd_create(id, registers),
            Call::TimerfdSettime => self.timerfd_settime(id, registers),
            Call::TimerfdGettime => self.timerfd_gettime(id, registers),
            Call::Getrandom => self.getrandom(id, registers),
            Call::Getcpu => self.getcpu(id, registers),
            Call::GetAffinity => self.get_affinity(id, registers),
            Call::SetAffinity => Ok(Verdict::Return(0)),
            Call::Socket => {
                if matches!(registers.argument(0) as i32, libc::AF_INET | libc::AF_INET6) {
                    self.notice(Notice::OpenedNetworkSocket);
                }
                Ok(Verdict::Execute)
            }
            Call::Unsupported => Ok(Verdict::Return(-i64::from(libc::ENOSYS))),
            Call::Clone => {
                let flags = registers.clone_arguments().flags;
                if flags & libc::CLONE_UNTRACED as u64 != 0 {
                    registers.set_clone_flags(flags & !(libc::CLONE_UNTRACED as u64));
                    registers.store(tid)?;
                }
                Ok(Verdict::Execute)
            }
            Call::Clone3 => self.clone3(id, registers),
            Call::Exec => Ok(Verdict::Exec),
            Call::Exit => Ok(Verdict::Exit),
            Call::ExitGroup => Ok(Verdict::ExitProcess),
            Call::SetTidAddress => {
                self.thread_mut(id).clear_tid = registers.argument(0);
                Ok(Verdict::ExecuteThen(After::RestoreAndTranslate { original: Saved::of(registers) }))
            }
            Call::Getpid => Ok(Verdict::Return(i64::from(self.thread(id).process))),
            Call::Gettid => Ok(Verdict::Return(i64::from(id))),
            Call::Getppid => {
                let process = self.thread(id).process;
                Ok(Verdict::Return(i64::from(self.processes[&process].parent)))
            }
            Call::ReturnsId { argument } => self.returns_id(id, registers, argument),
            Call::TakesIds { arguments } => self.takes_ids(id, registers, arguments),
            Call::Kill { arguments } => self.sends_signal(id, registers, arguments),
        }
    }
}
