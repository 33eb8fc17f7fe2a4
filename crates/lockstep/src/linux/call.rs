//! The system calls that stop a thread, by what they mean; their numbers are the processor's affair.

/// A call that the supervisor looks at before the kernel does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    ClockGettime,
    Gettimeofday,
    Time,
    Times,
    Getrusage,

    Nanosleep,
    ClockNanosleep,
    Pause,
    SignalSuspend,
    SignalTimedWait,
    /// How the kernel goes on with a call that a signal interrupted.
    RestartSyscall,

    Read,
    Readv,
    Pread,
    /// Calls that wait until the file of their first argument can be read: `recv` and `accept` with their kin.
    Receive,
    Poll,
    Ppoll,
    Select,
    Pselect,
    EpollWait,
    EpollPwait,
    EpollPwait2,

    Futex,
    Yield,
    Wait4,
    Waitid,

    Alarm,
    Setitimer,
    Getitimer,
    TimerCreate,
    TimerSettime,
    TimerGettime,
    TimerGetoverrun,
    TimerDelete,
    TimerfdCreate,
    TimerfdSettime,
    TimerfdGettime,

    Getrandom,
    Getcpu,
    GetAffinity,
    SetAffinity,
    Socket,
    /// Answered as if the kernel were too old to know the call: every runtime has another way.
    Unsupported,

    Clone,
    Clone3,
    Exec,
    Exit,
    ExitGroup,
    SetTidAddress,

    Getpid,
    Gettid,
    Getppid,
    /// Returns the id of a process, and may take one.
    ReturnsId {
        argument: Option<usize>,
    },
    /// Takes ids of threads or processes in these arguments.
    TakesIds {
        arguments: &'static [usize],
    },
    /// Sends a signal to the ids in these arguments.
    Kill {
        arguments: &'static [usize],
    },
}
