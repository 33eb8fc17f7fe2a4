//! The node in small clusters in virtual time: who tells whom what, and what happens when somebody can't be reached.

use std::time::Duration;

use broadcast::{Acknowledge, Broadcast, BroadcastServer, Read, Settings};
use glomers_node::{
    RawValue, RpcError,
    testing::{Cluster, Harness},
};

const LATENCY: Duration = Duration::from_millis(100);

/// The profile, but for the service that these clusters don't have.
fn copied() -> Settings {
    Settings { acknowledge: Acknowledge::Copied, ..Settings::LOW_LATENCY }
}

fn at_once() -> Settings {
    Settings { acknowledge: Acknowledge::AtOnce, ..Settings::LOW_LATENCY }
}

/// A cluster that has started and is quiet.
fn cluster(node_ids: &[&str], settings: Settings) -> Cluster {
    let mut cluster = Cluster::new(node_ids, move |node| BroadcastServer::router(node, settings));
    cluster.latency(LATENCY);
    cluster.advance(Duration::from_secs(1));
    cluster
}

fn broadcast(cluster: &mut Cluster, node: &str, json: &str) -> Result<(), RpcError> {
    let message = RawValue::from_string(json.to_owned()).expect("the test writes JSON").into();
    cluster.call(node, Broadcast { message }).map(|_| ())
}

fn read(cluster: &mut Cluster, node: &str) -> String {
    format!("{:?}", cluster.call(node, Read {}).expect("the node answers").messages)
}

