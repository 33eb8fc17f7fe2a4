//! Starting a program so that nothing it does goes unseen: fork, attach, filter, exec.
//!
//! ```text
//! supervisor                          child
//! fork ------------------------------> own session, standard streams, all else closed
//! PTRACE_SEIZE                        waits for a byte
//! sends the byte -------------------> directory, signals, personality, filter, exec
//! waits for the exec stop
//! ```
//!
//! The child is attached before it execs, so it dies with the supervisor from its first instruction of the new program on. Should the
//! supervisor die before it attaches, the child reads end-of-file instead of the byte, and ends.
#![expect(unsafe_code, reason = "fork, and what runs between fork and exec, are unsafe by nature")]

use std::ffi::{CString, OsStr};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{env, fs, ptr};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::unistd::pipe2;
use seccompiler::BpfProgram;

use super::arch;
use super::filter;
use super::sys::{self, Status, Tid, Until};
use crate::error::StartError;
use crate::program::Program;

/// How much the pipes of standard output and error hold.
const OUTPUT_PIPE_BYTES: i32 = 256 << 10;

/// Held while a child has copies of this process's descriptors: from fork until exec.
///
/// A pipe of a program ends only when no such copy of it is left. Whoever closes one so that the program sees its end takes the lock as
/// well; else the program would see it sooner or later, depending on what other threads start. (A child that other code of this process forks has copies too, for the moment until its exec.)
pub(crate) fn forking() -> MutexGuard<'static, ()> {
    static FORKING: Mutex<()> = Mutex::new(());
    // It guards nothing that a panic could leave half done.
    FORKING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A program that has been loaded and has not run yet: its one thread is in the exec stop.
