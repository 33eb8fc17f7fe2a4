//! Messages per second through the world: between cores in virtual time, and through real processes.
//!
//! The benchmark starts itself again as the node. Run it with `cargo bench -p glomers-world`.

use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use glomers_node::protocol::init::Init;
use glomers_node::{CoreOptions, Node, NodeCore, NodeId, Random, Router, RpcError, messages};
use glomers_world::{ClockKind, HostIndex, HostRole, Journal, ProcessSpec, World, WorldOptions};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

/// Set where this program is to be a node.
const ROLE_VARIABLE: &str = "GLOMERS_BENCH_NODE";

#[derive(Serialize, Deserialize)]
struct Echo {
    echo: String,
}
#[derive(Serialize, Deserialize)]
struct EchoOk {
    echo: String,
}
/// Asks a node to send this many pings to every peer, and every peer to do so too.
#[derive(Serialize, Deserialize)]
struct Flood {
    count: u64,
}
#[derive(Serialize, Deserialize)]
struct FloodOk {}
#[derive(Serialize, Deserialize)]
struct Ping {
    number: u64,
}

messages! {
    "echo" Echo => "echo_ok" EchoOk;
    "flood" Flood => "flood_ok" FloodOk;
    "ping" Ping;
}

struct Server {
    node: Node,
}

impl Server {
    fn router(node: Node) -> Router<Self> {
        Router::new(Self { node }).on(Self::echo).on(Self::flood).on_notice(Self::ping)
    }

    async fn echo(&self, request: Echo) -> Result<EchoOk, RpcError> {
        Ok(EchoOk { echo: request.echo })
    }

    async fn flood(&self, request: Flood) -> Result<FloodOk, RpcError> {
        for number in 0..request.count {
            for peer in self.node.peers() {
                self.node.send(peer, &Ping { number });
            }
        }
        Ok(FloodOk {})
    }

    async fn ping(&self, _src: NodeId, notice: Ping) {
        black_box(notice.number);
    }
}

struct Cluster {
    world: World,
    clients: Vec<HostIndex>,
    /// Where processes run and the journal is; a simulation needs none.
    _directory: Option<TempDir>,
}

impl Cluster {
    fn start(clock: ClockKind, node_count: usize, client_count: usize) -> Self {
        let directory = match clock {
            ClockKind::Real => Some(tempfile::tempdir().expect("a temporary directory can be made")),
            ClockKind::Virtual => None,
        };
        let journal = match &directory {
            Some(directory) => {
                Journal::to_file(&directory.path().join("journal")).expect("the file can be made")
            }
            None => Journal::hash_only(),
        };
        let mut world = World::new(WorldOptions::new(clock, 1), journal);
        let ids: Vec<NodeId> = (0..node_count).map(|number| NodeId::from(format!("n{number}"))).collect();
        for id in &ids {
            add_node(&mut world, id, directory.as_ref());
        }
        let clients = (0..client_count).map(|number| add_client(&mut world, number)).collect();
        let mut cluster = Self { world, clients, _directory: directory };
        for id in &ids {
            let init = Init { node_id: id.clone(), node_ids: ids.clone() };
            cluster.run(vec![(0, id.clone(), init)]);
        }
        cluster
    }

