//! A small cluster in virtual time, step by step.

use std::time::Duration;

use glomers_node::{
    ErrorCode, RawValue, RpcError,
    services::{Cas, Read, Write},
    testing::Cluster,
};
use lin_kv::LinKvServer;

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).expect("the text is JSON")
}

fn cluster(names: &[&str]) -> Cluster {
    let mut cluster = Cluster::new(names, LinKvServer::router);
    // Long enough to found, and for the followers to hear of it.
    cluster.advance(Duration::from_millis(300));
    cluster
}

fn read(cluster: &mut Cluster, node: &str) -> Result<String, RpcError> {
    cluster.call(node, Read { key: raw("1") }).map(|reply| reply.value.get().to_owned())
}

fn write(cluster: &mut Cluster, node: &str, value: &str) -> Result<(), RpcError> {
    cluster.call(node, Write { key: raw("1"), value: raw(value) }).map(|_| ())
}

fn cas(cluster: &mut Cluster, node: &str, from: &str, to: &str) -> Result<(), RpcError> {
    let cas = Cas { key: raw("1"), from: raw(from), to: raw(to), create_if_not_exists: false };
    cluster.call(node, cas).map(|_| ())
}

fn code(result: Result<impl std::fmt::Debug, RpcError>) -> ErrorCode {
    result.expect_err("the operation fails").code
}

/// Cuts a node off from all other nodes, but not from its clients.
fn isolate(cluster: &mut Cluster, node: &str, others: &[&str]) {
    others.iter().filter(|other| **other != node).for_each(|other| cluster.cut(node, other));
}

#[test]
fn every_node_serves_every_operation() {
    let mut cluster = cluster(&["n1", "n2", "n3"]);
    assert_eq!(code(read(&mut cluster, "n2")), ErrorCode::KEY_DOES_NOT_EXIST);
    assert_eq!(code(cas(&mut cluster, "n3", "1", "2")), ErrorCode::KEY_DOES_NOT_EXIST);
    write(&mut cluster, "n3", r#"{"a": [1, null]}"#).unwrap();
    assert_eq!(read(&mut cluster, "n1").unwrap(), r#"{"a": [1, null]}"#);
    assert_eq!(code(cas(&mut cluster, "n1", "[]", "2")), ErrorCode::PRECONDITION_FAILED);
    cas(&mut cluster, "n2", r#"{"a":[1,null]}"#, "null").unwrap();
    assert_eq!(read(&mut cluster, "n3").unwrap(), "null");
}

#[test]
fn a_node_alone_is_a_cluster() {
    let mut cluster = cluster(&["n1"]);
    write(&mut cluster, "n1", "5").unwrap();
    assert_eq!(read(&mut cluster, "n1").unwrap(), "5");
}

#[test]
fn the_others_go_on_without_their_leader() {
    let names = ["n1", "n2", "n3", "n4", "n5"];
    let mut cluster = cluster(&names);
    write(&mut cluster, "n2", "1").unwrap();
    // The first node has founded the cluster, so it leads.
    isolate(&mut cluster, "n1", &names);
    cluster.advance(Duration::from_secs(3));
    write(&mut cluster, "n2", "2").unwrap();
    assert_eq!(code(read(&mut cluster, "n1")), ErrorCode::TEMPORARILY_UNAVAILABLE);
    assert_eq!(code(write(&mut cluster, "n1", "3")), ErrorCode::TEMPORARILY_UNAVAILABLE);
    cluster.heal();
    cluster.advance(Duration::from_secs(1));
    assert_eq!(read(&mut cluster, "n1").unwrap(), "2");
}

#[test]
fn a_leader_that_does_not_know_that_it_is_cut_off_promises_nothing() {
    let names = ["n1", "n2", "n3"];
    let mut cluster = cluster(&names);
    isolate(&mut cluster, "n1", &names);
    assert_eq!(code(write(&mut cluster, "n1", "1")), ErrorCode::TIMEOUT);
    cluster.heal();
    cluster.advance(Duration::from_secs(2));
    assert_eq!(code(read(&mut cluster, "n1")), ErrorCode::KEY_DOES_NOT_EXIST);
}

#[test]
fn slow_networks_are_waited_for() {
    let names = ["n1", "n2", "n3"];
    let mut cluster = cluster(&names);
    cluster.latency(Duration::from_millis(700));
    cluster.advance(Duration::from_secs(20));
    write(&mut cluster, "n2", "1").unwrap();
    isolate(&mut cluster, "n1", &names);
    cluster.advance(Duration::from_secs(40));
    write(&mut cluster, "n2", "2").unwrap();
    assert_eq!(read(&mut cluster, "n3").unwrap(), "2");
}

#[test]
fn an_operation_costs_few_messages() {
    let mut cluster = cluster(&["n1", "n2", "n3", "n4", "n5"]);
    let before = cluster.sent_count();
    write(&mut cluster, "n1", "1").unwrap();
    // The request, four appends, their four answers, and the reply. The answers behind a majority may be on their way.
    assert!(cluster.sent_count() - before <= 10, "{}", cluster.sent_count() - before);
}
