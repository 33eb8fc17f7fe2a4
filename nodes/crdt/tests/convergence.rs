//! What replicas promise one another, on a network in memory.

use std::time::Duration;

use crdt::{Interval, Journal, Part, Replica};
use glomers_node::{CoreOptions, Node, Random, Router, RpcError, messages, testing::Cluster};
use glomers_world::services;
use serde::{Deserialize, Serialize};

/// A list of numbers.
#[derive(Default)]
struct Numbers(Vec<u64>);

impl Part for Numbers {
    type Change = u64;
    type Delta = Vec<u64>;

    fn version(&self) -> u64 {
        self.0.len() as u64
    }

    fn since(&self, version: u64) -> Interval<Vec<u64>> {
        Interval { since: version, until: self.version(), delta: self.0[version as usize..].to_vec() }
    }

    fn extended_by(&self, changes: Vec<u64>) -> Interval<Vec<u64>> {
        Interval { since: self.version(), until: self.version() + changes.len() as u64, delta: changes }
    }

    fn absorb(&mut self, interval: Interval<Vec<u64>>) {
        let known_count = (self.version() - interval.since) as usize;
        self.0.extend(&interval.delta[known_count..]);
    }
}

#[derive(Serialize, Deserialize)]
struct Put {
    number: u64,
}

#[derive(Serialize, Deserialize)]
struct PutOk {}

#[derive(Serialize, Deserialize)]
struct List {}

#[derive(Serialize, Deserialize)]
struct ListOk {
    numbers: Vec<u64>,
}

messages! {
    "put" Put => "put_ok" PutOk;
    "list" List => "list_ok" ListOk;
}

struct Server {
    replica: Replica<Numbers>,
    journal: Option<Journal<Numbers>>,
}

impl Server {
    fn router(node: Node) -> Router<Self> {
        let replica = Replica::start(node);
        replica
            .serve(Router::new(Self { replica: replica.clone(), journal: None }).on(Self::put).on(Self::list))
    }

    fn journalled(node: Node) -> Router<Self> {
        let replica = Replica::start(node);
        let journal = Some(Journal::start(&replica, "numbers"));
        replica.serve(Router::new(Self { replica: replica.clone(), journal }).on(Self::put).on(Self::list))
    }

    async fn put(&self, request: Put) -> Result<PutOk, RpcError> {
        match &self.journal {
            Some(journal) => journal.commit(request.number).await,
            None => self.replica.change(request.number),
        }
        Ok(PutOk {})
    }

    async fn list(&self, _request: List) -> Result<ListOk, RpcError> {
        let mut numbers: Vec<u64> =
            self.replica.parts().iter().flat_map(|(_, part)| part.0.clone()).collect();
        numbers.sort_unstable();
        Ok(ListOk { numbers })
    }
}

const NAMES: [&str; 3] = ["n0", "n1", "n2"];

fn put(cluster: &mut Cluster, node: &str, number: u64) {
    cluster.call(node, Put { number }).expect("a node takes what it is given");
}

fn list(cluster: &mut Cluster, node: &str) -> Vec<u64> {
    cluster.call(node, List {}).expect("a node says what it has").numbers
}

/// A cluster whose nodes have said hello.
fn settled() -> Cluster {
    let mut cluster = Cluster::new(&NAMES, Server::router);
    cluster.advance(Duration::from_secs(5));
    cluster
}

#[test]
fn a_change_costs_two_messages_for_each_other_node_and_then_there_is_silence() {
    let mut cluster = settled();
    let before = cluster.sent_count();
    put(&mut cluster, "n0", 1);
    cluster.advance(Duration::from_millis(10));
    for node in NAMES {
        assert_eq!(list(&mut cluster, node), [1]);
    }
    let own = 2 * (1 + NAMES.len() as u64);
    assert_eq!(cluster.sent_count() - before - own, 4);
    cluster.advance(Duration::from_secs(3600));
    assert_eq!(cluster.sent_count() - before - own, 4);
}

#[test]
fn changes_that_come_while_a_message_is_on_its_way_go_together() {
    let mut cluster = settled();
    cluster.latency(Duration::from_millis(100));
    let before = cluster.sent_count();
    for number in 0..50 {
        put(&mut cluster, "n0", number);
        cluster.advance(Duration::from_millis(2));
    }
    cluster.advance(Duration::from_secs(2));
    assert_eq!(list(&mut cluster, "n2").len(), 50);
    let between_nodes = cluster.sent_count() - before - 2 * 51;
    assert!(
        between_nodes <= 8,
        "{between_nodes} messages between nodes for fifty changes in a tenth of a second"
    );
}

