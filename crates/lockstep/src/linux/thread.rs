//! What the supervisor knows of each thread and process of a program.

use std::os::fd::OwnedFd;

use super::arch::Registers;
use super::looks::Looks;
use super::sys::Tid;

/// The id of a thread or process as the program sees it: the same in every run. A process has the id of its first thread.
pub(crate) type Id = i32;

#[derive(Debug)]
pub(crate) struct Thread {
    /// The kernel's id.
    pub(crate) tid: Tid,
    pub(crate) process: Id,
    pub(crate) state: State,
    /// Where the kernel writes 0 and wakes one waiter when the thread ends; 0 is nowhere.
    pub(crate) clear_tid: u64,
    /// What is to be done when the call that it is in returns.
    pub(crate) after: Option<After>,
    /// When the wait that it has just left would have ended, in case the same wait begins again.
    pub(crate) kept: Option<KeptDeadline>,
    pub(crate) looks: Looks,
    /// When it last waited with a deadline that had passed.
    pub(crate) expired_at_ns: Option<u64>,
    /// It has called `exit`, which ends it alone; otherwise its end is that of its process.
    pub(crate) is_exiting: bool,
}

impl Thread {
    /// A thread that has been stopped before its first instruction.
    pub(crate) fn new(tid: Tid, process: Id, clear_tid: u64) -> Thread {
        Thread {
            tid,
            process,
            state: State::Ready(Resume::Go),
            clear_tid,
            after: None,
            kept: None,
            looks: Looks::default(),
            expired_at_ns: None,
            is_exiting: false,
        }
    }
}

#[derive(Debug)]
pub(crate) struct TracedProcess {
    /// The kernel's id.
    pub(crate) tid: Tid,
    pub(crate) pidfd: OwnedFd,
    pub(crate) parent: Id,
    /// Which address space it has; processes that share one (after `vfork`) have equal numbers.
    pub(crate) memory: u32,
}

/// A process that has ended, and that its parent has not asked about yet.
#[derive(Debug)]
pub(crate) struct EndedProcess {
    pub(crate) id: Id,
    pub(crate) tid: Tid,
    pub(crate) pidfd: OwnedFd,
}

/// Every thread is stopped, except the one that is running and those in the kernel.
#[derive(Debug)]
pub(crate) enum State {
    /// Waits for its turn.
    Ready(Resume),
    /// Has the turn.
    Running,
    /// Stopped inside a call that waits for something.
    Parked(Park),
    /// Blocked in the kernel, in a call that the supervisor does not see through.
    InKernel,
    /// A first thread that ended before the others of its process: the kernel keeps it until they have.
    Ended,
}

/// How a thread that is ready goes on when it gets the turn.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Resume {
    /// As it is.
    Go,
    /// Up to the end of the call that it is in.
    FinishCall,
    /// Its call has returned from the kernel.
    CallMade,
    /// The call returns this, without being made.
    Return(i64),
    /// The wait of its call for files is over, since time is up.
    TimedOut,
    /// The call is looked at afresh; it has not been made.
    Again,
    /// The call has been made and is made again.
    Repeat,
    /// A signal interrupts its call, which has not been made.
    Interrupt,
    /// A signal interrupts its call, which has been made and found nothing.
    InterruptAfterCall,
    /// This signal is delivered.
    Deliver(i32),
}

#[derive(Debug)]
pub(crate) struct Park {
    pub(crate) wait: Wait,
    /// When the wait ends by itself, in virtual nanoseconds.
    pub(crate) deadline_ns: Option<u64>,
    /// The signals that are blocked during the wait, where the call says so.
    pub(crate) mask: Option<u64>,
    /// Counts parks: those who wait for the same thing are woken in the order in which they came.
    pub(crate) sequence: u64,
    /// When the wait was last found to be in vain, in turns of the program.
    pub(crate) checked_at_turn: u64,
}

