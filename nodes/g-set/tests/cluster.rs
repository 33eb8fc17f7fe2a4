//! Nodes of the set and a journal, on a network in memory.

use std::time::Duration;

use g_set::{Add, GSetServer, Read};
use glomers_node::{CoreOptions, Random, RawValue, testing::Cluster};
use glomers_world::services;

fn cluster() -> Cluster {
    let lin_kv = services::find("lin-kv").expect("lin-kv is a service");
    let mut cluster = Cluster::empty();
    cluster.add_core("lin-kv", lin_kv.build(CoreOptions::new(Random::derive(0, "lin-kv"))));
    cluster.start(&["n0", "n1"], GSetServer::router);
    cluster
}

fn add(cluster: &mut Cluster, node: &str, element: &str) {
    let element = RawValue::from_string(element.to_owned()).expect("the test writes JSON");
    cluster.call(node, Add { element }).expect("a node takes what it is given");
}

fn read(cluster: &mut Cluster, node: &str) -> Vec<String> {
    let elements = cluster.call(node, Read {}).expect("a node says what it has").value;
    elements.iter().map(|element| element.get().to_owned()).collect()
}

#[test]
fn an_element_may_be_any_json_and_is_shown_as_it_came() {
    let mut cluster = cluster();
    let elements = ["1", "\"one\"", "[1, 2.50]", "{\"a\":null}"];
    for element in elements {
        add(&mut cluster, "n0", element);
    }
    assert_eq!(read(&mut cluster, "n0"), elements);
}

#[test]
fn what_two_nodes_took_is_shown_once() {
    let mut cluster = cluster();
    cluster.cut("n0", "n1");
    for node in ["n0", "n1"] {
        add(&mut cluster, node, "7");
        add(&mut cluster, node, "7");
    }
    cluster.heal();
    cluster.advance(Duration::from_secs(3));
    for node in ["n0", "n1"] {
        assert_eq!(read(&mut cluster, node), ["7"]);
    }
}

#[test]
fn an_element_that_one_node_alone_took_outlives_it() {
    let mut cluster = cluster();
    cluster.cut("n0", "n1");
    add(&mut cluster, "n0", "7");
    cluster.restart("n0", GSetServer::router);
    assert_eq!(read(&mut cluster, "n0"), ["7"]);
}
