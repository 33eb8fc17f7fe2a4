//! What the node keeps in `lin-kv`, line by line.

use std::time::Duration;

use broadcast::{BroadcastServer, Settings};
use glomers_node::testing::Harness;

/// A node alone with the service, whose answers the test makes up.
struct Conversation {
    harness: Harness,
}

impl Conversation {
    fn new() -> Self {
        let start = |node| BroadcastServer::router(node, Settings::LOW_LATENCY);
        Self { harness: Harness::new("n1", &["n1"], start) }
    }

    /// Lets the client say something, and returns the bodies that the node sends.
    fn client(&mut self, body: &str) -> Vec<String> {
        self.say("c1", body)
    }

    /// Lets the service answer the request `sent`.
    fn service(&mut self, sent: &str, kind_and_fields: &str) -> Vec<String> {
        let number = number(sent);
        self.say("lin-kv", &format!(r#"{{"type":{kind_and_fields},"in_reply_to":{number}}}"#))
    }

    fn wait(&mut self, duration: Duration) -> Vec<String> {
        self.harness.advance(duration)
    }

    fn say(&mut self, src: &str, body: &str) -> Vec<String> {
        self.harness.send_line(&format!(r#"{{"src":"{src}","dest":"n1","body":{body}}}"#))
    }
}

/// The `msg_id` of a line.
fn number(line: &str) -> &str {
    let rest = line.split(r#""msg_id":"#).nth(1).unwrap_or_else(|| panic!("{line} has no msg_id"));
    rest.split([',', '}']).next().unwrap_or(rest)
}

const BROADCAST: &str = r#"{"type":"broadcast","msg_id":1,"message":7}"#;
const BROADCAST_OK: &str = r#"{"src":"n1","dest":"c1","body":{"type":"broadcast_ok","in_reply_to":1}}"#;
const NOTHING_THERE: &str = r#""error","code":20,"text":"key does not exist""#;
const ANOTHER_VALUE_THERE: &str = r#""error","code":22,"text":"another value is there""#;

#[test]
fn a_value_is_acknowledged_once_the_service_holds_it() {
    let mut talk = Conversation::new();
    let asked = talk.wait(Duration::ZERO);
    assert!(asked[0].contains(r#""dest":"lin-kv","body":{"type":"read""#), "{asked:?}");
    assert!(talk.client(BROADCAST).is_empty(), "what was kept comes first");
    let kept = talk.service(&asked[0], NOTHING_THERE);
    assert!(kept[0].contains(r#""from":[],"to":[7],"create_if_not_exists":true"#), "{kept:?}");
    assert_eq!(talk.service(&kept[0], r#""cas_ok""#), [BROADCAST_OK]);
}

#[test]
fn what_earlier_lives_kept_is_read_again_and_kept_on() {
    let mut talk = Conversation::new();
    let asked = talk.wait(Duration::ZERO);
    assert!(talk.client(r#"{"type":"read","msg_id":9}"#).is_empty());
    let sent = talk.service(&asked[0], r#""read_ok","value":[3,4]"#);
    let read = r#"{"src":"n1","dest":"c1","body":{"type":"read_ok","in_reply_to":9,"messages":[3,4]}}"#;
    assert_eq!(sent, [read]);
    let kept = talk.client(BROADCAST);
    assert!(kept[0].contains(r#""from":[3,4],"to":[3,4,7]"#), "{kept:?}");
}

#[test]
fn a_write_whose_answer_was_lost_is_found_out() {
    let mut talk = Conversation::new();
    let asked = talk.wait(Duration::ZERO);
    talk.service(&asked[0], NOTHING_THERE);
    assert_eq!(talk.client(BROADCAST).len(), 1);
    let again = talk.wait(Duration::from_millis(1250));
    assert_eq!(again.len(), 1, "{again:?}");
    let asked = talk.service(&again[0], ANOTHER_VALUE_THERE);
    assert_eq!(talk.service(&asked[0], r#""read_ok","value":[7]"#), [BROADCAST_OK]);
}

#[test]
fn a_late_write_of_an_earlier_life_is_kept_too() {
    let mut talk = Conversation::new();
    let asked = talk.wait(Duration::ZERO);
    talk.service(&asked[0], NOTHING_THERE);
    let kept = talk.client(BROADCAST);
    let asked = talk.service(&kept[0], ANOTHER_VALUE_THERE);
    assert!(talk.service(&asked[0], r#""read_ok","value":[5]"#).is_empty());
    let again = talk.wait(Duration::from_millis(250));
    assert!(again[0].contains(r#""from":[5],"to":[5,7]"#), "{again:?}");
    assert_eq!(talk.service(&again[0], r#""cas_ok""#), [BROADCAST_OK]);
}
