//! The one event loop, a turn at a time.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use glomers_node::Time;
use glomers_protocol::Envelope;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};

use crate::clock::ClockKind;
use crate::complaint::{Complaint, Fault};
use crate::host::{HostIndex, HostState};
use crate::journal::{JournalError, WireEntry};
use crate::network::{BodyText, UnknownDestination};
use crate::process::{
    ExitReport, Line, LineSplitter, LogEnd, NodeEnd, Supervision, describe, last_lines_of_log,
};
use crate::queue::Event;
use crate::wake::WakePipe;
use crate::world::World;

/// At most this much is read from one process in a turn, so that one that floods cannot starve the others.
const READ_BYTES: usize = 256 << 10;
/// At most this many planned events are handled in a real turn before the processes are looked at again.
const MAX_PLANNED_PER_TURN: usize = 4096;
/// After the world has written to a process it looks this often for an answer before it goes to sleep: a node that has little to do
/// answers within microseconds, and to be woken costs more than that.
const GLANCES: usize = 32;
/// A process that closes a stream is about to exit, most often. It is at fault if it still lives after this.
const CLOSED_STREAM_GRACE: Duration = Duration::from_millis(200);
/// A process that prints the beginning of a line prints the rest at once. It has forgotten the newline, if the line has not grown
/// after this.
const UNFINISHED_LINE_GRACE: Duration = Duration::from_secs(1);

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
        self.journal.check()?;
        Ok(Turn { outcome, exits: std::mem::take(&mut self.exits) })
    }

    fn turn_virtual(&mut self, until: Time) -> TurnOutcome {
        match self.queue.pop(until) {
            Some((due, event)) => {
                self.clock.advance(due);
                self.handle(due, event);
                TurnOutcome::Handled
            }
            None => {
                self.clock.advance(until);
                TurnOutcome::Reached
            }
        }
    }

    fn turn_real(&mut self, until: Time) -> TurnOutcome {
        self.clock.refresh();
        let planned_count = self.handle_planned();
        let is_awaiting_answers = !self.dirty.is_empty();
        self.write_inputs();
        let wait_until = if planned_count > 0 {
            self.clock.now()
        } else {
            self.queue.next_due().map_or(until, |due| due.min(until))
        };
        let ready = match self.wait(wait_until, is_awaiting_answers) {
            Ok(ready) => ready,
            Err(Errno::EINTR) => return TurnOutcome::Woken,
            Err(error) => panic!("poll was given descriptors that the world owns, and refused them: {error}"),
        };
        self.clock.refresh();
        self.journal.flush_if_old(self.clock.now());
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
        let is_quiet = ready.is_empty() && planned_count == 0;
        match (was_woken, is_quiet && self.clock.now() >= until) {
            (true, _) => TurnOutcome::Woken,
            (false, true) => TurnOutcome::Reached,
            (false, false) => TurnOutcome::Handled,
        }
    }

    fn handle_planned(&mut self) -> usize {
        let now = self.clock.now();
        for count in 0..MAX_PLANNED_PER_TURN {
            let Some((due, event)) = self.queue.pop(now) else { return count };
            self.handle(due, event);
        }
        MAX_PLANNED_PER_TURN
    }

    fn handle(&mut self, due: Time, event: Event) {
        match event {
            Event::Message(place) => self.deliver_planned(place),
            Event::HostDeadline(host) => self.handle_deadline(host, due),
            Event::InputClosed(host) => self.complain_of_closed_stream(host, Fault::InputClosed),
            Event::OutputClosed(host) => self.complain_of_closed_stream(host, Fault::OutputClosed),
            Event::LineUnfinished(host) => self.check_unfinished_line(host),
        }
    }

    /// Waits for the processes until the given time, and lists what they are ready for: output before exits, so that a node's last
    /// words are heard.
    fn wait(&self, until: Time, is_awaiting_answers: bool) -> Result<Vec<Readiness>, Errno> {
        let mut descriptors = Vec::with_capacity(self.processes.len() * 3 + 1);
        let mut meanings = Vec::with_capacity(self.processes.len() * 3 + 1);
        for host in &self.processes {
            let HostState::Process(process) = &self.hosts[host.slot()].state else { continue };
            if let Some(stdout) = &process.stdout {
                descriptors.push(PollFd::new(stdout.as_fd(), PollFlags::POLLIN));
                meanings.push(Readiness::Output(*host));
            }
            if let Some(stdin) = &process.stdin {
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
        let may_glance = is_awaiting_answers && !timeout.is_zero();
        if !(may_glance && glance(&mut descriptors)?) {
            poll(&mut descriptors, timeout)?;
        }
        let is_ready = |descriptor: &PollFd<'_>| descriptor.any() != Some(false);
        let ready = descriptors.iter().zip(meanings).filter(|(descriptor, _)| is_ready(descriptor));
        Ok(ready.map(|(_, meaning)| meaning).collect())
    }

    /// Reads once, and routes every line that is complete.
    fn read_output(&mut self, host: HostIndex) {
        let HostState::Process(process) = &mut self.hosts[host.slot()].state else { return };
        let mut buffer = std::mem::take(&mut self.read_buffer);
        buffer.resize(READ_BYTES, 0);
        match process.read(&mut buffer) {
            Ok(0) => self.end_output(host),
            Ok(count) => self.route_chunk(host, &buffer[..count]),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(_) => self.end_output(host),
        }
        self.read_buffer = buffer;
    }

    /// Reads what a process that has ended still left in its pipe.
    pub(crate) fn drain_output(&mut self, host: HostIndex) {
        // A descendant that holds the pipe open could go on for ever: no pipe holds more than this.
        const MAX_READS: usize = 8;
        for _ in 0..MAX_READS {
            self.read_output(host);
        }
        self.end_output(host);
    }

    fn route_chunk(&mut self, host: HostIndex, chunk: &[u8]) {
        let HostState::Process(process) = &mut self.hosts[host.slot()].state else { return };
        process.stdout_tail.push(chunk);
        // Routing needs the whole world, this process included: its half of a line waits outside.
        let mut lines = std::mem::take(&mut process.lines);
        lines.split(chunk, |number, line| self.route_line(host, number, &line));
        let is_unfinished = !lines.unfinished().is_empty();
        self.put_back(host, lines);
        if is_unfinished {
            self.watch_unfinished_line(host);
        }
    }

    /// Makes sure that somebody looks again at a line that has begun.
    fn watch_unfinished_line(&mut self, host: HostIndex) {
        let HostState::Process(process) = &mut self.hosts[host.slot()].state else { return };
        if process.watched_line.is_none() {
            process.watched_line = Some(process.lines.progress());
            self.queue.plan(self.clock.now() + UNFINISHED_LINE_GRACE, Event::LineUnfinished(host));
        }
    }

    /// Complains of a message that stands there without its newline.
    fn check_unfinished_line(&mut self, host: HostIndex) {
        let place = &mut self.hosts[host.slot()];
        let HostState::Process(process) = &mut place.state else { return };
        let before = process.watched_line.take();
        let line = process.lines.unfinished();
        if line.is_empty() {
            return;
        }
        if place.is_paused || before != Some(process.lines.progress()) {
            return self.watch_unfinished_line(host);
        }
        if !holds_whole_message(line) {
            return;
        }
        // Once is enough: the line stays watched, and nobody looks again.
        process.watched_line = before;
        let (number, line) = (process.lines.progress().0 + 1, line.to_vec());
        self.complain(host, |node| Complaint::about_line(node, number, &line, Fault::MissingNewline));
    }

    fn put_back(&mut self, host: HostIndex, lines: LineSplitter) {
        if let HostState::Process(process) = &mut self.hosts[host.slot()].state {
            process.lines = lines;
        }
    }

    fn route_line(&mut self, host: HostIndex, number: u64, line: &Line<'_>) {
        let (bytes, fault) = match *line {
            Line::TooLong(beginning) => {
                (beginning, Fault::LineTooLong { limit_bytes: self.options.limits.line_bytes })
            }
            Line::Whole(bytes) => match self.route_message(host, bytes) {
                Ok(()) => return,
                Err(fault) => (bytes, fault),
            },
            Line::Unfinished(bytes) => match self.route_message(host, bytes) {
                Ok(()) => return,
                Err(_) => (bytes, Fault::UnfinishedLine),
            },
        };
        self.complain(host, |node| Complaint::about_line(node, number, bytes, fault));
    }

    fn route_message(&mut self, host: HostIndex, line: &[u8]) -> Result<(), Fault> {
        let text = std::str::from_utf8(line).map_err(|_| Fault::NotUtf8)?;
        let envelope = Envelope::parse(text)?;
        if self.hosts[host.slot()].id != *envelope.src {
            return Err(Fault::foreign_source(&envelope.src));
        }
        self.send(host, &envelope.dest, BodyText::Parsed(envelope.body))
            .map_err(|UnknownDestination| Fault::unknown_destination(&envelope.dest))
    }

    /// The process has closed its standard output.
    fn end_output(&mut self, host: HostIndex) {
        let HostState::Process(process) = &mut self.hosts[host.slot()].state else { return };
        if process.stdout.take().is_none() {
            return;
        }
        let mut lines = std::mem::take(&mut process.lines);
        // Most often this is the beginning of an exit. A guard that somebody stopped could not report it.
        process.wake_guard();
        if !process.is_killed {
            lines.finish(|number, line| self.route_line(host, number, &line));
        }
        self.put_back(host, lines);
        self.queue.plan(self.clock.now() + CLOSED_STREAM_GRACE, Event::OutputClosed(host));
    }

    fn write_inputs(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for host in dirty.drain(..) {
            self.write_input(host);
        }
        self.dirty = dirty;
    }

    /// Writes once.
    fn write_input(&mut self, host: HostIndex) {
        let HostState::Process(process) = &mut self.hosts[host.slot()].state else { return };
        process.is_dirty = false;
        let Some(stdin) = &mut process.stdin else { return };
        match process.input.write_to(stdin) {
            Ok(()) => process.is_blocked = !process.input.is_empty(),
            Err(_) => self.end_input(host),
        }
    }

    /// The process has closed its standard input.
    fn end_input(&mut self, host: HostIndex) {
        let HostState::Process(process) = &mut self.hosts[host.slot()].state else { return };
        if process.stdin.take().is_some() {
            process.input.clear();
            process.is_blocked = false;
            self.queue.plan(self.clock.now() + CLOSED_STREAM_GRACE, Event::InputClosed(host));
        }
    }

    fn complain_of_closed_stream(&mut self, host: HostIndex, fault: Fault) {
        if self.is_alive(host) {
            self.complain(host, |node| Complaint::new(node, fault));
        }
    }

    /// Looks at every process.
    pub(crate) fn notice_exits(&mut self) {
        for host in self.processes.clone() {
            self.read_reports(host);
        }
    }

    /// Takes in what a process's guard says: that its log has ended, or that the process has ended by itself.
    fn read_reports(&mut self, host: HostIndex) {
        let HostState::Process(process) = &mut self.hosts[host.slot()].state else { return };
        let end = process.read_reports();
        self.complain_of_log(host);
        if let Some(end) = end {
            self.note_exit(host, end);
        }
    }

    /// Says where a process's log has ended before the process did.
    pub(crate) fn complain_of_log(&mut self, host: HostIndex) {
        let HostState::Process(process) = &mut self.hosts[host.slot()].state else { return };
        let fault = match process.take_log_end() {
            None => return,
            Some(LogEnd::Full) => Fault::LogFull { limit_bytes: self.options.limits.log_bytes },
            Some(LogEnd::Unwritable(reason)) => Fault::LogUnwritable { reason },
        };
        self.complain(host, |node| Complaint::new(node, fault));
    }

    /// Reports a process that has ended by itself, after its last words.
    fn note_exit(&mut self, host: HostIndex, end: NodeEnd) {
        self.drain_output(host);
        self.complain_of_supervision(host, end);
        self.processes.retain(|process| *process != host);
        let place = &mut self.hosts[host.slot()];
        place.is_paused = false;
        let HostState::Process(process) = std::mem::replace(&mut place.state, HostState::Dead) else {
            return;
        };
        let (now, status) = (self.clock.now(), end.status);
        let name = self.journal.host_name(host.0, place.id.as_str());
        self.journal.append(now, WireEntry::ProcessExited { host: name, status: &describe(status) });
        self.exits.push(ExitReport {
            node: place.id.clone(),
            host,
            time: now,
            status,
            stdout_tail: process.stdout_tail.lines(),
            stderr_tail: last_lines_of_log(&process.log_file),
        });
    }

    /// Says where a process could not be ended as it should.
    pub(crate) fn complain_of_supervision(&mut self, host: HostIndex, end: NodeEnd) {
        let fault = match end.supervision {
            Supervision::Kept => return,
            Supervision::Lost => Fault::GuardKilled,
            Supervision::Forced => Fault::GuardStopped,
        };
        self.complain(host, |node| Complaint::new(node, fault));
    }
}

/// Whether the text begins with a whole JSON object: no further text could make it the beginning of one message.
fn holds_whole_message(text: &[u8]) -> bool {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<&serde_json::value::RawValue>();
    matches!(values.next(), Some(Ok(value)) if value.get().starts_with('{'))
}

/// Looks whether any of the descriptors becomes ready in the next moment, and lets others run in between.
fn glance(descriptors: &mut [PollFd<'_>]) -> Result<bool, Errno> {
    for _ in 0..GLANCES {
        if poll(descriptors, Duration::ZERO)? > 0 {
            return Ok(true);
        }
        std::thread::yield_now();
    }
    Ok(false)
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
