//! A running node: its pipes, and what is on its way through them.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use glomers_node::{NodeId, Random};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::Signal;

use super::input::InputBuffer;
use super::node_log::prepare_log;
use super::pipe::{self, PIPE_BYTES};
use super::printed::Printed;
use super::process_guard::{LogEnd, NodeEnd, ProcessGuard};
use super::spec::{ProcessSpec, SpawnError, explain, foreign_format};
use crate::options::Limits;

/// The variable from which a node's library takes its seed.
pub(crate) const SEED_VARIABLE: &str = "GLOMERS_NODE_SEED";

/// The value of `GLOMERS_NODE_SEED` for a node of a world with this seed, after so many earlier starts of the node.
pub fn node_seed(world_seed: u64, node: &NodeId, earlier_starts: u64) -> u64 {
    match earlier_starts {
        0 => world_seed,
        lives => Random::derive(world_seed, &format!("process {node}, after {lives} others")).next_u64(),
    }
}

/// A running process, its pipes, and what is on its way through them.
#[derive(Debug)]
pub(crate) struct ProcessHost {
    guard: ProcessGuard,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<ChildStdout>,
    pub(crate) input: InputBuffer,
    pub(crate) printed: Printed,
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

impl ProcessHost {
    pub(crate) fn spawn(
        node: &NodeId,
        spec: &ProcessSpec,
        seed: u64,
        limits: Limits,
    ) -> Result<Self, SpawnError> {
        let program = std::path::absolute(&spec.program)
            .map_err(|source| SpawnError::System { node: node.clone(), source })?;
        if let Some(what) = foreign_format(&program) {
            return Err(SpawnError::WrongFormat { node: node.clone(), program, what });
        }
        let explain = |error| explain(node, &program, &spec.directory, error);
        let log = prepare_log(&spec.log_file, limits.log_bytes).map_err(|source| {
            match source.raw_os_error().map(nix::errno::Errno::from_raw) {
                Some(nix::errno::Errno::EMFILE) => explain(source),
                _ => SpawnError::LogFile { node: node.clone(), log_file: spec.log_file.clone(), source },
            }
        })?;
        let mut command = Command::new(&program);
        command
            .args(&spec.arguments)
            .current_dir(&spec.directory)
            .env(SEED_VARIABLE, seed.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut guard = ProcessGuard::spawn(&mut command, log).map_err(explain)?;
        let (stdin, stdout) = (guard.child().stdin.take(), guard.child().stdout.take());
        for pipe in [stdin.as_ref().map(AsFd::as_fd), stdout.as_ref().map(AsFd::as_fd)].into_iter().flatten()
        {
            prepare_pipe(pipe).map_err(|error| explain(error.into()))?;
        }
        Ok(Self {
            guard,
            stdin,
            stdout,
            input: InputBuffer::new(limits.input_bytes),
            printed: Printed::new(limits.line_bytes),
            log_file: spec.log_file.clone(),
            is_dirty: false,
            is_blocked: false,
            is_input_closed: false,
            is_overflowing: false,
        })
    }

    /// Readable when there is something for [`read_reports`](Self::read_reports).
    pub(crate) fn notice(&self) -> BorrowedFd<'_> {
        self.guard.notice()
    }

    /// Takes what is known of it, and returns how it ended, if it has.
    pub(crate) fn read_reports(&mut self) -> Option<NodeEnd> {
        self.guard.read_reports()
    }

    /// Why nothing more is written to its log, said once.
    pub(crate) fn take_log_end(&mut self) -> Option<LogEnd> {
        self.guard.take_log_end()
    }

    /// Lets the guard go on, should somebody have stopped it.
    pub(crate) fn wake_guard(&self) {
        self.guard.wake();
    }

    /// Has the process and all that it started killed. Several may be asked to end before one is waited for.
    pub(crate) fn request_kill(&mut self) {
        self.guard.request_kill();
    }

    /// Waits until the process and all that it started have been killed, or kills them itself when the time is up.
    pub(crate) fn await_end(&mut self, patience: Duration) -> NodeEnd {
        self.guard.await_end(patience)
    }

    /// Stops the process and all that it started.
    pub(crate) fn pause(&self) {
        self.guard.signal(Signal::SIGSTOP);
    }

    /// Lets the process and all that it started go on.
    pub(crate) fn resume(&self) {
        self.guard.signal(Signal::SIGCONT);
    }

    /// Whether the process stands still because of a signal.
    pub(crate) fn is_stopped(&mut self) -> bool {
        self.guard.is_stopped().unwrap_or(false)
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
}

fn prepare_pipe(pipe: BorrowedFd<'_>) -> nix::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(pipe, FcntlArg::F_GETFL)?);
    fcntl(pipe, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    // The system caps how much all pipes of a user hold: a smaller pipe works as well, only slower.
    #[cfg(target_os = "linux")]
    let _ = fcntl(pipe, FcntlArg::F_SETPIPE_SZ(PIPE_BYTES));
    Ok(())
}
