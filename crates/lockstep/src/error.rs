//! What can go wrong, in sentences for the person who started the program.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

/// A program cannot be started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// This build is for a system on which supervision has not been written.
    #[error(
        "programs can be run under virtual time on x86-64 Linux only, and this is {os} on {architecture}; \
         use a Linux machine, virtual machine or container, or run the program in real time"
    )]
    Unsupported {
        /// The operating system.
        os: &'static str,
        /// The processor.
        architecture: &'static str,
    },
    /// The system has what is needed, and does not permit it.
    #[error(
        "this system does not permit {request}, which virtual time needs ({error}); {}",
        advice(request, error)
    )]
    Forbidden {
        /// The system call that was refused.
        request: &'static str,
        /// How it was refused.
        error: io::Error,
    },
    /// There is no program of this name in `PATH`.
    #[error("there is no program `{}` in PATH; give its path, as in `./{}`", path.display(), path.display())]
    NotFound {
        /// The name.
        path: PathBuf,
    },
    /// The kernel cannot run the file.
    #[error("{} cannot be run: {error}{}", path.display(), exec_advice(error))]
    Exec {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        error: io::Error,
    },
    /// The program's directory cannot be entered.
    #[error("the directory of the program cannot be entered: {error}")]
    Directory {
        /// What the kernel said.
        error: io::Error,
    },
    /// A path, argument or variable holds a zero byte, which the kernel takes for its end.
    #[error("{string:?} holds a zero byte, which no argument, path or variable can")]
    NulByte {
        /// The string.
        string: String,
    },
    /// The program is not 64-bit.
    #[error("{} is a 32-bit program; build it for 64 bits to run it under virtual time", path.display())]
    Not64Bit {
        /// The file.
        path: PathBuf,
    },
    /// This process is out of descriptors, memory or processes.
    #[error("the program cannot be started: {0}")]
    Io(#[from] io::Error),
}

/// A step cannot be brought to its end. The program is stopped where it is; it can be stepped again, or killed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StepError {
    /// The real-time budget of a step is used up.
    #[error("{thread} has been {activity} for {} s without waiting for anything", elapsed.as_secs())]
    OverBudget {
        /// The thread that ran last, with its name and id.
        thread: String,
        /// What it was doing: `computing`, or which call it kept making.
        activity: String,
        /// How long the step has taken.
        elapsed: Duration,
    },
    /// More was printed in one step than the program may print.
    #[error("the program printed more than {limit} bytes without waiting for anything")]
    OutputLimit {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The program executed one that is not 64-bit.
    #[error("{process} executed a 32-bit program; build it for 64 bits to run it under virtual time")]
    Not64Bit {
        /// The process, with its id.
        process: String,
    },
    /// The operating system refused something that it permitted when the program was started.
    #[error("the program cannot be supervised any longer: {0}")]
    Io(#[from] io::Error),
}

fn advice(request: &str, error: &io::Error) -> String {
    if error.raw_os_error() == Some(38) {
        return "it needs Linux 5.11 or newer, and WSL 2 rather than 1".to_owned();
    }
    let yama = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    match yama.trim() {
        "3" => "kernel.yama.ptrace_scope is 3, which only a restart with another value changes".to_owned(),
        "2" => "kernel.yama.ptrace_scope is 2: set it to 1 with `sysctl kernel.yama.ptrace_scope=1`".to_owned(),
        _ if request == "seccomp" => "allow seccomp filters; in a container, `--security-opt seccomp=unconfined`".to_owned(),
        _ => "in a container, start it with `--cap-add=SYS_PTRACE` (and on old versions `--security-opt seccomp=unconfined`); \
              under a debugger or strace, run without it"
            .to_owned(),
    }
}

fn exec_advice(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        // ENOENT, EACCES, ENOEXEC.
        Some(2) => "; check the path, and that the interpreter in its first line exists",
        Some(13) => "; is it marked as executable?",
        Some(8) => "; it is neither a program for this machine nor a script that begins with `#!`",
        _ => "",
    }
}