#[test]
fn a_lone_node_answers_at_once_and_keeps_json_as_it_is() {
    let mut harness = Harness::new("n1", &["n1"], |node| BroadcastServer::router(node, copied()));
    let lines = [
        (
            r#"{"type":"topology","msg_id":1,"topology":{"n1":[]}}"#,
            r#"{"type":"topology_ok","in_reply_to":1}"#,
        ),
        (
            r#"{"type":"broadcast","msg_id":2,"message":18446744073709551616}"#,
            r#"{"type":"broadcast_ok","in_reply_to":2}"#,
        ),
        (
            r#"{"type":"broadcast","msg_id":3,"message":{"b":1.50}}"#,
            r#"{"type":"broadcast_ok","in_reply_to":3}"#,
        ),
        (
            r#"{"type":"read","msg_id":4}"#,
            r#"{"type":"read_ok","in_reply_to":4,"messages":[18446744073709551616,{"b":1.50}]}"#,
        ),
    ];
    assert!(harness.advance(Duration::ZERO).is_empty());
    for (request, reply) in lines {
        let sent = harness.send_line(&format!(r#"{{"src":"c1","dest":"n1","body":{request}}}"#));
        assert_eq!(sent, [format!(r#"{{"src":"n1","dest":"c1","body":{reply}}}"#)]);
    }
    assert!(harness.advance(Duration::from_secs(60)).is_empty());
}

#[test]
fn a_value_takes_one_message_to_the_relay_and_one_to_everybody_else() {
    let ids = ["n1", "n2", "n3", "n4", "n5"];
    let mut cluster = cluster(&ids, copied());
    let before = cluster.sent_count();
    let start = cluster.now();
    broadcast(&mut cluster, "n3", "7").unwrap();
    assert_eq!(cluster.now().since(start), 2 * LATENCY, "the relay's message to n3 is the confirmation");
    // The request, the way up, the four ways down, the answer.
    assert_eq!(cluster.sent_count() - before, 1 + 1 + 4 + 1);
    for id in ids {
        assert_eq!(read(&mut cluster, id), "[7]");
    }
}

#[test]
fn a_cluster_that_has_agreed_is_quiet() {
    let mut cluster = cluster(&["n1", "n2", "n3"], copied());
    broadcast(&mut cluster, "n1", "1").unwrap();
    broadcast(&mut cluster, "n3", "2").unwrap();
    cluster.advance(Duration::from_secs(10));
    let before = cluster.sent_count();
    cluster.advance(Duration::from_secs(3600));
    assert_eq!(cluster.sent_count(), before);
}

#[test]
fn values_that_come_within_an_interval_travel_together() {
    let mut cluster = cluster(&["n1", "n2", "n3"], at_once());
    broadcast(&mut cluster, "n2", "0").unwrap();
    cluster.advance(LATENCY);
    let before = cluster.sent_count();
    for json in ["1", "2", "3", "4"] {
        broadcast(&mut cluster, "n1", json).unwrap();
    }
    cluster.advance(Settings::LOW_LATENCY.interval + LATENCY);
    assert_eq!(read(&mut cluster, "n3"), "[0, 1, 2, 3, 4]");
    // Four requests with their answers, one message to each of two nodes, one read with its answer.
    assert_eq!(cluster.sent_count() - before, 8 + 2 + 2);
}

#[test]
fn nobody_hears_that_a_value_is_safe_while_it_is_not() {
    let mut cluster = cluster(&["n1", "n2", "n3"], copied());
    cluster.cut("n2", "n1");
    cluster.cut("n2", "n3");
    assert!(broadcast(&mut cluster, "n2", "1").is_err(), "only n2 holds the value");
    assert_eq!(read(&mut cluster, "n2"), "[1]");
    cluster.heal();
    cluster.advance(Duration::from_secs(3));
    assert_eq!(read(&mut cluster, "n3"), "[1]");
}

#[test]
fn without_its_relay_a_cluster_finds_another_and_comes_back() {
    let mut cluster = cluster(&["n1", "n2", "n3", "n4"], copied());
    for other in ["n2", "n3", "n4"] {
        cluster.cut("n1", other);
    }
    broadcast(&mut cluster, "n4", "1").unwrap();
    for id in ["n2", "n3", "n4"] {
        cluster.advance(Duration::from_secs(1));
        assert_eq!(read(&mut cluster, id), "[1]");
    }
    assert!(broadcast(&mut cluster, "n1", "2").is_err());
    cluster.heal();
    cluster.advance(Duration::from_secs(3));
    assert_eq!(read(&mut cluster, "n1"), "[2, 1]");
    assert_eq!(read(&mut cluster, "n4"), "[1, 2]");
    cluster.advance(Duration::from_secs(10));
    let (before, start) = (cluster.sent_count(), cluster.now());
    broadcast(&mut cluster, "n4", "3").unwrap();
    assert_eq!(cluster.now().since(start), 2 * LATENCY);
    assert_eq!(cluster.sent_count() - before, 1 + 1 + 3 + 1, "n1 is the relay again");
}

#[test]
fn a_node_that_hears_only_a_third_still_gets_and_gives_all() {
    let mut cluster = cluster(&["n1", "n2", "n3", "n4"], copied());
    cluster.cut("n4", "n1");
    cluster.cut("n4", "n2");
    broadcast(&mut cluster, "n4", "1").unwrap();
    broadcast(&mut cluster, "n1", "2").unwrap();
    cluster.advance(Duration::from_secs(3));
    for id in ["n1", "n2", "n3"] {
        assert_eq!(read(&mut cluster, id).len(), "[1, 2]".len(), "{id}");
    }
    assert_eq!(read(&mut cluster, "n4"), "[1, 2]");
}

#[test]
fn a_node_that_starts_asks_what_it_missed_before_it_answers_reads() {
    let mut harness = Harness::new("n2", &["n1", "n2"], |node| BroadcastServer::router(node, copied()));
    let asked = harness.advance(Duration::ZERO);
    assert_eq!(asked.len(), 1);
    assert!(asked[0].contains(r#""dest":"n1","body":{"type":"sync""#), "{asked:?}");
    let read = r#"{"src":"c1","dest":"n2","body":{"type":"read","msg_id":1}}"#;
    assert!(harness.send_line(read).is_empty());
    let again = harness.advance(Duration::from_secs(1));
    assert_eq!(again.len(), 1, "nobody has answered: {again:?}");
    let msg_id = again[0].split("msg_id\":").nth(1).unwrap().trim_end_matches('}');
    let answer = format!(
        r#"{{"src":"n1","dest":"n2","body":{{"type":"sync_ok","in_reply_to":{msg_id},"gossip":{{"have":{{"n2/01":1}},"news":{{"n2/01":{{"from":0,"values":[7]}}}}}}}}}}"#
    );
    let sent = harness.send_line(&answer);
    assert_eq!(
        sent[0],
        r#"{"src":"n2","dest":"c1","body":{"type":"read_ok","in_reply_to":1,"messages":[7]}}"#
    );
}
