//! What processes print, read and end with.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use glomers_protocol::Envelope;

use crate::host::Host;
use crate::ids::HostIndex;
use crate::journal::WireEntry;
use crate::network::{DropReason, Presence, Trace};
use crate::process::{
    ExitReport, Line, LineSplitter, LogEnd, NodeEnd, Supervision, describe, last_lines_of_log,
};
use crate::violation::{ProtocolViolation, ViolationKind};
use crate::world::World;
use crate::world::delivery::{BodyText, UnknownDestination};
use crate::world::turn::Timer;

/// At most this much is read from one process in a turn, so that one that floods cannot starve the others.
const READ_BYTES: usize = 256 << 10;
/// A name under which a node sends, if not its own, is at most this long: services remember their clients.
const MAX_NAME_BYTES: usize = 1 << 10;
/// A process that closes a stream is about to exit, most often. It is at fault if it still lives after this.
pub(crate) const CLOSED_STREAM_GRACE: Duration = Duration::from_millis(200);
/// A process that prints the beginning of a line prints the rest at once. It has forgotten the newline if the line has not grown
/// after this.
const UNFINISHED_LINE_GRACE: Duration = Duration::from_secs(1);

/// What a world keeps about all its processes.
#[derive(Debug)]
pub(crate) struct Processes {
    /// Those that live, in the order they were started.
    pub(crate) alive: Vec<HostIndex>,
    /// Those with input that no write has tried to hand over yet.
    pub(crate) dirty: Vec<HostIndex>,
    /// Those that ended by themselves since the last turn.
    pub(crate) exits: Vec<ExitReport>,
    read_buffer: Vec<u8>,
}

impl Processes {
    pub(crate) fn new() -> Self {
        Self { alive: Vec::new(), dirty: Vec::new(), exits: Vec::new(), read_buffer: Vec::new() }
    }
}

