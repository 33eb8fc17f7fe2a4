//! Everything that depends on the processor: registers, numbers of system calls, the time-stamp counter, the stack of a new program.
//!
//! To add a processor, write another file with the same public items.

use std::io;

use nix::libc;
use seccompiler::TargetArch;

use crate::linux::call::Call;
use crate::linux::sys::{self, Gone, Tid};

/// What the seccomp filter takes as native; a call of another instruction set kills the program (see `filter`).
pub(crate) const SECCOMP_ARCHITECTURE: TargetArch = TargetArch::x86_64;

/// Length in bytes of the `syscall` instruction, and of `int 0x80`.
const SYSCALL_LENGTH: u64 = 2;
/// The selector of the code segment that 32-bit programs run in.
const CODE_SEGMENT_32: u64 = 0x23;

/// The calls that stop a thread, with their numbers on this processor.
///
/// A call that is missing here runs in the kernel at full speed and is never seen.
pub(crate) const TRAPPED: &[(libc::c_long, Call)] = &[
    // Reading a clock.
    (libc::SYS_clock_gettime, Call::ClockGettime),
    (libc::SYS_gettimeofday, Call::Gettimeofday),
    (libc::SYS_time, Call::Time),
    (libc::SYS_times, Call::Times),
    (libc::SYS_getrusage, Call::Getrusage),
    // Sleeping.
    (libc::SYS_nanosleep, Call::Nanosleep),
    (libc::SYS_clock_nanosleep, Call::ClockNanosleep),
    (libc::SYS_pause, Call::Pause),
    (libc::SYS_rt_sigsuspend, Call::SignalSuspend),
    (libc::SYS_rt_sigtimedwait, Call::SignalTimedWait),
    (libc::SYS_restart_syscall, Call::RestartSyscall),
    // Waiting for files.
    (libc::SYS_read, Call::Read),
    (libc::SYS_readv, Call::Readv),
    (libc::SYS_pread64, Call::Pread),
    (libc::SYS_recvfrom, Call::Receive),
    (libc::SYS_recvmsg, Call::Receive),
    (libc::SYS_recvmmsg, Call::Receive),
    (libc::SYS_accept, Call::Receive),
    (libc::SYS_accept4, Call::Receive),
    (libc::SYS_poll, Call::Poll),
    (libc::SYS_ppoll, Call::Ppoll),
    (libc::SYS_select, Call::Select),
    (libc::SYS_pselect6, Call::Pselect),
    (libc::SYS_epoll_wait, Call::EpollWait),
    (libc::SYS_epoll_pwait, Call::EpollPwait),
    (libc::SYS_epoll_pwait2, Call::EpollPwait2),
    // Waiting for another thread.
    (libc::SYS_futex, Call::Futex),
    (libc::SYS_futex_waitv, Call::Unsupported),
    (libc::SYS_sched_yield, Call::Yield),
    // Waiting for a child.
    (libc::SYS_wait4, Call::Wait4),
    (libc::SYS_waitid, Call::Waitid),
    // Timers.
    (libc::SYS_alarm, Call::Alarm),
    (libc::SYS_setitimer, Call::Setitimer),
    (libc::SYS_getitimer, Call::Getitimer),
    (libc::SYS_timer_create, Call::TimerCreate),
    (libc::SYS_timer_settime, Call::TimerSettime),
    (libc::SYS_timer_gettime, Call::TimerGettime),
    (libc::SYS_timer_getoverrun, Call::TimerGetoverrun),
    (libc::SYS_timer_delete, Call::TimerDelete),
    (libc::SYS_timerfd_create, Call::TimerfdCreate),
    (libc::SYS_timerfd_settime, Call::TimerfdSettime),
    (libc::SYS_timerfd_gettime, Call::TimerfdGettime),
    // Chance, and what differs from machine to machine.
    (libc::SYS_getrandom, Call::Getrandom),
    (libc::SYS_getcpu, Call::Getcpu),
    (libc::SYS_rseq, Call::Unsupported),
    (libc::SYS_sched_getaffinity, Call::GetAffinity),
    (libc::SYS_sched_setaffinity, Call::SetAffinity),
    // Ways to wait that no supervisor sees.
    (libc::SYS_io_uring_setup, Call::Unsupported),
    (libc::SYS_socket, Call::Socket),
    // Threads and processes.
    (libc::SYS_clone, Call::Clone),
    (libc::SYS_clone3, Call::Clone3),
    (libc::SYS_execve, Call::Exec),
    (libc::SYS_execveat, Call::Exec),
    (libc::SYS_exit, Call::Exit),
    (libc::SYS_exit_group, Call::ExitGroup),
    (libc::SYS_set_tid_address, Call::SetTidAddress),
    // Ids of threads and processes: what asks for one, what takes one, and what sends a signal.
    (libc::SYS_getpid, Call::Getpid),
    (libc::SYS_gettid, Call::Gettid),
    (libc::SYS_getppid, Call::Getppid),
    (libc::SYS_getpgrp, Call::ReturnsId { argument: None }),
    (libc::SYS_getpgid, Call::ReturnsId { argument: Some(0) }),
    (libc::SYS_getsid, Call::ReturnsId { argument: Some(0) }),
    (libc::SYS_setsid, Call::ReturnsId { argument: None }),
    (libc::SYS_setpgid, Call::TakesIds { arguments: &[0, 1] }),
    (libc::SYS_pidfd_open, Call::TakesIds { arguments: &[0] }),
    (libc::SYS_prlimit64, Call::TakesIds { arguments: &[0] }),
    (libc::SYS_sched_setscheduler, Call::TakesIds { arguments: &[0] }),
    (libc::SYS_sched_getscheduler, Call::TakesIds { arguments: &[0] }),
    (libc::SYS_sched_setparam, Call::TakesIds { arguments: &[0] }),
    (libc::SYS_sched_getparam, Call::TakesIds { arguments: &[0] }),
    (libc::SYS_sched_setattr, Call::TakesIds { arguments: &[0] }),
    (libc::SYS_sched_getattr, Call::TakesIds { arguments: &[0] }),
    (libc::SYS_setpriority, Call::TakesIds { arguments: &[1] }),
    (libc::SYS_getpriority, Call::TakesIds { arguments: &[1] }),
    (libc::SYS_ioprio_set, Call::TakesIds { arguments: &[1] }),
    (libc::SYS_kcmp, Call::TakesIds { arguments: &[0, 1] }),
    (libc::SYS_process_vm_readv, Call::TakesIds { arguments: &[0] }),
    (libc::SYS_process_vm_writev, Call::TakesIds { arguments: &[0] }),
    (libc::SYS_get_robust_list, Call::TakesIds { arguments: &[0] }),
    (libc::SYS_kill, Call::Kill { arguments: &[0] }),
    (libc::SYS_tkill, Call::Kill { arguments: &[0] }),
    (libc::SYS_tgkill, Call::Kill { arguments: &[0, 1] }),
    (libc::SYS_rt_sigqueueinfo, Call::Kill { arguments: &[0] }),
    (libc::SYS_rt_tgsigqueueinfo, Call::Kill { arguments: &[0, 1] }),
    (libc::SYS_pidfd_send_signal, Call::Kill { arguments: &[] }),
];

