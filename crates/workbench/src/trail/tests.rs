use std::time::Duration;

use glomers_node::{Node, NodeId, Router, RpcError, messages};
use glomers_world::journal::JournalReader;
use serde::{Deserialize, Serialize};

use super::*;
use crate::{Outcome, Simulation};

#[derive(Serialize, Deserialize)]
struct Topology {}
#[derive(Serialize, Deserialize)]
struct TopologyOk {}
#[derive(Serialize, Deserialize)]
struct Broadcast {
    message: u64,
}
#[derive(Serialize, Deserialize)]
struct BroadcastOk {}
#[derive(Serialize, Deserialize)]
struct Read {}
#[derive(Serialize, Deserialize)]
struct ReadOk {
    messages: Vec<u64>,
}
#[derive(Serialize, Deserialize)]
struct Gossip {
    messages: Vec<u64>,
}
messages! {
    "topology" Topology => "topology_ok" TopologyOk;
    "broadcast" Broadcast => "broadcast_ok" BroadcastOk;
    "read" Read => "read_ok" ReadOk;
    "gossip" Gossip;
}

/// What a node does with a message that it was given.
#[derive(Clone, Copy, PartialEq)]
enum Habit {
    /// Tells nobody.
    Keeps,
    /// Tells each peer once.
    TellsOnce,
}

struct Gossiper {
    node: Node,
    habit: Habit,
    known: std::cell::RefCell<Vec<u64>>,
}

impl Gossiper {
    fn router(node: Node, habit: Habit) -> Router<Self> {
        Router::new(Self { node, habit, known: std::cell::RefCell::default() })
            .on(Self::topology)
            .on(Self::broadcast)
            .on(Self::read)
            .on_notice(Self::gossip)
    }

    async fn topology(&self, _: Topology) -> Result<TopologyOk, RpcError> {
        Ok(TopologyOk {})
    }

    async fn broadcast(&self, request: Broadcast) -> Result<BroadcastOk, RpcError> {
        self.known.borrow_mut().push(request.message);
        let told = match self.habit {
            Habit::Keeps => 0,
            Habit::TellsOnce => usize::MAX,
        };
        for peer in self.node.peers().iter().take(told) {
            self.node.send(peer, &Gossip { messages: vec![request.message] });
        }
        Ok(BroadcastOk {})
    }

    async fn read(&self, _: Read) -> Result<ReadOk, RpcError> {
        Ok(ReadOk { messages: self.known.borrow().clone() })
    }

    async fn gossip(&self, _: NodeId, gossip: Gossip) {
        self.known.borrow_mut().extend(gossip.messages);
    }
}

fn run(habit: Habit, replay: &str) -> Outcome {
    let mut plan = crate::plan::Plan::new("broadcast", 1);
    plan.nodes = crate::plan::numbered_nodes(3);
    plan.concurrency = 3;
    plan.time_limit = Duration::from_secs(10);
    plan.recovery = Duration::from_secs(1);
    let json = serde_json::to_string(&plan).expect("a plan is JSON");
    Simulation::replay(&format!("plan {json}\n{replay}")).run(move |node| Gossiper::router(node, habit))
}

fn records(outcome: &Outcome) -> impl Iterator<Item = Record> {
    JournalReader::new(&outcome.journal[..]).map(|record| record.expect("the journal is whole"))
}

/// The trail of a value, without the times of its steps.
fn of_value(outcome: &Outcome, value: u64) -> Vec<String> {
    let trail = Trail::of_value(records(outcome), &value.into());
    trail.steps.into_iter().map(|step| step.text).chain(trail.conclusions).collect()
}

#[test]
fn a_value_that_no_message_carries() {
    // The protocol's own keys do not count: msg_id is 1 in many messages.
    let outcome = run(Habit::TellsOnce, "at 0s client 0 read nil\n");
    assert_eq!(of_value(&outcome, 1), ["No message carried it."]);
}

/// The trail of an operation, without times.
fn of_operation(outcome: &Outcome, index: u64) -> Vec<String> {
    let trail = Trail::of_operation(|| records(outcome), index).expect("there is such an operation");
    trail.steps.into_iter().map(|step| step.text).chain(trail.conclusions).collect()
}

