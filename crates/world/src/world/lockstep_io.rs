//! Programs in lock step: when they are stepped, and what comes of it.

use crate::clock::ClockKind;
use crate::host::Host;
use crate::ids::{HostIndex, HostRole};
use crate::lockstep_host::LockstepHost;
use crate::network::{Arrival, DropReason, EndpointKind, Trace};
use crate::note::NoteKind;
use crate::process::{LogEnd, Overflow, ProcessSpec, SpawnError};
use crate::violation::ViolationKind;
use crate::world::World;
use crate::world::process_io::CLOSED_STREAM_GRACE;
use crate::world::turn::Timer;

use glomers_node::NodeId;

/// A program that wakes up more often than this in a second of virtual time polls, and makes the run slow.
const MAX_WAKEUPS_PER_S: u64 = 2_000;

impl World {
    /// Starts a program and adds it as a node that runs in lock step with the virtual clock. It begins to run with the next turn.
    ///
    /// # Errors
    /// Where the program can't be started, or can't be run under virtual time here; the error says what to do about it.
    pub fn add_lockstep(&mut self, id: NodeId, spec: &ProcessSpec) -> Result<HostIndex, SpawnError> {
        if self.clock.kind() == ClockKind::Real {
            return Err(SpawnError::RealTime { node: id });
        }
        if self.is_taken(&id) {
            return Err(SpawnError::NameTaken { node: id });
        }
        let starts = self.network.count_named(&id);
        let seed = self.random(&format!("lockstep {id}, start {starts}")).next_u64();
        let node_seed = self.seed_of_process(&id);
        let program = LockstepHost::start(&id, spec, seed, node_seed, self.clock.now(), self.options.limits)?;
        let host = self.add_host(
            id,
            HostRole::Node,
            EndpointKind::Lockstep,
            false,
            Host::Lockstep(Box::new(program)),
        );
        self.mark_for_step(host);
        Ok(host)
    }

    /// Gives a message to a program, which is stepped when nothing else is due at this time.
    pub(crate) fn hand_to_lockstep(&mut self, arrival: &Arrival, body: &str) {
        let (number, host) = (arrival.number, arrival.dest);
        let Host::Lockstep(program) = &mut self.hosts[host.slot()] else { return };
        if program.is_input_closed {
            return self.records.dropped(self.clock.now(), number, &DropReason::InputClosed);
        }
        let (src, dest) = (self.network.src_name(arrival), self.network.endpoint(host));
        match program.push(arrival, src, dest.id.as_str(), body) {
            Ok(()) => {
                program.is_overflowing = false;
                self.mark_for_step(host);
            }
            Err(Overflow) => {
                let is_new = !std::mem::replace(&mut program.is_overflowing, true);
                self.records.dropped(self.clock.now(), number, &DropReason::Overflow);
                if is_new {
                    let limit_bytes = self.options.limits.input_bytes;
                    self.violation(host, ViolationKind::InputOverflow { limit_bytes });
                }
            }
        }
    }

    pub(crate) fn mark_for_step(&mut self, host: HostIndex) {
        if let Host::Lockstep(program) = &mut self.hosts[host.slot()]
            && !std::mem::replace(&mut program.is_dirty, true)
        {
            self.lockstep_dirty.push(host);
        }
    }

    /// Steps every program that has something to do now, in the order of the hosts. False where none has.
    pub(crate) fn step_programs(&mut self) -> bool {
        if self.lockstep_dirty.is_empty() {
            return false;
        }
        let mut hosts = std::mem::take(&mut self.lockstep_dirty);
        hosts.sort_unstable();
        for host in hosts.drain(..) {
            self.step_program(host);
        }
        self.lockstep_dirty = hosts;
        true
    }

    fn step_program(&mut self, host: HostIndex) {
        let now = self.clock.now();
        let is_paused = self.network.endpoint(host).is_paused;
        let Host::Lockstep(program) = &mut self.hosts[host.slot()] else { return };
        program.is_dirty = false;
        if is_paused {
            // Resuming marks it again.
            return;
        }
        let (stdout, result) = program.step(now, |arrival, body| {
            self.network.delivered(now, arrival, body, &mut self.records);
        });
        if let Err(error) = &result {
            // Before what it printed, which may break more rules than are kept.
            self.violation(host, ViolationKind::Restless { reason: error.to_string() });
        }
        if !stdout.is_empty() {
            self.route_chunk(host, &stdout);
        }
        let Host::Lockstep(program) = &mut self.hosts[host.slot()] else { return };
        program.recycle(stdout);
        let (log_end, exit) = (program.take_log_end(), program.exit_status());
        let (notices, wakeups_per_s) = (program.take_notices(), program.wakeups_per_s(now));
        match log_end {
            None => {}
            Some(LogEnd::Full) => {
                let limit_bytes = self.options.limits.log_bytes;
                self.violation(host, ViolationKind::LogFull { limit_bytes });
            }
            Some(LogEnd::Unwritable(reason)) => self.violation(host, ViolationKind::LogUnwritable { reason }),
        }
        for notice in notices {
            self.note(host, NoteKind::Lockstep { notice: notice.to_string() });
        }
        if let Some(per_s) = wakeups_per_s.filter(|per_s| *per_s > MAX_WAKEUPS_PER_S) {
            self.note(host, NoteKind::BusyTimer { per_s });
        }
        if result.is_err() {
            // It can't be brought to rest: the run goes on without it.
            self.kill(host);
        } else if let Some(status) = exit {
            self.finish_lines(host);
            self.bury(host, status);
        } else {
            self.notice_closed_streams(host);
            self.arm_program(host);
        }
    }

    /// Plans the complaint about a stream that a program has closed, should it then live on.
    fn notice_closed_streams(&mut self, host: HostIndex) {
        let Host::Lockstep(program) = &mut self.hosts[host.slot()] else { return };
        let [is_input_closed, is_output_closed] = program.take_closed_streams();
        let due = self.clock.now() + CLOSED_STREAM_GRACE;
        if is_input_closed {
            self.timers.plan(due, Timer::InputClosed(host));
        }
        if is_output_closed {
            self.finish_lines(host);
            self.timers.plan(due, Timer::OutputClosed(host));
        }
    }

    /// Steps a program whose own deadline has come, unless the wake-up is stale.
    pub(crate) fn handle_program_deadline(&mut self, host: HostIndex, due: glomers_node::Time) {
        let Host::Lockstep(program) = &mut self.hosts[host.slot()] else { return };
        if program.armed != Some(due) {
            return;
        }
        program.armed = None;
        if program.deadline().is_some_and(|deadline| deadline <= self.clock.now()) {
            self.mark_for_step(host);
        } else {
            self.arm_program(host);
        }
    }

    /// Plans the wake-up of a program, if none is planned that is as early.
    fn arm_program(&mut self, host: HostIndex) {
        let Host::Lockstep(program) = &mut self.hosts[host.slot()] else { return };
        let Some(deadline) = program.deadline() else { return };
        let deadline = deadline.max(self.clock.now());
        if program.armed.is_none_or(|armed| deadline < armed) {
            program.armed = Some(deadline);
            self.timers.plan(deadline, Timer::ProgramDeadline(host));
        }
    }

    fn note(&mut self, host: HostIndex, kind: NoteKind) {
        self.records.note(self.clock.now(), self.network.endpoint(host), kind);
    }
}
