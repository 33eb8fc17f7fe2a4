//! Many lives on a bad network: messages are lost, doubled and late, nodes are cut off and killed.
//!
//! What must hold whatever happens: no two nodes ever carry out different entries at the same place, and nothing that
//! was carried out anywhere is missing in the end, as long as a majority remembers.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use glomers_node::{Json, NodeId, Random, Time};
use glomers_workbench::seeds;

use super::*;
use crate::store::Change;

const NAMES: [&str; 5] = ["n1", "n2", "n3", "n4", "n5"];

/// The nodes, the messages under way, and what is known of all nodes together.
struct TestCluster {
    nodes: BTreeMap<NodeId, Raft>,
    /// When the nodes that are down start again.
    down: BTreeMap<NodeId, Time>,
    in_flight: BTreeMap<(Time, u64), (NodeId, NodeId, Message)>,
    sent_count: u64,
    /// On which side of the partition each node is.
    sides: BTreeMap<NodeId, bool>,
    now: Time,
    random: Random,
    rates: FaultRates,
    names: Vec<NodeId>,
    tuning: Tuning,
    /// What was carried out at each index of each cluster, as text.
    carried_out: BTreeMap<(u64, u64), String>,
    /// Up to where each life has been looked at.
    seen: BTreeMap<(NodeId, u64), u64>,
    command_count: u64,
}

#[derive(Clone, Copy)]
struct FaultRates {
    loss: f64,
    duplication: f64,
    mean_delay_ms: f64,
    /// The chance of a kill at each of many moments.
    kills: f64,
    /// Whether kills leave a majority that remembers.
    spares_majority: bool,
    /// Whether nodes are killed before there is anything to remember.
    kills_before_bootstrap: bool,
    partitions: f64,
}

const NO_FAULTS: FaultRates = FaultRates {
    loss: 0.0,
    duplication: 0.0,
    mean_delay_ms: 1.0,
    kills: 0.0,
    spares_majority: true,
    kills_before_bootstrap: false,
    partitions: 0.0,
};

