//! A small cluster, on either kind of host.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use glomers_lockstep::{Process, Program, StartError};
use glomers_node::protocol::init::Init;
use glomers_node::{CoreOptions, Node, NodeCore, NodeId, Random, Router, RpcError, Time, messages};
use glomers_world::journal::{JournalReader, Record};
use glomers_world::{
    ClockKind, ExitReport, Finished, HostIndex, HostRole, Journal, ProcessSpec, SpawnError, TurnOutcome,
    World, WorldOptions,
};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

/// No test waits longer than this for something that must happen.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Echo {
    pub(crate) echo: u64,
}
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EchoOk {
    pub(crate) echo: u64,
}
/// Asks a node to pass a word on to all its peers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Tell {
    pub(crate) word: u64,
}
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TellOk {}
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Word {
    pub(crate) word: u64,
}
/// Asks a node which words it has heard, in order.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Heard {}
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HeardOk {
    pub(crate) words: Vec<u64>,
}

messages! {
    "echo" Echo => "echo_ok" EchoOk;
    "tell" Tell => "tell_ok" TellOk;
    "heard" Heard => "heard_ok" HeardOk;
    "word" Word;
}

/// The server of every test.
pub(crate) struct Server {
    node: Node,
    words: RefCell<Vec<u64>>,
}

impl Server {
    pub(crate) fn router(node: Node) -> Router<Self> {
        Router::new(Self { node, words: RefCell::default() })
            .on(Self::echo)
            .on(Self::tell)
            .on(Self::heard)
            .on_notice(Self::word)
    }

    async fn echo(&self, request: Echo) -> Result<EchoOk, RpcError> {
        Ok(EchoOk { echo: request.echo })
    }

    async fn tell(&self, request: Tell) -> Result<TellOk, RpcError> {
        for peer in self.node.peers() {
            self.node.send(peer, &Word { word: request.word });
        }
        Ok(TellOk {})
    }

    async fn heard(&self, _request: Heard) -> Result<HeardOk, RpcError> {
        Ok(HeardOk { words: self.words.borrow().clone() })
    }

    async fn word(&self, _src: NodeId, notice: Word) {
        self.words.borrow_mut().push(notice.word);
    }
}

/// A world with nodes `n0`, `n1`… that have been initialized, and one client.
pub(crate) struct Cluster {
    pub(crate) world: World,
    pub(crate) nodes: Vec<HostIndex>,
    pub(crate) client: HostIndex,
    pub(crate) exits: Vec<ExitReport>,
    directory: TempDir,
}

impl Cluster {
    pub(crate) fn start(options: WorldOptions, node_count: usize) -> Self {
        let journal = Journal::in_memory();
        let mut cluster = Self::without_nodes(options, journal);
        let ids: Vec<NodeId> = (0..node_count).map(|number| NodeId::from(format!("n{number}"))).collect();
        for id in &ids {
            let node = cluster.add_node(id.clone());
            cluster.nodes.push(node);
        }
        for id in &ids {
            cluster.init(id, &ids);
        }
        cluster
    }

    pub(crate) fn without_nodes(options: WorldOptions, journal: Journal) -> Self {
        let mut world = World::new(options, journal);
        let client = add_client(&mut world, "c0");
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        Self { world, nodes: Vec::new(), client, exits: Vec::new(), directory }
    }

    /// Adds a node that runs [`Server`], as a core or as a process.
    pub(crate) fn add_node(&mut self, id: NodeId) -> HostIndex {
        match self.world.options().clock {
            ClockKind::Virtual if IS_IN_LOCKSTEP.get() => {
                self.add_program(id, &role_command("cluster::server_role"))
            }
            ClockKind::Virtual => {
                let random = self.world.random(&format!("node/{id}"));
                let core = NodeCore::new(CoreOptions::new(random), Server::router);
                self.world.add_local(id, HostRole::Node, core)
            }
            ClockKind::Real => self.add_program(id, &role_command("cluster::server_role")),
        }
    }