    /// Sends requests from clients, each by its number, and turns the world until all are answered.
    fn run<R: glomers_node::Request + 'static>(&mut self, requests: Vec<(usize, NodeId, R)>) {
        let open = Rc::new(Cell::new(requests.len()));
        for (client, node, request) in requests {
            let client = self.clients[client];
            let (sender, open) = (self.world.node(client).expect("it lives").clone(), Rc::clone(&open));
            self.world.spawn(client, async move {
                assert!(sender.rpc(node, request).await.is_ok(), "the node answers");
                open.set(open.get() - 1);
            });
        }
        self.turn_until(|_| open.get() == 0);
    }

    /// Runs so many echo requests, each client with one at a time.
    fn echo(&mut self, operation_count: u64) {
        let left = Rc::new(Cell::new(operation_count));
        let running = Rc::new(Cell::new(self.clients.len()));
        for client in self.clients.clone() {
            let sender = self.world.node(client).expect("it lives").clone();
            let (left, running) = (Rc::clone(&left), Rc::clone(&running));
            self.world.spawn(client, async move {
                while left.get() > 0 {
                    left.set(left.get() - 1);
                    let request = Echo { echo: "Please echo 42".into() };
                    assert!(sender.rpc("n0", request).await.is_ok(), "the node answers");
                }
                running.set(running.get() - 1);
            });
        }
        self.turn_until(|_| running.get() == 0);
    }

    /// Has every node send so many messages to every other, and waits until all have arrived.
    fn flood(&mut self, node_count: usize, count: u64) {
        let expected = self.world.network_statistics().servers.recv_count
            + (node_count * (node_count - 1)) as u64 * count;
        let requests = (0..node_count).map(|node| (0, NodeId::from(format!("n{node}")), Flood { count }));
        self.run(requests.collect());
        self.turn_until(|world| world.network_statistics().servers.recv_count >= expected);
    }

    fn turn_until(&mut self, is_done: impl Fn(&World) -> bool) {
        let deadline = self.world.now() + Duration::from_secs(60);
        while !is_done(&self.world) {
            self.world.turn(deadline).expect("the journal can be written");
            assert!(self.world.now() < deadline, "the nodes fell silent");
        }
    }
}

fn add_node(world: &mut World, id: &NodeId, directory: Option<&TempDir>) {
    let Some(directory) = directory else {
        let random = world.random(&format!("node/{id}"));
        world.add_local(id.clone(), HostRole::Node, NodeCore::new(CoreOptions::new(random), Server::router));
        return;
    };
    let this_program = std::env::current_exe().expect("the benchmark has a path");
    let spec = ProcessSpec {
        program: "/usr/bin/env".into(),
        arguments: vec![format!("{ROLE_VARIABLE}=1"), this_program.display().to_string()],
        directory: directory.path().to_owned(),
        log_file: directory.path().join(format!("{id}.log")),
    };
    world.add_process(id.clone(), &spec).expect("the node can be started");
}

fn add_client(world: &mut World, number: usize) -> HostIndex {
    let id = NodeId::from(format!("c{number}"));
    let options = CoreOptions::new(Random::derive(0, id.as_str()));
    let core = NodeCore::started(options, id.clone(), Vec::new(), |_| Router::new(()));
    world.add_local(id, HostRole::Client, core)
}

fn benchmark(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("virtual");
    group.throughput(Throughput::Elements(100));
    group.bench_function("a run of 50 echo operations", |bencher| {
        bencher.iter(|| Cluster::start(ClockKind::Virtual, 1, 5).echo(50));
    });
    let mut cluster = Cluster::start(ClockKind::Virtual, 1, 10);
    group.throughput(Throughput::Elements(2_000));
    group.bench_function("1,000 echo operations, 10 clients", |bencher| bencher.iter(|| cluster.echo(1_000)));
    let mut cluster = Cluster::start(ClockKind::Virtual, 25, 1);
    group.throughput(Throughput::Elements(25 * 24 * 10));
    group.bench_function("flood, 25 nodes", |bencher| bencher.iter(|| cluster.flood(25, 10)));
    group.finish();

    let mut group = criterion.benchmark_group("real, with journal");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for client_count in [10, 1000] {
        let mut cluster = Cluster::start(ClockKind::Real, 1, client_count);
        let operation_count = 20_000;
        group.throughput(Throughput::Elements(2 * operation_count));
        group.bench_function(BenchmarkId::new("echo, clients", client_count), |bencher| {
            bencher.iter(|| cluster.echo(operation_count));
        });
    }
    let mut cluster = Cluster::start(ClockKind::Real, 25, 1);
    group.throughput(Throughput::Elements(25 * 24 * 200));
    group.bench_function("flood, 25 nodes", |bencher| bencher.iter(|| cluster.flood(25, 200)));
    group.finish();
}

fn main() {
    if std::env::var_os(ROLE_VARIABLE).is_some() {
        let has_failed = glomers_node::run(Server::router) != std::process::ExitCode::SUCCESS;
        std::process::exit(i32::from(has_failed));
    }
    let mut criterion = Criterion::default().configure_from_args();
    benchmark(&mut criterion);
    criterion.final_summary();
}