const MANY_FAULTS: FaultRates = FaultRates {
    loss: 0.1,
    duplication: 0.1,
    mean_delay_ms: 20.0,
    kills: 0.1,
    spares_majority: true,
    kills_before_bootstrap: false,
    partitions: 0.05,
};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl TestCluster {
    fn new(node_count: usize, seed: u64, rates: FaultRates) -> Self {
        let names: Vec<NodeId> = NAMES[..node_count].iter().map(|name| NodeId::from(*name)).collect();
        let mut cluster = Self {
            nodes: BTreeMap::new(),
            down: names.iter().map(|name| (name.clone(), Time::ZERO)).collect(),
            in_flight: BTreeMap::new(),
            sent_count: 0,
            sides: BTreeMap::new(),
            now: Time::ZERO,
            random: Random::derive(seed, "test cluster"),
            rates,
            names,
            tuning: Tuning { compact_at: 30, kept_entries: 10, ..Tuning::default() },
            carried_out: BTreeMap::new(),
            seen: BTreeMap::new(),
            command_count: 0,
        };
        cluster.start_due_nodes();
        cluster
    }

    /// Lets time pass, with a moment for misfortune and for a command every 50 milliseconds.
    fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            let next = (self.now + ms(50)).min(end);
            self.run_until(next);
            self.inject_faults();
            self.start_due_nodes();
            self.propose();
        }
    }

    fn run_until(&mut self, end: Time) {
        loop {
            let arrival = self.in_flight.keys().next().map(|(due, _)| *due);
            let timer = self.nodes.iter().map(|(name, node)| (node.due(), name.clone())).min();
            let (due, name) = match (arrival, timer) {
                (Some(arrival), Some((due, _))) if arrival <= due => (arrival, None),
                (Some(arrival), None) => (arrival, None),
                (_, Some((due, name))) => (due, Some(name)),
                (None, None) => break,
            };
            if due > end {
                break;
            }
            self.now = self.now.max(due);
            match name {
                Some(name) => self.step(&name, Raft::tick),
                None => {
                    let (_, (from, to, message)) = self.in_flight.pop_first().unwrap();
                    self.step(&to, |node, now| node.receive(now, &from, message));
                }
            }
        }
        self.now = self.now.max(end);
    }

    fn step(&mut self, name: &NodeId, act: impl FnOnce(&mut Raft, Time)) {
        let Some(node) = self.nodes.get_mut(name) else { return };
        act(node, self.now);
        node.flush(self.now);
        let effects = node.take_effects();
        self.check_agreement(name);
        for effect in effects {
            if let Effect::Send { to, message } = effect {
                self.send(name, &to, &message);
            }
        }
    }

    fn send(&mut self, from: &NodeId, to: &NodeId, message: &Message) {
        let copies = 1 + usize::from(self.random.chance(self.rates.duplication));
        for _ in 0..copies {
            if self.random.chance(self.rates.loss) || self.sides.get(from) != self.sides.get(to) {
                continue;
            }
            let delay_ms = self.random.exponential(self.rates.mean_delay_ms);
            let due = self.now + Duration::from_secs_f64(delay_ms / 1e3);
            self.sent_count += 1;
            self.in_flight.insert((due, self.sent_count), (from.clone(), to.clone(), message.clone()));
        }
    }

    /// Compares what a node has carried out with what all others have.
    fn check_agreement(&mut self, name: &NodeId) {
        let node = &self.nodes[name];
        let Some(cluster) = node.cluster else { return };
        let seen = self.seen.entry((name.clone(), node.me().incarnation)).or_default();
        for index in *seen + 1..=node.committed() {
            let Some(entry) = node.log().get(index) else { continue };
            let text = serde_json::to_string(entry).unwrap();
            let former = self.carried_out.entry((cluster, index)).or_insert_with(|| text.clone());
            assert_eq!(*former, text, "{name} disagrees about entry {index} of cluster {cluster}");
        }
        *seen = node.committed();
    }

    fn inject_faults(&mut self) {
        let is_founded = !self.carried_out.is_empty();
        if self.random.chance(self.rates.kills) && (is_founded || self.rates.kills_before_bootstrap) {
            let name = self.random.choose(&self.names).unwrap().clone();
            let left = self.nodes.keys().filter(|other| **other != name && self.remembers(other)).count();
            if !self.rates.spares_majority || left > self.names.len() / 2 {
                self.nodes.remove(&name);
                self.down.insert(name, self.now + ms(self.random.below(2000)));
            }
        }
        if self.random.chance(self.rates.partitions) {
            let random = &mut self.random;
            self.sides = self.names.iter().map(|name| (name.clone(), random.chance(0.5))).collect();
        } else if self.random.chance(self.rates.partitions) {
            self.sides.clear();
        }
    }

    /// Whether a node counts as one that remembers: it is a member of an established cluster.
    fn remembers(&self, name: &NodeId) -> bool {
        self.nodes.get(name).is_some_and(|node| {
            let is_spare = self.carried_out.is_empty();
            is_spare || (node.committed() > 0 && node.store().members().contains(node.me()))
        })
    }

    fn start_due_nodes(&mut self) {
        let due: Vec<NodeId> =
            self.down.iter().filter(|(_, at)| **at <= self.now).map(|(name, _)| name.clone()).collect();
        for name in due {
            self.down.remove(&name);
            let random = self.random.fork("life");
            let node = Raft::new(name.clone(), self.names.clone(), self.tuning, random, self.now);
            self.nodes.insert(name, node);
        }
    }

    /// Gives a command to every node that believes to lead.
    fn propose(&mut self) {
        for name in self.names.clone() {
            if !self.nodes.get(&name).is_some_and(Raft::is_leading) {
                continue;
            }
            self.command_count += 1;
            let number = self.command_count;
            self.step(&name, |node, _| {
                let key: Json = serde_json::from_str(&(number % 7).to_string()).unwrap();
                let value: Json = serde_json::from_str(&number.to_string()).unwrap();
                let id = CommandId { origin: node.me().clone(), number };
                let change = Change::Write { key, value };
                node.propose(Command { id, finished_below: number, change }).unwrap();
            });
        }
    }

    /// Ends all faults. The nodes that live must then agree, and nothing may be lost.
    fn heal_and_settle(&mut self) {
        self.rates = NO_FAULTS;
        self.sides.clear();
        self.run_for(ms(20_000));
    }

    fn established(&self) -> BTreeSet<u64> {
        self.carried_out.keys().map(|(cluster, _)| *cluster).collect()
    }

    fn check_nothing_is_lost(&self, seed: u64) {
        let leaders: Vec<&Raft> = self.nodes.values().filter(|node| node.is_leading()).collect();
        assert_eq!(leaders.len(), 1, "seed {seed}: {:?}", self.nodes);
        let leader = leaders[0];
        assert_eq!(self.established(), [leader.cluster.unwrap()].into(), "seed {seed}");
        let last = self.carried_out.keys().map(|(_, index)| *index).max();
        assert!(Some(leader.committed()) >= last, "seed {seed}: {last:?}");
        assert!(leader.committed() > 100, "seed {seed}: only {} entries", leader.committed());
        for node in self.nodes.values() {
            assert!(node.is_member(), "seed {seed}: {} has not been taken in", node.me().name);
            assert!(node.committed() + 5 > leader.committed(), "seed {seed}: {} is behind", node.me().name);
        }
        assert!(leader.log().base().index > 0, "seed {seed}: the log was never compacted");
    }
}

