//! One run, from the first process to the last: starts the nodes, sends each its init, feeds the clients from the generator, lets the
//! nemesis act, and reports every event to the observer.
//!
//! It works the same under real and virtual time; only the hosts of the nodes differ.

use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::Rc,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use glomers_check::{Operation, OperationKind};
use glomers_node::{Random, Time};
use glomers_protocol::NodeId;
use glomers_world::{ExitReport, HostIndex, JournalError, SpawnError, World};

use super::{
    event::{Event, Observer},
    lateness::Lateness,
    operation_record,
};
use crate::{
    clients::{Connection, ReplyLog},
    cluster::{Cluster, Hosting, INIT_TIMEOUT, Preparation},
    generator::{
        Context, FreeThreads, Generator, Idle, Next, OperationRequest, Scripted, Stagger, TimeLimit,
    },
    nemeses::{Nemesis, Step},
    plan::{FaultScript, Plan},
    workloads::Workload,
};

/// How many replaced clients are kept, so that late replies to them are noticed.
const MAX_RETIRED: usize = 256;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// All operations were invoked and completed.
    Complete,
    /// A signal asked for the end.
    Interrupted {
        /// Its number.
        signal: u8,
    },
    /// A node did not get as far as the first operation.
    NotStarted {
        /// The node.
        node: NodeId,
        /// How it failed.
        reason: String,
    },
    /// A checker saw a violation, and the plan says to stop there.
    FailedFast,
}

/// A run that has ended.
pub struct Ended {
    /// How.
    pub ending: Ending,
    /// The outcomes of the clients' requests.
    pub replies: ReplyLog,
    /// How late the workbench itself woke up.
    pub lateness: Lateness,
    /// The nodes that did not get ready again after a kill, each with the reason.
    pub failed_restarts: Vec<(NodeId, String)>,
    /// The nodes that ended by themselves.
    pub exits: Vec<ExitReport>,
    /// The faults that were injected, as a script that repeats them.
    pub faults: FaultScript,
    /// The world, with its counters and complaints.
    pub world: World,
}

/// Why a run could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A process could not be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// The journal can't be written, such as on a full disk.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// A run under way.
pub struct Runner<'a> {
    plan: &'a Plan,
    world: World,
    cluster: Cluster,
    workload: Workload,
    observer: &'a mut dyn Observer,
    signal: &'a AtomicUsize,
    exits: Vec<ExitReport>,
    failed_restarts: Vec<(NodeId, String)>,
    faults: FaultScript,
    lateness: Lateness,
    /// The clients that others have replaced, the oldest first.
    retired: VecDeque<HostIndex>,
    /// How many of the kept protocol violations the observer has seen.
    told_complaints: usize,
    origin: Time,
    operations: u64,
    completed: Rc<RefCell<VecDeque<(usize, Operation)>>>,
    note: Vec<u8>,
}

/// The clients at work, each a thread: a place for one operation at a time.
struct Clients {
    threads: Vec<Thread>,
    free: FreeThreads,
    processes: Vec<u64>,
    random: Random,
}

struct Thread {
    host: HostIndex,
    connection: Connection,
}

impl<'a> Runner<'a> {
    /// A run of `plan` in `world`. A signal's number may be put into `signal` at any time.
    pub fn new(
        plan: &'a Plan,
        world: World,
        hosting: Hosting,
        workload: Workload,
        observer: &'a mut dyn Observer,
        signal: &'a AtomicUsize,
    ) -> Self {
        Self {
            plan,
            world,
            cluster: Cluster::new(plan, hosting, workload.set_up.clone()),
            workload,
            observer,
            signal,
            exits: Vec::new(),
            failed_restarts: Vec::new(),
            faults: FaultScript::new(""),
            lateness: Lateness::default(),
            retired: VecDeque::new(),
            told_complaints: 0,
            origin: Time::ZERO,
            operations: 0,
            completed: Rc::default(),
            note: Vec::new(),
        }
    }

    /// Carries it out.
    ///
    /// # Errors
    /// [`RunError`], when the workbench itself can't go on. What a node does wrong is no error, but an [`Ending`] or a complaint.
    pub fn run(mut self) -> Result<Ended, RunError> {
        let ending = match self.start()? {
            Some(ending) => ending,
            None => self.operate()?,
        };
        if ending == Ending::FailedFast {
            self.observer.event(&Event::FailedFast);
        }
        self.observer.event(&Event::TearingDown);
        Ok(Ended {
            ending,
            replies: self.cluster.replies().take(),
            lateness: self.lateness,
            failed_restarts: self.failed_restarts,
            exits: self.exits,
            faults: self.faults,
            world: self.world,
        })
    }

