//! Real nodes: processes that speak JSON lines.
//!
//! - [`ProcessSpec`] and [`SpawnError`]: how one is started.
//! - `lines`: cuts what it prints into lines.
//! - `input`: what it has yet to read; `pipe`: how much of that is in its pipe.
//! - `exit`: [`ExitReport`], how it ended.
//! - `tether`: everything that makes sure that no process outlives the world: `guardian` and `descendants`.
//! - `sys`: unsafe calls, of which `pipe` has one more.

#[cfg(target_os = "linux")]
mod descendants;
mod exit;
mod guardian;
mod input;
mod lines;
mod pipe;
#[cfg(target_os = "linux")]
mod sys;
mod tether;

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use glomers_node::NodeId;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use thiserror::Error;

pub use exit::ExitReport;
use exit::Tail;
pub(crate) use exit::{describe, last_lines_of_file};
pub(crate) use input::{InputBuffer, Overflow};
pub(crate) use lines::{Line, LineSplitter};
pub(crate) use tether::Tether;

/// The variable from which a node's library takes its seed.
const SEED_VARIABLE: &str = "GLOMERS_NODE_SEED";
/// The pipes are made this large where the system permits, so that a burst costs few switches between processes.
const PIPE_BYTES: i32 = 256 << 10;

/// How a node's process is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessSpec {
    /// The program. A relative path is taken from the present directory, before the process changes into its own.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The directory in which it runs.
    pub directory: PathBuf,
    /// Where its standard error goes, appended.
    pub log_file: PathBuf,
}

/// A node's process cannot be started.
#[derive(Debug, Error)]
pub enum SpawnError {
    /// There is no such program.
    #[error("node {node} cannot be started: there is no file {}; check the path, or build the node first", program.display())]
    NoProgram {
        /// The node.
        node: NodeId,
        /// The program's path.
        program: PathBuf,
    },
    /// The file is not marked as a program.
    #[error("node {node} cannot be started: {} is not executable; try `chmod +x {}`", program.display(), program.display())]
    NotExecutable {
        /// The node.
        node: NodeId,
        /// The program's path.
        program: PathBuf,
    },
    /// The script's first line names an interpreter that is not there.
    #[error(
        "node {node} cannot be started: {} exists, but the interpreter that its first line names (or its dynamic loader) does not; is it installed?",
        program.display()
    )]
    NoInterpreter {
        /// The node.
        node: NodeId,
        /// The program's path.
        program: PathBuf,
    },
    /// The working directory is not there.
    #[error("node {node} cannot be started: its working directory {} cannot be entered: {source}", directory.display())]
    Directory {
        /// The node.
        node: NodeId,
        /// The directory.
        directory: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The log file cannot be opened.
    #[error("node {node} cannot be started: its log file {} cannot be opened: {source}", log_file.display())]
    LogFile {
        /// The node.
        node: NodeId,
        /// The file.
        log_file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A host of that name lives.
    #[error("node {node} cannot be started: a host of that name is running; kill or remove it first")]
    NameTaken {
        /// The node.
        node: NodeId,
    },
    /// Processes take real time.
    #[error(
        "node {node} cannot be started: processes cannot run in virtual time; use a world with a real clock, or a node core"
    )]
    VirtualTime {
        /// The node.
        node: NodeId,
    },
    /// The system refuses for another reason.
    #[error("node {node} cannot be started: {source}")]
    System {
        /// The node.
        node: NodeId,
        /// What the system says.
        source: io::Error,
    },
}

/// A running process, its pipes, and what is on its way through them.
#[derive(Debug)]
pub(crate) struct ProcessHost {
    child: Child,
    /// Readable once the process has ended; absent on systems without such a thing.
    exit_notice: Option<OwnedFd>,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<ChildStdout>,
    pub(crate) input: InputBuffer,
    pub(crate) lines: LineSplitter,
    pub(crate) stdout_tail: Tail,
    pub(crate) log_file: PathBuf,
    /// Whether the host stands in the world's list of those to write to.
    pub(crate) is_dirty: bool,
    /// Whether the pipe was full at the last write: write again when there is room.
    pub(crate) is_blocked: bool,
    /// Whether the process has closed its standard input. The pipe is kept, to see what was left unread in it.
    pub(crate) is_input_closed: bool,
    /// Whether messages are being dropped because the process does not read.
    pub(crate) is_overflowing: bool,
}

/// What bounds a process's memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProcessLimits {
    pub(crate) line_bytes: usize,
    pub(crate) input_bytes: usize,
}

