use glomers_node::RawValue;

use super::*;

const ROUND_TRIP: Duration = Duration::from_millis(250);

fn settings(interval_ms: u64, acknowledge: Acknowledge) -> Settings {
    Settings { interval: Duration::from_millis(interval_ms), acknowledge, round_trip: ROUND_TRIP }
}

fn at(ms: u64) -> Time {
    Time::ZERO + Duration::from_millis(ms)
}

fn value(json: &str) -> Value {
    RawValue::from_string(json.to_owned()).unwrap().into()
}

/// One of three nodes: n1 is the relay.
fn replica(id: &str, settings: Settings) -> Replica {
    let ids = ["n1", "n2", "n3"].map(NodeId::from);
    Replica::new(&NodeId::from(id), &ids, 1, settings)
}

/// Who is sent something now.
fn dests(sent: &[(NodeId, Gossip)]) -> Vec<&str> {
    sent.iter().map(|(dest, _)| dest.as_str()).collect()
}

/// Hands over what `sent` holds for `to`.
fn deliver(now: Time, src: &str, to: &mut Replica, dest: &str, sent: &[(NodeId, Gossip)]) {
    for (_, gossip) in sent.iter().filter(|(candidate, _)| candidate.as_str() == dest) {
        to.receive(now, &NodeId::from(src), gossip.clone());
    }
}

#[test]
fn the_first_node_passes_on_and_the_others_tell_it() {
    let mut relay = replica("n1", settings(80, Acknowledge::AtOnce));
    relay.broadcast(value("1"));
    assert_eq!(dests(&relay.poll(at(0))), ["n2", "n3"]);
    let mut other = replica("n3", settings(80, Acknowledge::AtOnce));
    other.broadcast(value("2"));
    let sent = other.poll(at(0));
    assert_eq!(dests(&sent), ["n1"]);
    assert!(sent[0].1.relay);
}

#[test]
fn a_relay_passes_on_once_an_interval_and_then_everything() {
    let mut relay = replica("n1", settings(80, Acknowledge::AtOnce));
    relay.broadcast(value("1"));
    assert_eq!(relay.poll(at(0)).len(), 2);
    relay.broadcast(value("2"));
    relay.broadcast(value("3"));
    assert!(relay.poll(at(79)).is_empty());
    assert_eq!(relay.deadline(), Some(at(80)));
    let sent = relay.poll(at(80));
    let mut other = replica("n2", settings(80, Acknowledge::AtOnce));
    deliver(at(180), "n1", &mut other, "n2", &sent);
    assert_eq!(other.messages().len(), 3, "the first message was lost, and the next brings its values too");
}

#[test]
fn what_was_lost_is_sent_again_as_soon_as_that_shows() {
    let (mut relay, mut other) =
        (replica("n1", settings(80, Acknowledge::AtOnce)), replica("n2", settings(80, Acknowledge::AtOnce)));
    relay.broadcast(value("1"));
    assert_eq!(dests(&relay.poll(at(0))), ["n2", "n3"]);
    other.broadcast(value("2"));
    let soon = other.poll(at(200));
    deliver(at(250), "n2", &mut relay, "n2", &soon);
    deliver(at(250), "n2", &mut relay, "n1", &soon);
    assert!(dests(&relay.poll(at(250))).contains(&"n2"), "n2's value is acknowledged at once: all was quiet");
    other.broadcast(value("3"));
    let later = other.poll(at(600));
    deliver(at(650), "n2", &mut relay, "n1", &later);
    let sent = relay.poll(at(650));
    deliver(at(700), "n1", &mut other, "n2", &sent);
    assert_eq!(other.messages().len(), 3);
}

#[test]
fn a_sparing_node_sends_just_before_its_relay_passes_on() {
    let mut other = replica("n2", settings(1500, Acknowledge::AtOnce));
    let mut relay = replica("n1", settings(1500, Acknowledge::AtOnce));
    relay.broadcast(value("1"));
    deliver(at(100), "n1", &mut other, "n2", &relay.poll(at(0)));
    assert!(other.poll(at(100)).is_empty());
    other.broadcast(value("2"));
    assert!(other.poll(at(200)).is_empty());
    assert_eq!(other.deadline(), Some(at(100 + 1500 - 250)));
    assert_eq!(dests(&other.poll(at(1350))), ["n1"]);
    // Too late for this time: it waits for what the relay sends, and counts from there.
    other.broadcast(value("3"));
    assert!(other.poll(at(1400)).is_empty());
    assert_eq!(other.deadline(), Some(at(100 + 1500 + 250)));
    deliver(at(1600), "n1", &mut other, "n2", &relay_again(&mut relay));
    assert!(other.poll(at(1600)).is_empty());
    assert_eq!(other.deadline(), Some(at(1600 + 1500 - 250)));
}