    /// Adds a program that runs a shell script.
    pub(crate) fn add_program(&mut self, id: NodeId, script: &str) -> HostIndex {
        let spec = self.spec(&id, script);
        self.add_spec(id, &spec).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Adds a program: in lock step where the clock is virtual, as a process where it is real.
    pub(crate) fn add_spec(&mut self, id: NodeId, spec: &ProcessSpec) -> Result<HostIndex, SpawnError> {
        match self.world.options().clock {
            ClockKind::Virtual => self.world.add_lockstep(id, spec),
            ClockKind::Real => self.world.add_process(id, spec),
        }
    }

    pub(crate) fn spec(&self, id: &NodeId, script: &str) -> ProcessSpec {
        ProcessSpec {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            directory: self.directory.path().to_owned(),
            log_file: self.log_file(id),
        }
    }

    pub(crate) fn log_file(&self, id: &NodeId) -> PathBuf {
        self.directory.path().join(format!("{id}.log"))
    }

    pub(crate) fn init(&mut self, id: &NodeId, ids: &[NodeId]) {
        let init = Init { node_id: id.clone(), node_ids: ids.to_vec() };
        self.ask(id.clone(), init).expect("the node answers init");
    }

    /// Sends one request from the client, and turns the world until the answer has come.
    pub(crate) fn ask<R: glomers_node::Request + 'static>(
        &mut self,
        node: impl Into<NodeId>,
        request: R,
    ) -> Result<R::Reply, RpcError> {
        let answer = Rc::new(Cell::new(None));
        let client = self.world.node(self.client).expect("the client lives").clone();
        let (node, sink) = (node.into(), Rc::clone(&answer));
        self.world.spawn(self.client, async move { sink.set(Some(client.rpc(node, request).await)) });
        let mut result = None;
        self.turn_until(|_| {
            result = answer.take();
            result.is_some()
        });
        result.expect("the loop ends with an answer")
    }

    /// Turns the world until the condition holds.
    pub(crate) fn turn_until(&mut self, mut is_done: impl FnMut(&mut World) -> bool) {
        let deadline = self.world.now() + PATIENCE;
        while !is_done(&mut self.world) {
            let turn = self.world.turn(deadline).expect("memory takes the journal");
            self.exits.extend(turn.exits);
            assert_ne!(
                turn.outcome,
                TurnOutcome::Reached,
                "nothing more happens, and the condition does not hold"
            );
        }
    }

    /// Turns the world until every message has arrived, and then some.
    pub(crate) fn settle(&mut self, duration: Duration) {
        let deadline = self.world.now() + duration;
        while self.world.turn(deadline).expect("memory takes the journal").outcome != TurnOutcome::Reached {}
    }

    pub(crate) fn finish(self) -> (Finished, Vec<Record>) {
        let finished = self.world.finish().expect("memory takes the journal");
        let journal = finished.journal.as_deref().expect("the journal is in memory");
        let records = JournalReader::new(journal).collect::<Result<_, _>>().expect("the journal is whole");
        (finished, records)
    }
}

pub(crate) fn add_client(world: &mut World, id: &str) -> HostIndex {
    let options = CoreOptions::new(Random::derive(0, id));
    let core = NodeCore::started(options, NodeId::from(id), Vec::new(), |_| Router::new(()));
    world.add_local(NodeId::from(id), HostRole::Client, core)
}

thread_local! {
    /// Whether nodes of virtual worlds are programs in lock step rather than cores.
    static IS_IN_LOCKSTEP: Cell<bool> = const { Cell::new(false) };
}

/// Runs a check of programs in real time and in lock step.
pub(crate) fn with_programs(check: impl Fn(WorldOptions)) {
    check(real());
    in_lockstep(|| check(simulated(1)));
}

/// Runs a check in which nodes of virtual worlds are programs in lock step. Where the system can't do that, it says so.
#[expect(clippy::print_stderr, reason = "the test runner counts what is skipped")]
pub(crate) fn in_lockstep(check: impl FnOnce()) {
    let probe = Program::new("/bin/true");
    if let Err(error @ (StartError::Unsupported { .. } | StartError::Forbidden { .. })) =
        Process::start(&probe)
    {
        return eprintln!("SKIPPED in lock step: {error}");
    }
    IS_IN_LOCKSTEP.set(true);
    check();
    IS_IN_LOCKSTEP.set(false);
}

pub(crate) fn real() -> WorldOptions {
    WorldOptions::new(ClockKind::Real, 1)
}

pub(crate) fn simulated(seed: u64) -> WorldOptions {
    WorldOptions::new(ClockKind::Virtual, seed)
}

pub(crate) fn milliseconds(count: u64) -> Time {
    Time::ZERO + Duration::from_millis(count)
}

/// A shell command that runs one of this program's ignored tests as a process of its own. The test harness prints to stdout, where
/// only messages belong, so the true stdout waits at descriptor 3.
pub(crate) fn role_command(role: &str) -> String {
    let program = std::env::current_exe().expect("the test program has a path");
    format!("exec '{}' --exact {role} --ignored --nocapture 3>&1 >/dev/null", program.display())
}

#[test]
#[ignore = "other tests run it as a process of their own"]
fn server_role() {
    let stdout = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/fd/3")
        .expect("the true stdout is at descriptor 3");
    nix::unistd::dup2_stdout(stdout).expect("descriptor 1 can be replaced");
    let has_failed = glomers_node::run(Server::router) != std::process::ExitCode::SUCCESS;
    std::process::exit(i32::from(has_failed));
}
