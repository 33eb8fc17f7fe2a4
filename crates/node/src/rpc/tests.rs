use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{Either, join, select};
use serde::{Deserialize, Serialize};

use crate::testing::{Cluster, Harness};
use crate::{ErrorCode, Node, Retry, Router, RpcError, messages};

#[derive(Clone, Serialize, Deserialize)]
struct Get {
    key: u64,
}
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct GetOk {
    value: u64,
}
messages! { "get" Get => "get_ok" GetOk; }

type Outcomes = Rc<RefCell<Vec<Result<GetOk, RpcError>>>>;

/// A node that runs one task, and what the task has found out.
fn node_with<F: Future<Output = ()> + 'static>(
    task: impl FnOnce(Node, Outcomes) -> F,
) -> (Harness, Outcomes) {
    let mut harness = Harness::new("n1", &["n1", "n2"], Router::new);
    let outcomes = Outcomes::default();
    let node = harness.core().node().clone();
    node.spawn(task(node.clone(), Rc::clone(&outcomes)));
    (harness, outcomes)
}

fn request(msg_id: u64) -> String {
    format!(r#"{{"src":"n1","dest":"n2","body":{{"type":"get","msg_id":{msg_id},"key":1}}}}"#)
}

fn reply(in_reply_to: u64, rest: &str) -> String {
    format!(r#"{{"src":"n2","dest":"n1","body":{{"in_reply_to":{in_reply_to},{rest}}}}}"#)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn an_answer_is_typed_and_leaves_nothing_behind() {
    let (mut harness, outcomes) = node_with(|node, outcomes| async move {
        let both = join(node.rpc("n2", Get { key: 1 }), node.rpc("n2", Get { key: 1 })).await;
        outcomes.borrow_mut().extend([both.0, both.1]);
    });
    assert_eq!(harness.advance(ms(0)), [request(1), request(2)]);
    harness.send_line(&reply(2, r#""type":"get_ok","value":20"#));
    harness.send_line(&reply(1, r#""type":"get_ok","value":10"#));
    assert_eq!(*outcomes.borrow(), [Ok(GetOk { value: 10 }), Ok(GetOk { value: 20 })]);
    assert_eq!(harness.core().deadline(), None);
    assert!(harness.core().node().shared().replies.borrow().is_empty());
}

#[test]
fn errors_and_answers_that_do_not_fit_are_errors() {
    for (answer, expected) in [
        (r#""type":"error","code":20,"text":"none""#, "key-does-not-exist (20): none"),
        (
            r#""type":"error","code":"x""#,
            "crash (13): malformed `error`: invalid type: string \"x\", expected u64",
        ),
        (
            r#""type":"put_ok""#,
            "crash (13): the reply of n2 does not fit its request: expected `get_ok`, found `put_ok`",
        ),
        (
            r#""type":"get_ok""#,
            "crash (13): the reply of n2 does not fit its request: malformed `get_ok`: missing field",
        ),
    ] {
        let (mut harness, outcomes) = node_with(|node, outcomes| async move {
            let outcome = node.rpc("n2", Get { key: 1 }).await;
            outcomes.borrow_mut().push(outcome);
        });
        harness.advance(ms(0));
        harness.send_line(&reply(1, answer));
        let outcome = outcomes.borrow_mut().pop().expect("the answer has come");
        let error = outcome.unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error:?} is not {expected:?}");
    }
}

#[test]
fn without_an_answer_a_request_times_out_after_a_second() {
    let (mut harness, outcomes) = node_with(|node, outcomes| async move {
        let outcome = node.rpc("n2", Get { key: 1 }).await;
        outcomes.borrow_mut().push(outcome);
    });
    harness.advance(ms(999));
    assert!(outcomes.borrow().is_empty());
    harness.advance(ms(1));
    let error = outcomes.borrow_mut().pop().unwrap().unwrap_err();
    assert_eq!(error, RpcError::new(ErrorCode::TIMEOUT, "n2 did not answer `get` within 1s"));
    assert!(harness.send_line(&reply(1, r#""type":"get_ok","value":1"#)).is_empty());
    assert!(outcomes.borrow().is_empty());
}

#[test]
fn a_dropped_request_is_forgotten() {
    let (mut harness, _outcomes) = node_with(|node, _outcomes| async move {
        let rpc = node.rpc("n2", Get { key: 1 });
        match select(rpc, node.sleep(ms(10))).await {
            Either::Left(_) => panic!("nobody answers"),
            Either::Right(((), rpc)) => drop(rpc),
        }
        assert!(node.shared().replies.borrow().is_empty());
    });
    harness.advance(ms(10));
    assert!(harness.core().is_idle());
    assert_eq!(harness.core().deadline(), None);
}

#[test]
fn a_retry_sends_again_after_growing_pauses_and_gives_up() {
    let (mut harness, outcomes) = node_with(|node, outcomes| async move {
        let outcome = node.rpc("n2", Get { key: 1 }).timeout(ms(100)).retry(Retry::times(2)).await;
        outcomes.borrow_mut().push(outcome);
    });
    assert_eq!(harness.advance(ms(124)), [request(1)]);
    assert_eq!(harness.advance(ms(26)), [request(2)]);
    assert_eq!(harness.advance(ms(200)), [request(3)]);
    harness.advance(ms(100));
    let error = outcomes.borrow_mut().pop().unwrap().unwrap_err();
    assert_eq!(error.text, "n2 did not answer `get` within 100ms, 3 times");
    assert!(harness.core().node().shared().replies.borrow().is_empty());
}

#[test]
fn a_late_answer_to_an_earlier_attempt_counts() {
    let (mut harness, outcomes) = node_with(|node, outcomes| async move {
        let outcome = node.rpc("n2", Get { key: 1 }).timeout(ms(100)).retry(Retry::forever()).await;
        outcomes.borrow_mut().push(outcome);
    });
    harness.advance(ms(155));
    harness.send_line(&reply(1, r#""type":"get_ok","value":7"#));
    assert_eq!(*outcomes.borrow(), [Ok(GetOk { value: 7 })]);
}

#[test]
fn only_what_may_pass_is_tried_again() {
    let (mut harness, outcomes) = node_with(|node, outcomes| async move {
        let outcome = node.rpc("n2", Get { key: 1 }).retry(Retry::forever()).await;
        outcomes.borrow_mut().push(outcome);
    });
    assert_eq!(harness.advance(ms(0)), [request(1)]);
    assert!(harness.send_line(&reply(1, r#""type":"error","code":11,"text":"busy""#)).is_empty());
    assert_eq!(harness.advance(ms(50)), [request(2)]);
    harness.send_line(&reply(2, r#""type":"error","code":22,"text":"no""#));
    assert_eq!(outcomes.borrow()[0], Err(RpcError::new(ErrorCode::PRECONDITION_FAILED, "no")));
}

/// The error of a request with up to two retries, whose attempts are answered with these error codes at these moments. The attempts are
/// sent at 0, 150 and 350 ms.
fn error_of_attempts(answers: &[(u64, u64, u64)], is_read_only: bool) -> RpcError {
    let (mut harness, outcomes) = node_with(move |node, outcomes| async move {
        let rpc = node.rpc("n2", Get { key: 1 }).timeout(ms(100)).retry(Retry {
            retries: 2,
            first_pause: ms(50),
            longest_pause: ms(50),
        });
        let rpc = if is_read_only { rpc.read_only() } else { rpc };
        let outcome = rpc.await;
        outcomes.borrow_mut().push(outcome);
    });
    let mut now_ms = 0;
    for (at_ms, msg_id, code) in answers {
        harness.advance(ms(at_ms - now_ms));
        now_ms = *at_ms;
        harness.send_line(&reply(*msg_id, &format!(r#""type":"error","code":{code},"text":"no""#)));
    }
    harness.advance(ms(1000));
    outcomes.borrow_mut().pop().expect("the request has failed").unwrap_err()
}

#[test]
fn an_error_after_an_attempt_without_a_reply_is_indefinite() {
    // The first attempt is not answered, the second is refused.
    let error = error_of_attempts(&[(160, 2, 22)], false);
    let text = "an attempt may have taken effect (n2 did not answer `get` within 100ms, 2 times), and a later one failed: \
                precondition-failed (22): no";
    assert_eq!(error, RpcError::new(ErrorCode::TIMEOUT, text));
    // The first is refused late, while the second is under way.
    assert_eq!(error_of_attempts(&[(160, 1, 22)], false).code, ErrorCode::TIMEOUT);
    // The first reply says itself that nothing is known.
    assert_eq!(error_of_attempts(&[(50, 1, 0), (150, 2, 22)], false).code, ErrorCode::TIMEOUT);
    // The last attempt finds the receiver unavailable, and there is no other.
    assert_eq!(error_of_attempts(&[(10, 1, 11), (220, 3, 11)], false).code, ErrorCode::TIMEOUT);
}

#[test]
fn an_error_is_definite_where_no_attempt_can_have_had_an_effect() {
    assert_eq!(error_of_attempts(&[(10, 1, 22)], false).code, ErrorCode::PRECONDITION_FAILED);
    assert_eq!(error_of_attempts(&[(10, 1, 11), (70, 2, 22)], false).code, ErrorCode::PRECONDITION_FAILED);
    // The first attempt timed out, and was refused after all before the second was.
    assert_eq!(error_of_attempts(&[(155, 1, 11), (156, 2, 22)], false).code, ErrorCode::PRECONDITION_FAILED);
    assert_eq!(error_of_attempts(&[(160, 2, 20)], true).code, ErrorCode::KEY_DOES_NOT_EXIST);
}

#[test]
fn a_retry_outlasts_a_cut_link() {
    struct Server {
        node: Node,
    }
    impl Server {
        async fn get(&self, request: Get) -> Result<GetOk, RpcError> {
            if self.node.id() == "n2" {
                return Ok(GetOk { value: request.key + 1 });
            }
            self.node.rpc("n2", request).timeout(ms(100)).retry(Retry::forever()).await
        }
    }
    let mut cluster = Cluster::new(&["n1", "n2"], |node| Router::new(Server { node }).on(Server::get));
    cluster.cut("n1", "n2");
    assert_eq!(cluster.call("n1", Get { key: 1 }).unwrap_err().code, ErrorCode::TIMEOUT);
    cluster.heal();
    assert_eq!(cluster.call("n1", Get { key: 1 }), Ok(GetOk { value: 2 }));
}

#[test]
fn an_answer_to_a_former_life_answers_nothing_in_the_next() {
    struct Echo;
    impl Echo {
        async fn get(&self, request: Get) -> Result<GetOk, RpcError> {
            Ok(GetOk { value: request.key })
        }
    }
    /// A node whose first deed is to ask for this key.
    fn asks_for(key: u64, outcomes: &Outcomes) -> impl Fn(Node) -> Router<Echo> + 'static {
        let outcomes = Rc::clone(outcomes);
        move |node: Node| {
            let (asking, outcomes) = (node.clone(), Rc::clone(&outcomes));
            node.spawn(async move {
                let outcome = asking.rpc("n2", Get { key }).await;
                outcomes.borrow_mut().push(outcome);
            });
            Router::new(Echo).on(Echo::get)
        }
    }
    let outcomes = Outcomes::default();
    let mut cluster = Cluster::new(&["n2"], |_| Router::new(Echo).on(Echo::get));
    cluster.latency(ms(40));
    cluster.start(&["n1"], asks_for(1, &outcomes));
    cluster.advance(ms(60));
    cluster.restart("n1", asks_for(2, &outcomes));
    cluster.advance(ms(1000));
    assert_eq!(*outcomes.borrow(), [Ok(GetOk { value: 2 })]);
}
