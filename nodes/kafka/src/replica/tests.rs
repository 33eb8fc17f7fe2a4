use glomers_node::{NodeId, RawValue};

use super::*;

/// The replica of node 0 of `count`, which has recovered.
fn replica(count: usize) -> Replica {
    let mut replica = Replica::new(0, count);
    replica.settle();
    replica
}

fn message(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).expect("the test writes JSON")
}

/// An entry of another node, with messages of the key `k` that are their offsets.
fn entry(author: usize, seen: &[u64], offsets: &[u64]) -> Entry {
    let author = NodeId::from(format!("n{author}"));
    let mut entry = Entry::without_content(author, 0, seen.to_vec());
    entry.appends =
        offsets.iter().map(|offset| Append("k".into(), *offset, message(&offset.to_string()))).collect();
    entry
}

fn content(count: usize) -> Content {
    Content { messages: vec![("k".into(), message("\"own\"")); count], commits: BTreeMap::new() }
}

/// Writes an entry with so many messages of the key `k`, and returns their offsets.
fn write(replica: &mut Replica, count: usize) -> Vec<u64> {
    let entry = replica.draft(&"n0".into(), 0, &content(count));
    let offsets = entry.appends.iter().map(|append| append.1).collect();
    replica.apply(replica.own, replica.next_slot(replica.own), entry);
    replica.settle();
    offsets
}

fn polled(replica: &mut Replica, first: u64) -> Vec<u64> {
    replica.poll("k", first).into_iter().map(|(offset, _)| offset).collect()
}

#[test]
fn a_single_node_leaves_no_gaps_and_waits_for_nobody() {
    let mut replica = replica(1);
    assert_eq!(write(&mut replica, 2), [0, 1]);
    assert_eq!(write(&mut replica, 1), [2]);
    assert_eq!(polled(&mut replica, 0), [0, 1, 2]);
    assert_eq!(polled(&mut replica, 2), [2]);
    assert_eq!(polled(&mut replica, 7), [0; 0]);
    assert_eq!(replica.poll("another", 0).len(), 0);
}

#[test]
fn offsets_are_the_nodes_own_and_above_all_that_it_knows() {
    let mut replica = replica(3);
    assert_eq!(write(&mut replica, 2), [0, 3]);
    replica.apply(1, 0, entry(1, &[0, 0, 0], &[7]));
    assert_eq!(write(&mut replica, 1), [9]);
    replica.apply(2, 0, entry(2, &[0, 0, 0], &[11]));
    assert_eq!(write(&mut replica, 1), [12]);
}

#[test]
fn a_message_is_shown_when_all_others_have_promised_to_stay_behind_it() {
    let mut replica = replica(3);
    write(&mut replica, 1);
    assert_eq!(polled(&mut replica, 0), [0; 0]);
    replica.apply(1, 0, entry(1, &[1, 0, 0], &[]));
    assert_eq!(polled(&mut replica, 0), [0; 0], "n2 may still give a lower offset");
    assert!(replica.is_awaited(2) && !replica.is_awaited(1));
    replica.apply(2, 0, entry(2, &[1, 0, 0], &[]));
    assert_eq!(polled(&mut replica, 0), [0]);
    assert!(!replica.is_awaited(2));
}

#[test]
fn a_message_waits_for_those_before_it() {
    let mut replica = replica(3);
    replica.apply(1, 0, entry(1, &[0, 0, 0], &[1]));
    replica.apply(2, 0, entry(2, &[0, 0, 0], &[2]));
    // All have read what n2 wrote, but n2 not what n1 did.
    replica.apply(1, 1, entry(1, &[0, 1, 1], &[]));
    assert_eq!(polled(&mut replica, 0), [0; 0]);
    replica.apply(2, 1, entry(2, &[0, 1, 1], &[]));
    assert_eq!(polled(&mut replica, 0), [1, 2]);
}

#[test]
fn a_node_promises_nothing_before_it_has_recovered() {
    let mut replica = Replica::new(0, 2);
    replica.apply(1, 0, entry(1, &[0, 0], &[1]));
    assert_eq!(replica.promise(0), [0, 0]);
    assert_eq!(polled(&mut replica, 0), [0; 0]);
    replica.settle();
    assert_eq!(replica.promise(0), [0, 1]);
    assert_eq!(polled(&mut replica, 0), [1]);
}

