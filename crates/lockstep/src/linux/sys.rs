//! The requests to the kernel that nix does not offer in a safe form, or offers for fewer signals than there are.
//!
//! Every function here is safe to call with any argument: a wrong thread id or address is an error, never undefined behaviour, because
//! the kernel checks both, and no function hands the kernel a pointer that outlives the call.
#![expect(
    unsafe_code,
    reason = "ptrace, waitpid for all signals, and descriptors of other processes have no safe wrapper"
)]

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use nix::libc;
use nix::sys::uio::{RemoteIoVec, process_vm_readv, process_vm_writev};
use nix::unistd::Pid;

/// The kernel's id of a thread.
pub(crate) type Tid = libc::pid_t;

/// The thread died (another thread or a signal killed its process) before the request arrived.
///
/// Whoever gets this goes on to wait for the thread, which reports how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

/// What `waitpid` said about a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// It ended; the raw status is that of `waitpid`.
    Ended { raw_status: i32 },
    /// A call matched the seccomp filter and has not been made yet.
    Trap,
    /// A call has been made, or, after a restart, is about to be.
    CallBoundary,
    /// It created a thread or a process.
    Cloned,
    /// It is running a new program.
    Executed,
    /// It is about to end, for whatever reason; nothing of the program runs in it any more.
    Ending,
    /// A thread that has just been attached, or one that job control stopped.
    Paused,
    /// A signal is about to be delivered.
    Signal(i32),
    /// There is no such thread, or it is not traced by this process.
    Unknown,
}

/// How far a stopped thread may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Until the next trapped call, signal or event.
    Trap,
    /// Until it enters or leaves any system call.
    CallBoundary,
}

const OPTIONS: libc::c_int = libc::PTRACE_O_EXITKILL
    | libc::PTRACE_O_TRACESECCOMP
    | libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACEEXIT
    | libc::PTRACE_O_TRACESYSGOOD;

