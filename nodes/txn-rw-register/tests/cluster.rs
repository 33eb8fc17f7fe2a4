//! Nodes of the registers, on a network in memory.

use std::time::Duration;

use glomers_node::{
    ErrorCode, RawValue,
    testing::{Cluster, Harness},
};
use txn_rw_register::{Function, MicroOperation, TransactionServer, Txn};

/// `r KEY` and `w KEY VALUE`, separated by commas.
fn parse(text: &str) -> Txn {
    let json = |text: Option<&str>| {
        RawValue::from_string(text.unwrap_or("null").to_owned()).expect("the test writes JSON")
    };
    let micro_operation = |text: &str| -> MicroOperation {
        let mut words = text.split_whitespace();
        let function = if words.next() == Some("r") { Function::Read } else { Function::Write };
        (function, json(words.next()), json(words.next()))
    };
    Txn { txn: text.split(", ").map(micro_operation).collect() }
}

/// What the reads of a transaction saw.
fn seen(cluster: &mut Cluster, node: &str, transaction: &str) -> Vec<String> {
    let reply = cluster.call(node, parse(transaction)).expect("a node always answers");
    let reads = reply.txn.iter().filter(|(function, ..)| *function == Function::Read);
    reads.map(|(.., value)| value.get().to_owned()).collect()
}

#[test]
fn a_transaction_sees_what_was_before_it_and_what_itself_wrote() {
    let mut cluster = Cluster::new(&["n0"], TransactionServer::router);
    assert_eq!(seen(&mut cluster, "n0", "r 1, w 1 6, r 1, w 1 7, w 2 9"), ["null", "6"]);
    assert_eq!(seen(&mut cluster, "n0", "r 1, r 2, r 3"), ["7", "9", "null"]);
}

#[test]
fn a_micro_operation_of_another_kind_is_refused() {
    let mut harness = Harness::new("n0", &["n0"], TransactionServer::router);
    let sent = harness
        .send_line(r#"{"src":"c1","dest":"n0","body":{"type":"txn","msg_id":1,"txn":[["append",1,2]]}}"#);
    assert!(sent[0].contains(&format!("\"code\":{}", ErrorCode::MALFORMED_REQUEST.0)), "{sent:?}");
}

#[test]
fn after_a_cut_all_nodes_agree_on_whole_transactions() {
    let mut cluster = Cluster::new(&["n0", "n1"], TransactionServer::router);
    cluster.advance(Duration::from_secs(1));
    cluster.cut("n0", "n1");
    seen(&mut cluster, "n0", "w 1 10, w 2 10");
    seen(&mut cluster, "n1", "w 1 20, w 2 20");
    assert_eq!(seen(&mut cluster, "n0", "r 1, r 2"), ["10", "10"]);
    assert_eq!(seen(&mut cluster, "n1", "r 1, r 2"), ["20", "20"]);
    cluster.heal();
    cluster.advance(Duration::from_secs(3));
    let agreed = seen(&mut cluster, "n0", "r 1, r 2");
    assert_eq!(agreed, seen(&mut cluster, "n1", "r 1, r 2"));
    assert_eq!(agreed[0], agreed[1], "the same transaction won both registers");
}

#[test]
fn a_write_after_a_read_wins_over_what_was_read() {
    let mut cluster = Cluster::new(&["n0", "n1"], TransactionServer::router);
    for value in 0..10 {
        seen(&mut cluster, "n0", &format!("w 1 {value}"));
    }
    cluster.advance(Duration::from_secs(1));
    assert_eq!(seen(&mut cluster, "n1", "r 1, w 1 99"), ["9"]);
    cluster.advance(Duration::from_secs(1));
    assert_eq!(seen(&mut cluster, "n0", "r 1"), ["99"]);
}

#[test]
fn a_restarted_node_that_is_cut_off_answers_after_a_second() {
    let mut cluster = Cluster::new(&["n0", "n1"], TransactionServer::router);
    cluster.cut("n0", "n1");
    cluster.restart("n0", TransactionServer::router);
    let before = cluster.now();
    assert_eq!(seen(&mut cluster, "n0", "r 1"), ["null"]);
    assert_eq!(cluster.now() - before, Duration::from_secs(1));
    assert_eq!(seen(&mut cluster, "n0", "r 1"), ["null"]);
    assert_eq!(cluster.now() - before, Duration::from_secs(1), "only the first has to wait");
}