#[test]
fn what_was_written_while_cut_off_arrives_when_the_cut_is_healed() {
    let mut cluster = settled();
    cluster.cut("n0", "n1");
    cluster.cut("n0", "n2");
    put(&mut cluster, "n0", 1);
    put(&mut cluster, "n2", 2);
    cluster.advance(Duration::from_secs(60));
    assert_eq!(list(&mut cluster, "n0"), [1]);
    assert_eq!(list(&mut cluster, "n1"), [2]);
    cluster.heal();
    cluster.advance(Duration::from_secs(3));
    for node in NAMES {
        assert_eq!(list(&mut cluster, node), [1, 2]);
    }
}

#[test]
fn an_effect_brings_its_cause_with_it_past_a_cut() {
    let mut cluster = settled();
    cluster.cut("n0", "n2");
    put(&mut cluster, "n0", 1);
    cluster.advance(Duration::from_millis(100));
    assert!(list(&mut cluster, "n2").is_empty());
    put(&mut cluster, "n1", 2);
    cluster.advance(Duration::from_millis(100));
    assert!(list(&mut cluster, "n2").is_empty(), "2 was written by somebody who had seen 1");
    cluster.advance(Duration::from_millis(500));
    assert_eq!(list(&mut cluster, "n2"), [1, 2]);
}

/// A cluster whose nodes have a journal.
fn journalled() -> Cluster {
    let lin_kv = services::find("lin-kv").expect("lin-kv is a service");
    let mut cluster = Cluster::empty();
    cluster.add_core("lin-kv", lin_kv.build(CoreOptions::new(Random::derive(0, "lin-kv"))));
    cluster.start(&NAMES, Server::journalled);
    cluster.advance(Duration::from_secs(5));
    cluster
}

#[test]
fn a_restarted_node_gets_back_what_others_know_and_does_not_confuse_it_with_what_is_new() {
    let mut cluster = settled();
    put(&mut cluster, "n0", 1);
    cluster.advance(Duration::from_secs(1));
    cluster.restart("n0", Server::router);
    put(&mut cluster, "n0", 2);
    cluster.advance(Duration::from_secs(1));
    for node in NAMES {
        assert_eq!(list(&mut cluster, node), [1, 2]);
    }
}

#[test]
fn what_only_one_node_had_received_when_its_writer_was_killed_reaches_all() {
    let mut cluster = settled();
    cluster.cut("n0", "n2");
    put(&mut cluster, "n0", 1);
    cluster.advance(Duration::from_secs(1));
    cluster.cut("n0", "n1");
    cluster.restart("n0", Server::router);
    cluster.advance(Duration::from_secs(1));
    assert!(list(&mut cluster, "n0").is_empty());
    cluster.heal();
    cluster.advance(Duration::from_secs(5));
    for node in NAMES {
        assert_eq!(list(&mut cluster, node), [1]);
    }
    let before = cluster.sent_count();
    cluster.advance(Duration::from_secs(3600));
    assert_eq!(cluster.sent_count(), before, "nobody offers what everybody has");
}

#[test]
fn a_committed_change_outlives_all_nodes() {
    let mut cluster = journalled();
    for number in 0..20 {
        put(&mut cluster, "n1", number);
    }
    for node in NAMES {
        cluster.restart(node, Server::journalled);
    }
    put(&mut cluster, "n1", 20);
    for node in NAMES {
        cluster.restart(node, Server::journalled);
    }
    cluster.advance(Duration::from_secs(5));
    for node in NAMES {
        assert_eq!(list(&mut cluster, node), (0..=20).collect::<Vec<_>>());
    }
}

#[test]
fn nobody_hears_of_a_change_that_is_not_written_down() {
    let mut cluster = journalled();
    cluster.cut("n0", "lin-kv");
    assert!(cluster.call("n0", Put { number: 1 }).is_err());
    for node in NAMES {
        assert!(list(&mut cluster, node).is_empty());
    }
    cluster.heal();
    cluster.advance(Duration::from_secs(3));
    for node in NAMES {
        assert_eq!(list(&mut cluster, node), [1]);
    }
}