/// What a parked thread waits for, beside its deadline.
#[derive(Debug)]
pub(crate) enum Wait {
    /// Nothing.
    Sleep,
    /// Nothing: it looked at the clock too often.
    Pause,
    /// A wake-up on this word by a mask that has a bit in common.
    Futex { key: FutexKey, mask: u32 },
    /// One of these descriptors to have one of these events.
    Files(Vec<(i32, i16)>),
    /// A child to end. The call has been made and found none.
    Child,
    /// A signal of this set.
    Signal { set: u64 },
    /// This process, which shares the memory, to execute a program or end.
    Vfork(Id),
}

/// A word that threads wait on: by its address, or by the file where processes map it at different ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FutexKey {
    Private { memory: u32, address: u64 },
    Shared { device: u64, inode: u64, offset: u64 },
}

/// The end of a wait that was left because a signal came or a file had news, and may turn out not to be over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeptDeadline {
    pub(crate) number: i64,
    pub(crate) deadline_ns: Option<u64>,
}

/// What is to be done when a call returns to the program.
#[derive(Debug, Clone, Copy)]
pub(crate) enum After {
    /// The arguments are to be as they were; they were changed for the kernel.
    Restore { original: Saved },
    /// The same, and the result is the id of a thread or process.
    RestoreAndTranslate { original: Saved },
    /// The same, for `wait4`.
    Wait4 { original: Saved },
    /// The same, for `waitid`.
    Waitid { original: Saved },
    /// The same, and parked threads may have signals now; the flag says that some may have been killed.
    SignalSent { original: Saved, is_kill: bool },
    /// The result is the id of the new thread.
    Cloned { child: Id },
    /// The resource usage at this address is to say nothing about the machine.
    Usage { address: u64 },
    /// The same, and some bytes have been written before.
    Written(Written),
    /// The same, and the result is a timer descriptor.
    TimerDescriptor { original: Saved },
    /// The call is about to be made once more. It may be one that waits in the kernel, and one that has written something before.
    MakeAgain { is_waiting: bool, written: Option<Written> },
}

/// A write that the supervisor cut short.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written {
    pub(crate) original: Saved,
    /// How many bytes were written before.
    pub(crate) count: u64,
}

/// The arguments of a call before they were changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Saved {
    arguments: [u64; 6],
}

impl Saved {
    pub(crate) fn of(registers: &Registers) -> Saved {
        Saved { arguments: std::array::from_fn(|index| registers.argument(index)) }
    }

    pub(crate) fn argument(&self, index: usize) -> u64 {
        self.arguments[index]
    }

    pub(crate) fn restore(&self, registers: &mut Registers) {
        for (index, &value) in self.arguments.iter().enumerate() {
            registers.set_argument(index, value);
        }
    }
}

/// What becomes of a trapped call.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The kernel makes it.
    Execute,
    /// The kernel makes it, and the supervisor sees the result.
    ExecuteThen(After),
    /// It returns this, and the kernel never sees it.
    Return(i64),
    /// The thread waits.
    Park { wait: Wait, deadline_ns: Option<u64>, mask: Option<u64> },
    /// It returns 0 when the thread gets its next turn.
    Yield,
    /// The thread ends.
    Exit,
    /// The process ends.
    ExitProcess,
    /// The process may become another program.
    Exec,
}

impl Verdict {
    pub(crate) fn park(wait: Wait, deadline_ns: Option<u64>) -> Verdict {
        Verdict::Park { wait, deadline_ns, mask: None }
    }
}

/// Why a call cannot be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallError {
    /// The thread died.
    Gone,
    /// The call fails with this error number.
    Errno(i32),
}

impl From<super::sys::Gone> for CallError {
    fn from(_: super::sys::Gone) -> CallError {
        CallError::Gone
    }
}

impl From<super::sys::Fault> for CallError {
    fn from(_: super::sys::Fault) -> CallError {
        CallError::Errno(nix::libc::EFAULT)
    }
}
