//! The two calls to the operating system that neither the standard library nor nix makes safe.
#![expect(
    unsafe_code,
    reason = "a hook between fork and exec, and a system call without a wrapper, are unsafe by signature"
)]

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::Signal;

/// Has the kernel kill the child as soon as the thread that spawns it ends, however it ends. A world lives on one thread.
pub(crate) fn die_with_parent(command: &mut Command) {
    let parent = nix::unistd::getpid();
    let hook = move || {
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        // The parent may have died before the line above: then no signal will come.
        if nix::unistd::getppid() == parent { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ESRCH)) }
    };
    // SAFETY: between fork and exec the hook calls prctl and getppid alone, which are async-signal-safe; it allocates nothing and
    // takes no lock, and both kinds of error are made from a number.
    unsafe {
        command.pre_exec(hook);
    }
}

/// A descriptor that becomes readable when the process ends.
pub(crate) fn open_pidfd(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open takes a process id and flags, reads no memory of ours, and returns a new descriptor or -1.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so this is an open descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor as i32) })
}