#[test]
fn an_operation_whose_node_is_dead() {
    let outcome = run(Habit::Keeps, "at 0s for 8s kill n1\nat 1s client 1 broadcast 5\n");
    let index =
        outcome.history.iter().find(|operation| operation.f == "broadcast").expect("it is there").index;
    let told = of_operation(&outcome, index);
    assert_eq!(told[0], r#"c7 asks n1: {"type":"broadcast","msg_id":1,"message":5}"#);
    assert_eq!(told[1], "the request to n1 is lost: dead host");
    assert!(told[2].starts_with("the operation ends: info"), "{told:?}");
    assert_eq!(
        told.last().map(String::as_str),
        Some("The request never reached n1, so it was never answered.")
    );
    assert_eq!(Trail::of_operation(|| records(&outcome), 10_000), None);
}

#[test]
fn an_operation_that_is_answered_too_late() {
    let outcome =
        run(Habit::Keeps, "at 0s for 7s pause n1\nat 1s client 1 broadcast 5\nat 9s client 0 read nil\n");
    let index =
        outcome.history.iter().find(|operation| operation.f == "broadcast").expect("it is there").index;
    let told = of_operation(&outcome, index);
    assert!(told.iter().any(|step| step.starts_with("n1 answers, too late: ")), "{told:?}");
    let end = told.last().expect("it has an end");
    assert!(end.starts_with("It was answered at 7.000 s, when the client had given up at 6."), "{told:?}");
}

#[test]
fn a_value_is_found_however_the_body_writes_it() {
    use serde_json::json;
    let part = json!("caf\u{e9}");
    let carried = |body: &str, value: &serde_json::Value| {
        let record = |sequence, entry| Record { sequence, time: Time::ZERO, entry };
        let node =
            |id: &str| Entry::HostAdded { host: NodeId::from(id), role: glomers_world::HostRole::Node };
        let sent = Entry::Sent {
            message: 1,
            src: "n0".into(),
            claimed_src: None,
            dest: "n1".into(),
            body: body.into(),
        };
        let records = [record(0, node("n0")), record(1, node("n1")), record(2, sent)];
        let value = Value::from_json(&value.to_string()).expect("JSON");
        !Trail::of_value(records, &value).steps.is_empty()
    };
    assert!(carried(r#"{"type":"x","value":["caf\u00e9"]}"#, &part));
    assert!(carried(r#"{"type":"x","value":{"caf\u00e9":1}}"#, &part));
    assert!(!carried(r#"{"type":"x","value":"caf\u00ea"}"#, &part));
    for body in [
        r#"{"type":"x","seen":[7]}"#,
        r#"{"type":"x","seen":{"7":true}}"#,
        r#"{"type":"x","seen":"7"}"#,
        r#"{"type":"x","seen":7.0}"#,
    ] {
        assert!(carried(body, &json!(7)), "{body}");
    }
    for body in [r#"{"type":"x","seen":[77]}"#, r#"{"type":"7","msg_id":7,"in_reply_to":7}"#] {
        assert!(!carried(body, &json!(7)), "{body}");
    }
}

#[test]
fn an_operation_without_a_request_gets_nobody_elses() {
    let encode = |operation: &glomers_check::Operation| {
        let mut bytes = Vec::new();
        operation_record::encode(operation, &mut bytes);
        Entry::UserRecord(bytes)
    };
    let invoke = |client, index| glomers_check::Operation::invoke(client, "poll", ()).at(index, 0);
    let silent = invoke(0, 0);
    let sent = Entry::Sent {
        message: 1,
        src: "c9".into(),
        claimed_src: None,
        dest: "n1".into(),
        body: r#"{"type":"poll","msg_id":1}"#.into(),
    };
    let entries = [
        encode(&silent),
        encode(&silent.completed(glomers_check::OperationKind::Ok, ()).at(1, 0)),
        encode(&invoke(1, 2)),
        sent,
    ];
    let records = || {
        let entries = entries.iter().cloned().enumerate();
        entries.map(|(place, entry)| Record { sequence: place as u64, time: Time::ZERO, entry })
    };
    let silent = Trail::of_operation(&records, 0).expect("it is there");
    assert_eq!(silent.conclusions, ["It sent no message."]);
    let other = Trail::of_operation(&records, 2).expect("it is there");
    assert_eq!(
        other.conclusions,
        ["The request was still on its way to n1, or in front of it, when the run ended."]
    );
}

/// A journal with these entries, a millisecond apart, after the first operation, `echo a` by process 0.
fn written_by_hand(entries: impl IntoIterator<Item = Entry>) -> Vec<Record> {
    let mut bytes = Vec::new();
    let echo = glomers_check::Operation::invoke(0, "echo", "a").at(0, 0);
    operation_record::encode(&echo, &mut bytes);
    let entries = [Entry::UserRecord(bytes)].into_iter().chain(entries).zip(0..);
    entries
        .map(|(entry, place)| Record { sequence: place, time: Time::from_ns(place * 1_000_000), entry })
        .collect()
}

fn sent(message: u64, src: &str, dest: &str, body: &str) -> Entry {
    Entry::Sent { message, src: src.into(), claimed_src: None, dest: dest.into(), body: body.into() }
}

fn timed_out() -> Entry {
    let mut bytes = Vec::new();
    let echo = glomers_check::Operation::invoke(0, "echo", "a");
    let end =
        echo.completed(glomers_check::OperationKind::Info, "a").with_error(Value::keyword("net-timeout"));
    operation_record::encode(&end.at(1, 5_000_000), &mut bytes);
    Entry::UserRecord(bytes)
}

#[test]
fn an_answer_that_goes_to_another_client() {
    let records = written_by_hand([
        sent(0, "c3", "n0", r#"{"type":"echo","msg_id":7,"echo":"a"}"#),
        Entry::Delivered { message: 0 },
        sent(1, "n0", "c4", r#"{"type":"echo_ok","in_reply_to":7,"echo":"a"}"#),
        Entry::Delivered { message: 1 },
        timed_out(),
    ]);
    let trail = Trail::of_operation(|| records.clone(), 0).expect("it is there");
    assert_eq!(
        trail.to_string(),
        "What happened to operation 0 (echo \"a\"):\n    \
           0.001000 s  c3 asks n0: {\"type\":\"echo\",\"msg_id\":7,\"echo\":\"a\"}\n    \
           0.002000 s  n0 gets it\n    \
           0.003000 s  n0 answers request 7 of c3 to c4, which has no open request 7: {\"type\":\"echo_ok\",\"in_reply_to\":7,\"echo\":\"a\"}\n    \
           0.005000 s  the operation ends: info, outcome unknown, :net-timeout\n  \
         n0 never answered the client that asked: at 0.003 s it sent the answer to c4 instead.\n"
    );
}

#[test]
fn an_answer_that_is_not_accepted() {
    let records = written_by_hand([
        sent(0, "c3", "n0", r#"{"type":"echo","msg_id":7,"echo":"a"}"#),
        Entry::Delivered { message: 0 },
        sent(1, "n0", "c3", r#"{"type":"echo_ok","in_reply_to":"7","echo":"a"}"#),
        Entry::ProtocolViolation {
            host: "n0".into(),
            text: "Node n0 printed a line that is not a message".into(),
        },
        timed_out(),
    ]);
    let trail = Trail::of_operation(|| records.clone(), 0).expect("it is there");
    assert_eq!(
        trail.to_string(),
        "What happened to operation 0 (echo \"a\"):\n    \
           0.001000 s  c3 asks n0: {\"type\":\"echo\",\"msg_id\":7,\"echo\":\"a\"}\n    \
           0.002000 s  n0 gets it\n    \
           0.003000 s  n0 sends c3 what is no answer to its request 7: it has `in_reply_to` \"7\": {\"type\":\"echo_ok\",\"in_reply_to\":\"7\",\"echo\":\"a\"}\n    \
           0.004000 s  Node n0 printed a line that is not a message\n    \
           0.005000 s  the operation ends: info, outcome unknown, :net-timeout\n  \
         n0 never answered it.\n"
    );
}
