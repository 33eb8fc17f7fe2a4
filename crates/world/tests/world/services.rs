//! The services as nodes meet them: over the network, in virtual and in real time.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use glomers_node::services::{Cas, Read, Ts, Write};
use glomers_node::{CoreOptions, ErrorCode, NodeCore, NodeId, Router, RpcError, messages};
use glomers_world::journal::Entry;
use glomers_world::{ClockKind, HostIndex, HostRole, Latency, Partition, WorldOptions, services};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::cluster::{Cluster, real, simulated};

fn raw(value: impl Serialize) -> Box<RawValue> {
    to_raw_value(&value).expect("the value is JSON")
}

fn cluster(options: WorldOptions) -> Cluster {
    let mut cluster = Cluster::start(options, 0);
    cluster.world.add_services();
    cluster
}

fn on_both(check: impl Fn(&mut Cluster)) {
    check(&mut cluster(simulated(1)));
    check(&mut cluster(real()));
}

fn refusal<T: std::fmt::Debug>(result: Result<T, RpcError>) -> (ErrorCode, String) {
    let error = result.expect_err("the service refuses");
    (error.code, error.text)
}

#[test]
fn every_store_reads_writes_and_compares() {
    on_both(|cluster| {
        for store in ["lin-kv", "seq-kv", "lww-kv"] {
            let (key, value) = (raw(["k"]), raw(u64::MAX));
            let missing = refusal(cluster.ask(store, Read { key: raw("none") }));
            assert_eq!(missing, (ErrorCode::KEY_DOES_NOT_EXIST, "key \"none\" does not exist".into()));
            let is_lww = store == "lww-kv";
            cluster.ask(store, Write { key: key.clone(), value }).expect("a write always succeeds");
            if is_lww {
                // Any write to both replicas would do; the second replica has the first one's once they have merged.
                while cluster.ask(store, Read { key: key.clone() }).is_err() {}
                for _ in 0..20 {
                    let _ = cluster.ask(store, Read { key: key.clone() });
                }
            }
            let read = cluster.ask(store, Read { key: key.clone() }).expect("the key exists");
            assert_eq!(read.value.get(), "18446744073709551615");
            let cas =
                |from: u64| Cas { key: raw(["k"]), from: raw(from), to: raw(2), create_if_not_exists: false };
            let refused = refusal(cluster.ask(store, cas(1)));
            let text = "current value 18446744073709551615 of key [\"k\"] is not 1";
            assert_eq!(refused, (ErrorCode::PRECONDITION_FAILED, text.into()));
            cluster.ask(store, cas(u64::MAX)).expect("the value is the expected one");
            let create = Cas { key: raw("new"), from: raw(0), to: raw(1), create_if_not_exists: true };
            let created = cluster.ask(store, create);
            assert_eq!(created.is_err(), is_lww, "{store}: {created:?}");
        }
        let stamps: Vec<u64> =
            (0..3).map(|_| cluster.ask("lin-tso", Ts {}).expect("the oracle answers").ts).collect();
        assert_eq!(stamps, [0, 1, 2]);
    });
}

/// A request that no service knows, and one that lacks its key.
#[derive(Debug, Serialize, Deserialize)]
struct Increment {}
#[derive(Debug, Serialize, Deserialize)]
struct KeylessRead {}
#[derive(Debug, Serialize, Deserialize)]
struct Never {}
messages! {
    "increment" Increment => "never" Never;
    "read" KeylessRead => Never;
}

#[test]
fn a_request_that_makes_no_sense_is_refused_with_the_reason() {
    on_both(|cluster| {
        for service in services::ALL {
            let (code, text) = refusal(cluster.ask(service.name, Increment {}));
            assert_eq!(code, ErrorCode::NOT_SUPPORTED);
            assert!(
                text.starts_with(&format!("{} does not know `increment`; it knows", service.name)),
                "{text}"
            );
        }
        let (code, text) = refusal(cluster.ask("lin-kv", KeylessRead {}));
        assert_eq!(code, ErrorCode::MALFORMED_REQUEST);
        assert!(text.contains("missing field `key`"), "{text}");
    });
}

/// A node under test that does only what it is told through the world.
fn add_bystander(cluster: &mut Cluster, id: &str) -> HostIndex {
    let options = CoreOptions::new(cluster.world.random(id));
    let core = NodeCore::started(options, NodeId::from(id), Vec::new(), |_| Router::new(()));
    cluster.world.add_local(NodeId::from(id), HostRole::Node, core)
}