pub(crate) struct Launched {
    pub(crate) tid: Tid,
    pub(crate) pidfd: OwnedFd,
    pub(crate) stdin: OwnedFd,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

pub(crate) fn launch(program: &Program) -> Result<Launched, StartError> {
    let file = find(program)?;
    let (stdin_read, stdin) = pipe()?;
    let (stdout, stdout_write) = pipe()?;
    let (stderr, stderr_write) = pipe()?;
    // Orphans of the program become children of this process rather than of the machine's first, which may be slow to collect them.
    // If that fails, they are collected later.
    let _result = nix::sys::prctl::set_child_subreaper(true);
    for descriptor in [&stdin, &stdout, &stderr] {
        fcntl(descriptor, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(io::Error::from)?;
    }
    // With more room the program rarely waits for us in the middle of a step. What an unprivileged user may have is limited.
    for descriptor in [&stdout, &stderr] {
        let _result = fcntl(descriptor, FcntlArg::F_SETPIPE_SZ(OUTPUT_PIPE_BYTES));
    }
    let (mut ours, theirs) = UnixStream::pair()?;

    let prepared = Prepared {
        file: c_string(file.as_os_str())?,
        arguments: Strings::new(
            std::iter::once(program.path.as_os_str()).chain(program.arguments.iter().map(AsRef::as_ref)),
        )?,
        shell_arguments: Strings::new(
            [OsStr::from_bytes(SHELL.to_bytes()), file.as_os_str()]
                .into_iter()
                .chain(program.arguments.iter().map(AsRef::as_ref)),
        )?,
        environment: Strings::new(environment(program).iter().map(AsRef::as_ref))?,
        directory: program
            .directory
            .as_deref()
            .map(|directory| c_string(directory.as_os_str()))
            .transpose()?,
        filter: filter::compile(),
        streams: [stdin_read.as_raw_fd(), stdout_write.as_raw_fd(), stderr_write.as_raw_fd()],
        theirs: theirs.as_raw_fd(),
        // Beyond this no mask has a bit for it.
        cpu: program.cpu.filter(|&cpu| cpu < libc::CPU_SETSIZE as usize),
        hides_counter: program.hides_counter,
    };
    let _guard = forking();
    // SAFETY: the child calls `become_program` alone, which is async-signal-safe (see there) and never returns, so no lock that another
    // thread held at the fork is ever taken, and no destructor of this process runs twice.
    let tid = match unsafe { libc::fork() } {
        -1 => return Err(StartError::Io(io::Error::last_os_error())),
        0 => unsafe { become_program(&prepared) },
        tid => tid,
    };
    drop(theirs);

    if let Err(error) = sys::seize(tid) {
        // The child reads end-of-file and ends; if it does not, SIGKILL ends it.
        drop(ours);
        sys::kill(tid, libc::SIGKILL);
        sys::wait(tid);
        return Err(StartError::Forbidden { request: "ptrace", error });
    }
    match start_attached(tid, &mut ours, &file) {
        Ok(pidfd) => Ok(Launched { tid, pidfd, stdin, stdout, stderr }),
        Err(error) => {
            sys::kill(tid, libc::SIGKILL);
            while !matches!(sys::wait(tid), Status::Ended { .. } | Status::Unknown) {
                // A thread that was stopped on its way to its death.
                let _gone = sys::resume(tid, Until::Trap, 0);
            }
            Err(error)
        }
    }
}

/// Lets the attached child go on up to its exec stop, and finds out whether the system permits what supervision needs.
fn start_attached(tid: Tid, ours: &mut UnixStream, file: &Path) -> Result<OwnedFd, StartError> {
    let pidfd =
        sys::open_pidfd(tid).map_err(|error| StartError::Forbidden { request: "pidfd_open", error })?;
    sys::duplicate_from(pidfd.as_fd(), 0)
        .map_err(|error| StartError::Forbidden { request: "pidfd_getfd", error })?;
    ours.write_all(&[0])?;
    loop {
        let signal = match sys::wait(tid) {
            Status::Executed => return Ok(pidfd),
            Status::Ended { .. } | Status::Unknown => break,
            Status::Signal(signal) => signal,
            _ => 0,
        };
        // If it was killed meanwhile, waiting for it says so.
        let _gone = sys::resume(tid, Until::Trap, signal);
    }
    // It ended before it ran anything: the step that failed and the error number lie in the socket.
    let mut report = [0; 5];
    let step = match ours.read_exact(&mut report) {
        Ok(()) => report[0],
        Err(error) => return Err(StartError::Io(error)),
    };
    let error =
        io::Error::from_raw_os_error(i32::from_ne_bytes([report[1], report[2], report[3], report[4]]));
    Err(match step {
        STEP_FILTER => StartError::Forbidden { request: "seccomp", error },
        STEP_DIRECTORY => StartError::Directory { error },
        STEP_EXEC => StartError::Exec { path: file.to_owned(), error },
        _ => StartError::Io(error),
    })
}

const STEP_SET_UP: u8 = 0;
const STEP_DIRECTORY: u8 = 1;
const STEP_FILTER: u8 = 2;
const STEP_EXEC: u8 = 3;

/// What runs a file that is no program.
const SHELL: &std::ffi::CStr = c"/bin/sh";

/// The child's end of the socket, once everything else is closed.
const SOCKET: RawFd = 3;

/// All that the child needs, made before the fork, since it may not allocate.
struct Prepared {
    file: CString,
    arguments: Strings,
    /// Those of the shell that runs the file if the kernel can't.
    shell_arguments: Strings,
    environment: Strings,
    directory: Option<CString>,
    filter: BpfProgram,
    streams: [RawFd; 3],
    theirs: RawFd,
    cpu: Option<usize>,
    hides_counter: bool,
}

/// The life of the child up to exec.
///
/// # Safety
///
/// To be called in a child just forked. Everything here is a bare system call on memory that `Prepared` owns: nothing allocates, takes a
/// lock, or panics. `seccompiler::apply_filter` makes two system calls.
unsafe fn become_program(prepared: &Prepared) -> ! {
    // SAFETY (of every call below): the pointers point into `prepared`, which the child has its own copy of, and lists of strings end
    // with a null pointer.
    unsafe {
        libc::setsid();
        // The pipes' descriptors are above 2 (see `pipe`), so none of these overwrites another.
        for (target, &stream) in prepared.streams.iter().enumerate() {
            if libc::dup2(stream, target as i32) < 0 {
                fail(prepared, STEP_SET_UP);
            }
        }
        // Nothing else that the supervisor has open may be held open here, the other ends of these pipes least of all.
        if libc::dup2(prepared.theirs, SOCKET) < 0
            || libc::syscall(libc::SYS_close_range, SOCKET + 1, u32::MAX, 0) < 0
        {
            fail(prepared, STEP_SET_UP);
        }
        libc::fcntl(SOCKET, libc::F_SETFD, libc::FD_CLOEXEC);
        let mut byte = 0_u8;
        if libc::read(SOCKET, (&raw mut byte).cast(), 1) != 1 {
            libc::_exit(127);
        }
        // From here on the supervisor is attached, and hears of every failure.
        if let Some(directory) = &prepared.directory
            && libc::chdir(directory.as_ptr()) < 0
        {
            fail(prepared, STEP_DIRECTORY);
        }
        // What this process ignores or blocks is no affair of the program's; Rust's runtime ignores SIGPIPE.
        for signal in 1..=64 {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut no_signals = std::mem::zeroed::<libc::sigset_t>();
        libc::sigemptyset(&raw mut no_signals);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const no_signals, ptr::null_mut());
        // Addresses must not depend on the kernel's chance.
        if libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong) < 0 {
            fail(prepared, STEP_SET_UP);
        }
        if let Some(cpu) = prepared.cpu {
            let mut set = std::mem::zeroed::<libc::cpu_set_t>();
            libc::CPU_SET(cpu, &mut set);
            // On failure the program is slower, and nothing else.
            libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
        }
        // From here on the supervisor must answer for the counter.
        if prepared.hides_counter && arch::trap_counter_reads().is_err() {
            fail(prepared, STEP_SET_UP);
        }
        if seccompiler::apply_filter(&prepared.filter).is_err() {
            fail(prepared, STEP_FILTER);
        }
        libc::execve(prepared.file.as_ptr(), prepared.arguments.as_ptr(), prepared.environment.as_ptr());
        if *libc::__errno_location() == libc::ENOEXEC {
            // As every shell and the C library's execvp do with a script whose first line names no interpreter.
            libc::execve(SHELL.as_ptr(), prepared.shell_arguments.as_ptr(), prepared.environment.as_ptr());
        }
        fail(prepared, STEP_EXEC)
    }
}

/// Reports which step failed and with what error, and ends the child.
fn fail(prepared: &Prepared, step: u8) -> ! {
    // SAFETY: errno is this thread's; write reads five bytes of a local array; _exit runs no destructors.
    unsafe {
        let error = (*libc::__errno_location()).to_ne_bytes();
        let report = [step, error[0], error[1], error[2], error[3]];
        // The socket is in one of two places, depending on the step.
        if libc::write(SOCKET, report.as_ptr().cast(), report.len()) < 0 {
            libc::write(prepared.theirs, report.as_ptr().cast(), report.len());
        }
        libc::_exit(127)
    }
}

/// Strings for exec, with the list of pointers to them that the kernel wants.
struct Strings {
    pointers: Vec<*const libc::c_char>,
    /// What the pointers point to.
    _strings: Vec<CString>,
}

impl Strings {
    fn new<'a>(strings: impl Iterator<Item = &'a OsStr>) -> Result<Strings, StartError> {
        let strings = strings.map(c_string).collect::<Result<Vec<_>, _>>()?;
        // The bytes of a CString stay where they are when the vector that holds it moves.
        let pointers = strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect();
        Ok(Strings { pointers, _strings: strings })
    }