#[test]
fn nothing_is_lost_while_a_majority_remembers() {
    for seed in seeds(10) {
        for node_count in [3, 5] {
            let mut cluster = TestCluster::new(node_count, seed, MANY_FAULTS);
            cluster.run_for(ms(30_000));
            cluster.heal_and_settle();
            cluster.check_nothing_is_lost(seed);
        }
    }
}

#[test]
fn founding_survives_the_death_of_founders() {
    for seed in seeds(20) {
        let mut cluster = TestCluster::new(
            5,
            seed,
            FaultRates { kills: 0.5, mean_delay_ms: 100.0, kills_before_bootstrap: true, ..MANY_FAULTS },
        );
        cluster.run_for(ms(3_000));
        cluster.rates.kills = 0.0;
        cluster.run_for(ms(5_000));
        assert!(cluster.established().len() <= 1, "seed {seed}: {:?}", cluster.established());
    }
}

#[test]
fn the_survivors_stay_consistent_even_if_a_majority_forgets() {
    let mut stuck_count = 0;
    for seed in seeds(20) {
        let mut cluster = TestCluster::new(5, seed, FaultRates { spares_majority: false, ..MANY_FAULTS });
        cluster.run_for(ms(20_000));
        cluster.heal_and_settle();
        stuck_count += usize::from(!cluster.nodes.values().any(Raft::is_leading));
    }
    assert!(stuck_count > 0, "no majority has forgotten everything: the test is too kind");
}

#[test]
fn when_everybody_forgets_the_cluster_begins_anew() {
    let mut cluster = TestCluster::new(3, 1, NO_FAULTS);
    cluster.run_for(ms(2_000));
    assert_eq!(cluster.established().len(), 1);
    let now = cluster.now;
    cluster.nodes.clear();
    cluster.down = cluster.names.iter().map(|name| (name.clone(), now)).collect();
    cluster.run_for(ms(5_000));
    assert_eq!(cluster.established().len(), 2);
    assert!(cluster.nodes.values().any(Raft::is_leading));
}

#[test]
fn when_a_majority_forgets_nobody_serves() {
    let mut cluster = TestCluster::new(3, 1, NO_FAULTS);
    cluster.run_for(ms(2_000));
    for name in ["n1", "n2"] {
        cluster.nodes.remove(&NodeId::from(name));
        cluster.down.insert(name.into(), cluster.now);
    }
    cluster.run_for(ms(10_000));
    assert!(!cluster.nodes.values().any(Raft::is_leading));
    assert_eq!(cluster.established().len(), 1);
}
