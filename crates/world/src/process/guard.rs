//! The guard of a node: a small process between the workbench and the node, which outlives neither.
//!
//! Every node is started by a guard of its own, which is forked from the workbench and never runs another program. The guard is a
//! *subreaper* (`PR_SET_CHILD_SUBREAPER`): whatever the node starts and abandons becomes the guard's child, whichever process
//! group, session or environment it has given itself. So the guard always finds all of them, as its own children, and a number from
//! that list cannot have been given to another process, because only the guard collects its children.
//!
//! | what happens | what the guard does |
//! |---|---|
//! | a descendant of the node is orphaned and ends | collects it: no zombie stays |
//! | a descendant stops because it asked to be traced | lets it go on |
//! | the node writes to stderr | copies it to the log, up to the limit |
//! | the node ends, or the workbench asks for its end | kills all that is left, reports how the node ended, and ends itself |
//! | the workbench ends, however it does | the same, without a report |
//! | something stops the guard | the workbench wakes it (SIGCONT), and so does the kernel when the workbench ends |
//! | something kills the guard | the kernel kills the node; the workbench adopts and kills the rest: see [`super::descendants`] |
//!
//! The guard is forked from a process that may have many threads, so that nothing here may allocate, lock or panic.

use std::fs::File;
use std::io::{self, PipeReader};
use std::os::unix::net::UnixStream;
use std::process::Command;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
#[cfg(target_os = "linux")]
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, killpg, sigprocmask};
#[cfg(target_os = "linux")]
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{Pid, dup2_stderr, dup2_stdin, dup2_stdout, getpid, getppid, read, setsid, write};

use super::sys::{self, Waited};

/// The one thing that the workbench ever asks for.
pub(super) const KILL: u8 = b'K';
/// How many bytes a report takes on the control socket.
pub(super) const REPORT_BYTES: usize = 8;
/// Longer notices are cut.
const NOTICE_BYTES: usize = 200;

/// What the guard tells the workbench.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    /// The node has this process number.
    Started(i32),
    /// Nothing more is written to the log: it has reached its limit (0), or the system refused (an errno).
    LogEnded(i32),
    /// The node ended with this wait status, and nothing that it started is left.
    Ended(i32),
}

impl Report {
    pub(super) fn encode(self) -> [u8; REPORT_BYTES] {
        let (kind, value) = match self {
            Self::Started(value) => (1_u32, value),
            Self::LogEnded(value) => (2, value),
            Self::Ended(value) => (3, value),
        };
        (u64::from(kind) << 32 | u64::from(value.cast_unsigned())).to_le_bytes()
    }

    pub(super) fn decode(bytes: [u8; REPORT_BYTES]) -> Option<Self> {
        let word = u64::from_le_bytes(bytes);
        let value = (word as u32).cast_signed();
        match word >> 32 {
            1 => Some(Self::Started(value)),
            2 => Some(Self::LogEnded(value)),
            3 => Some(Self::Ended(value)),
            _ => None,
        }
    }
}

/// What a guard is given.
#[derive(Debug)]
pub(super) struct Assignment {
    /// Its end of the control socket. When the other end is gone, so is the workbench.
    pub(super) control: UnixStream,
    /// What the node writes to stderr. Reading it must not block.
    pub(super) stderr: PipeReader,
    /// Where that goes.
    pub(super) log: File,
    /// How many bytes of it.
    pub(super) log_budget_bytes: u64,
    /// The last line of a log that reached its limit.
    pub(super) log_notice: String,
}

/// Has the command start its program below a guard. The process that the command then knows is the guard.
pub(super) fn guard(command: &mut Command, assignment: Assignment) {
    sys::before_exec(command, move || become_guard_or_node(&assignment));
}

/// Returns in the node alone, which goes on to run its program.
fn become_guard_or_node(assignment: &Assignment) -> io::Result<()> {
    let guard = getpid();
    // Whatever is sent to the workbench's name or to the terminal's group is not meant for the guard.
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None)?;
    #[cfg(target_os = "linux")]
    {
        prctl::set_child_subreaper(true)?;
        prctl::set_pdeathsig(Signal::SIGCONT)?;
    }
    // Before the fork: giving SIGCHLD its default action discards one that is pending, and a program that can't be run ends at once.
    sys::keep_ended_children();
    if let Some(node) = sys::fork_again()? {
        Guard::new(node, assignment).watch();
    }
    // A session of its own: no controlling terminal to write to or to be stopped by.
    setsid()?;
    #[cfg(target_os = "linux")]
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    // The guard may have died before the line above: then no signal will come.
    if getppid() != guard {
        return Err(Errno::ESRCH.into());
    }
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    Ok(())
}

