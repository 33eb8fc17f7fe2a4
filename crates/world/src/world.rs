//! The world: its hosts, and what its user can do to them.

mod delivery;
mod lockstep_io;
mod process_io;
mod turn;

use std::fmt;
use std::io;
use std::time::Duration;

use glomers_node::{Node, NodeCore, NodeId, Outputs, Random, Time};
use glomers_protocol::text;

use self::process_io::Processes;
use self::turn::Timer;
pub use self::turn::{Turn, TurnOutcome};
use crate::clock::{Clock, ClockKind};
use crate::host::{Host, LocalHost};
use crate::ids::{HostIndex, HostRole};
use crate::journal::{Journal, JournalError, JournalWriter, Name, WireEntry};
use crate::message_event::{MessageEvent, Watcher};
use crate::network::{
    DropReason, EndpointKind, Network, NetworkOptions, NetworkStatistics, Presence, Rule, RuleId,
};
use crate::note::Note;
use crate::options::WorldOptions;
use crate::process::{
    ExitReport, KILL_PATIENCE, Printed, ProcessHost, ProcessSpec, SpawnError, Supervision, node_seed,
};
use crate::records::Records;
use crate::schedule::{PlanningOrder, Schedule};
use crate::violation::{EXCERPT_CHARS, ProtocolViolations};
use crate::wake::{WakeHandle, WakePipe};

/// One network and its hosts, under one clock, with one order of events.
///
/// The user adds hosts and calls [`turn`](Self::turn) again and again; between turns it looks at what its clients have completed, and
/// starts new operations with [`spawn`](Self::spawn). A world is used on the thread that made it, and takes all its processes with
/// it, however it ends.
pub struct World {
    pub(crate) options: WorldOptions,
    pub(crate) clock: Clock,
    /// What runs behind each of the network's endpoints, by [`HostIndex`].
    pub(crate) hosts: Vec<Host>,
    pub(crate) network: Network,
    pub(crate) timers: Schedule<Timer>,
    pub(crate) processes: Processes,
    /// The programs in lock step that have something to do now.
    pub(crate) lockstep_dirty: Vec<HostIndex>,
    pub(crate) records: Records,
    /// Where a local host's step puts what it sends; empty in between.
    pub(crate) outputs: Outputs,
    pub(crate) wake_pipe: Option<WakePipe>,
}

/// What is left of a world.
#[derive(Debug)]
pub struct Finished {
    /// How many records the journal holds.
    pub record_count: u64,
    /// The hash of all records, by which two simulated runs are compared.
    pub trace_hash: u64,
    /// The journal, where it was kept in memory.
    pub journal: Option<Vec<u8>>,
    /// Nodes that had ended by themselves since the last turn.
    pub exits: Vec<ExitReport>,
}

impl World {
    /// An empty world at time zero.
    pub fn new(options: WorldOptions, journal: Journal) -> Self {
        let is_real = options.clock == ClockKind::Real;
        let order = PlanningOrder::default();
        let network = NetworkOptions {
            seed: options.seed,
            latency: options.latency,
            max_scheduling_delay: if is_real { Duration::ZERO } else { options.max_scheduling_delay },
            arrives_at_once: is_real,
            in_flight_limit_bytes: options.limits.input_bytes,
        };
        Self {
            clock: Clock::new(options.clock),
            hosts: Vec::new(),
            network: Network::new(network, order.clone()),
            timers: Schedule::new(order),
            processes: Processes::new(),
            lockstep_dirty: Vec::new(),
            records: Records {
                journal: JournalWriter::new(journal),
                violations: ProtocolViolations::default(),
                notes: Vec::new(),
                watchers: Vec::new(),
                in_flight_limit_bytes: options.limits.input_bytes,
            },
            outputs: Outputs::new(),
            wake_pipe: None,
            options,
        }
    }

    /// The time of the world, as of the last thing that happened in it.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// What the world was made from.
    pub fn options(&self) -> &WorldOptions {
        &self.options
    }

    /// A stream of random numbers that nothing else in the world draws from.
    pub fn random(&self, stream_name: &str) -> Random {
        Random::derive(self.options.seed, stream_name)
    }

    /// Adds a host that the world itself steps: a client, a service, or a node in simulation.
    ///
    /// # Panics
    /// If a host of that name lives: names are the caller's to give out.
    pub fn add_local(&mut self, id: NodeId, role: HostRole, core: NodeCore) -> HostIndex {
        assert!(!self.is_taken(&id), "a host named {id} lives already");
        let is_ready = role != HostRole::Node || core.id().is_some();
        let host = self.add_host(
            id,
            role,
            EndpointKind::Local,
            is_ready,
            Host::Local(Box::new(LocalHost::new(core))),
        );
        self.arm(host);
        host
    }

