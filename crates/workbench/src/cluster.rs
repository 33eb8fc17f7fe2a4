//! The hosts of a run: its nodes, as they start, die and pause, and their clients.

use std::{cell::RefCell, collections::VecDeque, rc::Rc, time::Duration};

use glomers_node::{CoreOptions, CrashLoss, Node, NodeCore, Random, Router, Storage};
use glomers_protocol::{
    Body, Header, NodeId, RawBody, RawValue, Request,
    init::{Init, InitOk},
};
use glomers_world::{HostIndex, HostRole, ProcessSpec, SpawnError, World};

use crate::{
    clients::{ClientHandle, Connection, DEFAULT_TIMEOUT, ReplyLog, RequestError, RequestFailure},
    plan::Plan,
    text::{QUOTE_CHARS, excerpt},
    workloads::SetUp,
};

/// How long a node may take to answer init.
pub const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// How nodes are run.
pub enum Hosting {
    /// Each as its own process.
    Processes(Box<dyn Fn(&NodeId) -> ProcessSpec>),
    /// Each as a program in lock step with a virtual clock.
    Lockstep(Box<dyn Fn(&NodeId) -> ProcessSpec>),
    /// Each inside this process, from a function that makes its core.
    InProcess(Box<dyn Fn(CoreOptions) -> NodeCore>),
}

impl Hosting {
    /// Every node inside this process, from a constructor in place of the node's program.
    pub fn in_process<S: 'static>(start: impl Fn(Node) -> Router<S> + 'static) -> Self {
        let start = Rc::new(start);
        Self::InProcess(Box::new(move |options| {
            let start = Rc::clone(&start);
            NodeCore::new(options, move |node| start(node))
        }))
    }
}

/// How a node answered init and the workload's set-up.
#[derive(Debug)]
pub(crate) enum Preparation {
    /// It is ready.
    Ready,
    /// It did not answer init in time.
    NoInit,
    /// It answered init with an error or something unexpected; the text says what.
    WrongInit(String),
    /// It did not answer the workload's own set-up.
    SetUp(RequestFailure),
}

/// The hosts of a run.
pub(crate) struct Cluster {
    seed: u64,
    /// What a kill takes from a node's storage.
    kill_loss: CrashLoss,
    hosting: Hosting,
    set_up: Option<SetUp>,
    ids: Vec<NodeId>,
    members: Vec<Member>,
    next_client: u64,
    answers: Rc<RefCell<VecDeque<(NodeId, u64, Preparation)>>>,
    replies: Rc<RefCell<ReplyLog>>,
    spawn_failure: Option<SpawnError>,
}

/// A node, dead or alive.
struct Member {
    /// Its newest host; none before its first start.
    host: Option<HostIndex>,
    is_paused: bool,
    /// Whether the newest host has answered init and the set-up.
    is_ready: bool,
    /// How often it was started.
    starts: u64,
    /// The client that sent init to the newest host. It is kept so that a second answer is noticed.
    initiator: Option<HostIndex>,
    /// The files of a node inside this process. They outlive its hosts.
    storage: Storage,
    /// What a crash leaves of them is drawn from this stream.
    storage_random: Random,
}

impl Cluster {
    pub(crate) fn new(plan: &Plan, hosting: Hosting, set_up: Option<SetUp>) -> Self {
        let (ids, seed) = (plan.nodes.clone(), plan.seed);
        let absent = |id: &NodeId| Member {
            host: None,
            is_paused: false,
            is_ready: false,
            starts: 0,
            initiator: None,
            storage: Storage::in_memory(),
            storage_random: Random::derive(seed, &format!("storage {id}")),
        };
        let members = ids.iter().map(absent).collect();
        Self {
            seed,
            kill_loss: plan.nemesis_kill_storage.loss(),
            hosting,
            set_up,
            ids,
            members,
            next_client: 0,
            answers: Rc::default(),
            replies: Rc::default(),
            spawn_failure: None,
        }
    }

    /// The nodes, in the order of the plan.
    pub(crate) fn ids(&self) -> &[NodeId] {
        &self.ids
    }

