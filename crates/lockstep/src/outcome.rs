//! What comes of a step, and what is worth knowing about a program's behaviour.

use std::fmt;

/// What a program printed, in the order of each stream. The order between the two streams is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Bytes of standard output.
    pub stdout: Vec<u8>,
    /// Bytes of standard error.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Forgets the bytes and keeps the memory.
    pub fn clear(&mut self) {
        self.stdout.clear();
        self.stderr.clear();
    }

    #[cfg_attr(
        not(all(target_os = "linux", target_arch = "x86_64")),
        expect(dead_code, reason = "only supervision prints")
    )]
    pub(crate) fn append(&mut self, other: &mut Output) {
        self.stdout.append(&mut other.stdout);
        self.stderr.append(&mut other.stderr);
    }
}

/// How much of each thing a process has done since it was started.
///
/// All but `kernel_waits` are equal in equal runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Calls of `step`.
    pub steps: u64,
    /// Turns: how often a thread got to run until it waited.
    pub turns: u64,
    /// System calls that stopped a thread. Each costs a few microseconds.
    pub traps: u64,
    /// Threads that were woken because the time of a sleep or time-out had come, and timers that went off. Thousands of these in a virtual
    /// second are a program that polls.
    pub wakeups: u64,
    /// Pauses of threads that kept looking at the clock, or yielding, without waiting.
    pub pauses: u64,
    /// Waits in the kernel that the supervisor did not see through; see [`Notice::WaitedInKernel`].
    pub kernel_waits: u64,
    /// Threads and processes that were created.
    pub threads: u64,
    /// Bytes printed to standard output.
    pub stdout_bytes: u64,
    /// Bytes printed to standard error.
    pub stderr_bytes: u64,
}

/// Something that a program did which virtual time cannot fully answer for. Each is reported once for a process.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A thread waited in a system call that the supervisor does not look into, such as a file lock.
    ///
    /// The others went on meanwhile. When such a wait ends is up to the machine, so the run may not repeat.
    WaitedInKernel {
        /// The number of the call on this processor.
        call_number: i64,
    },
    /// It opened a network socket. What comes through it comes in real time, which virtual time does not wait for.
    OpenedNetworkSocket,
    /// It looked at the clock, or yielded, again and again instead of waiting. It was given some time to pass.
    LookedAtClockWithoutWaiting,
    /// It, or job control, stopped a process by a signal such as SIGSTOP. The signal was ignored.
    IgnoredStopSignal,
    /// One of its processes died of SIGSYS: it made a system call of another instruction set, such as `int 0x80`, or one that its own
    /// filter forbids.
    ForeignCall,
    /// It has more processes than this process may have descriptors, of which each needs one. New ones are killed as they start.
    TooManyProcesses,
    /// Its first process ended while others were running. They were killed.
    KilledRemainingProcesses {
        /// How many there were.
        count: usize,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::WaitedInKernel { call_number } => write!(
                formatter,
                "it waited in system call {call_number}, which virtual time does not cover, so the run may not repeat"
            ),
            Notice::OpenedNetworkSocket => formatter
                .write_str("it opened a network socket; virtual time does not wait for what comes through it"),
            Notice::LookedAtClockWithoutWaiting => {
                formatter.write_str("it kept looking at the clock instead of waiting, and was given some time to pass")
            }
            Notice::IgnoredStopSignal => formatter.write_str("it was sent a stop signal, which was ignored"),
            Notice::ForeignCall => formatter.write_str(
                "one of its processes died of SIGSYS: virtual time covers no 32-bit system calls (nor what the program itself forbids)",
            ),
            Notice::TooManyProcesses => formatter.write_str(
                "it has more processes than can be supervised, and new ones are killed; `ulimit -n` sets how many there may be",
            ),
            Notice::KilledRemainingProcesses { count } => {
                write!(formatter, "its first process ended and left {count} behind, which were killed")
            }
        }
    }
}
