//! Requests as services accept them: with a `msg_id` of any kind, which the reply repeats exactly, or with none.
//!
//! Maelstrom's services repeat whatever they were sent, and null where there was nothing. A [`NodeCore`](glomers_node::NodeCore) knows
//! the ids of the protocol, so a request with another one is handed to it under a number of its own, and its reply is given the id that
//! was sent. In the same way a request that names a key twice counts by its last value, as with most JSON parsers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use glomers_node::RawValue;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::to_raw_value;

/// No usual request has this id or a greater one, so that a reply to it cannot be mistaken.
const STAND_IN_ID: u64 = 1 << 63;

/// How a message to a service is handled.
#[derive(Debug)]
pub(crate) enum Request {
    /// As it came.
    Usual,
    /// With another id.
    Unusual(UnusualRequest),
    /// Not at all, for this reason.
    Unanswerable(&'static str),
}

/// A request whose id was replaced.
#[derive(Debug)]
pub(crate) struct UnusualRequest {
    /// The body to handle.
    pub(crate) body: Box<RawValue>,
    /// What the reply repeats, as JSON.
    msg_id: Box<str>,
}

impl Request {
    /// Looks at the body of a message to a service. Costs one pass over it, and a copy where it is unusual.
    pub(crate) fn read(body: &RawValue) -> Self {
        #[derive(Deserialize)]
        struct UsualKeys<'a> {
            #[serde(borrow, rename = "type")]
            _kind: Cow<'a, str>,
            msg_id: u64,
            in_reply_to: Option<IgnoredAny>,
        }
        if let Ok(keys) = serde_json::from_str::<UsualKeys<'_>>(body.get())
            && keys.msg_id < STAND_IN_ID
            && keys.in_reply_to.is_none()
        {
            return Self::Usual;
        }
        let Ok(Members(mut members)) = serde_json::from_str(body.get()) else {
            return Self::Unanswerable("its body is not an object with text as keys");
        };
        let mut take = |key: &str| members.remove(key).filter(|value| value.get() != "null");
        let (msg_id, in_reply_to) = (take("msg_id"), take("in_reply_to"));
        if msg_id.is_none() && in_reply_to.is_some() {
            return Self::Unanswerable("it has `in_reply_to` and no `msg_id`, but services ask nothing");
        }
        // A line break between tokens would cut the reply's line in two.
        let msg_id = msg_id.map_or("null".into(), |value| value.get().replace(['\n', '\r'], " ").into());
        let stand_in = to_raw_value(&STAND_IN_ID).expect("a number is JSON");
        members.insert("msg_id".into(), &stand_in);
        let body = to_raw_value(&members).expect("members with text as keys are JSON");
        Self::Unusual(UnusualRequest { body, msg_id })
    }
}

impl UnusualRequest {
    /// A body that the service put out, with the id of the request that it answers.
    pub(crate) fn restore(&self, reply: &str) -> String {
        // The reserved keys stand first, so nothing of the payload can come before.
        reply.replacen(
            &format!("\"in_reply_to\":{STAND_IN_ID}"),
            &format!("\"in_reply_to\":{}", self.msg_id),
            1,
        )
    }
}

/// The members of an object; of several with one key, the last.
struct Members<'a>(BTreeMap<String, &'a RawValue>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((key, value)) = map.next_entry()? {
            members.insert(key, value);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Request {
        Request::read(&RawValue::from_string(body.to_owned()).expect("the text is JSON"))
    }

    #[test]
    fn usual_requests_are_left_as_they_are() {
        for body in [
            r#"{"type":"read","key":1,"msg_id":0}"#,
            r#"{"msg_id":9223372036854775807,"type":"ts","in_reply_to":null}"#,
        ] {
            assert!(matches!(read(body), Request::Usual), "{body}");
        }
    }

    #[test]
    fn any_other_id_is_repeated_to_the_letter() {
        let table = [
            (r#""an id","#, r#""an id""#),
            ("-1,", "-1"),
            ("9223372036854775808,", "9223372036854775808"),
            ("123456789012345678901234567890,", "123456789012345678901234567890"),
            ("1.50e1,", "1.50e1"),
            ("1e400,", "1e400"),
            (r#"{"a":[1,"\u00e9"]},"#, r#"{"a":[1,"\u00e9"]}"#),
            ("[1,\n2],", "[1, 2]"),
            ("null,", "null"),
            (r#"1,"msg_id":"twice","#, r#""twice""#),
        ];
        for (member, expected) in table {
            let Request::Unusual(request) = read(&format!(r#"{{"msg_id":{member}"type":"read","key":1}}"#))
            else {
                panic!("{member} is usual")
            };
            assert_eq!(request.body.get(), r#"{"key":1,"msg_id":9223372036854775808,"type":"read"}"#);
            let reply = r#"{"type":"read_ok","in_reply_to":9223372036854775808,"value":"\"in_reply_to\":9223372036854775808"}"#;
            let expected = format!(
                r#"{{"type":"read_ok","in_reply_to":{expected},"value":"\"in_reply_to\":9223372036854775808"}}"#
            );
            assert_eq!(request.restore(reply), expected);
        }
    }

    #[test]
    fn what_cannot_be_answered_is_told_apart_from_what_can() {
        assert!(matches!(read(r#"{"type":"read"}"#), Request::Unusual(_)), "upstream answers to null");
        assert!(matches!(read(r#"{"type":"read","msg_id":1,"in_reply_to":2}"#), Request::Unusual(_)));
        assert!(matches!(read(r#"{"type":7,"msg_id":1}"#), Request::Unusual(_)));
        assert!(matches!(read(r#"{"type":"error","in_reply_to":2}"#), Request::Unanswerable(_)));
        assert!(matches!(read(r#"{"\ud800":1}"#), Request::Unanswerable(_)));
    }
}
