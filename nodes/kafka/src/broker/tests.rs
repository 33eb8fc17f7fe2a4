use std::time::Duration;

use glomers_node::services::{Cas, CasOk, Read, ReadOk, Write, WriteOk};
use glomers_node::testing::Cluster;
use glomers_node::{ErrorCode, RawValue};

use super::*;

/// A `lin-kv` that can lose its answers.
struct Registers {
    node: Node,
    values: RefCell<BTreeMap<String, Box<RawValue>>>,
    faults: Rc<Faults>,
}

#[derive(Default)]
struct Faults {
    /// This many compare-and-sets from now on take effect, and their answers are lost.
    lost_answers: Cell<u32>,
    /// Nobody finds a tail, so that all news must come from the journals.
    hides_bulletins: Cell<bool>,
}

impl Registers {
    async fn read(&self, request: Read) -> Result<ReadOk, RpcError> {
        let key = request.key.get();
        let is_hidden = self.faults.hides_bulletins.get() && key.starts_with("\"tail/");
        let value = self.values.borrow().get(key).filter(|_| !is_hidden).cloned();
        let missing = || RpcError::new(ErrorCode::KEY_DOES_NOT_EXIST, "there is no such key");
        value.map(|value| ReadOk { value }).ok_or_else(missing)
    }

    async fn write(&self, request: Write) -> Result<WriteOk, RpcError> {
        self.values.borrow_mut().insert(request.key.get().to_owned(), request.value);
        Ok(WriteOk {})
    }

    /// All that the node asks for is the creation of what is missing.
    async fn cas(&self, request: Cas) -> Result<CasOk, RpcError> {
        let is_taken = self.values.borrow().contains_key(request.key.get());
        if is_taken {
            return Err(RpcError::new(ErrorCode::PRECONDITION_FAILED, "the key holds something"));
        }
        self.values.borrow_mut().insert(request.key.get().to_owned(), request.to);
        let lost_answers = self.faults.lost_answers.get();
        if lost_answers > 0 {
            self.faults.lost_answers.set(lost_answers - 1);
            self.node.sleep(Duration::from_secs(3600)).await;
        }
        Ok(CasOk {})
    }
}

/// A cluster, and how to make its `lin-kv` lose answers.
fn start(node_ids: &[&str]) -> (Cluster, Rc<Faults>) {
    let mut cluster = Cluster::empty();
    let faults = Rc::new(Faults::default());
    let shared = Rc::clone(&faults);
    cluster.add("lin-kv", |node| {
        Router::new(Registers { node, values: RefCell::default(), faults: shared })
            .on(Registers::read)
            .on(Registers::write)
            .on(Registers::cas)
    });
    cluster.start(node_ids, Broker::router);
    (cluster, faults)
}

fn send(cluster: &mut Cluster, node: &str, text: &str) -> u64 {
    let msg = RawValue::from_string(text.to_owned()).unwrap();
    cluster.call(node, Send { key: "k".into(), msg }).unwrap().offset
}

fn poll(cluster: &mut Cluster, node: &str) -> Vec<(u64, String)> {
    let reply = cluster.call(node, Poll { offsets: BTreeMap::from([("k".into(), 0)]) }).unwrap();
    let messages = reply.msgs.get("k").into_iter().flatten();
    messages.map(|(offset, message)| (*offset, message.get().to_owned())).collect()
}

/// Polls a node until it shows so many messages.
fn poll_until(cluster: &mut Cluster, node: &str, count: usize) -> Vec<(u64, String)> {
    for _ in 0..100 {
        let messages = poll(cluster, node);
        if messages.len() >= count {
            return messages;
        }
        cluster.advance(Duration::from_millis(20));
    }
    panic!("{node} shows {:?} after two seconds, not {count} messages", poll(cluster, node))
}

#[test]
fn every_node_shows_the_same_log_and_a_partition_changes_nothing() {
    let (mut cluster, _) = start(&["n0", "n1", "n2"]);
    for (one, other) in [("n0", "n1"), ("n0", "n2"), ("n1", "n2")] {
        cluster.cut(one, other);
    }
    let mut sent: Vec<(u64, String)> = Vec::new();
    for (number, node) in ["n0", "n1", "n2", "n1"].into_iter().enumerate() {
        sent.push((send(&mut cluster, node, &number.to_string()), number.to_string()));
    }
    sent.sort();
    for node in ["n0", "n1", "n2"] {
        assert_eq!(poll_until(&mut cluster, node, sent.len()), sent);
    }
}

#[test]
fn a_message_comes_back_as_it_was() {
    let (mut cluster, _) = start(&["n0"]);
    let text = r#"{"b":1.50,"a":[18446744073709551615]}"#;
    assert_eq!(send(&mut cluster, "n0", text), 0);
    assert_eq!(poll(&mut cluster, "n0"), [(0, text.to_owned())]);
}

#[test]
fn messages_wait_for_an_idle_node_only_so_long() {
    let (mut cluster, _) = start(&["n0", "n1"]);
    assert_eq!(send(&mut cluster, "n0", "1"), 0);
    assert_eq!(poll(&mut cluster, "n0"), []);
    assert_eq!(poll_until(&mut cluster, "n0", 1).len(), 1);
    // It finds its slot taken, and keeps to what it reads there.
    assert_eq!(send(&mut cluster, "n1", "2"), 1);
    assert_eq!(poll_until(&mut cluster, "n0", 2), poll_until(&mut cluster, "n1", 2));
}

