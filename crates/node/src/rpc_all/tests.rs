use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::QuorumError;
use crate::testing::Harness;
use crate::{ErrorCode, Node, NodeId, Router, RpcError, messages};

messages! { "get" struct Get {} => #[derive(PartialEq)] "get_ok" struct GetOk { value: u64 }; }

type Outcome = Result<Vec<(NodeId, GetOk)>, QuorumError>;

/// A node among four peers that wants two replies, and what came of it.
fn asking() -> (Harness, Rc<RefCell<Option<Outcome>>>) {
    let outcome = Rc::new(RefCell::new(None));
    let slot = Rc::clone(&outcome);
    let start = move |node: Node| {
        let asking = node.clone();
        node.spawn(async move {
            let quorum = asking.rpc_all(asking.peers(), Get {}).quorum(asking.majority() - 1).await;
            *slot.borrow_mut() = Some(quorum);
        });
        Router::new(())
    };
    let mut harness = Harness::new("n1", &["n1", "n2", "n3", "n4", "n5"], start);
    assert_eq!(harness.advance(Duration::ZERO).len(), 4, "everybody is asked at once");
    (harness, outcome)
}

/// The peer `n2` is asked with the id 1, and so on.
fn reply(harness: &mut Harness, peer: u64, rest: &str) {
    let msg_id = peer - 1;
    harness
        .send_line(&format!(r#"{{"src":"n{peer}","dest":"n1","body":{{"in_reply_to":{msg_id},{rest}}}}}"#));
}

#[test]
fn a_quorum_is_reached_with_the_first_replies_and_forgets_the_others() {
    let (mut harness, outcome) = asking();
    reply(&mut harness, 4, r#""type":"get_ok","value":40"#);
    reply(&mut harness, 2, r#""type":"error","code":11,"text":"busy""#);
    assert!(outcome.borrow().is_none());
    reply(&mut harness, 3, r#""type":"get_ok","value":30"#);
    let replies = outcome.borrow_mut().take().unwrap().unwrap();
    assert_eq!(replies, [("n4".into(), GetOk { value: 40 }), ("n3".into(), GetOk { value: 30 })]);
    assert!(harness.core().is_idle() && harness.core().deadline().is_none());
}

#[test]
fn a_quorum_that_cannot_be_reached_fails_at_once_and_says_who_failed() {
    let (mut harness, outcome) = asking();
    for peer in [2, 3, 5] {
        reply(&mut harness, peer, r#""type":"error","code":11,"text":"busy""#);
    }
    let error = outcome.borrow_mut().take().unwrap().unwrap_err();
    let busy = "temporarily-unavailable (11): busy";
    assert_eq!(
        error.to_string(),
        format!("0 of the 2 replies needed came; n2: {busy}; n3: {busy}; n5: {busy}")
    );
    assert_eq!(RpcError::from(error).code, ErrorCode::TEMPORARILY_UNAVAILABLE);
}

#[test]
fn an_error_is_indefinite_where_a_node_may_have_acted() {
    let (mut harness, outcome) = asking();
    reply(&mut harness, 3, r#""type":"get_ok","value":30"#);
    for peer in [2, 4, 5] {
        reply(&mut harness, peer, r#""type":"error","code":11,"text":"busy""#);
    }
    assert_eq!(RpcError::from(outcome.borrow_mut().take().unwrap().unwrap_err()).code, ErrorCode::TIMEOUT);
    let (mut harness, outcome) = asking();
    harness.advance(Duration::from_secs(1));
    assert_eq!(RpcError::from(outcome.borrow_mut().take().unwrap().unwrap_err()).code, ErrorCode::TIMEOUT);
}

#[test]
fn all_outcomes_come_in_the_order_of_the_nodes() {
    let outcomes = Rc::new(RefCell::new(Vec::new()));
    let slot = Rc::clone(&outcomes);
    let mut harness = Harness::new("n1", &["n1", "n2", "n3", "n4", "n5"], move |node: Node| {
        let asking = node.clone();
        node.spawn(async move {
            let all = asking.rpc_all(["n2", "n3", "n4"], Get {}).all().await;
            slot.borrow_mut().extend(all.into_iter().map(|(dest, result)| (dest, result.map(|ok| ok.value))));
        });
        Router::new(())
    });
    harness.advance(Duration::ZERO);
    reply(&mut harness, 4, r#""type":"get_ok","value":40"#);
    reply(&mut harness, 2, r#""type":"get_ok","value":20"#);
    harness.advance(Duration::from_secs(1));
    let timeout = RpcError::new(ErrorCode::TIMEOUT, "n3 did not answer `get` within 1s");
    assert_eq!(
        *outcomes.borrow(),
        [("n2".into(), Ok(20)), ("n3".into(), Err(timeout)), ("n4".into(), Ok(40))]
    );
}
