//! The calls to the operating system that neither the standard library nor nix makes safe.
#![expect(
    unsafe_code,
    reason = "a hook between fork and exec, fork itself, and system calls without a safe wrapper"
)]

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::libc;
use nix::unistd::{ForkResult, Pid, fork};

/// Runs `hook` in the new process, between fork and exec.
///
/// The process is a copy of one that may have had several threads, so the hook must not allocate, take a lock or panic: it calls
/// what `signal-safety(7)` lists, and nothing else.
pub(super) fn before_exec(
    command: &mut Command,
    hook: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) {
    // SAFETY: the only caller is `guard`, whose hook keeps to the contract above.
    unsafe {
        command.pre_exec(hook);
    }
}

/// Forks once more. `None` in the new process.
pub(super) fn fork_again() -> nix::Result<Option<Pid>> {
    // SAFETY: called from the hook alone, which runs in a process with one thread: both sides may go on with what the hook may do.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(Some(child)),
        ForkResult::Child => Ok(None),
    }
}

/// What became of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// It ended with this wait status, and its number is free again.
    Ended(Pid, i32),
    /// It is traced (`PTRACE_TRACEME` makes its parent the tracer) and stands still because of this signal.
    TraceStopped(Pid, i32),
    /// There are children, and all of them run.
    NoneReady,
    /// There is no such child.
    NoChild,
}

/// Collects a child that has ended, without waiting; `None` for whichever it is.
///
/// nix's `waitpid` loses a child that was killed by a real-time signal: it has collected the status by the time it rejects it.
pub(super) fn collect(child: Option<Pid>) -> Waited {
    #[cfg(target_os = "linux")]
    const FLAGS: i32 = libc::WNOHANG | libc::__WALL;
    #[cfg(not(target_os = "linux"))]
    const FLAGS: i32 = libc::WNOHANG;
    let mut status = 0;
    // SAFETY: waitpid writes one integer, to a place that lives across the call.
    let found = unsafe { libc::waitpid(child.map_or(-1, Pid::as_raw), &raw mut status, FLAGS) };
    match found {
        0 => Waited::NoneReady,
        1.. if libc::WIFSTOPPED(status) => Waited::TraceStopped(Pid::from_raw(found), libc::WSTOPSIG(status)),
        1.. => Waited::Ended(Pid::from_raw(found), status),
        _ if nix::Error::last() == nix::Error::EINTR => Waited::NoneReady,
        _ => Waited::NoChild,
    }
}

/// Stops tracing a child, and lets it go on with the signal that stopped it.
#[cfg(target_os = "linux")]
pub(super) fn detach(child: Pid, signal: i32) {
    // A trap only says that tracing began; delivered, it would kill.
    let delivered = if signal & 0x7f == libc::SIGTRAP { 0 } else { signal };
    // SAFETY: PTRACE_DETACH reads no memory: its last argument is a number.
    unsafe {
        libc::ptrace(libc::PTRACE_DETACH, child.as_raw(), 0, delivered);
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn detach(_child: Pid, _signal: i32) {}

/// Has a child that ends wait to be collected, whatever this process had set before it was forked.
pub(super) fn keep_ended_children() {
    use nix::sys::signal::{SigHandler, Signal, signal};
    // SAFETY: the default action is no handler that could be called at a bad time.
    let _ = unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) };
}

/// Closes every descriptor from this one on.
pub(super) fn close_from(first: RawFd) {
    #[cfg(target_os = "linux")]
    // SAFETY: close_range reads no memory. Nothing that this process still uses has such a number.
    if unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) } == 0 {
        return;
    }
    const MOST_DESCRIPTORS: RawFd = 1 << 16;
    for descriptor in first..MOST_DESCRIPTORS {
        // SAFETY: as above.
        unsafe {
            libc::close(descriptor);
        }
    }
}

/// One of the three standard streams, whatever was put in its place.
pub(super) fn standard_stream(number: RawFd) -> BorrowedFd<'static> {
    // SAFETY: the guard puts its own descriptors into these places and never closes them.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// Ends this process at once: no destructor runs.
pub(super) fn exit_now() -> ! {
    // SAFETY: _exit does not return, and touches no state of this program.
    unsafe { libc::_exit(0) }
}