impl World {
    /// Reads once, and routes every line that is complete.
    pub(crate) fn read_output(&mut self, host: HostIndex) {
        let Host::Process(process) = &mut self.hosts[host.slot()] else { return };
        let mut buffer = std::mem::take(&mut self.processes.read_buffer);
        buffer.resize(READ_BYTES, 0);
        match process.read(&mut buffer) {
            Ok(0) => self.end_output(host),
            Ok(count) => self.route_chunk(host, &buffer[..count]),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(_) => self.end_output(host),
        }
        self.processes.read_buffer = buffer;
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

    pub(crate) fn route_chunk(&mut self, host: HostIndex, chunk: &[u8]) {
        let Some(printed) = self.hosts[host.slot()].printed_mut() else { return };
        printed.tail.push(chunk);
        // Routing needs the whole world, this process included: its half of a line waits outside.
        let mut lines = std::mem::take(&mut printed.lines);
        lines.split(chunk, |number, line| self.route_line(host, number, &line));
        let is_unfinished = !lines.unfinished().is_empty();
        self.put_back(host, lines);
        if is_unfinished {
            self.watch_unfinished_line(host);
        }
    }

    /// Makes sure that somebody looks again at a line that has begun.
    fn watch_unfinished_line(&mut self, host: HostIndex) {
        let Some(printed) = self.hosts[host.slot()].printed_mut() else { return };
        if printed.watched_line.is_none() {
            printed.watched_line = Some(printed.lines.progress());
            self.timers.plan(self.clock.now() + UNFINISHED_LINE_GRACE, Timer::LineUnfinished(host));
        }
    }

    /// Reports a message that is still without its newline.
    pub(crate) fn check_unfinished_line(&mut self, host: HostIndex) {
        let is_paused = self.network.endpoint(host).is_paused;
        let Some(printed) = self.hosts[host.slot()].printed_mut() else { return };
        let before = printed.watched_line.take();
        let line = printed.lines.unfinished();
        if line.is_empty() {
            return;
        }
        if is_paused || before != Some(printed.lines.progress()) {
            return self.watch_unfinished_line(host);
        }
        if !holds_whole_message(line) {
            return;
        }
        // Once is enough: the line stays watched, and nobody looks again.
        printed.watched_line = before;
        let number = printed.lines.progress().0 + 1;
        let endpoint = self.network.endpoint(host);
        self.records.violation(self.clock.now(), endpoint, || {
            ProtocolViolation::of_line(endpoint.id.clone(), number, line, ViolationKind::MissingNewline)
        });
    }

    fn put_back(&mut self, host: HostIndex, lines: LineSplitter) {
        if let Some(printed) = self.hosts[host.slot()].printed_mut() {
            printed.lines = lines;
        }
    }

    fn route_line(&mut self, host: HostIndex, number: u64, line: &Line<'_>) {
        let (bytes, kind) = match *line {
            Line::TooLong(beginning) => {
                (beginning, ViolationKind::LineTooLong { limit_bytes: self.options.limits.line_bytes })
            }
            Line::Whole(bytes) => match self.route_message(host, bytes) {
                Ok(()) => return,
                Err(kind) => (bytes, kind),
            },
            Line::Unfinished(bytes) => match self.route_message(host, bytes) {
                Ok(()) => return,
                Err(_) => (bytes, ViolationKind::UnfinishedLine),
            },
        };
        let endpoint = self.network.endpoint(host);
        self.records.violation(self.clock.now(), endpoint, || {
            ProtocolViolation::of_line(endpoint.id.clone(), number, bytes, kind)
        });
    }

    fn route_message(&mut self, host: HostIndex, line: &[u8]) -> Result<(), ViolationKind> {
        let text = std::str::from_utf8(line).map_err(|_| ViolationKind::NotUtf8)?;
        let envelope = Envelope::parse(text)?;
        let claimed_src = (self.network.endpoint(host).id != *envelope.src).then_some(&*envelope.src);
        if let Some(claimed_src) = claimed_src.filter(|name| name.len() > MAX_NAME_BYTES) {
            return Err(ViolationKind::name_too_long(claimed_src.len(), MAX_NAME_BYTES));
        }
        self.send(host, claimed_src, &envelope.dest, BodyText::Parsed(envelope.body))
            .map_err(|UnknownDestination| ViolationKind::unknown_destination(&envelope.dest))
    }

    /// The process has closed its standard output.
    fn end_output(&mut self, host: HostIndex) {
        let Host::Process(process) = &mut self.hosts[host.slot()] else { return };
        if process.stdout.take().is_none() {
            return;
        }
        // Most often this is the beginning of an exit. A guard that somebody stopped could not report it.
        process.wake_guard();
        self.finish_lines(host);
        self.timers.plan(self.clock.now() + CLOSED_STREAM_GRACE, Timer::OutputClosed(host));
    }

    /// Routes a last line without its newline, unless the program was told to end.
    pub(crate) fn finish_lines(&mut self, host: HostIndex) {
        let Some(printed) = self.hosts[host.slot()].printed_mut() else { return };
        let (mut lines, is_killed) = (std::mem::take(&mut printed.lines), printed.is_killed);
        if !is_killed {
            lines.finish(|number, line| self.route_line(host, number, &line));
        }
        self.put_back(host, lines);
    }

    pub(crate) fn write_inputs(&mut self) {
        let mut dirty = std::mem::take(&mut self.processes.dirty);
        for host in dirty.drain(..) {
            self.write_input(host);
        }
        self.processes.dirty = dirty;
    }

    /// Writes once. What the pipe takes is delivered.
    pub(crate) fn write_input(&mut self, host: HostIndex) {
        let now = self.clock.now();
        let Host::Process(process) = &mut self.hosts[host.slot()] else { return };
        process.is_dirty = false;
        let Some(stdin) = process.stdin.as_mut().filter(|_| !process.is_input_closed) else { return };
        let written = process.input.write_to(stdin, |arrival, body| {
            self.network.delivered(now, arrival, body, &mut self.records);
        });
        match written {
            Ok(()) => process.is_blocked = !process.input.is_empty(),
            Err(_) => self.end_input(host),
        }
    }

    /// The process has closed its standard input, or is about to exit. What it has not read is dropped when it is known which.
    pub(crate) fn end_input(&mut self, host: HostIndex) {
        let Host::Process(process) = &mut self.hosts[host.slot()] else { return };
        if !std::mem::replace(&mut process.is_input_closed, true) {
            process.is_blocked = false;
            self.timers.plan(self.clock.now() + CLOSED_STREAM_GRACE, Timer::InputClosed(host));
        }
    }

    /// Drops what a process has not read and never will.
    pub(crate) fn abandon_input(&mut self, host: HostIndex, reason: &DropReason) {
        let now = self.clock.now();
        let (unread, waiting) = match &mut self.hosts[host.slot()] {
            Host::Process(process) => {
                let unread_bytes = process.unread_bytes();
                process.input.abandon(unread_bytes)
            }
            Host::Lockstep(program) => program.abandon_input(),
            Host::Local(_) | Host::Gone => return,
        };
        for arrival in &unread {
            self.network.lost_unread(now, arrival, reason, &mut self.records);
        }
        for arrival in &waiting {
            self.records.dropped(now, arrival.number, reason);
        }
    }

    pub(crate) fn report_closed_stream(&mut self, host: HostIndex, kind: ViolationKind) {
        if self.is_alive(host) {
            self.violation(host, kind);
        }
    }

    /// Looks at every process.
    pub(crate) fn notice_exits(&mut self) {
        for host in self.processes.alive.clone() {
            self.read_reports(host);
        }
    }

    /// Takes in what a process's guard says: that its log has ended, or that the process has ended by itself.
    pub(crate) fn read_reports(&mut self, host: HostIndex) {
        let Host::Process(process) = &mut self.hosts[host.slot()] else { return };
        let end = process.read_reports();
        self.report_log_end(host);
        if let Some(end) = end {
            self.report_exit(host, end);
        }
    }

    /// Says that a process's log has ended before the process did.
    pub(crate) fn report_log_end(&mut self, host: HostIndex) {
        let Host::Process(process) = &mut self.hosts[host.slot()] else { return };
        let kind = match process.take_log_end() {
            None => return,
            Some(LogEnd::Full) => ViolationKind::LogFull { limit_bytes: self.options.limits.log_bytes },
            Some(LogEnd::Unwritable(reason)) => ViolationKind::LogUnwritable { reason },
        };
        self.violation(host, kind);
    }

    /// Says where a process could not be ended as it should.
    pub(crate) fn report_supervision(&mut self, host: HostIndex, end: NodeEnd) {
        match end.supervision {
            Supervision::Kept => {}
            Supervision::Lost => self.violation(host, ViolationKind::GuardKilled),
            Supervision::Forced => self.violation(host, ViolationKind::GuardStopped),
        }
    }

    /// Reports a process that has ended by itself, after its last words.
    fn report_exit(&mut self, host: HostIndex, end: NodeEnd) {
        self.drain_output(host);
        self.report_supervision(host, end);
        self.processes.alive.retain(|process| *process != host);
        self.bury(host, end.status);
    }

    /// Takes a program out of the world that has ended by itself, and reports it.
    pub(crate) fn bury(&mut self, host: HostIndex, status: ExitStatus) {
        let now = self.clock.now();
        let status_words = describe(status);
        self.records.host_entry(now, self.network.endpoint(host), |host| WireEntry::ProcessExited {
            host,
            status: &status_words,
        });
        self.abandon_input(host, &DropReason::Unread);
        let gone = std::mem::replace(&mut self.hosts[host.slot()], Host::Gone);
        self.network.end(now, host, Presence::Dead, &mut self.records);
        let (stdout_tail, stderr_tail) = match gone {
            Host::Process(process) => (process.printed.tail.lines(), last_lines_of_log(&process.log_file)),
            Host::Lockstep(program) => (program.printed.tail.lines(), last_lines_of_log(program.log_file())),
            Host::Local(_) | Host::Gone => return,
        };
        self.processes.exits.push(ExitReport {
            node: self.network.endpoint(host).id.clone(),
            host,
            time: now,
            status,
            stdout_tail,
            stderr_tail,
        });
    }
}

/// Whether the text begins with a whole JSON object: no further text could make it the beginning of one message.
fn holds_whole_message(text: &[u8]) -> bool {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<&serde_json::value::RawValue>();
    matches!(values.next(), Some(Ok(value)) if value.get().starts_with('{'))
}