    /// Starts a node that does not run. It has no state until it is sent init.
    pub(crate) fn launch(&mut self, world: &mut World, node: usize) -> Result<(), SpawnError> {
        let id = self.ids[node].clone();
        let starts = self.members[node].starts;
        let host = match &self.hosting {
            Hosting::Processes(specification) => world.add_process(id.clone(), &specification(&id))?,
            Hosting::Lockstep(specification) => world.add_lockstep(id.clone(), &specification(&id))?,
            Hosting::InProcess(start) => {
                // A node that is started again must not draw what it drew before: real ones don't either.
                let stream =
                    if starts == 0 { format!("node {id}") } else { format!("node {id}, start {starts}") };
                let storage = self.members[node].storage.clone();
                let mut core = start(CoreOptions { random: Random::derive(self.seed, &stream), storage });
                core.set_first_msg_id((starts << 32) + 1);
                world.add_local(id, HostRole::Node, core)
            }
        };
        let member = &mut self.members[node];
        (member.host, member.is_paused, member.is_ready) = (Some(host), false, false);
        member.starts = starts + 1;
        Ok(())
    }

    /// Sends a node init and, once it has answered, the workload's set-up. The outcome is returned by
    /// [`Cluster::preparation`].
    pub(crate) fn send_init(&mut self, world: &mut World, node: usize) {
        let id = self.ids[node].clone();
        let (host, client) = self.open_client(world);
        let init = Init { node_id: id.clone(), node_ids: self.ids.clone() };
        let member = &mut self.members[node];
        member.initiator = Some(host);
        let (start, answers) = (member.starts, Rc::clone(&self.answers));
        // At the beginning every node has answered init before the first is set up.
        let set_up = if start == 1 { None } else { self.set_up.clone() };
        world.spawn(host, async move {
            let preparation = match (send_init(&client, &id, &init).await, set_up) {
                (Preparation::Ready, Some(set_up)) => send_set_up(client, &id, &set_up).await,
                (preparation, _) => preparation,
            };
            answers.borrow_mut().push_back((id, start, preparation));
        });
    }

    /// Sends every node the workload's set-up. Returns whether the workload has one.
    pub(crate) fn set_up(&mut self, world: &mut World) -> bool {
        let Some(set_up) = self.set_up.clone() else { return false };
        for node in 0..self.ids.len() {
            let (host, client) = self.open_client(world);
            let (id, start, set_up) = (self.ids[node].clone(), self.members[node].starts, set_up.clone());
            let answers = Rc::clone(&self.answers);
            world.spawn(host, async move {
                let preparation = send_set_up(client, &id, &set_up).await;
                answers.borrow_mut().push_back((id, start, preparation));
            });
        }
        true
    }

    /// The next answer to init or to a set-up, if one has come. Answers to requests from before a node was killed do not count.
    pub(crate) fn preparation(&mut self) -> Option<(NodeId, Preparation)> {
        loop {
            let (id, start, preparation) = self.answers.borrow_mut().pop_front()?;
            let Some(place) = self.ids.iter().position(|candidate| *candidate == id) else { continue };
            let member = &mut self.members[place];
            if member.starts == start && member.host.is_some() {
                member.is_ready = matches!(preparation, Preparation::Ready);
                return Some((id, preparation));
            }
        }
    }

    /// Whether the node has been started, and has neither been killed nor ended by itself since. The world alone knows.
    pub(crate) fn is_running(&self, world: &World, node: usize) -> bool {
        self.running_host(world, node).is_some()
    }

    /// Whether the node runs and has answered init, and what the workload sets it up with.
    pub(crate) fn is_ready(&self, world: &World, node: usize) -> bool {
        self.is_running(world, node) && self.members[node].is_ready
    }

    /// Whether the node runs and is paused.
    pub(crate) fn is_paused(&self, world: &World, node: usize) -> bool {
        self.is_running(world, node) && self.members[node].is_paused
    }

    /// Kills a node; its state is lost, and of its storage what the plan says. Does nothing if it does not run.
    pub(crate) fn kill(&mut self, world: &mut World, node: usize) {
        if let Some(host) = self.running_host(world, node) {
            world.kill(host);
            let Member { storage, storage_random, .. } = &mut self.members[node];
            storage.crash(self.kill_loss, storage_random);
        }
        self.forget(world, node);
    }

