//! One run, from the first process to the last: starts the nodes, sends each its init, feeds the clients from the generator, lets the
//! nemesis act, and tells whoever listens what happens.
//!
//! It works the same under real and under virtual time; all that differs is how a node is hosted.

use std::{
    cell::RefCell,
    collections::VecDeque,
    fmt,
    rc::Rc,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use glomers_check::{Operation, OperationKind, Value};
use glomers_node::{CoreOptions, Node, NodeCore, Random, Router, Time};
use glomers_protocol::{ErrorCode, NodeId, RpcError, init::Init};
use glomers_world::{ExitReport, HostIndex, HostRole, JournalError, ProcessSpec, SpawnError, World};

use crate::{
    clients::Connection,
    generator::{Context, FreeThreads, Generator, Next, Silence, Stagger, TimeLimit},
    nemeses::{Nemesis, Step},
    plan::Plan,
    workloads::Workload,
};

/// How long a node may take to answer init.
pub const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// How nodes are run.
pub enum Hosting {
    /// Each as a process of its own.
    Processes(Box<dyn Fn(&NodeId) -> ProcessSpec>),
    /// Each inside this process, from a function that makes its core.
    InProcess(Box<dyn Fn(CoreOptions) -> NodeCore>),
}

impl Hosting {
    /// Every node inside this process, from a constructor that stands for the node's program.
    pub fn in_process<S: 'static>(start: impl Fn(Node) -> Router<S> + 'static) -> Self {
        let start = Rc::new(start);
        Self::InProcess(Box::new(move |options| {
            let start = Rc::clone(&start);
            NodeCore::new(options, move |node| start(node))
        }))
    }
}

/// Listens to a run. What runs and what reports meet here and nowhere else.
pub trait Observer {
    /// Something happened that a person may want to see.
    fn event(&mut self, event: &Event<'_>);
    /// An operation was invoked or completed; the run's own checkers listen here. Returns its whole record.
    fn operation(&mut self, operation: &Operation);
    /// A chance to show how far the run is; called after every turn of the event loop.
    fn turn(&mut self, world: &World, elapsed: Time);
}

/// What happens in a run.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A node's process is about to start.
    Launching {
        /// Its id.
        node: &'a NodeId,
    },
    /// Every node has answered init and the first operation may start.
    Ready {
        /// How long that took.
        after: Time,
    },
    /// The nemesis acted.
    Nemesis {
        /// The function, such as `start-partition`.
        f: &'a str,
        /// What it did.
        done: &'a Value,
    },
    /// The time limit has come; the operations under way may still complete.
    Draining {
        /// How many there are.
        operations: usize,
    },
    /// The nodes are being stopped.
    TearingDown,
}

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
        /// What it did instead of answering init.
        reason: String,
    },
}

/// A run that has ended.
pub struct Ended {
    /// How.
    pub ending: Ending,
    /// The nodes that answered init more than once, and how many answers there were beyond the first.
    pub surplus_init_replies: Vec<(NodeId, u64)>,
    /// The nodes that ended by themselves.
    pub exits: Vec<ExitReport>,
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
    hosting: Hosting,
    workload: Workload,
    observer: &'a mut dyn Observer,
    signal: &'a AtomicUsize,
    /// The clients that sent init. They stay, so that a second answer reaches somebody who notices.
    initiators: Vec<(HostIndex, Node)>,
    exits: Vec<ExitReport>,
    next_client: u64,
    origin: Time,
    operations: u64,
    completed: Rc<RefCell<VecDeque<(usize, Operation)>>>,
    note: Vec<u8>,
}

/// A node, and how it answered init.
type InitAnswer = (NodeId, Result<(), RpcError>);

