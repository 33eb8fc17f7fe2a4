//! The exact shapes on the wire, and what the clients make of the answers.

use crate::testing::Harness;
use crate::{ErrorCode, Node, Router, RpcError, messages};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Go {
    step: String,
}
#[derive(Serialize, Deserialize)]
struct GoOk {
    outcome: u64,
}
messages! { "go" Go => "go_ok" GoOk; }

struct Server {
    node: Node,
}

impl Server {
    async fn go(&self, request: Go) -> Result<GoOk, RpcError> {
        let outcome = match request.step.as_str() {
            "read" => self.node.seq_kv().read("k").await?,
            "read_or" => self.node.lww_kv().read_or(1, 70).await?,
            "write" => self.node.lin_kv().write(["k"], u64::MAX).await.map(|()| 1)?,
            "cas" => self.node.lin_kv().cas("k", 1, 2).await.map(|()| 2)?,
            "create" => self.node.lin_kv().cas_or_create("k", (), 2).await.map(|()| 3)?,
            "ts" => self.node.lin_tso().ts().await?,
            other => return Err(RpcError::new(ErrorCode::ABORT, other)),
        };
        Ok(GoOk { outcome })
    }
}

/// Lets the server take a step, answers the request it sends with `answer`, and returns that request and the
/// step's outcome.
fn exchange(step: &str, service: &str, answer: &str) -> (String, String) {
    let mut harness = Harness::new("n1", &["n1"], |node| Router::new(Server { node }).on(Server::go));
    let go = format!(r#"{{"src":"c1","dest":"n1","body":{{"type":"go","msg_id":9,"step":"{step}"}}}}"#);
    let requests = harness.send_line(&go);
    let [request] = requests.as_slice() else { panic!("expected one request, got {requests:?}") };
    let envelope = format!(r#"{{"src":"n1","dest":"{service}","body":"#);
    let body =
        request.strip_prefix(&envelope).expect("sent to the service").strip_suffix('}').unwrap().to_owned();
    let replies = harness.send_line(&format!(r#"{{"src":"{service}","dest":"n1","body":{answer}}}"#));
    let reply = replies[0].split_once(r#""in_reply_to":9,"#).unwrap().1.strip_suffix("}}").unwrap();
    (body, reply.to_owned())
}

#[track_caller]
fn check(step: &str, service: &str, expected_request: &str, answer: &str, expected_outcome: &str) {
    let (request, outcome) = exchange(step, service, answer);
    assert_eq!(request, expected_request);
    assert_eq!(outcome, expected_outcome);
}

#[test]
fn requests_have_the_shapes_of_maelstroms_services() {
    check(
        "read",
        "seq-kv",
        r#"{"type":"read","msg_id":1,"key":"k"}"#,
        r#"{"type":"read_ok","in_reply_to":1,"value":4}"#,
        r#""outcome":4"#,
    );
    check(
        "write",
        "lin-kv",
        r#"{"type":"write","msg_id":1,"key":["k"],"value":18446744073709551615}"#,
        r#"{"type":"write_ok","in_reply_to":1}"#,
        r#""outcome":1"#,
    );
    check(
        "cas",
        "lin-kv",
        r#"{"type":"cas","msg_id":1,"key":"k","from":1,"to":2}"#,
        r#"{"type":"cas_ok","in_reply_to":1}"#,
        r#""outcome":2"#,
    );
    check(
        "create",
        "lin-kv",
        r#"{"type":"cas","msg_id":1,"key":"k","from":null,"to":2,"create_if_not_exists":true}"#,
        r#"{"type":"cas_ok","in_reply_to":1}"#,
        r#""outcome":3"#,
    );
    check(
        "ts",
        "lin-tso",
        r#"{"type":"ts","msg_id":1}"#,
        r#"{"type":"ts_ok","in_reply_to":1,"ts":123}"#,
        r#""outcome":123"#,
    );
}

#[test]
fn a_missing_key_is_an_error_or_the_default() {
    let missing = r#"{"type":"error","in_reply_to":1,"code":20,"text":"key does not exist"}"#;
    let request = r#"{"type":"read","msg_id":1,"key":"k"}"#;
    check("read", "seq-kv", request, missing, r#""code":20,"text":"key does not exist""#);
    check("read_or", "lww-kv", r#"{"type":"read","msg_id":1,"key":1}"#, missing, r#""outcome":70"#);
}

#[test]
fn answers_that_do_not_fit_are_told_apart_from_errors() {
    let (_, outcome) = exchange("read", "seq-kv", r#"{"type":"read_ok","in_reply_to":1,"value":"x"}"#);
    assert!(outcome.starts_with(r#""code":13,"text":"seq-kv holds \"x\" under that key"#), "{outcome}");
    let (_, outcome) = exchange("read", "seq-kv", r#"{"type":"write_ok","in_reply_to":1}"#);
    assert!(outcome.contains("expected `read_ok`, found `write_ok`"), "{outcome}");
    let (_, outcome) = exchange("read", "seq-kv", r#"{"type":"read_ok","in_reply_to":1}"#);
    assert!(outcome.contains("missing field `value`"), "{outcome}");
}