/// One node counts up under a key while another reads it; returns what was read.
fn reads_beside_a_writer(service: &'static str, seed: u64) -> (Vec<u64>, u64) {
    let latency = Latency::constant_ms(5.0);
    let mut cluster = cluster(WorldOptions { latency, ..simulated(seed) });
    let (writer, reader) = (add_bystander(&mut cluster, "n0"), add_bystander(&mut cluster, "n1"));
    let reads = Rc::new(RefCell::new(Vec::new()));
    for host in [writer, reader] {
        let node = cluster.world.node(host).expect("the node is a core").clone();
        let sink = Rc::clone(&reads);
        cluster.world.spawn(host, async move {
            for count in 0..20_u64 {
                if host == writer {
                    let request = Write { key: raw("count"), value: raw(count) };
                    node.rpc(service, request).await.expect("a write always succeeds");
                } else if let Ok(reply) = node.rpc(service, Read { key: raw("count") }).await {
                    sink.borrow_mut().push(reply.value.get().parse().expect("a number was written"));
                }
            }
        });
    }
    cluster.settle(Duration::from_secs(1));
    let reads = reads.borrow().clone();
    (reads, cluster.finish().0.trace_hash)
}

#[test]
fn a_seed_fixes_what_the_services_draw() {
    for service in ["seq-kv", "lww-kv"] {
        assert_eq!(reads_beside_a_writer(service, 3), reads_beside_a_writer(service, 3));
        assert_ne!(reads_beside_a_writer(service, 3).0, reads_beside_a_writer(service, 4).0);
    }
}

#[test]
fn time_runs_backwards_for_clients_of_lww_kv_alone() {
    let has_run_backwards = |service| (0..20).any(|seed| !reads_beside_a_writer(service, seed).0.is_sorted());
    assert!(!has_run_backwards("lin-kv"));
    assert!(!has_run_backwards("seq-kv"));
    assert!(has_run_backwards("lww-kv"));
}

#[test]
fn a_service_draws_from_a_stream_of_its_own() {
    let answers = |is_disturbed: bool| {
        let mut cluster = cluster(simulated(7));
        let mut answers = Vec::new();
        for count in 0..30_u64 {
            let write = || Write { key: raw("x"), value: raw(count) };
            if is_disturbed {
                cluster.ask("lww-kv", write()).expect("a write always succeeds");
            }
            cluster.ask("seq-kv", write()).expect("a write always succeeds");
            // Whoever comes for the first time may be shown any state.
            let writer = cluster.client;
            cluster.client = add_bystander(&mut cluster, &format!("n{count}"));
            answers.push(cluster.ask("seq-kv", Read { key: raw("x") }).map(|reply| reply.value.to_string()));
            cluster.client = writer;
        }
        answers
    };
    assert_eq!(answers(false), answers(true));
    assert!(answers(false).iter().any(Result::is_err));
    assert!(answers(false).iter().any(Result::is_ok));
}

#[test]
fn no_partition_cuts_a_service_off() {
    let mut cluster = cluster(simulated(1));
    assert_eq!(cluster.world.options().clock, ClockKind::Virtual);
    let node = add_bystander(&mut cluster, "n0");
    let links = ["lin-kv", "n0"].map(NodeId::from);
    cluster.world.install_rule(Partition::between(&links.map(|id| vec![id])));
    let handle = cluster.world.node(node).expect("the node is a core").clone();
    let is_answered = Rc::new(RefCell::new(false));
    let sink = Rc::clone(&is_answered);
    cluster.world.spawn(node, async move {
        handle.rpc("lin-tso", Ts {}).await.expect("the oracle answers");
        handle.lin_kv().write("x", 1).await.expect("a write always succeeds");
        *sink.borrow_mut() = true;
    });
    cluster.settle(Duration::from_secs(1));
    assert!(*is_answered.borrow());
}