    /// Starts a node again that was killed or has ended by itself, with no state, and sends it init. Does nothing where it runs.
    pub(crate) fn restart(&mut self, world: &mut World, node: usize) {
        if self.is_running(world, node) {
            return;
        }
        self.forget(world, node);
        match self.launch(world, node) {
            Ok(()) => self.send_init(world, node),
            Err(error) => self.spawn_failure = Some(error),
        }
    }

    /// Pauses a node: it keeps its state and its messages wait. Does nothing where it does not run.
    pub(crate) fn pause(&mut self, world: &mut World, node: usize) {
        if let Some(host) = self.running_host(world, node) {
            self.members[node].is_paused = true;
            world.pause(host);
        }
    }

    /// Resumes a paused node.
    pub(crate) fn resume(&mut self, world: &mut World, node: usize) {
        if let Some(host) = self.running_host(world, node).filter(|_| self.members[node].is_paused) {
            self.members[node].is_paused = false;
            world.resume(host);
        }
    }

    fn running_host(&self, world: &World, node: usize) -> Option<HostIndex> {
        self.members[node].host.filter(|host| world.is_alive(*host))
    }

    /// Forgets a host that has gone, and the client that sent it init.
    fn forget(&mut self, world: &mut World, node: usize) {
        let member = &mut self.members[node];
        (member.host, member.is_paused) = (None, false);
        if let Some(host) = member.initiator.take() {
            world.remove(host);
        }
    }

    /// Why a node could not be started again, if that happened.
    pub(crate) fn take_spawn_failure(&mut self) -> Option<SpawnError> {
        self.spawn_failure.take()
    }

    /// The outcomes of all requests so far.
    pub(crate) fn replies(&self) -> &Rc<RefCell<ReplyLog>> {
        &self.replies
    }

    /// A client host with a new id.
    pub(crate) fn open_client(&mut self, world: &mut World) -> (HostIndex, ClientHandle) {
        let id = NodeId::from(format!("c{}", self.next_client));
        self.next_client += 1;
        let options = CoreOptions::new(Random::derive(self.seed, &format!("node {id}")));
        let (core, client) = ClientHandle::new(options, id.clone(), &self.replies);
        (world.add_local(id, HostRole::Client, core), client)
    }
}

async fn send_init(client: &ClientHandle, node: &NodeId, init: &Init) -> Preparation {
    let request = RawBody::of(init).expect("init is an object");
    match client.request(node, Init::TYPE, request, INIT_TIMEOUT).await {
        Ok(reply) => why_no_init_ok(&reply).map_or(Preparation::Ready, Preparation::WrongInit),
        Err(RequestError::TimedOut(_)) => Preparation::NoInit,
        Err(RequestError::Refused(error)) => {
            let text = excerpt(&error.to_string(), 2 * QUOTE_CHARS);
            Preparation::WrongInit(format!("answered its init message with an error: {text}"))
        }
        Err(RequestError::MalformedError { reply, reason }) => {
            let reply = excerpt(reply.get(), QUOTE_CHARS);
            Preparation::WrongInit(format!(
                "answered its init message with a malformed error ({reason}): {reply}"
            ))
        }
    }
}

/// What is wrong with a reply to init, if anything is.
fn why_no_init_ok(reply: &RawValue) -> Option<String> {
    let header = Header::parse(reply).ok()?;
    (header.kind != InitOk::TYPE).then(|| {
        format!(
            "answered its init message with type \"{}\" instead of \"{}\": {}",
            excerpt(&header.kind, 40),
            <Init as Request>::Reply::TYPE,
            excerpt(reply.get(), QUOTE_CHARS)
        )
    })
}

async fn send_set_up(client: ClientHandle, node: &NodeId, set_up: &SetUp) -> Preparation {
    let connection = Connection::new(client, node.clone());
    let answer = connection.call(set_up.rpc, &set_up.payload, DEFAULT_TIMEOUT).await;
    answer.map_or_else(Preparation::SetUp, |_| Preparation::Ready)
}