/// The number of `write`, which is not trapped.
pub(crate) const WRITE: i64 = libc::SYS_write;

/// What a trapped number means. A linear search would cost more than the rest of a trap, so this is a table.
pub(crate) fn call(number: i64) -> Option<Call> {
    use std::sync::LazyLock;
    static TABLE: LazyLock<Vec<Option<Call>>> = LazyLock::new(|| {
        let mut table = vec![None; 512];
        for &(number, call) in TRAPPED {
            table[number as usize] = Some(call);
        }
        table
    });
    *TABLE.get(usize::try_from(number).ok()?)?
}

/// The registers of a stopped thread.
#[derive(Clone, Copy)]
pub(crate) struct Registers(libc::user_regs_struct);

impl Registers {
    pub(crate) fn of(tid: Tid) -> Result<Registers, Gone> {
        sys::registers(tid).map(Registers)
    }

    pub(crate) fn store(&self, tid: Tid) -> Result<(), Gone> {
        sys::set_registers(tid, &self.0)
    }

    /// The number of the system call that the thread is in, or a negative number outside of one.
    pub(crate) fn call_number(&self) -> i64 {
        self.0.orig_rax as i64
    }

    /// At a seccomp stop: has the kernel run another call instead. At a signal stop: the call that is to be restarted.
    pub(crate) fn set_call_number(&mut self, number: i64) {
        self.0.orig_rax = number as u64;
    }

