use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::{Batcher, Job};
use crate::testing::Harness;
use crate::{Node, Router, RpcError, messages};

messages! {
    "double" struct Double { number: u64 } => "double_ok" struct DoubleOk { doubled: u64 };
}

type Batches = Rc<RefCell<Vec<Vec<u64>>>>;

struct Server {
    batcher: Rc<Batcher<u64, u64>>,
}

impl Server {
    async fn double(&self, request: Double) -> Result<DoubleOk, RpcError> {
        Ok(DoubleOk { doubled: self.batcher.submit(request.number).await })
    }
}

/// A node whose batches take ten milliseconds, and what was in each. A batch with a 13 panics.
fn server(linger: Duration) -> (Harness, Batches) {
    let batches = Batches::default();
    let seen = Rc::clone(&batches);
    let start = move |node: Node| {
        let batcher = Rc::new(Batcher::with_linger(linger));
        let sleeper = node.clone();
        batcher.start(&node, async move |numbers: Vec<u64>| {
            seen.borrow_mut().push(numbers.clone());
            sleeper.sleep(Duration::from_millis(10)).await;
            assert!(!numbers.contains(&13), "thirteen");
            numbers.into_iter().map(|number| 2 * number).collect()
        });
        Router::new(Server { batcher }).on(Server::double)
    };
    (Harness::new("n1", &["n1"], start), batches)
}

fn send(harness: &mut Harness, number: u64) {
    let body = format!(r#"{{"type":"double","msg_id":{number},"number":{number}}}"#);
    let sent = harness.send_line(&format!(r#"{{"src":"c1","dest":"n1","body":{body}}}"#));
    assert!(sent.is_empty(), "{sent:?}");
}

fn reply(number: u64) -> String {
    let doubled = 2 * number;
    format!(
        r#"{{"src":"n1","dest":"c1","body":{{"type":"double_ok","in_reply_to":{number},"doubled":{doubled}}}}}"#
    )
}

#[test]
fn what_comes_during_a_batch_is_in_the_next() {
    let (mut harness, batches) = server(Duration::ZERO);
    (1..=3).for_each(|number| send(&mut harness, number));
    assert_eq!(harness.advance(Duration::from_millis(10)), [reply(1)]);
    assert_eq!(harness.advance(Duration::from_millis(10)), [reply(2), reply(3)]);
    send(&mut harness, 4);
    assert_eq!(harness.advance(Duration::from_millis(10)), [reply(4)]);
    assert_eq!(*batches.borrow(), [vec![1], vec![2, 3], vec![4]]);
}

#[test]
fn a_batch_that_lingers_is_joined() {
    let (mut harness, batches) = server(Duration::from_millis(3));
    (1..=2).for_each(|number| send(&mut harness, number));
    assert_eq!(harness.advance(Duration::from_millis(13)), [reply(1), reply(2)]);
    assert_eq!(*batches.borrow(), [vec![1, 2]]);
}

#[test]
fn a_panic_fails_its_own_batch_and_no_other() {
    let (mut harness, _) = server(Duration::ZERO);
    [13, 1].into_iter().for_each(|number| send(&mut harness, number));
    let failed = harness.advance(Duration::from_millis(10));
    assert!(
        failed[0].contains(r#""in_reply_to":13,"code":13,"text":"the handler panicked: the batch"#),
        "{failed:?}"
    );
    assert_eq!(harness.advance(Duration::from_millis(10)), [reply(1)]);
}

#[test]
fn jobs_that_are_handed_back_come_first_in_the_next_batch() {
    let batches = Batches::default();
    let seen = Rc::clone(&batches);
    let mut harness = Harness::new("n1", &["n1"], move |node: Node| {
        let batcher = Rc::new(Batcher::new());
        let sleeper = node.clone();
        batcher.start_with_jobs(&node, async move |mut jobs: Vec<Job<u64, u64>>| {
            seen.borrow_mut().push(jobs.iter().map(|job| job.request).collect());
            sleeper.sleep(Duration::from_millis(10)).await;
            let rest = jobs.split_off(1);
            jobs.into_iter().for_each(|job| {
                let number = job.request;
                job.answer(2 * number);
            });
            rest
        });
        Router::new(Server { batcher }).on(Server::double)
    });
    (1..=3).for_each(|number| send(&mut harness, number));
    assert_eq!(harness.advance(Duration::from_millis(20)), [reply(1), reply(2)]);
    send(&mut harness, 4);
    assert_eq!(harness.advance(Duration::from_millis(20)), [reply(3), reply(4)]);
    assert_eq!(*batches.borrow(), [vec![1], vec![2, 3], vec![3], vec![4]]);
    let node = harness.core().node().clone();
    drop(harness);
    assert!(node.shared().executor.is_idle());
}
