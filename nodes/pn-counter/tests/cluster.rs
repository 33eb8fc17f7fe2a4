//! Nodes of the counter and a journal, on a network in memory.

use std::time::Duration;

use glomers_node::{CoreOptions, Random, testing::Cluster};
use glomers_world::services;
use pn_counter::{Add, PnCounterServer, Read};

fn cluster() -> Cluster {
    let lin_kv = services::find("lin-kv").expect("lin-kv is a service");
    let mut cluster = Cluster::empty();
    cluster.add_core("lin-kv", lin_kv.build(CoreOptions::new(Random::derive(0, "lin-kv"))));
    cluster.start(&["n0", "n1"], PnCounterServer::router);
    cluster
}

fn add(cluster: &mut Cluster, node: &str, delta: i64) {
    cluster.call(node, Add { delta }).expect("a node takes what it is given");
}

fn read(cluster: &mut Cluster, node: &str) -> i128 {
    cluster.call(node, Read {}).expect("a node says what it has").value
}

#[test]
fn both_sides_of_a_cut_count() {
    let mut cluster = cluster();
    cluster.cut("n0", "n1");
    add(&mut cluster, "n0", 5);
    add(&mut cluster, "n1", -7);
    assert_eq!((read(&mut cluster, "n0"), read(&mut cluster, "n1")), (5, -7));
    cluster.heal();
    cluster.advance(Duration::from_secs(3));
    assert_eq!((read(&mut cluster, "n0"), read(&mut cluster, "n1")), (-2, -2));
}

#[test]
fn what_a_node_counted_before_it_was_killed_counts_once() {
    let mut cluster = cluster();
    for life in 1..=5 {
        add(&mut cluster, "n0", 10);
        cluster.advance(Duration::from_secs(1));
        cluster.restart("n0", PnCounterServer::router);
        add(&mut cluster, "n0", -1);
        cluster.advance(Duration::from_secs(1));
        for node in ["n0", "n1"] {
            assert_eq!(read(&mut cluster, node), 9 * life);
        }
    }
}

#[test]
fn sums_may_leave_the_range_of_a_change() {
    let mut cluster = cluster();
    add(&mut cluster, "n0", i64::MAX);
    add(&mut cluster, "n0", i64::MAX);
    assert_eq!(read(&mut cluster, "n0"), 2 * i128::from(i64::MAX));
}
