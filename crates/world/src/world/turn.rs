//! The one event loop, a turn at a time.

use std::os::fd::AsFd;
use std::time::Duration;

use glomers_node::Time;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};

use crate::clock::ClockKind;
use crate::host::Host;
use crate::ids::HostIndex;
use crate::journal::JournalError;
use crate::network::DropReason;
use crate::process::ExitReport;
use crate::violation::ViolationKind;
use crate::wake::WakePipe;
use crate::world::World;

/// At most this many planned events are handled in a real turn before the processes are looked at again.
const MAX_PLANNED_PER_TURN: usize = 4096;
/// After the world has written to a process it polls this often before it goes to sleep: a node that has little to do answers within
/// microseconds, and being woken costs more than that.
const SPIN_POLLS: usize = 32;

/// What a turn came to.
#[derive(Debug)]
pub struct Turn {
    /// Why it ended.
    pub outcome: TurnOutcome,
    /// Nodes that ended by themselves in it.
    pub exits: Vec<ExitReport>,
}

/// Why a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnOutcome {
    /// Something happened: look at what it completed, and call again.
    Handled,
    /// Nothing is left to happen before the given time, which is now.
    Reached,
    /// Somebody called [`WakeHandle::wake`](crate::WakeHandle::wake), or a signal came.
    Woken,
}

/// What is planned apart from the messages, which the network plans. What processes do cannot be planned: it comes from the
/// operating system.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Timer {
    /// A local host wants to be woken.
    HostDeadline(HostIndex),
    /// A program in lock step wants to go on.
    ProgramDeadline(HostIndex),
    /// A process closed its standard input a while ago: if it still lives, it breaks the protocol.
    InputClosed(HostIndex),
    /// A process closed its standard output a while ago: if it still lives, it breaks the protocol.
    OutputClosed(HostIndex),
    /// A process printed the beginning of a line a while ago: if nothing has come since, it may have forgotten the newline.
    LineUnfinished(HostIndex),
}

/// What became readable or writable while the world waited.
#[derive(Clone, Copy)]
enum Readiness {
    Output(HostIndex),
    Input(HostIndex),
    InputClosed(HostIndex),
    Report(HostIndex),
    Wake,
}

impl World {
    /// Handles the next thing that happens, or waits for it until the given time.
    ///
    /// In virtual time that is one event. In real time it is all that is due and all that can be read, with one read and one write
    /// for each process.
    ///
    /// # Errors
    /// Where the journal can no longer be written. It is said once; the world itself goes on without it.
    pub fn turn(&mut self, until: Time) -> Result<Turn, JournalError> {
        let outcome = match self.clock.kind() {
            ClockKind::Virtual => self.turn_virtual(until),
            ClockKind::Real => self.turn_real(until),
        };
        self.records.journal.check()?;
        Ok(Turn { outcome, exits: std::mem::take(&mut self.processes.exits) })
    }

    fn turn_virtual(&mut self, until: Time) -> TurnOutcome {
        // Programs are stepped once all messages of a moment have come: what is under way at the same time comes with one step.
        let now = self.clock.now();
        if self.handle_next(now) || self.step_programs() || self.handle_next(until) {
            return TurnOutcome::Handled;
        }
        self.clock.advance(until);
        TurnOutcome::Reached
    }

    fn turn_real(&mut self, until: Time) -> TurnOutcome {
        self.clock.refresh();
        let planned_count = self.handle_planned();
        let received_count = self.network.statistics().all.recv_count;
        self.write_inputs();
        let has_delivered = self.network.statistics().all.recv_count > received_count;
        let wait_until = if planned_count > 0 {
            self.clock.now()
        } else {
            self.next_due().map_or(until, |due| due.min(until))
        };
        let ready = match self.wait(wait_until, has_delivered) {
            Ok(ready) => ready,
            Err(Errno::EINTR) => return TurnOutcome::Woken,
            Err(error) => panic!("poll was given descriptors that the world owns, and refused them: {error}"),
        };
        self.clock.refresh();
        self.records.journal.flush_if_old(self.clock.now());
        let mut was_woken = false;
        for readiness in &ready {
            match *readiness {
                Readiness::Output(host) => self.read_output(host),
                Readiness::Input(host) => self.write_input(host),
                Readiness::InputClosed(host) => self.end_input(host),
                Readiness::Report(host) => self.read_reports(host),
                Readiness::Wake => was_woken |= self.wake_pipe.as_mut().is_some_and(WakePipe::clear),
            }
        }
        let is_quiet = ready.is_empty() && planned_count == 0 && !has_delivered;
        match (was_woken, is_quiet && self.clock.now() >= until) {
            (true, _) => TurnOutcome::Woken,
            (false, true) => TurnOutcome::Reached,
            (false, false) => TurnOutcome::Handled,
        }
    }