/// A place for one operation at a time.
struct Thread {
    process: u64,
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
            hosting,
            workload,
            observer,
            signal,
            initiators: Vec::new(),
            exits: Vec::new(),
            next_client: 0,
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
        self.observer.event(&Event::TearingDown);
        let surplus = self
            .plan
            .nodes
            .iter()
            .zip(&self.initiators)
            .map(|(node, (_, client))| (node, client.unclaimed_replies()));
        let surplus_init_replies =
            surplus.filter(|(_, count)| *count > 0).map(|(node, count)| (node.clone(), count)).collect();
        Ok(Ended { ending, surplus_init_replies, exits: self.exits, world: self.world })
    }

    /// Starts every node and waits until each has answered init.
    fn start(&mut self) -> Result<Option<Ending>, RunError> {
        for node in &self.plan.nodes {
            self.observer.event(&Event::Launching { node });
            match &self.hosting {
                Hosting::Processes(specification) => {
                    self.world.add_process(node.clone(), &specification(node))?;
                }
                Hosting::InProcess(start) => {
                    let core = start(self.core_options(node));
                    self.world.add_local(node.clone(), HostRole::Node, core);
                }
            }
        }
        let answers: Rc<RefCell<Vec<InitAnswer>>> = Rc::default();
        for node in &self.plan.nodes {
            let (host, client) = self.open_client();
            self.initiators.push((host, client.clone()));
            let request = Init { node_id: node.clone(), node_ids: self.plan.nodes.clone() };
            let (node, answers) = (node.clone(), Rc::clone(&answers));
            self.world.spawn(host, async move {
                let answer = client.rpc(&node, request).timeout(INIT_TIMEOUT).await;
                answers.borrow_mut().push((node, answer.map(|_| ())));
            });
        }
        let give_up = self.world.now() + INIT_TIMEOUT + Duration::from_secs(1);
        loop {
            if let Some(ending) = self.interruption() {
                return Ok(Some(ending));
            }
            let failed = answers
                .borrow()
                .iter()
                .find_map(|(node, answer)| Some((node.clone(), answer.as_ref().err()?.clone())));
            if let Some((node, error)) = failed {
                return Ok(Some(Ending::NotStarted { reason: self.why_not_started(&node, &error), node }));
            }
            if let Some(exit) = self.exits.first() {
                return Ok(Some(Ending::NotStarted { node: exit.node.clone(), reason: exit.to_string() }));
            }
            if answers.borrow().len() == self.plan.nodes.len() {
                break;
            }
            self.turn(give_up)?;
        }
        self.origin = self.world.now();
        self.observer.event(&Event::Ready { after: self.origin });
        Ok(None)
    }

    /// Lets the clients work until the generator is done and every operation has completed.
    fn operate(&mut self) -> Result<Ending, RunError> {
        let mut threads: Vec<Thread> =
            (0..self.plan.concurrency).map(|thread| self.open_thread(thread, thread as u64)).collect();
        let mut free = FreeThreads::all(threads.len());
        let mut random = Random::derive(self.plan.seed, "workload");
        let mut generator = self.generator();
        let mut nemesis = Nemesis::new(&self.plan.nemesis, self.plan.nemesis_interval, self.plan.seed);
        let limit = Time::ZERO + self.plan.time_limit;
        let mut is_draining = false;
        loop {
            if let Some(ending) = self.interruption() {
                self.heal(&mut nemesis);
                return Ok(ending);
            }
            self.complete_operations(&mut threads, &mut free);
            let elapsed = self.elapsed();
            self.observer.turn(&self.world, elapsed);
            if !is_draining {
                while let Some(step) = nemesis.act(elapsed, &mut self.world, &self.plan.nodes) {
                    self.record_step(step);
                }
            }
            let wake = if is_draining {
                None
            } else {
                loop {
                    match generator.next(&mut Context { now: elapsed, free: &free, random: &mut random }) {
                        Next::Operation(draft) => {
                            free.take(draft.thread);
                            self.invoke(draft.thread, &threads[draft.thread], draft.f, draft.value);
                        }
                        Next::Later(at) => break Some(at),
                        Next::WhenFree => break Some(limit),
                        Next::Done => {
                            is_draining = true;
                            self.heal(&mut nemesis);
                            self.observer
                                .event(&Event::Draining { operations: threads.len() - free.count() });
                            break None;
                        }
                    }
                }
            };
            if is_draining && free.are_all() {
                return Ok(Ending::Complete);
            }
            let due = if is_draining { None } else { nemesis.due() };
            let until = match (wake, due) {
                (Some(wake), Some(due)) => self.origin + wake.min(due).since(Time::ZERO),
                (Some(wake), None) => self.origin + wake.since(Time::ZERO),
                // Whatever is still under way ends by its own timeout.
                (None, _) => Time::MAX,
            };
            self.turn(until)?;
        }
    }

    fn turn(&mut self, until: Time) -> Result<(), RunError> {
        self.exits.extend(self.world.turn(until)?.exits);
        Ok(())
    }

    fn generator(&mut self) -> TimeLimit<Box<dyn Generator>> {
        let inner = std::mem::replace(&mut self.workload.generator, Box::new(Silence));
        let spread: Box<dyn Generator> = if self.plan.rate_hz > 0.0 {
            Box::new(Stagger::new(self.plan.rate_hz, inner))
        } else {
            Box::new(Silence)
        };
        TimeLimit::new(Time::ZERO + self.plan.time_limit, spread)
    }

    /// Hands an operation to the thread's client.
    fn invoke(&mut self, number: usize, thread: &Thread, f: glomers_check::Name, value: Value) {
        let mut operation = Operation::invoke(thread.process, f, value);
        self.record(&mut operation);
        let completion = self.workload.client.invoke(thread.connection.clone(), operation);
        let completed = Rc::clone(&self.completed);
        self.world.spawn(thread.host, async move {
            let operation = completion.await;
            completed.borrow_mut().push_back((number, operation));
        });
    }

    /// Records what has completed since the last turn, and replaces the clients that don't know what became of their operation.
    fn complete_operations(&mut self, threads: &mut [Thread], free: &mut FreeThreads) {
        loop {
            let Some((number, mut operation)) = self.completed.borrow_mut().pop_front() else { return };
            self.record(&mut operation);
            if operation.kind == OperationKind::Info {
                let process = threads[number].process + threads.len() as u64;
                self.world.remove(threads[number].host);
                threads[number] = self.open_thread(number, process);
            }
            free.give_back(number);
        }
    }

    fn record_step(&mut self, step: Step) {
        self.observer.event(&Event::Nemesis { f: &step.f, done: &step.done });
        for value in [step.asked, step.done] {
            let mut operation = Operation::nemesis(step.f.clone(), value);
            self.record(&mut operation);
        }
    }

    fn heal(&mut self, nemesis: &mut Nemesis) {
        for step in nemesis.heal(&mut self.world, &self.plan.nodes) {
            self.record_step(step);
        }
    }

    /// Numbers and dates an operation, writes it to the journal, and shows it to the observer.
    fn record(&mut self, operation: &mut Operation) {
        operation.index = self.operations;
        operation.time_ns = self.elapsed().as_ns();
        self.operations += 1;
        self.note.clear();
        crate::record::encode(operation, &mut self.note);
        self.world.note(&self.note);
        self.observer.operation(operation);
    }

    fn open_thread(&mut self, thread: usize, process: u64) -> Thread {
        let (host, client) = self.open_client();
        let target = self.plan.nodes[thread % self.plan.nodes.len()].clone();
        Thread { process, host, connection: Connection::new(client, target) }
    }

    /// A client host with an id that nobody had before.
    fn open_client(&mut self) -> (HostIndex, Node) {
        let id = NodeId::from(format!("c{}", self.next_client));
        self.next_client += 1;
        let core = NodeCore::started(self.core_options(&id), id.clone(), Vec::new(), |_| Router::new(()));
        let client = core.node().clone();
        (self.world.add_local(id, HostRole::Client, core), client)
    }

    fn core_options(&self, id: &NodeId) -> CoreOptions {
        CoreOptions { random: Random::derive(self.plan.seed, &format!("node {id}")) }
    }

    fn elapsed(&self) -> Time {
        Time::ZERO + self.world.now().since(self.origin)
    }

    /// What a node did instead of answering init.
    fn why_not_started(&self, node: &NodeId, error: &RpcError) -> String {
        if error.code == ErrorCode::TIMEOUT {
            let complaint = self.world.complaints().kept().iter().find(|complaint| complaint.node == *node);
            let instead = complaint.map_or_else(
                || {
                    "it printed nothing to stdout: does it read stdin, and flush stdout after every line?"
                        .to_owned()
                },
                |complaint| format!("what it did instead: {complaint}"),
            );
            format!(
                "Node {node} did not answer its init message within {} s; {instead}",
                INIT_TIMEOUT.as_secs()
            )
        } else {
            format!("Node {node} answered its init message with an error: {error}")
        }
    }

    fn interruption(&self) -> Option<Ending> {
        match self.signal.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(Ending::Interrupted { signal: u8::try_from(signal).unwrap_or(u8::MAX) }),
        }
    }
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Launching { node } => write!(formatter, "Launching {node}"),
            Self::Ready { after } => {
                let after_ms = after.since(Time::ZERO).as_secs_f64() * 1e3;
                write!(formatter, "Every node has answered init, after {after_ms:.0} ms; the clients begin")
            }
            Self::Nemesis { f, done } => write!(formatter, "Nemesis: {f} {done}"),
            Self::Draining { operations: 0 } => formatter.write_str("The time is up"),
            Self::Draining { operations: 1 } => {
                formatter.write_str("The time is up; one operation is still under way")
            }
            Self::Draining { operations } => {
                write!(formatter, "The time is up; {operations} operations are still under way")
            }
            Self::TearingDown => formatter.write_str("Stopping the nodes"),
        }
    }
}