    /// An argument of the call; they survive the call.
    pub(crate) fn argument(&self, index: usize) -> u64 {
        let arguments = [self.0.rdi, self.0.rsi, self.0.rdx, self.0.r10, self.0.r8, self.0.r9];
        arguments[index]
    }

    pub(crate) fn set_argument(&mut self, index: usize, value: u64) {
        let slot = match index {
            0 => &mut self.0.rdi,
            1 => &mut self.0.rsi,
            2 => &mut self.0.rdx,
            3 => &mut self.0.r10,
            4 => &mut self.0.r8,
            5 => &mut self.0.r9,
            _ => panic!("a system call has six arguments, not {}", index + 1),
        };
        *slot = value;
    }

    /// What the call returned: a negative error number, or a result.
    pub(crate) fn result(&self) -> i64 {
        self.0.rax as i64
    }

    pub(crate) fn set_result(&mut self, result: i64) {
        self.0.rax = result as u64;
    }

    /// At a seccomp stop: the call returns this, and the kernel never sees it. A number of -1 is how the kernel is told to skip a call.
    pub(crate) fn skip_call(&mut self, result: i64) {
        self.0.orig_rax = u64::MAX;
        self.0.rax = result as u64;
    }

    /// After a call: the thread makes the same call once more when it goes on.
    pub(crate) fn rewind_call(&mut self, number: i64) {
        self.0.rip -= SYSCALL_LENGTH;
        self.0.rax = number as u64;
        self.0.orig_rax = u64::MAX;
    }

    /// Where the thread is.
    pub(crate) fn instruction(&self) -> u64 {
        self.0.rip
    }

    /// The top of its stack. In a program that has just been loaded, its argument count lies there.
    pub(crate) fn stack(&self) -> u64 {
        self.0.rsp
    }

    pub(crate) fn is_32_bit(&self) -> bool {
        self.0.cs == CODE_SEGMENT_32
    }

    /// The flags, stack and child-id address that `clone` was called with. `CLONE_SETTLS` and the rest do not matter here.
    pub(crate) fn clone_arguments(&self) -> CloneArguments {
        CloneArguments { flags: self.0.rdi, parent_tid: self.0.rdx, child_tid: self.0.r10 }
    }

    pub(crate) fn set_clone_flags(&mut self, flags: u64) {
        self.0.rdi = flags;
    }

    /// If the thread was stopped for reading the time-stamp counter, gives it `counter` and steps over the instruction.
    pub(crate) fn emulate_counter_read(&mut self, tid: Tid, counter: u64) -> Result<bool, Gone> {
        const RDTSC: [u8; 2] = [0x0f, 0x31];
        const RDTSCP: [u8; 3] = [0x0f, 0x01, 0xf9];
        let mut bytes = [0; 3];
        // The instruction may end at the end of a page, so the third byte is only asked for when it is needed.
        if sys::read_memory(tid, self.0.rip, &mut bytes[..2]).is_err() {
            return Ok(false);
        }
        let length = if bytes[..2] == RDTSC {
            2
        } else if bytes[..2] == RDTSCP[..2]
            && sys::read_memory(tid, self.0.rip, &mut bytes).is_ok()
            && bytes == RDTSCP
        {
            // RDTSCP also tells the number of the CPU.
            self.0.rcx = 0;
            3
        } else {
            return Ok(false);
        };
        self.0.rax = counter & 0xffff_ffff;
        self.0.rdx = counter >> 32;
        self.0.rip += length;
        self.store(tid)?;
        Ok(true)
    }
}

/// What `clone`, `fork` or `vfork` was asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CloneArguments {
    pub(crate) flags: u64,
    pub(crate) parent_tid: u64,
    pub(crate) child_tid: u64,
}

/// What the calls that came before `clone` ask for; they exist on this processor alone.
pub(crate) fn clone_arguments_of_old_call(number: i64) -> CloneArguments {
    let flags = if number == libc::SYS_vfork { libc::CLONE_VM | libc::CLONE_VFORK } else { 0 };
    CloneArguments { flags: flags as u64, ..CloneArguments::default() }
}

/// Has the time-stamp counter fault in this thread and its descendants, so that the supervisor can answer for it.
///
/// Called between fork and exec: one system call, nothing else.
pub(crate) fn trap_counter_reads() -> io::Result<()> {
    const PR_SET_TSC: libc::c_int = 26;
    const PR_TSC_SIGSEGV: libc::c_ulong = 2;
    sys::prctl(PR_SET_TSC, PR_TSC_SIGSEGV)
}