    /// Starts every node and waits until each has answered init, and then what the workload sets it up with.
    fn start(&mut self) -> Result<Option<Ending>, RunError> {
        self.world.add_services();
        for node in 0..self.plan.nodes.len() {
            self.observer.event(&Event::Launching { node: &self.plan.nodes[node] });
            self.cluster.launch(&mut self.world, node)?;
        }
        for node in 0..self.plan.nodes.len() {
            self.cluster.send_init(&mut self.world, node);
        }
        let mut failure = self.await_preparations()?;
        if failure.is_none() && self.cluster.set_up(&mut self.world) {
            failure = self.await_preparations()?;
        }
        if failure.is_some() {
            return Ok(failure);
        }
        self.origin = self.world.now();
        self.observer.event(&Event::Ready { after: self.origin });
        Ok(None)
    }

    /// Waits until every node has answered what it was sent.
    fn await_preparations(&mut self) -> Result<Option<Ending>, RunError> {
        let give_up = self.world.now() + INIT_TIMEOUT + Duration::from_secs(1);
        let mut ready = 0;
        loop {
            if let Some(ending) = self.interruption() {
                return Ok(Some(ending));
            }
            // Every request has its own, shorter time-out.
            assert!(self.world.now() < give_up, "a client waits for an answer past its time-out");
            while let Some((node, preparation)) = self.cluster.preparation() {
                match self.why_not_ready(&node, &preparation) {
                    Some(reason) => return Ok(Some(Ending::NotStarted { node, reason })),
                    None => ready += 1,
                }
            }
            if let Some(exit) = self.exits.first() {
                return Ok(Some(Ending::NotStarted { node: exit.node.clone(), reason: exit.to_string() }));
            }
            if ready == self.plan.nodes.len() {
                return Ok(None);
            }
            self.turn(give_up)?;
        }
    }

    /// Lets the clients work until the generators are done and every operation has completed.
    fn operate(&mut self) -> Result<Ending, RunError> {
        let threads: Vec<Thread> =
            (0..self.plan.concurrency).map(|thread| self.open_thread(thread)).collect();
        let mut clients = Clients {
            free: FreeThreads::all(threads.len()),
            processes: (0..threads.len() as u64).collect(),
            threads,
            random: Random::derive(self.plan.seed, "workload"),
        };
        let mut nemesis = Nemesis::new(self.plan, &mut self.world);
        let mut generator = self.generator();
        let ending = self.work(&mut clients, &mut generator, &mut nemesis, false)?;
        self.faults = nemesis.script();
        if let Some(ending) = ending {
            return Ok(ending);
        }
        if let Some(mut generator) = self.workload.final_generator.take() {
            if let Some(ending) = self.recover()? {
                return Ok(ending);
            }
            // No more faults are injected.
            if let Some(ending) = self.work(&mut clients, &mut generator, &mut Nemesis::none(), true)? {
                return Ok(ending);
            }
        }
        Ok(Ending::Complete)
    }

    /// Lets the clients work until one generator is done and every operation has completed. At the end no fault is left.
    fn work(
        &mut self,
        clients: &mut Clients,
        generator: &mut dyn Generator,
        nemesis: &mut Nemesis,
        is_final: bool,
    ) -> Result<Option<Ending>, RunError> {
        let mut is_draining = false;
        loop {
            let early = self.early_ending();
            if early.is_some() {
                self.heal(nemesis)?;
                return Ok(early);
            }
            self.complete_operations(clients, generator);
            let elapsed = self.elapsed();
            self.observer.turn(&self.world, elapsed);
            if !is_draining {
                while let Some(step) = nemesis.act(elapsed, &mut self.world, &mut self.cluster) {
                    self.record_step(step)?;
                }
            }
            self.note_preparations();
            let mut wake = None;
            while !is_draining {
                let mut context = Context {
                    now: elapsed,
                    free: &clients.free,
                    processes: &clients.processes,
                    random: &mut clients.random,
                };
                match generator.next(&mut context) {
                    Next::Operation(request) => self.invoke(clients, generator, request),
                    Next::Later(at) => {
                        wake = Some(at);
                        break;
                    }
                    Next::WhenFree => break,
                    Next::Done => {
                        is_draining = true;
                        self.heal(nemesis)?;
                        let operations = clients.threads.len() - clients.free.count();
                        self.observer.event(&Event::Draining { is_final, operations });
                    }
                }
            }
            if is_draining && clients.free.are_all() {
                return Ok(None);
            }
            // An operation that needs no message has completed by now, and what comes next need not wait.
            if !self.completed.borrow().is_empty() {
                continue;
            }
            // While the last operations are under way only their own timeouts are due.
            let due = if is_draining { None } else { nemesis.due() };
            let until = [wake, due].into_iter().flatten().min();
            self.turn(until.map_or(Time::MAX, |until| self.origin + until.since(Time::ZERO)))?;
        }
    }