/// Begins to trace a process, with all its future threads and children. They die when the calling thread ends.
pub(crate) fn seize(tid: Tid) -> io::Result<()> {
    // SAFETY: PTRACE_SEIZE takes the options in place of the data pointer and reads no memory of ours.
    let result = unsafe {
        libc::ptrace(libc::PTRACE_SEIZE, tid, ptr::null_mut::<libc::c_void>(), OPTIONS as libc::c_long)
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Lets a stopped thread go on, with a signal for it or 0.
pub(crate) fn resume(tid: Tid, until: Until, signal: i32) -> Result<(), Gone> {
    let request = match until {
        Until::Trap => libc::PTRACE_CONT,
        Until::CallBoundary => libc::PTRACE_SYSCALL,
    };
    // SAFETY: both requests take the signal's number in place of the data pointer and read no memory of ours.
    let result =
        unsafe { libc::ptrace(request, tid, ptr::null_mut::<libc::c_void>(), signal as libc::c_long) };
    if result < 0 { Err(Gone) } else { Ok(()) }
}

/// Reads the registers of a stopped thread.
pub(crate) fn registers(tid: Tid) -> Result<libc::user_regs_struct, Gone> {
    let mut registers = MaybeUninit::<libc::user_regs_struct>::uninit();
    // SAFETY: the kernel writes one user_regs_struct to the pointer, which has room for it.
    let result = unsafe {
        libc::ptrace(libc::PTRACE_GETREGS, tid, ptr::null_mut::<libc::c_void>(), registers.as_mut_ptr())
    };
    // SAFETY: on success the kernel has filled the whole structure.
    if result < 0 { Err(Gone) } else { Ok(unsafe { registers.assume_init() }) }
}

/// Writes the registers of a stopped thread.
pub(crate) fn set_registers(tid: Tid, registers: &libc::user_regs_struct) -> Result<(), Gone> {
    // SAFETY: the kernel reads one user_regs_struct from the pointer, which is a valid reference.
    let result = unsafe {
        libc::ptrace(libc::PTRACE_SETREGS, tid, ptr::null_mut::<libc::c_void>(), ptr::from_ref(registers))
    };
    if result < 0 { Err(Gone) } else { Ok(()) }
}

/// What the present stop says beside its kind: the id of a new thread, or the former id of one that executed a program.
pub(crate) fn event_message(tid: Tid) -> Result<Tid, Gone> {
    let mut message: libc::c_ulong = 0;
    // SAFETY: the kernel writes one unsigned long to the pointer, which has room for it.
    let result = unsafe {
        libc::ptrace(
            libc::PTRACE_GETEVENTMSG,
            tid,
            ptr::null_mut::<libc::c_void>(),
            ptr::from_mut(&mut message),
        )
    };
    if result < 0 { Err(Gone) } else { Ok(message as Tid) }
}

/// Who sent the signal that a thread is stopped for.
#[derive(Clone, Copy)]
pub(crate) struct SignalInfo(libc::siginfo_t);

impl SignalInfo {
    pub(crate) fn of(tid: Tid) -> Result<SignalInfo, Gone> {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: the kernel writes one siginfo_t to the pointer, which has room for it.
        let result = unsafe {
            libc::ptrace(libc::PTRACE_GETSIGINFO, tid, ptr::null_mut::<libc::c_void>(), info.as_mut_ptr())
        };
        // SAFETY: every field of siginfo_t is a number, for which zero is a value; the kernel has filled in the rest.
        if result < 0 { Err(Gone) } else { Ok(SignalInfo(unsafe { info.assume_init() })) }
    }

    /// The process that sent it; `None` where it comes from the kernel or from a timer.
    pub(crate) fn sender(&self) -> Option<Tid> {
        let is_from_child = self.0.si_signo == libc::SIGCHLD && self.0.si_code > 0;
        let is_from_process = matches!(self.0.si_code, libc::SI_USER | libc::SI_TKILL | libc::SI_QUEUE);
        // SAFETY: si_pid is read from a structure whose every byte is initialised, and is meaningful for these codes.
        (is_from_child || is_from_process).then(|| unsafe { self.0.si_pid() })
    }

    /// Changes the sender, and stores it in the thread that is stopped for this signal.
    pub(crate) fn set_sender(&mut self, tid: Tid, sender: Tid) -> Result<(), Gone> {
        self.set_word(4, sender);
        // SAFETY: the kernel reads one siginfo_t from the pointer, which is a valid reference.
        let result = unsafe {
            libc::ptrace(
                libc::PTRACE_SETSIGINFO,
                tid,
                ptr::null_mut::<libc::c_void>(),
                ptr::from_ref(&self.0),
            )
        };
        if result < 0 { Err(Gone) } else { Ok(()) }
    }

    /// What a POSIX timer sends: its id, its overrun count and the value that its owner chose.
    pub(crate) fn of_timer(signal: i32, timer: i32, overrun: i32, value: u64) -> SignalInfo {
        // SAFETY: every field of siginfo_t is a number, for which zero is a value.
        let mut info = SignalInfo(unsafe { MaybeUninit::<libc::siginfo_t>::zeroed().assume_init() });
        info.0.si_signo = signal;
        info.0.si_code = libc::SI_TIMER;
        info.set_word(4, timer);
        info.set_word(5, overrun);
        info.set_word(6, value as i32);
        info.set_word(7, (value >> 32) as i32);
        info
    }

    /// Sends it to one thread of a process, or, with `None`, to the process.
    pub(crate) fn send(&self, process: Tid, thread: Option<Tid>) {
        let signal = self.0.si_signo;
        let info = ptr::from_ref(&self.0);
        // SAFETY: both calls read one siginfo_t from the pointer, which is a valid reference. That the receiver may be gone is no error.
        unsafe {
            match thread {
                Some(thread) => libc::syscall(libc::SYS_rt_tgsigqueueinfo, process, thread, signal, info),
                None => libc::syscall(libc::SYS_rt_sigqueueinfo, process, signal, info),
            };
        }
    }

    /// Sets the 32-bit word with this index: the union of fields begins at word 4 on 64-bit Linux.
    fn set_word(&mut self, index: usize, value: i32) {
        assert!(index < size_of::<libc::siginfo_t>() / 4, "siginfo_t has no word {index}");
        // SAFETY: the structure is made of numbers alone, is aligned for i32, and the index lies inside it.
        unsafe {
            *ptr::from_mut(&mut self.0).cast::<i32>().add(index) = value;
        }
    }
}

/// Waits until a traced thread stops or ends.
pub(crate) fn wait(tid: Tid) -> Status {
    loop {
        if let Some(status) = wait_with(tid, libc::__WALL) {
            return status;
        }
    }
}

/// What a traced thread has to report, if anything.
pub(crate) fn try_wait(tid: Tid) -> Option<Status> {
    wait_with(tid, libc::__WALL | libc::WNOHANG)
}

fn wait_with(tid: Tid, options: libc::c_int) -> Option<Status> {
    let mut raw_status = 0;
    // SAFETY: the kernel writes one int to the pointer, which has room for it.
    let result = unsafe { libc::waitpid(tid, &raw mut raw_status, options) };
    if result < 0 {
        let is_interrupted = io::Error::last_os_error().kind() == io::ErrorKind::Interrupted;
        return (!is_interrupted).then_some(Status::Unknown);
    }
    (result == tid).then(|| decode(raw_status))
}

fn decode(raw_status: i32) -> Status {
    if !libc::WIFSTOPPED(raw_status) {
        return Status::Ended { raw_status };
    }
    let signal = libc::WSTOPSIG(raw_status);
    match raw_status >> 16 {
        libc::PTRACE_EVENT_SECCOMP => Status::Trap,
        libc::PTRACE_EVENT_EXEC => Status::Executed,
        libc::PTRACE_EVENT_CLONE | libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK => Status::Cloned,
        libc::PTRACE_EVENT_STOP => Status::Paused,
        libc::PTRACE_EVENT_EXIT => Status::Ending,
        _ if signal == libc::SIGTRAP | 0x80 => Status::CallBoundary,
        _ => Status::Signal(signal),
    }
}

/// Reads memory of another process. All of it, or nothing counts.
pub(crate) fn read_memory(tid: Tid, address: u64, into: &mut [u8]) -> Result<(), Fault> {
    let length = into.len();
    let remote = [RemoteIoVec { base: address as usize, len: length }];
    match process_vm_readv(Pid::from_raw(tid), &mut [IoSliceMut::new(into)], &remote) {
        Ok(count) if count == length => Ok(()),
        _ => Err(Fault),
    }
}

/// Writes memory of another process. What lies in memory that the process itself may not write stays as it is.
pub(crate) fn write_memory(tid: Tid, address: u64, from: &[u8]) -> Result<(), Fault> {
    let remote = [RemoteIoVec { base: address as usize, len: from.len() }];
    match process_vm_writev(Pid::from_raw(tid), &[IoSlice::new(from)], &remote) {
        Ok(count) if count == from.len() => Ok(()),
        _ => Err(Fault),
    }
}

/// The address is not mapped, or the process is gone: what the kernel would answer with EFAULT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault;

/// A descriptor for a process, which stays its own when the id is used again.
pub(crate) fn open_pidfd(process: Tid) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open takes two numbers and returns a new descriptor or -1.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, process, 0) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so this is an open descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor as i32) })
}

