use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use glomers_node::testing::Harness;
use glomers_node::{ErrorCode, Node, Router, RpcError};

use super::{Archive, Replacement};
use crate::database::Database;
use crate::history::Appends;

type Outcome = Result<Replacement, RpcError>;

/// What comes of replacing the root, where each attempt is answered with this error code; 0 stands for no answer at all.
fn replace_root(codes: &[u64]) -> Outcome {
    let outcome: Rc<RefCell<Option<Outcome>>> = Rc::default();
    let slot = Rc::clone(&outcome);
    let mut harness = Harness::new("n1", &["n1"], move |node: Node| {
        let archive = Archive::new(&node);
        node.spawn(async move {
            let draft = Database::default().draft("n1-1".to_owned(), Appends::default());
            *slot.borrow_mut() = Some(archive.replace_root(None, &draft).await);
        });
        Router::new(())
    });
    harness.advance(Duration::ZERO);
    for (msg_id, code) in (1..).zip(codes) {
        if *code == 0 {
            harness.advance(Duration::from_secs(2));
        } else {
            let body = format!(r#"{{"type":"error","in_reply_to":{msg_id},"code":{code},"text":"no"}}"#);
            harness.send_line(&format!(r#"{{"src":"lin-kv","dest":"n1","body":{body}}}"#));
        }
    }
    outcome.take().expect("the last answer ends it")
}

#[test]
fn a_refusal_after_a_lost_answer_leaves_open_who_was_overtaken() {
    let may_have_committed = |outcome: Outcome| match outcome {
        Ok(Replacement::Overtaken(attempts)) => attempts.may_have_taken_effect(),
        outcome => panic!("{outcome:?}"),
    };
    assert!(!may_have_committed(replace_root(&[22])));
    assert!(may_have_committed(replace_root(&[0, 22])));
}

#[test]
fn a_definite_error_after_a_lost_answer_is_not_passed_on_as_one() {
    assert_eq!(replace_root(&[11]).unwrap_err().code, ErrorCode::TEMPORARILY_UNAVAILABLE);
    assert!(!replace_root(&[0, 11]).unwrap_err().code.is_definite());
    assert!(!replace_root(&[0, 0, 14]).unwrap_err().code.is_definite());
}
