//! Whatever goes through the protocol comes out as it went in.

use std::collections::BTreeMap;

use glomers_protocol::{
    Body, Envelope, ErrorCode, Header, MsgId, NodeId, RESERVED_KEYS, RawBody, RawValue, RpcError,
    decode_body, write_body, write_envelope,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

/// Any JSON value, as text that no parser of numbers has touched.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?",
        any::<String>().prop_map(|text| string(&text)),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((any::<String>(), inner), 0..5).prop_map(|entries| object(&entries)),
        ]
    })
}

fn string(text: &str) -> String {
    serde_json::to_string(text).expect("any text is a JSON string")
}

fn object(entries: &[(String, String)]) -> String {
    let entries: Vec<String> =
        entries.iter().map(|(key, value)| format!("{}:{value}", string(key))).collect();
    format!("{{{}}}", entries.join(","))
}

/// The entries of a payload, each key once and none of them reserved.
fn entries() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::btree_map("[a-z\\\\\"é\n]{1,8}", json(), 0..6).prop_map(|entries| {
        entries.into_iter().filter(|(key, _)| !RESERVED_KEYS.contains(&key.as_str())).rev().collect()
    })
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Numbers {
    unsigned: u64,
    signed: i64,
    text: String,
    rest: BTreeMap<String, Option<i128>>,
}

impl Body for Numbers {
    const TYPE: &'static str = "numbers";
}

proptest! {
    #[test]
    fn an_envelope_keeps_its_names_and_the_text_of_its_body(
        src: String, dest: String, id: Option<u64>, entries in entries(),
    ) {
        let body = object(&entries);
        let mut line = Vec::new();
        write_envelope(&mut line, id, &src, &dest, body.as_bytes());
        let line = String::from_utf8(line).unwrap();
        prop_assert_eq!(line.matches('\n').count(), 1);
        let envelope = Envelope::parse(&line).unwrap();
        prop_assert_eq!((envelope.src.as_ref(), envelope.dest.as_ref()), (src.as_str(), dest.as_str()));
        prop_assert_eq!(envelope.body.get(), body);
        prop_assert_eq!(NodeId::from(src.as_str()).to_string(), src);
    }

    #[test]
    fn a_typed_payload_is_read_as_it_was_written(
        unsigned: u64, signed: i64, text: String, rest: BTreeMap<String, Option<i64>>,
        kind: String, msg_id: Option<u64>, in_reply_to: Option<u64>,
    ) {
        let rest = rest.into_iter().map(|(key, value)| (key, value.map(i128::from))).collect();
        let payload = Numbers { unsigned, signed, text, rest };
        let mut body = Vec::new();
        let in_reply_to = in_reply_to.map(MsgId::from);
        write_body(&mut body, &kind, msg_id, in_reply_to.as_ref(), &payload).unwrap();
        let body: &RawValue = serde_json::from_slice(&body).unwrap();
        let header = Header::parse(body).unwrap();
        prop_assert_eq!((header.kind.as_ref(), header.msg_id), (kind.as_str(), msg_id.map(MsgId::from)));
        prop_assert_eq!(header.in_reply_to, in_reply_to);
        prop_assert_eq!(decode_body::<Numbers>(body).unwrap(), payload);
    }

    #[test]
    fn a_raw_body_keeps_all_but_the_numbers_of_the_hop(
        entries in entries(), position: prop::sample::Index, kind: String, msg_id: Option<u64>, next_id: Option<u64>,
    ) {
        let mut entries = entries;
        let kind_entry = ("type".to_owned(), serde_json::to_string(&kind).unwrap());
        entries.insert(position.index(entries.len() + 1), kind_entry);
        let expected = object(&entries);
        if let Some(msg_id) = msg_id {
            entries.insert(position.index(entries.len() + 1), ("msg_id".to_owned(), msg_id.to_string()));
        }
        let sent: Box<RawValue> = serde_json::from_str(&object(&entries)).unwrap();
        let body = RawBody::new(&sent).unwrap();
        prop_assert_eq!(body.text(), expected);
        prop_assert_eq!(body.kind(), kind);
        let mut next = Vec::new();
        body.write(&mut next, next_id, None);
        let next: Box<RawValue> = serde_json::from_slice(&next).unwrap();
        prop_assert_eq!(Header::parse(&next).unwrap().msg_id, next_id.map(MsgId::from));
        prop_assert_eq!(RawBody::new(&next).unwrap(), body);
    }

    #[test]
    fn an_error_keeps_its_code_its_text_and_unknown_keys(code: u64, text: String, entries in entries()) {
        let extra = entries
            .into_iter()
            .filter(|(key, _)| key != "code" && key != "text")
            .map(|(key, value)| (key, RawValue::from_string(value).unwrap()))
            .collect();
        let error = RpcError { code: ErrorCode(code), text, extra };
        let mut body = Vec::new();
        write_body(&mut body, RpcError::TYPE, None, Some(&MsgId::from(1)), &error).unwrap();
        prop_assert_eq!(decode_body::<RpcError>(serde_json::from_slice(&body).unwrap()).unwrap(), error);
    }

    #[test]
    fn a_reply_repeats_the_id_of_its_request_digit_for_digit(
        id in prop_oneof!["-?(0|[1-9][0-9]{0,60})".boxed(), any::<String>().prop_map(|text| string(&text)).boxed()],
    ) {
        let request = RawValue::from_string(format!(r#"{{"type":"read","msg_id":{id}}}"#)).unwrap();
        let header = Header::parse(&request).unwrap();
        let mut reply = Vec::new();
        write_body(&mut reply, "read_ok", None, header.msg_id.as_ref(), &BTreeMap::<String, u64>::new()).unwrap();
        prop_assert_eq!(String::from_utf8(reply).unwrap(), format!(r#"{{"type":"read_ok","in_reply_to":{id}}}"#));
    }

    #[test]
    fn no_line_makes_the_parser_panic(line: String, body in "[\\[\\]{}\",:a-z0-9 ]{0,40}") {
        let _ = Envelope::parse(&line);
        let framed = format!(r#"{{"src":"n1","dest":"n2","body":{{{body}}}}}"#);
        if let Ok(envelope) = Envelope::parse(&framed) {
            let _ = Header::parse(envelope.body);
            let _ = RawBody::new(envelope.body);
        }
    }
}