struct Guard {
    node: Pid,
    node_status: Option<i32>,
    #[cfg(target_os = "linux")]
    child_signals: Option<SignalFd>,
    is_stderr_open: bool,
    is_log_open: bool,
    /// The last read found little: the next waits a moment, so that a node which logs line by line wakes nobody for each.
    is_stderr_resting: bool,
    log_budget_bytes: u64,
    notice: [u8; NOTICE_BYTES],
    notice_len: usize,
}

impl Guard {
    const CONTROL: i32 = 0;
    const LOG: i32 = 1;
    const STDERR: i32 = 2;
    const READ_BYTES: usize = 64 << 10;
    const REST_MS: u16 = 5;

    /// Takes the guard's place: keeps its three descriptors, closes all others, and tells the workbench the node's number.
    fn new(node: Pid, assignment: &Assignment) -> Self {
        let _ = dup2_stdin(&assignment.control);
        let _ = dup2_stdout(&assignment.log);
        let _ = dup2_stderr(&assignment.stderr);
        sys::close_from(3);
        #[cfg(target_os = "linux")]
        {
            let _ = prctl::set_name(c"glomers-guard");
            // Nobody but root may trace it.
            let _ = prctl::set_dumpable(false);
        }
        let _ = nix::unistd::chdir(c"/");
        let mut notice = [0; NOTICE_BYTES];
        let text = assignment.log_notice.as_bytes();
        let notice_len = text.len().min(NOTICE_BYTES);
        for (place, byte) in notice.iter_mut().zip(text) {
            *place = *byte;
        }
        let guard = Self {
            node,
            node_status: None,
            #[cfg(target_os = "linux")]
            child_signals: child_signals(),
            is_stderr_open: true,
            is_log_open: true,
            is_stderr_resting: false,
            log_budget_bytes: assignment.log_budget_bytes,
            notice,
            notice_len,
        };
        tell(Report::Started(node.as_raw()));
        guard
    }

    fn watch(mut self) -> ! {
        loop {
            let is_asked = self.wait();
            self.collect();
            self.copy_stderr();
            if is_asked || self.node_status.is_some() {
                self.end();
            }
        }
    }

    /// Waits until something happens. Returns whether the workbench asks for the node's end, or has itself ended.
    fn wait(&mut self) -> bool {
        let control = sys::standard_stream(Self::CONTROL);
        let nothing = PollFlags::empty();
        let is_listening = self.is_stderr_open && !self.is_stderr_resting;
        // Without events a closed pipe would be reported all the same: an unwanted stream's place is taken by the control socket.
        let stderr = if is_listening { sys::standard_stream(Self::STDERR) } else { control };
        #[cfg(target_os = "linux")]
        let signals = self.child_signals.as_ref().map_or(control, std::os::fd::AsFd::as_fd);
        #[cfg(not(target_os = "linux"))]
        let signals = control;
        let mut descriptors = [
            PollFd::new(control, PollFlags::POLLIN),
            PollFd::new(stderr, if is_listening { PollFlags::POLLIN } else { nothing }),
            PollFd::new(signals, PollFlags::POLLIN),
        ];
        let timeout = if self.is_stderr_resting {
            PollTimeout::from(Self::REST_MS)
        } else if self.hears_of_children() {
            PollTimeout::NONE
        } else {
            PollTimeout::from(20_u16)
        };
        let _ = poll(&mut descriptors, timeout);
        self.is_stderr_resting = false;
        self.clear_signals();
        let mut word = [0; 16];
        match read(control, &mut word) {
            Ok(0) => true,
            Ok(_) => word.contains(&KILL),
            Err(Errno::EAGAIN | Errno::EINTR) => false,
            Err(_) => true,
        }
    }

    #[cfg(target_os = "linux")]
    fn wait_for_child(&mut self, timeout: PollTimeout) {
        use std::os::fd::AsFd;
        if let Some(signals) = &self.child_signals {
            let _ = poll(&mut [PollFd::new(signals.as_fd(), PollFlags::POLLIN)], timeout);
        } else {
            let _ = poll(&mut [], timeout);
        }
        self.clear_signals();
    }

    #[cfg(not(target_os = "linux"))]
    fn wait_for_child(&mut self, timeout: PollTimeout) {
        let _ = poll(&mut [], timeout);
    }

    #[cfg(target_os = "linux")]
    fn hears_of_children(&self) -> bool {
        self.child_signals.is_some()
    }

    #[cfg(not(target_os = "linux"))]
    fn hears_of_children(&self) -> bool {
        false
    }