    fn as_ptr(&self) -> *const *const libc::c_char {
        self.pointers.as_ptr()
    }
}

fn c_string(string: &OsStr) -> Result<CString, StartError> {
    CString::new(string.as_bytes())
        .map_err(|_| StartError::NulByte { string: string.to_string_lossy().into_owned() })
}

/// A pipe whose ends are not inherited, and are not the standard streams even if this process has closed its own.
fn pipe() -> Result<(OwnedFd, OwnedFd), StartError> {
    let (read, write) = pipe2(OFlag::O_CLOEXEC).map_err(io::Error::from)?;
    Ok((above_standard(read)?, above_standard(write)?))
}

fn above_standard(descriptor: OwnedFd) -> Result<OwnedFd, StartError> {
    if descriptor.as_raw_fd() > 2 {
        return Ok(descriptor);
    }
    let copy = fcntl(&descriptor, FcntlArg::F_DUPFD_CLOEXEC(3)).map_err(io::Error::from)?;
    // SAFETY: the call succeeded, so this is an open descriptor that nobody else owns.
    Ok(unsafe { std::os::fd::FromRawFd::from_raw_fd(copy) })
}

/// The environment as `NAME=value`, sorted, so that its order does not depend on who started this process.
fn environment(program: &Program) -> Vec<std::ffi::OsString> {
    let mut variables = if program.inherits_environment {
        env::vars_os().collect::<std::collections::BTreeMap<_, _>>()
    } else {
        Default::default()
    };
    variables.extend(program.environment.iter().cloned());
    variables
        .into_iter()
        .map(|(mut name, value)| {
            name.push("=");
            name.push(value);
            name
        })
        .collect()
}

/// The file to run: a path with a slash as it is, from the present directory; a bare name along `PATH`.
fn find(program: &Program) -> Result<PathBuf, StartError> {
    let path = &program.path;
    if path.as_os_str().as_bytes().contains(&b'/') {
        return std::path::absolute(path).map_err(StartError::Io);
    }
    let is_executable = |candidate: &PathBuf| {
        fs::metadata(candidate).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    };
    let search = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&search)
        .map(|directory| directory.join(path))
        .find(is_executable)
        .ok_or_else(|| StartError::NotFound { path: path.clone() })
}