    /// Gives the nodes time before the final operations. No operation is under way.
    fn recover(&mut self) -> Result<Option<Ending>, RunError> {
        self.observer.event(&Event::Recovering { pause: self.plan.recovery });
        let end = self.elapsed() + self.plan.recovery;
        while self.elapsed() < end {
            let early = self.early_ending();
            if early.is_some() {
                return Ok(early);
            }
            self.note_preparations();
            let elapsed = self.elapsed();
            self.observer.turn(&self.world, elapsed);
            self.turn(self.origin + end.since(Time::ZERO))?;
        }
        self.observer.event(&Event::Finishing);
        Ok(None)
    }

    fn turn(&mut self, until: Time) -> Result<(), RunError> {
        let is_behind = until <= self.world.now();
        let turn = self.world.turn(until)?;
        if !is_behind && self.world.now() >= until {
            self.lateness.record(self.world.now().since(until));
        }
        for exit in turn.exits {
            self.observer.event(&Event::NodeExited { exit: &exit });
            self.exits.push(exit);
        }
        for complaint in &self.world.protocol_violations().kept()[self.told_complaints..] {
            self.observer.event(&Event::ProtocolViolation { text: &complaint.to_string() });
        }
        self.told_complaints = self.world.protocol_violations().kept().len();
        Ok(())
    }

    fn generator(&mut self) -> TimeLimit<Box<dyn Generator>> {
        let inner = std::mem::replace(&mut self.workload.generator, Box::new(Idle));
        let spread: Box<dyn Generator> = if let Some(operations) = &self.plan.operations {
            Box::new(Scripted::new(operations, self.plan.concurrency))
        } else if self.plan.rate_hz > 0.0 {
            Box::new(Stagger::new(self.plan.rate_hz, inner))
        } else {
            Box::new(Idle)
        };
        TimeLimit::new(self.plan.time_limit, spread)
    }

    /// Hands an operation to a thread's client.
    fn invoke(&mut self, clients: &mut Clients, generator: &mut dyn Generator, request: OperationRequest) {
        let OperationRequest { thread: number, f, value, extra } = request;
        clients.free.take(number);
        let mut operation = Operation { extra, ..Operation::invoke(clients.processes[number], f, value) };
        self.record(&mut operation);
        generator.observe(number, &operation);
        let thread = &clients.threads[number];
        let completion = self.workload.client.invoke(thread.connection.clone(), operation);
        let completed = Rc::clone(&self.completed);
        self.world.spawn(thread.host, async move {
            let operation = completion.await;
            completed.borrow_mut().push_back((number, operation));
        });
    }

    /// Records what has completed since the last turn, and replaces the processes whose operation has an unknown outcome.
    fn complete_operations(&mut self, clients: &mut Clients, generator: &mut dyn Generator) {
        loop {
            let Some((number, mut operation)) = self.completed.borrow_mut().pop_front() else { return };
            self.record(&mut operation);
            generator.observe(number, &operation);
            if operation.kind == OperationKind::Info {
                clients.processes[number] += clients.threads.len() as u64;
                if !self.workload.client.is_reusable() {
                    let thread = self.open_thread(number);
                    self.retire(std::mem::replace(&mut clients.threads[number], thread).host);
                }
            }
            clients.free.give_back(number);
        }
    }

    /// Keeps a client whose operation ended unknown for a while, so that a late reply to it is noticed.
    fn retire(&mut self, host: HostIndex) {
        self.retired.push_back(host);
        if self.retired.len() > MAX_RETIRED
            && let Some(oldest) = self.retired.pop_front()
        {
            self.world.remove(oldest);
        }
    }