#[test]
fn an_answer_that_is_lost_doubles_nothing() {
    let (mut cluster, faults) = start(&["n0"]);
    assert_eq!(send(&mut cluster, "n0", "1"), 0);
    faults.lost_answers.set(1);
    assert_eq!(send(&mut cluster, "n0", "2"), 1);
    assert_eq!(faults.lost_answers.get(), 0);
    assert_eq!(send(&mut cluster, "n0", "3"), 2);
    let messages = [(0, "1".to_owned()), (1, "2".to_owned()), (2, "3".to_owned())];
    assert_eq!(poll(&mut cluster, "n0"), messages);
}

#[test]
fn a_commit_is_listed_at_once_here_and_soon_elsewhere() {
    let (mut cluster, _) = start(&["n0", "n1"]);
    let offsets = BTreeMap::from([("k".to_owned(), 7)]);
    cluster.call("n0", CommitOffsets { offsets: offsets.clone() }).unwrap();
    let list = ListCommittedOffsets { keys: vec!["k".into(), "another".into()] };
    assert_eq!(cluster.call("n0", list.clone()).unwrap().offsets, offsets);
    for _ in 0..2 {
        cluster.call("n1", list.clone()).unwrap();
        cluster.advance(Duration::from_millis(100));
    }
    assert_eq!(cluster.call("n1", list).unwrap().offsets, offsets);
}

#[test]
fn a_commit_of_what_is_committed_costs_nothing() {
    let (mut cluster, _) = start(&["n0"]);
    let commit = |offset| CommitOffsets { offsets: BTreeMap::from([("k".to_owned(), offset)]) };
    cluster.call("n0", commit(7)).unwrap();
    let before = cluster.sent_count();
    cluster.call("n0", commit(7)).unwrap();
    cluster.call("n0", commit(3)).unwrap();
    assert_eq!(cluster.sent_count() - before, 4, "two requests and their answers");
}

#[test]
fn a_cluster_that_nobody_uses_is_silent() {
    let (mut cluster, _) = start(&["n0", "n1", "n2"]);
    send(&mut cluster, "n0", "1");
    cluster.advance(Duration::from_secs(1));
    let before = cluster.sent_count();
    cluster.advance(Duration::from_secs(3600));
    assert_eq!(cluster.sent_count(), before);
}

#[test]
fn a_node_that_is_killed_comes_back_with_all_that_was_acknowledged() {
    let (mut cluster, faults) = start(&["n0", "n1"]);
    for number in 0..200 {
        send(&mut cluster, ["n0", "n1"][number % 2], &number.to_string());
    }
    let before = poll_until(&mut cluster, "n1", 200);
    // The entry is written, and nobody is told.
    faults.lost_answers.set(1);
    let msg = RawValue::from_string("200".to_owned()).unwrap();
    assert!(cluster.call("n0", Send { key: "another".into(), msg }).is_ok());
    cluster.restart("n0", Broker::router);
    assert_eq!(poll_until(&mut cluster, "n0", 200), before);
    let offset = send(&mut cluster, "n0", "201");
    assert!(offset > before[199].0);
    assert_eq!(poll_until(&mut cluster, "n1", 201)[..200], before);
}

#[test]
fn a_node_whose_past_was_closed_goes_on_above_what_was_shown() {
    let (mut cluster, faults) = start(&["n0", "n1"]);
    faults.hides_bulletins.set(true);
    let sent: Vec<u64> = ["1", "2", "3"].into_iter().map(|text| send(&mut cluster, "n0", text)).collect();
    assert_eq!(sent, [0, 2, 4]);
    poll_until(&mut cluster, "n0", 3);
    assert_eq!(send(&mut cluster, "n1", "4"), 5);
}

#[test]
fn a_new_life_goes_on_above_what_was_shown() {
    let (mut cluster, faults) = start(&["n0", "n1"]);
    faults.hides_bulletins.set(true);
    for text in ["1", "2", "3"] {
        send(&mut cluster, "n0", text);
    }
    poll_until(&mut cluster, "n0", 3);
    cluster.restart("n1", Broker::router);
    assert_eq!(send(&mut cluster, "n1", "4"), 5);
}

#[test]
fn what_a_former_life_has_under_way_comes_too_late() {
    let (mut cluster, _) = start(&["n0", "n1"]);
    cluster.advance(Duration::from_millis(100));
    cluster.latency(Duration::from_secs(10));
    let msg = RawValue::from_string("\"late\"".to_owned()).unwrap();
    assert!(cluster.call("n1", Send { key: "k".into(), msg }).is_err());
    cluster.latency(Duration::from_millis(1));
    cluster.restart("n1", Broker::router);
    for text in ["1", "2", "3"] {
        send(&mut cluster, "n0", text);
    }
    // The new life promises to stay behind these, before anybody loses patience and closes its past.
    for _ in 0..10 {
        poll(&mut cluster, "n1");
        poll(&mut cluster, "n0");
        cluster.advance(Duration::from_millis(30));
    }
    let before = poll(&mut cluster, "n0");
    assert_eq!(before.len(), 3);
    cluster.advance(Duration::from_secs(20));
    send(&mut cluster, "n1", "4");
    for node in ["n0", "n1"] {
        let after = poll_until(&mut cluster, node, 4);
        assert_eq!(after[..3], before);
        assert!(after.iter().all(|(_, text)| text != "\"late\""), "{after:?}");
    }
}