    /// Starts a process and adds it as a node.
    ///
    /// # Errors
    /// Where the process cannot be started; the error says what to do about it.
    pub fn add_process(&mut self, id: NodeId, spec: &ProcessSpec) -> Result<HostIndex, SpawnError> {
        if self.clock.kind() == ClockKind::Virtual {
            return Err(SpawnError::VirtualTime { node: id });
        }
        if self.is_taken(&id) {
            return Err(SpawnError::NameTaken { node: id });
        }
        let seed = self.seed_of_process(&id);
        let process = ProcessHost::spawn(&id, spec, seed, self.options.limits)?;
        let host =
            self.add_host(id, HostRole::Node, EndpointKind::Process, false, Host::Process(Box::new(process)));
        self.processes.alive.push(host);
        Ok(host)
    }

    /// Runs a task on a local host, now, until it first waits. Does nothing on a host that is dead, gone, or a process; on one that
    /// is paused, the task waits with it.
    pub fn spawn(&mut self, host: HostIndex, task: impl Future<Output = ()> + 'static) {
        let Some(node) = self.node(host) else { return };
        node.spawn(task);
        if !self.network.endpoint(host).is_paused {
            self.tick(host);
        }
    }

    /// A handle on a local host's node; `None` where the host is dead, gone, or a process.
    pub fn node(&self, host: HostIndex) -> Option<&Node> {
        match &self.hosts[host.slot()] {
            Host::Local(local) => Some(local.core.node()),
            _ => None,
        }
    }

    /// A host's name.
    pub fn id(&self, host: HostIndex) -> &NodeId {
        &self.network.endpoint(host).id
    }

    /// The newest host of that name, dead or alive.
    pub fn find(&self, id: &NodeId) -> Option<HostIndex> {
        self.network.find(id.as_str())
    }

    /// Whether the host is neither dead nor gone.
    pub fn is_alive(&self, host: HostIndex) -> bool {
        self.network.endpoint(host).is_alive()
    }

    /// The beginning of a line that a process has printed and not ended yet, fit for a terminal.
    pub fn unfinished_line(&self, host: HostIndex) -> Option<String> {
        match &self.hosts[host.slot()] {
            Host::Process(process) => excerpt_of_unfinished(&process.printed),
            Host::Lockstep(program) => excerpt_of_unfinished(&program.printed),
            Host::Local(_) | Host::Gone => None,
        }
    }

    /// Whether a process stands still because of a signal such as SIGSTOP, whoever sent it. `false` where the system does not say.
    pub fn is_stopped(&mut self, host: HostIndex) -> bool {
        match &mut self.hosts[host.slot()] {
            Host::Process(process) => process.is_stopped(),
            _ => false,
        }
    }

    /// Takes a host out of the world, as a client that is done: what still comes for it is dropped, and nobody is to blame.
    pub fn remove(&mut self, host: HostIndex) {
        self.end(host, Presence::Removed, |host| WireEntry::HostRemoved { host });
    }

    /// Kills a host: it loses its state, and what comes for it is lost. What it had sent stays sent; what it had not read is lost. A
    /// new host may take its name.
    pub fn kill(&mut self, host: HostIndex) {
        self.end(host, Presence::Dead, |host| WireEntry::HostKilled { host });
    }

    /// Suspends a host until [`resume`](Self::resume): a process and all that it started get SIGSTOP, a local host is not
    /// stepped. What comes for it waits.
    pub fn pause(&mut self, host: HostIndex) {
        if !self.is_alive(host) {
            return;
        }
        // What has arrived before is delivered before.
        self.write_input(host);
        if !self.network.pause(host) {
            return;
        }
        match &mut self.hosts[host.slot()] {
            Host::Process(process) => process.pause(),
            Host::Lockstep(program) => program.pause(),
            Host::Local(_) | Host::Gone => {}
        }
        self.records
            .host_entry(self.clock.now(), self.network.endpoint(host), |host| WireEntry::HostPaused { host });
    }

    /// Lets a paused host go on.
    pub fn resume(&mut self, host: HostIndex) {
        let now = self.clock.now();
        if !self.network.resume(now, host) {
            return;
        }
        self.records.host_entry(now, self.network.endpoint(host), |host| WireEntry::HostResumed { host });
        match &mut self.hosts[host.slot()] {
            Host::Process(process) => process.resume(),
            Host::Lockstep(program) => {
                program.resume();
                self.mark_for_step(host);
            }
            Host::Local(_) => self.tick(host),
            Host::Gone => {}
        }
    }

    /// Begins a fault of the network.
    pub fn install_rule(&mut self, rule: impl Rule + 'static) -> RuleId {
        let description = rule.description();
        let id = self.network.install_rule(Box::new(rule));
        let entry = WireEntry::RuleInstalled { rule: id.0, description: &description };
        self.records.journal.append(self.clock.now(), entry);
        id
    }

    /// Ends a fault of the network. Does nothing where it has ended.
    pub fn remove_rule(&mut self, rule: RuleId) {
        if self.network.remove_rule(rule) {
            self.records.journal.append(self.clock.now(), WireEntry::RuleRemoved { rule: rule.0 });
        }
    }

    /// Appends an entry of the user's own to the journal, such as an operation, and returns its number in the one order.
    pub fn append_user_record(&mut self, payload: &[u8]) -> u64 {
        self.records.journal.append(self.clock.now(), WireEntry::UserRecord(payload))
    }