impl ProcessHost {
    pub(crate) fn spawn(
        node: &NodeId,
        spec: &ProcessSpec,
        seed: u64,
        limits: ProcessLimits,
        tether: &mut Tether,
    ) -> Result<Self, SpawnError> {
        let system = |source| SpawnError::System { node: node.clone(), source };
        let log = OpenOptions::new().create(true).append(true).open(&spec.log_file).map_err(|source| {
            SpawnError::LogFile { node: node.clone(), log_file: spec.log_file.clone(), source }
        })?;
        let program = std::path::absolute(&spec.program).map_err(system)?;
        let mut command = Command::new(&program);
        command
            .args(&spec.arguments)
            .current_dir(&spec.directory)
            .env(SEED_VARIABLE, seed.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0);
        let mut child = tether
            .spawn(&mut command)
            .map_err(|error| explain_spawn_error(node, &program, &spec.directory, error))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let host = Self {
            exit_notice: exit_notice(child.id()),
            child,
            stdin,
            stdout,
            input: InputBuffer::new(limits.input_bytes),
            lines: LineSplitter::new(limits.line_bytes),
            stdout_tail: Tail::default(),
            log_file: spec.log_file.clone(),
            is_dirty: false,
            is_blocked: false,
            is_input_closed: false,
            is_overflowing: false,
        };
        for pipe in [host.stdin.as_ref().map(AsFd::as_fd), host.stdout.as_ref().map(AsFd::as_fd)]
            .into_iter()
            .flatten()
        {
            prepare_pipe(pipe).map_err(|error| system(error.into()))?;
        }
        Ok(host)
    }

    pub(crate) fn exit_notice(&self) -> Option<BorrowedFd<'_>> {
        self.exit_notice.as_ref().map(AsFd::as_fd)
    }

    /// How the process ended, if it has. Its process group is killed before its number can be given to another.
    pub(crate) fn poll_exit(&mut self, tether: &mut Tether) -> Option<ExitStatus> {
        if !has_ended(&mut self.child) {
            return None;
        }
        Some(self.kill(tether))
    }

    /// Kills the process and its group, and waits for its end.
    pub(crate) fn kill(&mut self, tether: &mut Tether) -> ExitStatus {
        // The group is gone already where the process was its last member.
        let _ = killpg(self.group(), Signal::SIGKILL);
        let status = self.child.wait();
        tether.forget(self.child.id());
        status.unwrap_or_default()
    }

    /// Stops the process and its group, or lets them go on.
    pub(crate) fn signal(&self, signal: Signal) {
        let _ = killpg(self.group(), signal);
    }

    /// Reads what is there, up to the size of `buffer`. `Ok(0)` is the end.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.stdout {
            Some(stdout) => stdout.read(buffer),
            None => Ok(0),
        }
    }

    /// How much of its input the process has not read.
    pub(crate) fn unread_bytes(&self) -> usize {
        self.stdin.as_ref().map_or(0, |stdin| pipe::unread_bytes(stdin.as_fd()))
    }

    fn group(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }
}

impl Drop for ProcessHost {
    /// The last resort, on a panic: nobody waits for the status.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = killpg(self.group(), Signal::SIGKILL);
            let _ = self.child.wait();
        }
    }
}

/// Whether the process is a zombie. Its status stays uncollected, so that its number stays taken until its group is killed.
#[cfg(target_os = "linux")]
fn has_ended(child: &mut Child) -> bool {
    use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
    let process = Pid::from_raw(child.id().cast_signed());
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    !matches!(waitid(Id::Pid(process), flags), Ok(WaitStatus::StillAlive))
}

/// Whether the process has ended. This collects its status, so for a moment another could get its number: the standard library
/// knows no better way.
#[cfg(not(target_os = "linux"))]
fn has_ended(child: &mut Child) -> bool {
    !matches!(child.try_wait(), Ok(None))
}

fn prepare_pipe(pipe: BorrowedFd<'_>) -> nix::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(pipe, FcntlArg::F_GETFL)?);
    fcntl(pipe, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    // The system caps how much all pipes of a user hold: a smaller pipe works as well, only slower.
    #[cfg(target_os = "linux")]
    let _ = fcntl(pipe, FcntlArg::F_SETPIPE_SZ(PIPE_BYTES));
    Ok(())
}

#[cfg(target_os = "linux")]
fn exit_notice(process: u32) -> Option<OwnedFd> {
    sys::open_pidfd(process).ok()
}

#[cfg(not(target_os = "linux"))]
fn exit_notice(_process: u32) -> Option<OwnedFd> {
    None
}

/// The system's few words, put into those of somebody who tried to start a program.
fn explain_spawn_error(node: &NodeId, program: &Path, directory: &Path, error: io::Error) -> SpawnError {
    let (node, program) = (node.clone(), program.to_owned());
    if let Err(source) = directory.read_dir() {
        return SpawnError::Directory { node, directory: directory.to_owned(), source };
    }
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOENT) if program.exists() => SpawnError::NoInterpreter { node, program },
        Some(Errno::ENOENT | Errno::ENOTDIR) => SpawnError::NoProgram { node, program },
        Some(Errno::EACCES) => SpawnError::NotExecutable { node, program },
        _ => SpawnError::System { node, source: error },
    }
}
