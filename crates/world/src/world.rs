//! The world: its hosts, and what its user can do to them.

use std::fmt;
use std::io;

use glomers_node::{Node, NodeCore, NodeId, Outputs, Random, Time};
use rustc_hash::FxHashMap;

use crate::clock::{Clock, ClockKind};
use crate::complaint::{Complaint, Complaints, EXCERPT_CHARS, escape};
use crate::host::{Host, HostIndex, HostRole, HostState, LocalHost};
use crate::journal::{Journal, JournalError, JournalWriter, WireEntry};
use crate::options::WorldOptions;
use crate::process::{ExitReport, KILL_PATIENCE, ProcessHost, ProcessSpec, SpawnError, Supervision};
use crate::queue::EventQueue;
use crate::rules::{Rule, RuleId, Rules};
use crate::statistics::NetworkStatistics;
use crate::wake::{WakeHandle, WakePipe};
use crate::watch::{Passage, Watcher};

/// One network and its hosts, under one clock, with one order of events.
///
/// The user adds hosts and calls [`turn`](Self::turn) again and again; between turns it looks at what its clients have completed, and
/// starts new operations with [`spawn`](Self::spawn). A world is used on the thread that made it, and takes all its processes with
/// it, however it ends.
pub struct World {
    pub(crate) options: WorldOptions,
    pub(crate) clock: Clock,
    pub(crate) hosts: Vec<Host>,
    /// The newest host of each name. Only looked up, never iterated.
    pub(crate) names: FxHashMap<NodeId, HostIndex>,
    pub(crate) queue: EventQueue,
    pub(crate) rules: Rules,
    pub(crate) journal: JournalWriter,
    pub(crate) statistics: NetworkStatistics,
    pub(crate) complaints: Complaints,
    pub(crate) next_message: u64,
    pub(crate) network_random: Random,
    pub(crate) scheduling_random: Random,
    /// Processes that live, in the order they were started.
    pub(crate) processes: Vec<HostIndex>,
    /// Processes with input that no write has tried to hand over yet.
    pub(crate) dirty: Vec<HostIndex>,
    pub(crate) outputs: Outputs,
    pub(crate) read_buffer: Vec<u8>,
    pub(crate) exits: Vec<ExitReport>,
    pub(crate) wake_pipe: Option<WakePipe>,
    pub(crate) watcher: Option<Watcher>,
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
        Self {
            clock: Clock::new(options.clock),
            hosts: Vec::new(),
            names: FxHashMap::default(),
            queue: EventQueue::default(),
            rules: Rules::default(),
            journal: JournalWriter::new(journal),
            statistics: NetworkStatistics::default(),
            complaints: Complaints::default(),
            next_message: 0,
            network_random: Random::derive(options.seed, "network"),
            scheduling_random: Random::derive(options.seed, "scheduling"),
            processes: Vec::new(),
            dirty: Vec::new(),
            outputs: Outputs::new(),
            read_buffer: Vec::new(),
            exits: Vec::new(),
            wake_pipe: None,
            watcher: None,
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
        let host = self.add_host(id, role, HostState::Local(Box::new(LocalHost::new(core))));
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
        let host = self.add_host(id, HostRole::Node, HostState::Process(Box::new(process)));
        self.processes.push(host);
        Ok(host)
    }

    /// Runs a task on a local host, now, until it first waits. Does nothing on a host that is dead, gone, or a process; on one that
    /// is paused, the task waits with it.
    pub fn spawn(&mut self, host: HostIndex, task: impl Future<Output = ()> + 'static) {
        let Some(node) = self.node(host) else { return };
        node.spawn(task);
        if !self.hosts[host.slot()].is_paused {
            self.tick(host);
        }
    }

    /// A handle on a local host's node; `None` where the host is dead, gone, or a process.
    pub fn node(&self, host: HostIndex) -> Option<&Node> {
        match &self.hosts[host.slot()].state {
            HostState::Local(local) => Some(local.core.node()),
            _ => None,
        }
    }

    /// A host's name.
    pub fn id(&self, host: HostIndex) -> &NodeId {
        &self.hosts[host.slot()].id
    }