    /// Shows every message to `watcher` too, when it is sent and when it is delivered. Costs a call for each.
    pub fn watch(&mut self, watcher: impl FnMut(&MessageEvent<'_>) + 'static) {
        self.records.watchers.push(Watcher(Box::new(watcher)));
    }

    /// How the nodes broke the protocol.
    pub fn protocol_violations(&self) -> &ProtocolViolations {
        &self.records.violations
    }

    /// What the nodes did that the protocol allows and few nodes do.
    pub fn notes(&self) -> &[Note] {
        &self.records.notes
    }

    /// How many messages passed.
    pub fn network_statistics(&self) -> NetworkStatistics {
        self.network.statistics()
    }

    /// The hash of the journal so far: XXH3-64 over the encoded records. Equal for equal seeds in virtual time.
    pub fn trace_hash(&self) -> u64 {
        self.records.journal.trace_hash()
    }

    /// A handle with which another thread, or a signal handler's, can end a turn that waits.
    ///
    /// # Errors
    /// Where the system gives no pipe.
    pub fn wake_handle(&mut self) -> io::Result<WakeHandle> {
        let pipe = match self.wake_pipe.take() {
            Some(pipe) => pipe,
            None => WakePipe::new()?,
        };
        Ok(self.wake_pipe.insert(pipe).handle())
    }

    /// Ends the world: kills every process, and completes the journal.
    ///
    /// # Errors
    /// Where the journal could not be written. The processes are gone all the same.
    pub fn finish(mut self) -> Result<Finished, JournalError> {
        self.notice_exits();
        let exits = std::mem::take(&mut self.processes.exits);
        self.kill_processes();
        let journal = self.records.journal.finish()?;
        let (record_count, trace_hash) =
            (self.records.journal.record_count(), self.records.journal.trace_hash());
        Ok(Finished { record_count, trace_hash, journal, exits })
    }

    /// The first process of a name has the world's seed. One that is started in its place must not draw what it drew before: identifiers
    /// that are drawn at random would come a second time.
    pub(crate) fn seed_of_process(&self, id: &NodeId) -> u64 {
        node_seed(self.options.seed, id, self.network.count_named(id) as u64)
    }

    pub(crate) fn is_taken(&self, id: &NodeId) -> bool {
        self.find(id).is_some_and(|host| self.is_alive(host))
    }

    pub(crate) fn add_host(
        &mut self,
        id: NodeId,
        role: HostRole,
        kind: EndpointKind,
        is_ready: bool,
        host: Host,
    ) -> HostIndex {
        let index = self.network.add(id, role, kind, is_ready);
        self.hosts.push(host);
        let endpoint = self.network.endpoint(index);
        self.records.host_entry(self.clock.now(), endpoint, |host| WireEntry::HostAdded { host, role });
        index
    }

    /// Ends a host's life, if it lives. What a process had printed is still sent.
    fn end(&mut self, host: HostIndex, presence: Presence, entry: impl FnOnce(Name<'_>) -> WireEntry<'_>) {
        if !self.is_alive(host) {
            return;
        }
        if let Host::Lockstep(program) = &mut self.hosts[host.slot()] {
            program.kill();
        }
        if let Host::Process(process) = &mut self.hosts[host.slot()] {
            process.printed.is_killed = true;
            process.request_kill();
            let end = process.await_end(KILL_PATIENCE);
            self.drain_output(host);
            self.report_log_end(host);
            self.report_supervision(host, end);
            self.processes.alive.retain(|process| *process != host);
        }
        let now = self.clock.now();
        self.records.host_entry(now, self.network.endpoint(host), entry);
        self.abandon_input(host, &DropReason::Unread);
        self.hosts[host.slot()] = Host::Gone;
        self.network.end(now, host, presence, &mut self.records);
    }

    fn kill_processes(&mut self) {
        let ending = std::mem::take(&mut self.processes.alive);
        // All are asked before the first is waited for: however many guards are slow, the end takes no longer than one.
        for host in &ending {
            if let Host::Process(process) = &mut self.hosts[host.slot()] {
                process.request_kill();
            }
        }
        let mut patience = KILL_PATIENCE;
        for host in ending {
            if let Host::Process(process) = &mut self.hosts[host.slot()]
                && process.await_end(patience).supervision == Supervision::Forced
            {
                patience = Duration::ZERO;
            }
            self.hosts[host.slot()] = Host::Gone;
        }
    }
}

fn excerpt_of_unfinished(printed: &Printed) -> Option<String> {
    let line = printed.lines.unfinished();
    (!line.is_empty()).then(|| text::excerpt(line, EXCERPT_CHARS))
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill_processes();
        // A run that is cut short keeps its records. There is nobody left to tell of an error.
        let _ = self.records.journal.finish();
    }
}

impl fmt::Debug for World {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("World")
            .field("options", &self.options)
            .field("now", &self.now())
            .field("hosts", &self.hosts)
            .field("network", &self.network)
            .finish_non_exhaustive()
    }
}
