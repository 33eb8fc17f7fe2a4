//! When a node is ready for messages of its peers.
//!
//! A peer that starts faster may send to a node that has not handled init, which many programs cannot cope with. So what its peers
//! ask of a node waits until the node has answered `init_ok`. Two kinds of messages end or evade the wait, or nodes that exchange
//! messages while they handle init would wait for each other: one that a node sends to a peer (it knows its name by then), and replies
//! to the node's own requests.

use std::borrow::Cow;

use glomers_protocol::Body as _;
use glomers_protocol::init::InitOk;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Whether a body answers init.
pub(super) fn is_init_ok(body: &str) -> bool {
    #[derive(Deserialize)]
    struct Peek<'a> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
    }
    serde_json::from_str::<Peek<'_>>(body).is_ok_and(|peek| peek.kind == InitOk::TYPE)
}

/// Whether a body answers a request.
pub(super) fn is_reply(body: &str) -> bool {
    #[derive(Deserialize)]
    struct Peek {
        in_reply_to: Option<IgnoredAny>,
    }
    serde_json::from_str::<Peek>(body).is_ok_and(|peek| peek.in_reply_to.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_told_apart_by_their_reserved_keys() {
        assert!(is_init_ok(r#"{"in_reply_to":"x","type":"init_ok"}"#));
        for body in [r#"{"type":"init"}"#, r#"{"type":["init_ok"]}"#, "{}", r#"{"a":{"type":"init_ok"}}"#] {
            assert!(!is_init_ok(body), "{body}");
        }
        assert!(is_reply(r#"{"type":"x_ok","in_reply_to":{"any":"value"}}"#));
        for body in [r#"{"type":"x"}"#, r#"{"in_reply_to":null}"#, r#"{"a":{"in_reply_to":1}}"#] {
            assert!(!is_reply(body), "{body}");
        }
    }
}