    /// The newest host of that name, dead or alive.
    pub fn find(&self, id: &NodeId) -> Option<HostIndex> {
        self.names.get(id.as_str()).copied()
    }

    /// Whether the host is neither dead nor gone.
    pub fn is_alive(&self, host: HostIndex) -> bool {
        self.hosts[host.slot()].state.is_alive()
    }

    /// The beginning of a line that a process has printed and not ended yet, fit for a terminal.
    pub fn unfinished_line(&self, host: HostIndex) -> Option<String> {
        match &self.hosts[host.slot()].state {
            HostState::Process(process) if !process.lines.unfinished().is_empty() => {
                Some(escape(process.lines.unfinished(), EXCERPT_CHARS))
            }
            _ => None,
        }
    }

    /// Whether a process stands still because of a signal such as SIGSTOP, whoever sent it. `false` where the system does not say.
    pub fn is_stopped(&mut self, host: HostIndex) -> bool {
        match &mut self.hosts[host.slot()].state {
            HostState::Process(process) => process.is_stopped(),
            _ => false,
        }
    }

    /// Lets a host leave in peace, as a client does: what still comes for it is dropped, and nobody is to blame.
    pub fn remove(&mut self, host: HostIndex) {
        if self.end(host, HostState::Departed) {
            let name = self.journal.host_name(host.0, self.hosts[host.slot()].id.as_str());
            self.journal.append(self.clock.now(), WireEntry::HostRemoved { host: name });
        }
    }

    /// Kills a host: it loses its state, and what comes for it is lost. What it had sent stays sent. A new host may take its name.
    pub fn kill(&mut self, host: HostIndex) {
        if self.end(host, HostState::Dead) {
            let name = self.journal.host_name(host.0, self.hosts[host.slot()].id.as_str());
            self.journal.append(self.clock.now(), WireEntry::HostKilled { host: name });
        }
    }

    /// Stops a host in its tracks until [`resume`](Self::resume): a process and all that it started get SIGSTOP, a local host is not
    /// stepped. What comes for it waits.
    pub fn pause(&mut self, host: HostIndex) {
        let place = &mut self.hosts[host.slot()];
        if place.is_paused || !place.state.is_alive() {
            return;
        }
        place.is_paused = true;
        if let HostState::Process(process) = &place.state {
            process.pause();
        }
        let name = self.journal.host_name(host.0, place.id.as_str());
        self.journal.append(self.clock.now(), WireEntry::HostPaused { host: name });
    }

    /// Lets a paused host go on.
    pub fn resume(&mut self, host: HostIndex) {
        let place = &mut self.hosts[host.slot()];
        if !place.is_paused || !place.state.is_alive() {
            return;
        }
        place.is_paused = false;
        let name = self.journal.host_name(host.0, place.id.as_str());
        self.journal.append(self.clock.now(), WireEntry::HostResumed { host: name });
        match &mut place.state {
            HostState::Process(process) => process.resume(),
            HostState::Local(local) => {
                let held = std::mem::take(&mut local.held);
                self.release(held);
                self.tick(host);
            }
            HostState::Dead | HostState::Departed => {}
        }
    }

    /// Begins a fault of the network.
    pub fn install_rule(&mut self, rule: impl Rule + 'static) -> RuleId {
        let description = rule.description();
        let id = self.rules.install(Box::new(rule), self.options.seed);
        self.journal
            .append(self.clock.now(), WireEntry::RuleInstalled { rule: id.0, description: &description });
        id
    }

    /// Ends a fault of the network. Does nothing where it has ended.
    pub fn remove_rule(&mut self, rule: RuleId) {
        if self.rules.remove(rule) {
            self.journal.append(self.clock.now(), WireEntry::RuleRemoved { rule: rule.0 });
        }
    }

    /// Puts an entry of the user's own into the journal, and returns its number in the one order.
    pub fn note(&mut self, payload: &[u8]) -> u64 {
        self.journal.append(self.clock.now(), WireEntry::Note(payload))
    }