    #[cfg(target_os = "linux")]
    fn clear_signals(&mut self) {
        if let Some(signals) = &mut self.child_signals {
            while let Ok(Some(_)) = signals.read_signal() {}
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn clear_signals(&mut self) {}

    /// Collects the children that have ended. Returns whether any are left.
    fn collect(&mut self) -> bool {
        loop {
            match sys::collect(None) {
                Waited::Ended(process, status) => {
                    if process == self.node {
                        self.node_status = Some(status);
                    }
                }
                Waited::TraceStopped(process, signal) => sys::detach(process, signal),
                Waited::NoneReady => return true,
                Waited::NoChild => return false,
            }
        }
    }

    /// Kills whatever is left, and reports.
    fn end(&mut self) -> ! {
        // What was killed leaves its children to the guard, so that each round reaches one generation further down. A process that
        // waits for a device cannot be killed before the device answers: the workbench does not wait for that, but the guard does.
        let mut pause_ms = 0_u16;
        while self.collect() {
            kill_children(self.node);
            self.copy_stderr();
            self.wait_for_child(PollTimeout::from(pause_ms));
            pause_ms = if pause_ms < 50 { pause_ms + 1 } else { 50 };
        }
        // A pipe holds no more than this. Somebody who is no descendant could have been given its other end, and write for ever.
        const MAX_READS: usize = 32;
        for _ in 0..MAX_READS {
            if !self.is_stderr_open || !self.copy_chunk() {
                break;
            }
        }
        tell(Report::Ended(self.node_status.unwrap_or(0)));
        sys::exit_now();
    }

    fn copy_stderr(&mut self) {
        if self.is_stderr_open && !self.is_stderr_resting {
            self.copy_chunk();
        }
    }

    /// Copies what one read gives. Returns whether there may be more.
    fn copy_chunk(&mut self) -> bool {
        let mut buffer = [0; Self::READ_BYTES];
        match read(sys::standard_stream(Self::STDERR), &mut buffer) {
            Ok(0) => {
                self.is_stderr_open = false;
                false
            }
            Ok(count) => {
                self.is_stderr_resting = count < Self::READ_BYTES / 16;
                self.write_log(buffer.get(..count).unwrap_or_default());
                true
            }
            Err(Errno::EINTR) => true,
            Err(_) => false,
        }
    }

    /// Writes as much as the log may still take. The rest is read and discarded: a node must not hang because it logs too much.
    fn write_log(&mut self, bytes: &[u8]) {
        if !self.is_log_open {
            return;
        }
        let room = usize::try_from(self.log_budget_bytes).unwrap_or(usize::MAX);
        let kept = bytes.get(..room).unwrap_or(bytes);
        self.log_budget_bytes -= kept.len() as u64;
        let written = write_all(kept).and_then(|()| {
            if kept.len() < bytes.len() {
                self.is_log_open = false;
                let notice = self.notice;
                write_all(notice.get(..self.notice_len).unwrap_or_default())?;
                tell(Report::LogEnded(0));
            }
            Ok(())
        });
        if let Err(error) = written {
            self.is_log_open = false;
            tell(Report::LogEnded(error as i32));
        }
    }
}

fn write_all(mut bytes: &[u8]) -> nix::Result<()> {
    while !bytes.is_empty() {
        match write(sys::standard_stream(Guard::LOG), bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A report is lost only where the workbench is gone, or has not read thousands of them.
fn tell(report: Report) {
    let _ = write(sys::standard_stream(Guard::CONTROL), &report.encode());
}

/// Kills the guard's children. Only the guard collects them, so that none of these numbers can be another's.
fn kill_children(node: Pid) {
    let is_listed = cfg!(target_os = "linux")
        && for_each_child(|child| {
            let _ = kill(child, Signal::SIGKILL);
        });
    if !is_listed {
        // Without the list there is only the node's own process group to go by.
        let _ = killpg(node, Signal::SIGKILL);
    }
}

/// Calls `each` with a part of this process's children, at least one if there are any. Returns whether the system lists them.
fn for_each_child(mut each: impl FnMut(Pid)) -> bool {
    use nix::fcntl::{OFlag, open};
    use nix::sys::stat::Mode;
    let Ok(list) = open(c"/proc/thread-self/children", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
    else {
        return false;
    };
    let mut buffer = [0; 4096];
    let Ok(count) = read(&list, &mut buffer) else { return false };
    let mut number = 0_i32;
    for byte in buffer.iter().take(count) {
        match byte {
            b'0'..=b'9' => number = number.saturating_mul(10).saturating_add(i32::from(byte - b'0')),
            // What the buffer cuts off is not followed by a space, and comes up in the next round.
            _ => {
                if number > 1 {
                    each(Pid::from_raw(number));
                }
                number = 0;
            }
        }
    }
    true
}

#[cfg(target_os = "linux")]
fn child_signals() -> Option<SignalFd> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGCHLD);
    SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_survive_the_way() {
        for report in [Report::Started(i32::MAX), Report::LogEnded(28), Report::Ended(-1), Report::Ended(256)]
        {
            assert_eq!(Report::decode(report.encode()), Some(report));
        }
        assert_eq!(Report::decode([0xff; 8]), None);
    }
}
