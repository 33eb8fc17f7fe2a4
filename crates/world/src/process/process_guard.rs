//! The workbench's end of a [guard](super::guard): starts a node below one, and asks for its end.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::deadline::Deadline;
use super::descendants;
use super::guard::{self, Assignment, KILL, REPORT_BYTES, Report};

/// How long a guard has to kill what is left of a node. It takes milliseconds, unless somebody stopped it.
pub(crate) const KILL_PATIENCE: Duration = Duration::from_secs(2);

/// A guard, and the socket to it.
#[derive(Debug)]
pub(crate) struct ProcessGuard {
    guard: Child,
    control: UnixStream,
    /// Part of a report that has not arrived whole.
    partial: Vec<u8>,
    node: Option<Pid>,
    /// Not taken yet.
    log_end: Option<LogEnd>,
    end: Option<NodeEnd>,
}

/// How a node came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodeEnd {
    /// Its own status; that of the guard where that is not known.
    pub(crate) status: ExitStatus,
    /// What else there is to say.
    pub(crate) supervision: Supervision,
}

/// Whether the guard did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Supervision {
    /// It did, and nothing is left.
    Kept,
    /// It did not answer in time, so that the workbench killed everything below it, and the guard.
    Forced,
    /// It was killed.
    Lost,
}

/// Why nothing more is written to a node's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LogEnd {
    /// It has reached its limit.
    Full,
    /// The system refuses, as it says.
    Unwritable(String),
}

/// What a guard is to do with what its node writes to stderr.
#[derive(Debug)]
pub(crate) struct LogOrders {
    pub(crate) file: File,
    /// How many bytes may be written to it.
    pub(crate) budget_bytes: u64,
    /// The last line of a log that has reached its limit.
    pub(crate) notice: String,
}

impl ProcessGuard {
    /// Starts a program as a node below a guard. Its stderr goes to the log; stdin and stdout are the command's own.
    pub(crate) fn spawn(command: &mut Command, log: LogOrders) -> io::Result<Self> {
        let (control, guards_end) = UnixStream::pair()?;
        control.set_nonblocking(true)?;
        guards_end.set_nonblocking(true)?;
        let (reader, writer) = io::pipe()?;
        fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        // One that adopts nobody is less safe, but works: see `descendants`.
        descendants::adopt_orphans();
        command.stderr(writer).process_group(0);
        guard::guard(
            command,
            Assignment {
                control: guards_end,
                stderr: reader,
                log: log.file,
                log_budget_bytes: log.budget_bytes,
                log_notice: log.notice,
            },
        );
        let guard = command.spawn()?;
        Ok(Self { guard, control, partial: Vec::new(), node: None, log_end: None, end: None })
    }

    /// The standard streams of the node, which the standard library believes to be the guard's.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.guard
    }

    /// Readable when there is something to [`read_reports`](Self::read_reports).
    pub(crate) fn notice(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }

    /// Takes what the guard has reported, and returns how the node ended, if it has.
    pub(crate) fn read_reports(&mut self) -> Option<NodeEnd> {
        let mut buffer = [0; 64 * REPORT_BYTES];
        while self.end.is_none() {
            match self.control.read(&mut buffer) {
                Ok(count @ 1..) => {
                    self.partial.extend_from_slice(&buffer[..count]);
                    self.take_reports();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // The guard is gone without a word.
                Ok(0) | Err(_) => self.give_up_lost_guard(),
            }
        }
        self.end
    }

    /// Why nothing more is written to the log, said once.
    pub(crate) fn take_log_end(&mut self) -> Option<LogEnd> {
        self.log_end.take()
    }

    /// Asks for the end of the node and of all that it started.
    pub(crate) fn request_kill(&mut self) {
        if self.end.is_none() {
            // A full or closed socket belongs to a guard that will not answer: waiting for the end finds out.
            let _ = (&self.control).write(&[KILL]);
            self.wake();
        }
    }

    /// Lets the guard go on, should somebody have stopped it.
    pub(crate) fn wake(&self) {
        // Once its end is known its number may be another's.
        if self.end.is_none() {
            let _ = kill(self.pid(), Signal::SIGCONT);
        }
    }

    /// Waits for the end that was asked for. At the latest after `patience` the workbench kills everything itself.
    pub(crate) fn await_end(&mut self, patience: Duration) -> NodeEnd {
        let deadline = Deadline::after(patience);
        loop {
            if let Some(end) = self.read_reports() {
                return end;
            }
            let left = deadline.left();
            if left.is_zero() {
                return self.force_end();
            }
            let timeout = PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX);
            let mut descriptors = [PollFd::new(self.control.as_fd(), PollFlags::POLLIN)];
            match poll(&mut descriptors, timeout) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return self.force_end(),
            }
        }
    }

    /// Sends a signal to the node and all that it started, as far as the system lists them.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.end.is_none() {
            descendants::signal_all(self.pid(), self.node, signal);
        }
    }

    /// Whether the node stands still because of a signal such as SIGSTOP. `None` where the system does not say.
    pub(crate) fn is_stopped(&mut self) -> Option<bool> {
        self.read_reports();
        descendants::state(self.node?).map(|state| matches!(state, 'T' | 't'))
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.guard.id().cast_signed())
    }

    fn take_reports(&mut self) {
        let whole_bytes = self.partial.len() / REPORT_BYTES * REPORT_BYTES;
        let whole: Vec<u8> = self.partial.drain(..whole_bytes).collect();
        for report in whole.chunks_exact(REPORT_BYTES) {
            match report.try_into().ok().and_then(Report::decode) {
                Some(Report::Started(node)) => self.node = Some(Pid::from_raw(node)),
                Some(Report::LogEnded(0)) => self.log_end = Some(LogEnd::Full),
                Some(Report::LogEnded(errno)) => {
                    self.log_end = Some(LogEnd::Unwritable(io::Error::from_raw_os_error(errno).to_string()));
                }
                Some(Report::Ended(status)) => {
                    // It has nothing more to do: nothing that stopped it after its last words makes us wait.
                    let _ = self.guard.kill();
                    let _ = self.guard.wait();
                    self.end = Some(NodeEnd {
                        status: ExitStatus::from_raw(status),
                        supervision: Supervision::Kept,
                    });
                }
                None => {}
            }
        }
    }

    /// The kernel kills a node whose guard is gone. What the node had started is the workbench's child now.
    fn give_up_lost_guard(&mut self) {
        // It may be gone, or it may only have lost its socket.
        let _ = self.guard.kill();
        let status = self.guard.wait().unwrap_or_default();
        descendants::kill_adopted();
        self.end = Some(NodeEnd { status, supervision: Supervision::Lost });
    }

    /// Does the guard's work: kills what is below it, then the guard, then what that leaves behind.
    fn force_end(&mut self) -> NodeEnd {
        descendants::signal_all(self.pid(), self.node, Signal::SIGKILL);
        let _ = self.guard.kill();
        let status = self.guard.wait().unwrap_or_default();
        descendants::kill_adopted();
        let end = NodeEnd { status, supervision: Supervision::Forced };
        self.end = Some(end);
        end
    }
}

impl Drop for ProcessGuard {
    /// The last resort, on a panic. Without it the guard would notice that its socket is closed, but only after we had gone on.
    fn drop(&mut self) {
        if self.end.is_none() {
            self.request_kill();
            self.await_end(KILL_PATIENCE);
        }
    }
}
