//! Faults that act on the same nodes: none acts on a node in a state that it can't be struck in.

use glomers_node::Router;
use glomers_world::{ClockKind, Journal, TurnOutcome, WorldOptions};

use super::*;
use crate::{cluster::Hosting, plan::numbered_nodes};

/// Three nodes, which have been sent init and have not answered yet.
struct Bench {
    world: World,
    cluster: Cluster,
}

impl Bench {
    fn new() -> Self {
        let mut world = World::new(WorldOptions::new(ClockKind::Virtual, 0), Journal::hash_only());
        let hosting = Hosting::in_process(|_| Router::new(()));
        let mut cluster =
            Cluster::new(&Plan { nodes: numbered_nodes(3), ..Plan::new("echo", 0) }, hosting, None);
        for node in 0..3 {
            cluster.launch(&mut world, node).expect("cores always start");
            cluster.send_init(&mut world, node);
        }
        Self { world, cluster }
    }

    /// Lets the nodes answer.
    fn settle(&mut self) {
        let end = self.world.now() + Duration::from_secs(1);
        while self.world.turn(end).expect("nothing is written").outcome != TurnOutcome::Reached {}
        while self.cluster.preparation().is_some() {}
    }

    fn context(&mut self) -> FaultContext<'_> {
        FaultContext { world: &mut self.world, cluster: &mut self.cluster }
    }
}

/// A fault that strikes all nodes each time.
struct Striking {
    fault: fn(Vec<NodeId>) -> Fault,
    active: Vec<Injection>,
}

fn striking_all(fault: fn(Vec<NodeId>) -> Fault) -> Striking {
    Striking { fault, active: Vec::new() }
}

impl Striking {
    fn begin(&mut self, nodes: Vec<NodeId>, context: &mut FaultContext<'_>) -> Step {
        let fault = (self.fault)(nodes);
        let (injection, step) = fault.clone().begin(fault.name(), Value::Nil, context);
        self.active.push(injection);
        step
    }

    fn start(&mut self, context: &mut FaultContext<'_>) -> Step {
        self.begin(numbered_nodes(3), context)
    }

    /// Ends the fault. One that has not begun struck no node.
    fn stop(&mut self, context: &mut FaultContext<'_>) -> Step {
        if self.active.is_empty() {
            self.begin(Vec::new(), context);
        }
        let injection = self.active.pop().expect("it has begun");
        injection.end(&[], context)
    }
}

#[track_caller]
fn check(step: &Step, f: &str, word: &str) {
    let nodes = ["n0", "n1", "n2"].map(|node| format!("\"{node}\" :{word}"));
    assert_eq!((step.f.as_str(), step.done.to_string()), (f, format!("{{{}}}", nodes.join(", "))));
}

#[test]
fn a_node_that_is_just_being_started_is_not_paused() {
    let mut bench = Bench::new();
    let mut pause = striking_all(Fault::Pause);
    check(&pause.start(&mut bench.context()), "pause", "starting");
    check(&pause.stop(&mut bench.context()), "resume", "not-paused");
    bench.settle();
    check(&pause.start(&mut bench.context()), "pause", "paused");
    check(&pause.stop(&mut bench.context()), "resume", "resumed");
}

#[test]
fn a_paused_node_can_be_killed_and_needs_no_resuming() {
    let mut bench = Bench::new();
    let (mut kill, mut pause) = (striking_all(Fault::Kill), striking_all(Fault::Pause));
    bench.settle();
    check(&pause.start(&mut bench.context()), "pause", "paused");
    check(&kill.start(&mut bench.context()), "kill", "killed");
    check(&pause.stop(&mut bench.context()), "resume", "not-paused");
    check(&pause.start(&mut bench.context()), "pause", "not-running");
    check(&kill.stop(&mut bench.context()), "start", "started");
    check(&pause.start(&mut bench.context()), "pause", "starting");
    bench.settle();
    assert!(
        (0..3).all(|node| bench.cluster.is_ready(&bench.world, node)),
        "every node has answered its second init"
    );
}

#[test]
fn what_is_stopped_twice_is_stopped_once() {
    let mut bench = Bench::new();
    let (mut kill, mut pause) = (striking_all(Fault::Kill), striking_all(Fault::Pause));
    bench.settle();
    check(&kill.stop(&mut bench.context()), "start", "already-running");
    check(&kill.start(&mut bench.context()), "kill", "killed");
    check(&kill.start(&mut bench.context()), "kill", "not-running");
    check(&kill.stop(&mut bench.context()), "start", "started");
    check(&kill.stop(&mut bench.context()), "start", "already-running");
    check(&pause.stop(&mut bench.context()), "resume", "not-paused");
}

#[test]
fn a_node_that_ended_by_itself_is_dead_and_is_started_again() {
    let mut bench = Bench::new();
    bench.settle();
    // A host that ends without the cluster's doing, as a process that crashes does.
    for id in numbered_nodes(3) {
        let host = bench.world.find(&id).expect("the node was started");
        bench.world.kill(host);
    }
    let (mut kill, mut pause) = (striking_all(Fault::Kill), striking_all(Fault::Pause));
    check(&pause.start(&mut bench.context()), "pause", "not-running");
    check(&pause.stop(&mut bench.context()), "resume", "not-paused");
    check(&kill.start(&mut bench.context()), "kill", "not-running");
    check(&kill.stop(&mut bench.context()), "start", "started");
    bench.settle();
    assert!((0..3).all(|node| bench.cluster.is_ready(&bench.world, node)), "every node answered init again");
}

#[test]
fn a_node_that_two_faults_strike_recovers_when_the_second_ends() {
    let mut bench = Bench::new();
    bench.settle();
    let nodes = numbered_nodes(3);
    let kill = |nodes: &[NodeId], bench: &mut Bench| {
        Fault::Kill(nodes.to_vec()).begin("kill", Value::Nil, &mut bench.context()).0
    };
    let (first, second) = (kill(&nodes[..2], &mut bench), kill(&nodes[1..2], &mut bench));
    let step = first.end(&[&second], &mut bench.context());
    assert_eq!(step.done.to_string(), r#"{"n0" :started, "n2" :already-running}"#);
    let step = second.end(&[], &mut bench.context());
    assert_eq!(step.done.to_string(), r#"{"n0" :already-running, "n1" :started, "n2" :already-running}"#);
}