    /// Shows every message to `watcher`, when it is sent and when it is delivered. Costs a call for each.
    pub fn watch(&mut self, watcher: impl FnMut(&Passage<'_>) + 'static) {
        self.watcher = Some(Watcher(Box::new(watcher)));
    }

    /// What the nodes did wrong.
    pub fn complaints(&self) -> &Complaints {
        &self.complaints
    }

    /// How many messages passed.
    pub fn network_statistics(&self) -> NetworkStatistics {
        self.statistics
    }

    /// The hash of the journal so far: XXH3-64 over the encoded records. Equal for equal seeds in virtual time.
    pub fn trace_hash(&self) -> u64 {
        self.journal.trace_hash()
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
        let exits = std::mem::take(&mut self.exits);
        self.kill_processes();
        let journal = self.journal.finish()?;
        let (record_count, trace_hash) = (self.journal.record_count(), self.journal.trace_hash());
        Ok(Finished { record_count, trace_hash, journal, exits })
    }

    pub(crate) fn complain(&mut self, host: HostIndex, complaint: impl FnOnce(NodeId) -> Complaint) {
        let node = &self.hosts[host.slot()].id;
        if !self.complaints.count(node) {
            return;
        }
        let complaint = self.complaints.keep(complaint(node.clone()));
        tracing::warn!("{complaint}");
        let text = complaint.to_string();
        let name = self.journal.host_name(host.0, node.as_str());
        self.journal.append(self.clock.now(), WireEntry::Complaint { host: name, text: &text });
    }

    /// The first process of a name has the world's seed. One that is started in its place must not draw what it drew before: identifiers
    /// that are drawn at random would come a second time.
    fn seed_of_process(&self, id: &NodeId) -> u64 {
        match self.hosts.iter().filter(|host| host.id == *id).count() {
            0 => self.options.seed,
            lives => self.random(&format!("process {id}, after {lives} others")).next_u64(),
        }
    }

    fn is_taken(&self, id: &NodeId) -> bool {
        self.find(id).is_some_and(|host| self.is_alive(host))
    }

    fn add_host(&mut self, id: NodeId, role: HostRole, state: HostState) -> HostIndex {
        let host = HostIndex(u32::try_from(self.hosts.len()).expect("four billion hosts exceed any memory"));
        let name = self.journal.host_name(host.0, id.as_str());
        self.journal.append(self.clock.now(), WireEntry::HostAdded { host: name, role });
        self.names.insert(id.clone(), host);
        self.hosts.push(Host { id, role, state, is_paused: false, awaited_bytes: 0 });
        host
    }

    /// Ends a host's life, if it lives. What a process had printed is still sent.
    fn end(&mut self, host: HostIndex, state: HostState) -> bool {
        if !self.is_alive(host) {
            return false;
        }
        if let HostState::Process(process) = &mut self.hosts[host.slot()].state {
            process.is_killed = true;
            process.request_kill();
            let end = process.await_end(KILL_PATIENCE);
            self.drain_output(host);
            self.complain_of_log(host);
            self.complain_of_supervision(host, end);
            self.processes.retain(|process| *process != host);
        }
        let place = &mut self.hosts[host.slot()];
        place.is_paused = false;
        let ended = std::mem::replace(&mut place.state, state);
        if let HostState::Local(local) = ended {
            // They were under way to a host that has gone: their delivery says so.
            self.release(local.held);
        }
        true
    }

    fn kill_processes(&mut self) {
        let mut ending = std::mem::take(&mut self.processes);
        // All are asked before the first is waited for: however many guards are slow, the end takes no longer than one.
        for host in &ending {
            if let HostState::Process(process) = &mut self.hosts[host.slot()].state {
                process.request_kill();
            }
        }
        let mut patience = KILL_PATIENCE;
        for host in ending.drain(..) {
            let place = &mut self.hosts[host.slot()];
            if let HostState::Process(process) = &mut place.state
                && process.await_end(patience).supervision == Supervision::Forced
            {
                patience = std::time::Duration::ZERO;
            }
            place.state = HostState::Dead;
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill_processes();
        // A run that is cut short keeps its records. There is nobody left to tell of an error.
        let _ = self.journal.finish();
    }
}

impl fmt::Debug for World {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("World")
            .field("options", &self.options)
            .field("now", &self.now())
            .field("hosts", &self.hosts)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