    fn record_step(&mut self, step: Step) -> Result<(), RunError> {
        self.observer.event(&Event::Nemesis { f: &step.f, done: &step.done });
        for value in [step.asked, step.done] {
            let mut operation = Operation::nemesis(step.f.clone(), value);
            self.record(&mut operation);
        }
        self.cluster.take_spawn_failure().map_or(Ok(()), |error| Err(error.into()))
    }

    fn heal(&mut self, nemesis: &mut Nemesis) -> Result<(), RunError> {
        let now = self.elapsed();
        for step in nemesis.heal(now, &mut self.world, &mut self.cluster) {
            self.record_step(step)?;
        }
        Ok(())
    }

    /// Records the nodes that were restarted and did not get ready.
    fn note_preparations(&mut self) {
        while let Some((node, preparation)) = self.cluster.preparation() {
            if let Some(reason) = self.why_not_ready(&node, &preparation) {
                self.failed_restarts.push((node, reason));
            }
        }
    }

    /// Numbers and dates an operation, writes it to the journal, and shows it to the observer.
    fn record(&mut self, operation: &mut Operation) {
        operation.index = self.operations;
        operation.time_ns = self.elapsed().as_ns();
        self.operations += 1;
        self.note.clear();
        operation_record::encode(operation, &mut self.note);
        self.world.append_user_record(&self.note);
        self.observer.operation(operation);
    }

    fn open_thread(&mut self, thread: usize) -> Thread {
        let (host, client) = self.cluster.open_client(&mut self.world);
        let target = self.plan.nodes[thread % self.plan.nodes.len()].clone();
        Thread { host, connection: Connection::new(client, target) }
    }

    fn elapsed(&self) -> Time {
        Time::ZERO + self.world.now().since(self.origin)
    }

    /// What a node did instead of answering what it was sent before the first operation; none if it did answer.
    fn why_not_ready(&mut self, node: &NodeId, preparation: &Preparation) -> Option<String> {
        match preparation {
            Preparation::Ready => None,
            Preparation::NoInit => Some(self.why_no_init(node)),
            Preparation::WrongInit(what) => Some(format!("Node {node} {what}.")),
            Preparation::SetUp(failure) => {
                let kind = self.workload.set_up.as_ref().map_or("set-up", |set_up| set_up.rpc.name);
                Some(format!(
                    "Node {node} did not answer its {kind:?} message as it should: {failure}.{}",
                    self.what_else(node)
                ))
            }
        }
    }

    fn why_no_init(&mut self, node: &NodeId) -> String {
        let host = self.world.find(node);
        let instead = if host.is_some_and(|host| self.world.is_stopped(host)) {
            " It is stopped by a signal such as SIGSTOP, and nobody has sent SIGCONT since.".to_owned()
        } else {
            match (self.what_else(node), host.and_then(|host| self.world.unfinished_line(host))) {
                (nothing, Some(line)) if nothing.is_empty() => {
                    format!(" It printed the beginning of a line, and no newline: {line}")
                }
                (nothing, None) if nothing.is_empty() => {
                    " It printed no message to stdout: does it read stdin, and flush stdout after every line?"
                        .to_owned()
                }
                (something, _) => something,
            }
        };
        format!("Node {node} did not answer its init message within {} s.{instead}", INIT_TIMEOUT.as_secs())
    }

    /// What a node did instead of answering, as sentences with a blank before each.
    fn what_else(&self, node: &NodeId) -> String {
        let mut text = String::new();
        let replies = self.cluster.replies().borrow();
        if let Some(unusable) = replies.unusable_of(node) {
            text = format!(" {unusable}");
        }
        let mut violations = self.world.protocol_violations().kept().iter();
        if let Some(violation) = violations.find(|violation| violation.node == *node) {
            text.push_str(&format!(" {violation}"));
        }
        text
    }

    fn early_ending(&self) -> Option<Ending> {
        let failed = self.plan.fail_fast && self.observer.has_failed();
        self.interruption().or_else(|| failed.then_some(Ending::FailedFast))
    }

    fn interruption(&self) -> Option<Ending> {
        match self.signal.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(Ending::Interrupted { signal: u8::try_from(signal).unwrap_or(u8::MAX) }),
        }
    }
}