/// Duplicates a descriptor of another process: the same open file, until the copy is dropped.
pub(crate) fn duplicate_from(pidfd: BorrowedFd<'_>, descriptor: i32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_getfd takes three numbers and returns a new descriptor or -1.
    let copy = unsafe { libc::syscall(libc::SYS_pidfd_getfd, pidfd.as_raw_fd(), descriptor, 0) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so this is an open descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(copy as i32) })
}

/// Collects a process that has ended, if this process is its parent, and says whether nobody has to any more.
pub(crate) fn reap(pidfd: BorrowedFd<'_>) -> bool {
    // SAFETY: waitid may be given no place for its answer, and then takes numbers alone; the same holds for pidfd_send_signal.
    unsafe {
        let options = libc::WEXITED | libc::WNOHANG | libc::__WALL;
        libc::waitid(libc::P_PIDFD, pidfd.as_raw_fd() as libc::id_t, ptr::null_mut(), options);
        libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), 0, ptr::null::<libc::siginfo_t>(), 0)
            < 0
    }
}

/// Whether a descriptor of ours and one of another process are the same open file.
pub(crate) fn is_same_file(ours: BorrowedFd<'_>, process: Tid, theirs: i32) -> bool {
    const KCMP_FILE: libc::c_int = 0;
    let own_pid = std::process::id() as Tid;
    // SAFETY: kcmp takes five numbers and touches no memory.
    let result =
        unsafe { libc::syscall(libc::SYS_kcmp, own_pid, process, KCMP_FILE, ours.as_raw_fd(), theirs) };
    result == 0
}

/// How much lies in a pipe, seen from either end.
pub(crate) fn unread_bytes(pipe: &OwnedFd) -> usize {
    let mut count: libc::c_int = 0;
    // SAFETY: the kernel writes one int to the pointer, which has room for it. On failure it stays 0.
    unsafe {
        libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &raw mut count);
    }
    usize::try_from(count).unwrap_or(0)
}

/// Sends a signal to a process. That it is gone already is no error.
pub(crate) fn kill(process: Tid, signal: i32) {
    // SAFETY: kill takes two numbers.
    unsafe {
        libc::kill(process, signal);
    }
}

/// Sends a signal to a thread of a process. That it is gone already is no error.
pub(crate) fn kill_thread(process: Tid, thread: Tid, signal: i32) {
    // SAFETY: tgkill takes three numbers.
    unsafe {
        libc::syscall(libc::SYS_tgkill, process, thread, signal);
    }
}

/// A `prctl` that takes one number. It makes one system call and nothing else, so it may be used between fork and exec.
pub(crate) fn prctl(operation: libc::c_int, argument: libc::c_ulong) -> io::Result<()> {
    // SAFETY: the operations used with this function take a number, not a pointer.
    let result = unsafe { libc::prctl(operation, argument, 0, 0, 0) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
