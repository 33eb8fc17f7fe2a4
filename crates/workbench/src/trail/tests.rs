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
    /// Tells only the first peer.
    TellsFirst,
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
            Habit::TellsFirst => 1,
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
fn a_value_that_nobody_passes_on() {
    let outcome = run(Habit::Keeps, "at 0s client 0 broadcast 77\nat 1s client 0 read nil\n");
    assert_eq!(
        of_value(&outcome, 77),
        [
            "c6 gives it (broadcast) to n0",
            "n0 shows it (read_ok) to c6",
            "n0 shows it (read_ok) to c6",
            "No node ever sent it to n1.",
            "No node ever sent it to n2.",
            "It was shown to a client for the last time by n0 at 11.000 s.",
            "After 11.000 s no node sent it.",
        ]
    );
}

#[test]
fn a_value_that_a_partition_swallows() {
    let outcome = run(Habit::TellsOnce, "at 0s for 2s cut n0 from n2\nat 1s client 0 broadcast 77\n");
    assert_eq!(
        of_value(&outcome, 77),
        [
            "c6 gives it (broadcast) to n0",
            "n0 sends it (gossip) to n1, n2 [to n2: lost, partition]",
            "n0 shows it (read_ok) to c6",
            "n1 shows it (read_ok) to c7",
            "n2 never got it: of 1 message to it 1 lost: 1 (gossip, partition).",
            "It was shown to a client for the last time by n1 at 11.000 s.",
            "After 11.000 s no node sent it.",
        ]
    );
}

#[test]
fn a_value_that_dies_with_its_node() {
    let outcome = run(Habit::TellsFirst, "at 0s client 0 broadcast 77\nat 1s for 1s kill n0, n1\n");
    let told = of_value(&outcome, 77);
    assert_eq!(
        told,
        [
            "c6 gives it (broadcast) to n0",
            "n0 sends it (gossip) to n1",
            "n0 is killed; it had it",
            "n1 is killed; it had it",
            "n0 starts again",
            "n1 starts again",
            "No node ever sent it to n2.",
            "n0, n1 had it and were killed or ended; nobody showed that it came back. Nobody else had it.",
            "After 0.000 s no node sent it.",
        ]
    );
}

#[test]
fn a_value_that_no_message_carries() {
    // The protocol's own keys do not count: msg_id is 1 in many messages.
    let outcome = run(Habit::TellsOnce, "at 0s client 0 read nil\n");
    assert_eq!(of_value(&outcome, 1), ["No message carried it."]);
}

/// The trail of an operation, without times.
fn of_operation(outcome: &Outcome, index: u64) -> Vec<String> {
    let trail = Trail::of_operation(records(outcome), index).expect("there is such an operation");
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
        Some("The request never reached the node, so it was never answered.")
    );
    assert_eq!(Trail::of_operation(records(&outcome), 10_000), None);
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
fn a_long_trail_leaves_its_middle_out() {
    let step = |number: u64| Step {
        time: Time::from_ns(number),
        hosts: Vec::new(),
        messages: Vec::new(),
        text: format!("step {number}"),
    };
    let trail = Trail {
        subject: "7".to_owned(),
        steps: (0..100).map(step).collect(),
        conclusions: vec!["The end.".to_owned()],
    };
    let text = trail.to_string();
    assert_eq!(text.lines().count(), 1 + MAX_STEPS + 1 + 1);
    assert!(
        text.contains("… 76 steps left out …") && text.contains("step 99") && text.ends_with("  The end.\n"),
        "{text}"
    );
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
        !Trail::of_value(records, value).steps.is_empty()
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
    let silent = Trail::of_operation(records(), 0).expect("it is there");
    assert_eq!(silent.conclusions, ["It sent no message."]);
    let other = Trail::of_operation(records(), 2).expect("it is there");
    assert_eq!(other.conclusions, ["n1 never read the request."]);
}