#[test]
fn while_an_entry_is_being_written_the_node_promises_no_more_than_it_had_read_before() {
    let mut replica = replica(2);
    let under_way = replica.draft(&"n0".into(), 0, &content(1));
    // It holds offset 0, so this must not be shown yet.
    replica.apply(1, 0, entry(1, &[0, 0], &[1]));
    assert_eq!(replica.tail(0).promise, [0, 0]);
    assert_eq!(polled(&mut replica, 0), [0; 0]);
    replica.apply(0, 0, under_way);
    replica.settle();
    assert_eq!(replica.tail(0).promise, [1, 1]);
    assert_eq!(polled(&mut replica, 0), [0; 0], "n1 has not read offset 0");
    replica.apply(1, 1, entry(1, &[1, 1], &[]));
    assert_eq!(polled(&mut replica, 0), [0, 1]);
}

#[test]
fn a_bulletin_brings_entries_and_a_promise() {
    let mut replica = replica(2);
    write(&mut replica, 1);
    let news = JournalTail {
        number: 0,
        read: vec![1, 1],
        promise: vec![1, 1],
        first: 0,
        entries: vec![entry(1, &[0, 0], &[1])],
    };
    assert!(replica.learn(1, news));
    assert_eq!(polled(&mut replica, 0), [0, 1]);
    // The other has read the one entry there is.
    assert_eq!(replica.tail(0).first, 1);
}

#[test]
fn a_bulletin_behind_a_gap_promises_nothing() {
    let mut replica = replica(2);
    write(&mut replica, 1);
    let news = || JournalTail {
        number: 0,
        read: vec![1, 2],
        promise: vec![1, 2],
        first: 1,
        entries: vec![entry(1, &[0, 0], &[])],
    };
    assert!(!replica.learn(1, news()));
    assert_eq!(replica.next_slot(1), 0);
    assert_eq!(polled(&mut replica, 0), [0; 0]);
    replica.apply(1, 0, entry(1, &[0, 0], &[]));
    assert!(replica.learn(1, news()));
    assert_eq!(polled(&mut replica, 0), [0]);
}

#[test]
fn a_bulletin_is_bounded_however_far_behind_the_others_are() {
    let mut replica = replica(2);
    for _ in 0..1000 {
        write(&mut replica, 1);
    }
    let tail = replica.tail(0);
    assert_eq!(tail.first + tail.entries.len() as u64, 1000);
    assert_eq!(tail.entries.len() as u64, MOST_ENTRIES_PER_TAIL);
}

#[test]
fn an_entry_that_is_known_or_comes_too_early_changes_nothing() {
    let mut replica = replica(2);
    replica.apply(1, 1, entry(1, &[0, 0], &[3]));
    assert_eq!(replica.read(), [0, 0]);
    replica.apply(1, 0, entry(1, &[0, 0], &[1]));
    replica.apply(1, 0, entry(1, &[0, 0], &[5]));
    assert_eq!(polled(&mut replica, 0), [1]);
}

#[test]
fn a_node_whose_past_was_closed_reads_what_that_has_seen() {
    let mut replica = replica(3);
    replica.apply(0, 0, entry(2, &[0, 1, 1], &[]));
    assert_eq!(replica.journals_to_read(), [1, 2]);
    replica.apply(1, 0, entry(1, &[0, 0, 0], &[4]));
    replica.apply(2, 0, entry(2, &[0, 0, 0], &[8]));
    assert_eq!(replica.journals_to_read(), [0; 0]);
    assert_eq!(write(&mut replica, 1), [9]);
}

#[test]
fn the_highest_committed_offset_counts() {
    let mut replica = replica(1);
    for offset in [4, 2] {
        let content = Content { messages: Vec::new(), commits: BTreeMap::from([("k".into(), offset)]) };
        let entry = replica.draft(&"n0".into(), 0, &content);
        replica.apply(0, replica.next_slot(0), entry);
    }
    assert_eq!(replica.committed("k"), Some(4));
    assert_eq!(replica.committed("another"), None);
}