fn relay_again(relay: &mut Replica) -> Vec<(NodeId, Gossip)> {
    relay.broadcast(value("4"));
    relay.poll(at(1500))
}

#[test]
fn a_careful_node_waits_for_nobody() {
    let mut other = replica("n2", settings(1500, Acknowledge::Copied));
    let mut relay = replica("n1", settings(1500, Acknowledge::Copied));
    relay.broadcast(value("1"));
    deliver(at(100), "n1", &mut other, "n2", &relay.poll(at(0)));
    other.broadcast(value("2"));
    assert_eq!(dests(&other.poll(at(200))), ["n1"]);
}

#[test]
fn a_value_is_copied_once_enough_others_say_so() {
    let (mut relay, mut other) =
        (replica("n1", settings(80, Acknowledge::Copied)), replica("n2", settings(80, Acknowledge::Copied)));
    let number = relay.broadcast(value("1"));
    let sent = relay.poll(at(0));
    assert!(sent[0].1.urgent && !sent[1].1.urgent, "one witness is enough, and the client waits for it");
    assert!(!relay.is_copied(number));
    deliver(at(100), "n1", &mut other, "n2", &sent);
    let answer = other.poll(at(100));
    deliver(at(200), "n2", &mut relay, "n1", &answer);
    assert!(relay.is_copied(number));
    assert!(!relay.is_copied(number + 1));
}

#[test]
fn whoever_confirms_nothing_is_silent_and_the_next_node_is_the_relay() {
    let mut node = replica("n3", settings(80, Acknowledge::AtOnce));
    node.broadcast(value("1"));
    assert_eq!(dests(&node.poll(at(0))), ["n1"]);
    let patience = node.deadline().unwrap();
    assert_eq!(patience, at(80 + 500));
    assert_eq!(dests(&node.poll(patience)), ["n2"]);
    let patience = node.deadline().unwrap();
    assert!(node.poll(patience).is_empty());
    assert_eq!(
        node.deadline(),
        Some(at(1500)),
        "it is the relay of all now, and tries each from time to time"
    );
    let sent = node.poll(at(1500));
    assert_eq!(dests(&sent), ["n1"]);
    assert!(sent[0].1.urgent);
}

#[test]
fn a_silent_relay_is_the_relay_again_once_it_has_what_it_was_sent() {
    let mut node = replica("n2", settings(80, Acknowledge::AtOnce));
    let mut relay = replica("n1", settings(80, Acknowledge::AtOnce));
    node.broadcast(value("1"));
    node.poll(at(0));
    let sent = node.poll(at(2000));
    assert_eq!(dests(&sent), ["n1", "n3"]);
    deliver(at(2100), "n2", &mut relay, "n1", &sent);
    let answer = relay.poll(at(2100));
    deliver(at(2200), "n1", &mut node, "n2", &answer);
    node.broadcast(value("2"));
    let sent = node.poll(at(2200));
    assert_eq!(dests(&sent), ["n1"]);
    assert!(sent[0].1.relay);
}

#[test]
fn a_node_that_lost_its_memory_gets_everything_again() {
    let (mut relay, mut other) =
        (replica("n1", settings(80, Acknowledge::AtOnce)), replica("n2", settings(80, Acknowledge::AtOnce)));
    relay.broadcast(value("1"));
    deliver(at(100), "n1", &mut other, "n2", &relay.poll(at(0)));
    other.broadcast(value("2"));
    deliver(at(200), "n2", &mut relay, "n1", &other.poll(at(100)));
    let mut again = replica("n2", settings(80, Acknowledge::AtOnce));
    let answer = relay.answer_sync(at(5000), &NodeId::from("n2"));
    again.receive(at(5100), &NodeId::from("n1"), answer);
    assert_eq!(format!("{:?}", again.messages()), "[1, 2]");
}

#[test]
fn what_a_stranger_says_changes_nothing() {
    let mut node = replica("n2", settings(80, Acknowledge::AtOnce));
    let mut stranger = Replica::new(
        &NodeId::from("n9"),
        &["n9", "n2"].map(NodeId::from),
        1,
        settings(80, Acknowledge::AtOnce),
    );
    stranger.broadcast(value("1"));
    deliver(at(0), "n9", &mut node, "n2", &stranger.poll(at(0)));
    assert!(node.messages().is_empty());
    assert!(node.deadline().is_none());
    assert!(node.answer_sync(at(0), &NodeId::from("n9")).news.is_empty());
}
