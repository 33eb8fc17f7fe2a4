//! The diagram as its readers get it.

use glomers_node::{NodeId, Time};
use glomers_world::{
    DropReason,
    journal::{Entry, Record},
};

use super::*;

fn sent(
    message: u64,
    time_ns: u64,
    src: &'static str,
    dest: &'static str,
    body: &'static str,
) -> Event<'static> {
    Event::Sent { message, time_ns, src, dest, body }
}

fn collected(events: &[Event<'_>]) -> Messages {
    let mut messages = Messages::new();
    events.iter().for_each(|event| messages.observe(event));
    messages
}

#[test]
fn every_fate_has_its_look() {
    let messages = collected(&[
        sent(0, 0, "c1", "n0", r#"{"type":"broadcast","message":7,"msg_id":1}"#),
        Event::Delivered { message: 0, time_ns: 0 },
        Event::FaultBegan { time_ns: 500_000, name: "partition" },
        sent(1, 1_000_000, "n0", "n1", r#"{"type":"gossip","message":7}"#),
        sent(2, 1_000_000, "n0", "n0", r#"{"type":"tick"}"#),
        Event::Delivered { message: 2, time_ns: 2_000_000 },
        Event::Dropped { message: 1, time_ns: 3_000_000, reason: "partition" },
        Event::FaultEnded { time_ns: 4_000_000, name: "partition" },
        sent(3, 5_000_000, "n1", "lin-kv", r#"{"type":"read","key":"a"}"#),
    ]);
    insta::assert_snapshot!(messages.draw("broadcast, seed 1").finish());
}

#[test]
fn what_exceeds_the_limit_is_counted() {
    let mut messages = Messages::new();
    for message in 0..20_000 {
        messages.observe(&Event::Sent { message, time_ns: message, src: "n0", dest: "n1", body: "{}" });
        messages.observe(&Event::Delivered { message, time_ns: message + 1 });
    }
    assert_eq!(messages.marks.len(), 2 * MAX_MESSAGES);
    assert!(messages.draw("flood").finish().contains("The first 1,500 of 20,000 messages"));
}

#[test]
fn bodies_and_names_are_escaped() {
    let file = collected(&[
        sent(0, 0, "</title><script>", "n\u{1b}1", r#"{"type":"</text><script>alert(1)</script>"}"#),
        Event::Dropped { message: 0, time_ns: 1, reason: "<script>" },
    ])
    .draw("<script>")
    .finish();
    assert!(!file.contains("<script") && !file.contains('\u{1b}'));
}

#[test]
fn no_message_is_said() {
    assert!(Messages::new().draw("echo").finish().contains("No message was sent"));
}

#[test]
fn an_end_without_a_begin_is_ignored() {
    let messages = collected(&[Event::Delivered { message: 9, time_ns: 1 }]);
    assert!(messages.marks.is_empty());
}

#[test]
fn the_journal_tells_messages_and_faults() {
    let node = |name: &str| NodeId::from(name);
    let entries = [
        Entry::RuleInstalled { rule: 7, description: "n0 is cut off".to_owned() },
        Entry::Sent {
            message: 3,
            src: node("n0"),
            claimed_src: None,
            dest: node("n1"),
            body: "{\"type\":\"gossip\"}".into(),
        },
        Entry::Dropped { message: 3, reason: DropReason::Partition },
        Entry::RuleRemoved { rule: 7 },
        Entry::HostPaused { host: node("n1") },
        Entry::Sent {
            message: 4,
            src: node("n0"),
            claimed_src: None,
            dest: node("n1"),
            body: "{\"type\":\"late\"}".into(),
        },
        Entry::HostResumed { host: node("n1") },
        Entry::Delivered { message: 4 },
    ];
    let mut messages = Messages::new();
    for (sequence, entry) in (0..).zip(entries) {
        messages.observe_record(&Record { sequence, time: Time::from_ns(1_000 * sequence), entry });
    }
    let file = messages.draw("faults").finish();
    for part in [">partition</text>", "n0 is cut off", "n1 is paused", ">late<"] {
        assert!(file.contains(part), "the drawing lacks {part}");
    }
    assert!(messages.rules.is_empty() && messages.faults.spans().iter().all(|span| span.end_ns.is_some()));
}