/// What the services answer to bodies that a process sends, in order, as `service: body`; and the protocol violations.
fn answers_to(requests: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let mut cluster = cluster(real());
    let lines: Vec<String> = requests
        .iter()
        .map(|(service, body)| format!(r#"{{"src":"n0","dest":"{service}","body":{body}}}"#))
        .collect();
    let script = format!("cat <<'END'\n{}\nEND\nexec sleep 60", lines.join("\n"));
    cluster.add_program(NodeId::from("n0"), &script);
    cluster.turn_until(|world| {
        let violations: u64 = world.protocol_violations().count_by_node().values().sum();
        // A request that is not answered is received all the same.
        world.network_statistics().servers.recv_count + violations >= 2 * requests.len() as u64
    });
    let violations = cluster.world.protocol_violations().kept().iter().map(ToString::to_string).collect();
    let (_, records) = cluster.finish();
    let answers = records.iter().filter_map(|record| match &record.entry {
        Entry::Sent { src, dest, body, .. } if dest.as_str() == "n0" => Some(format!("{src}: {body}")),
        _ => None,
    });
    (answers.collect(), violations)
}

#[track_caller]
fn check_answers(table: &[(&str, &str, &str)]) {
    let requests: Vec<(&str, &str)> = table.iter().map(|(service, body, _)| (*service, *body)).collect();
    let (answers, violations) = answers_to(&requests);
    let expected: Vec<String> =
        table.iter().map(|(service, _, answer)| format!("{service}: {answer}")).collect();
    assert_eq!(answers, expected);
    assert_eq!(violations, Vec::<String>::new());
}

#[test]
fn any_msg_id_is_repeated_as_it_was_sent() {
    check_answers(&[
        ("lin-tso", r#"{"type":"ts","msg_id":0}"#, r#"{"type":"ts_ok","in_reply_to":0,"ts":0}"#),
        ("lin-tso", r#"{"type":"ts","msg_id":"a-1"}"#, r#"{"type":"ts_ok","in_reply_to":"a-1","ts":1}"#),
        ("lin-tso", r#"{"type":"ts","msg_id":-7}"#, r#"{"type":"ts_ok","in_reply_to":-7,"ts":2}"#),
        (
            "lin-tso",
            r#"{"type":"ts","msg_id":99999999999999999999}"#,
            r#"{"type":"ts_ok","in_reply_to":99999999999999999999,"ts":3}"#,
        ),
        ("lin-tso", r#"{"type":"ts","msg_id":1.0}"#, r#"{"type":"ts_ok","in_reply_to":1.0,"ts":4}"#),
        (
            "lin-tso",
            r#"{"type":"ts","msg_id":{"a":[]}}"#,
            r#"{"type":"ts_ok","in_reply_to":{"a":[]},"ts":5}"#,
        ),
        ("lin-tso", r#"{"type":"ts"}"#, r#"{"type":"ts_ok","in_reply_to":null,"ts":6}"#),
        (
            "lin-tso",
            r#"{"type":"ts","msg_id":1,"in_reply_to":2}"#,
            r#"{"type":"ts_ok","in_reply_to":1,"ts":7}"#,
        ),
    ]);
}

#[test]
fn a_compare_and_set_needs_no_from_to_create() {
    check_answers(&[
        (
            "lin-kv",
            r#"{"type":"cas","msg_id":1,"key":"k","to":{"a":[]},"create_if_not_exists":true}"#,
            r#"{"type":"cas_ok","in_reply_to":1}"#,
        ),
        (
            "lin-kv",
            r#"{"type":"cas","msg_id":2,"key":"k","to":1,"create_if_not_exists":true}"#,
            r#"{"type":"error","in_reply_to":2,"code":22,"text":"current value {\"a\":[]} of key \"k\" is not null"}"#,
        ),
        (
            "lin-kv",
            r#"{"type":"cas","msg_id":3,"key":"new","from":[1,2],"to":null,"create_if_not_exists":1}"#,
            r#"{"type":"cas_ok","in_reply_to":3}"#,
        ),
        ("lin-kv", r#"{"type":"cas","msg_id":4,"key":"new","to":5}"#, r#"{"type":"cas_ok","in_reply_to":4}"#),
        (
            "lin-kv",
            r#"{"type":"cas","msg_id":5,"key":"none","to":5,"create_if_not_exists":false}"#,
            r#"{"type":"error","in_reply_to":5,"code":20,"text":"key \"none\" does not exist"}"#,
        ),
    ]);
}

#[test]
fn numbers_stay_whole_however_long() {
    let long = "123456789012345678901234567890123456789012345678901234567890";
    let write = format!(r#"{{"type":"write","msg_id":1,"key":{long}0,"value":{long}}}"#);
    let read = |id: u64, digit: u64| format!(r#"{{"type":"read","msg_id":{id},"key":{long}{digit}}}"#);
    let cas = |id: u64, digit: u64| {
        format!(r#"{{"type":"cas","msg_id":{id},"key":{long}0,"from":{long},"to":{long}{digit}}}"#)
    };
    check_answers(&[
        ("lin-kv", &write, r#"{"type":"write_ok","in_reply_to":1}"#),
        ("lin-kv", &read(2, 0), &format!(r#"{{"type":"read_ok","in_reply_to":2,"value":{long}}}"#)),
        (
            "lin-kv",
            &read(3, 1),
            &format!(r#"{{"type":"error","in_reply_to":3,"code":20,"text":"key {long}1 does not exist"}}"#),
        ),
        ("lin-kv", &cas(4, 7), r#"{"type":"cas_ok","in_reply_to":4}"#),
        ("lin-kv", &read(5, 0), &format!(r#"{{"type":"read_ok","in_reply_to":5,"value":{long}7}}"#)),
    ]);
}

#[test]
fn a_key_that_no_float_can_hold_is_a_key() {
    for service in ["lin-kv", "seq-kv", "lww-kv"] {
        check_answers(&[
            (
                service,
                r#"{"type":"read","msg_id":1,"key":1e400}"#,
                r#"{"type":"error","in_reply_to":1,"code":20,"text":"key 1e400 does not exist"}"#,
            ),
            (
                service,
                r#"{"type":"write","msg_id":2,"key":-1e999999,"value":1e400}"#,
                r#"{"type":"write_ok","in_reply_to":2}"#,
            ),
        ]);
    }
}

#[test]
fn garbage_is_refused_with_a_reason_and_never_passed_over() {
    let requests = [
        r#"{"msg_id":1,"key":1}"#,
        r#"{"type":null,"msg_id":2}"#,
        r#"{"type":["read"],"msg_id":"three"}"#,
        r#"{"type":"read","msg_id":4}"#,
        r#"{"type":"write","msg_id":5,"key":1}"#,
        r#"{"type":"cas","msg_id":6,"key":1,"from":1}"#,
        r#"{"type":"delete","msg_id":7}"#,
        r#"{"type":"write","type":"read","msg_id":8,"key":"k","key":"l"}"#,
    ];
    let requests = requests.map(|body| ("lin-kv", body));
    let (answers, violations) = answers_to(&requests);
    let expected = [
        r#""in_reply_to":1,"code":12,"text":"`type` is missing"#,
        r#""in_reply_to":2,"code":12"#,
        r#""in_reply_to":"three","code":12,"text":"expected `type` to be a string, found an array"#,
        r#""in_reply_to":4,"code":12,"text":"malformed `read`: missing field `key`"#,
        r#""in_reply_to":5,"code":12,"text":"malformed `write`: missing field `value`"#,
        r#""in_reply_to":6,"code":12,"text":"malformed `cas`: missing field `to`"#,
        r#""in_reply_to":7,"code":10,"text":"lin-kv does not know `delete`"#,
        r#""in_reply_to":8,"code":20,"text":"key \"l\" does not exist"#,
    ];
    assert_eq!(answers.len(), expected.len(), "{answers:#?}");
    for (answer, expected) in answers.iter().zip(expected) {
        assert!(answer.contains(expected), "{answer} does not say {expected}");
    }
    assert_eq!(violations, Vec::<String>::new());
}

#[test]
fn what_a_service_cannot_answer_is_a_violation() {
    let requests = [r#"{"type":"read_ok","in_reply_to":1}"#, r#"{"\ud800":1}"#].map(|body| ("seq-kv", body));
    let (answers, violations) = answers_to(&requests);
    assert_eq!(answers, Vec::<String>::new());
    for (violation, part) in violations.iter().zip(["services ask nothing", "text as keys"]) {
        assert!(
            violation.starts_with("Node n0 sent seq-kv a message that cannot be answered"),
            "{violation}"
        );
        assert!(violation.contains(part), "{violation}");
    }
    assert_eq!(violations.len(), 2);
}

#[test]
fn a_request_under_the_name_of_nobody_is_the_senders_fault() {
    let mut cluster = cluster(real());
    let script = r#"printf '{"src":"x9","dest":"lin-tso","body":{"type":"ts","msg_id":1}}\n'; exec sleep 60"#;
    cluster.add_program(NodeId::from("n0"), script);
    cluster.turn_until(|world| !world.protocol_violations().is_empty());
    let violation = cluster.world.protocol_violations().kept()[0].to_string();
    assert!(violation.starts_with("Node n0 sent lin-tso a message that cannot be answered"), "{violation}");
    assert!(violation.contains("nobody has the name \"x9\""), "{violation}");
}