    fn handle_planned(&mut self) -> usize {
        let now = self.clock.now();
        (0..MAX_PLANNED_PER_TURN).take_while(|_| self.handle_next(now)).count()
    }

    /// Handles the one thing that is due next, a message or a timer. False where none is due by then.
    fn handle_next(&mut self, by: Time) -> bool {
        let (message, timer) = (self.network.next_due(), self.timers.next_due());
        let is_message = match (message, timer) {
            (Some(message), Some(timer)) => message < timer,
            (message, _) => message.is_some(),
        };
        let Some(due) = (if is_message { message } else { timer }) else { return false };
        if due.time > by {
            return false;
        }
        self.clock.advance(due.time);
        if is_message {
            self.deliver_next();
        } else if let Some((due, timer)) = self.timers.pop() {
            match timer {
                Timer::HostDeadline(host) => self.handle_deadline(host, due),
                Timer::ProgramDeadline(host) => self.handle_program_deadline(host, due),
                Timer::InputClosed(host) => {
                    self.abandon_input(host, &DropReason::InputClosed);
                    self.report_closed_stream(host, ViolationKind::InputClosed);
                }
                Timer::OutputClosed(host) => self.report_closed_stream(host, ViolationKind::OutputClosed),
                Timer::LineUnfinished(host) => self.check_unfinished_line(host),
            }
        }
        true
    }

    fn next_due(&self) -> Option<Time> {
        [self.network.next_due(), self.timers.next_due()].into_iter().flatten().min().map(|due| due.time)
    }

    /// Waits for the processes until the given time, or for a moment only where something was delivered, which the user may have
    /// waited for. Lists what they are ready for: output before exits, so that a node's last words are heard.
    fn wait(&self, until: Time, has_delivered: bool) -> Result<Vec<Readiness>, Errno> {
        let mut descriptors = Vec::with_capacity(self.processes.alive.len() * 3 + 1);
        let mut meanings = Vec::with_capacity(self.processes.alive.len() * 3 + 1);
        for host in &self.processes.alive {
            let Host::Process(process) = &self.hosts[host.slot()] else { continue };
            if let Some(stdout) = &process.stdout {
                descriptors.push(PollFd::new(stdout.as_fd(), PollFlags::POLLIN));
                meanings.push(Readiness::Output(*host));
            }
            if let Some(stdin) = process.stdin.as_ref().filter(|_| !process.is_input_closed) {
                // A pipe that nobody reads any more is reported also where nothing is asked for.
                let (flags, meaning) = if process.is_blocked {
                    (PollFlags::POLLOUT, Readiness::Input(*host))
                } else {
                    (PollFlags::empty(), Readiness::InputClosed(*host))
                };
                descriptors.push(PollFd::new(stdin.as_fd(), flags));
                meanings.push(meaning);
            }
            descriptors.push(PollFd::new(process.notice(), PollFlags::POLLIN));
            meanings.push(Readiness::Report(*host));
        }
        if let Some(pipe) = &self.wake_pipe {
            descriptors.push(PollFd::new(pipe.readable(), PollFlags::POLLIN));
            meanings.push(Readiness::Wake);
        }
        let timeout = until.since(self.clock.now());
        if has_delivered && !timeout.is_zero() {
            spin(&mut descriptors)?;
        } else {
            poll(&mut descriptors, timeout)?;
        }
        let is_ready = |descriptor: &PollFd<'_>| descriptor.any() != Some(false);
        let ready = descriptors.iter().zip(meanings).filter(|(descriptor, _)| is_ready(descriptor));
        Ok(ready.map(|(_, meaning)| meaning).collect())
    }
}

/// Polls for a moment whether any of the descriptors becomes ready, and lets other threads run in between.
fn spin(descriptors: &mut [PollFd<'_>]) -> Result<(), Errno> {
    for _ in 0..SPIN_POLLS {
        if poll(descriptors, Duration::ZERO)? > 0 {
            break;
        }
        std::thread::yield_now();
    }
    Ok(())
}

/// Waits for any of the descriptors, to the nanosecond where the system can.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn poll(descriptors: &mut [PollFd<'_>], timeout: Duration) -> Result<i32, Errno> {
    nix::poll::ppoll(descriptors, Some(timeout.into()), None)
}

/// Waits for any of the descriptors, to the millisecond, and never too short.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn poll(descriptors: &mut [PollFd<'_>], timeout: Duration) -> Result<i32, Errno> {
    let timeout_ms = timeout.as_nanos().div_ceil(1_000_000);
    let timeout = nix::poll::PollTimeout::try_from(timeout_ms).unwrap_or(nix::poll::PollTimeout::MAX);
    nix::poll::poll(descriptors, timeout)
}
