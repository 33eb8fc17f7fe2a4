use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Body, BodyError, decode_body, write_body};

fn write(payload: &impl Serialize) -> Result<String, BodyError> {
    let mut out = b"kept".to_vec();
    let result = write_body(&mut out, "x", Some(1), Some(&2.into()), payload);
    let text = String::from_utf8(out).unwrap();
    match result {
        Ok(()) => Ok(text.strip_prefix("kept").unwrap().to_owned()),
        Err(error) => {
            assert_eq!(text, "kept", "a refused payload leaves nothing behind");
            Err(error)
        }
    }
}

fn decode<B: Body>(text: &str) -> Result<B, String> {
    decode_body(serde_json::from_str(text).unwrap()).map_err(|error| error.to_string())
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Point {
    x: i64,
    nested: BTreeMap<String, Vec<Option<u64>>>,
}

impl Body for Point {
    const TYPE: &'static str = "point";
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Nothing;

impl Body for Nothing {
    const TYPE: &'static str = "nothing";
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Open {
    x: u64,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

impl Body for Open {
    const TYPE: &'static str = "open";
}

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    v: Box<RawValue>,
}

impl Body for Kept {
    const TYPE: &'static str = "kept";
}

#[test]
fn reserved_keys_come_first_and_payload_keys_follow() {
    let point =
        Point { x: i64::MIN, nested: BTreeMap::from([("type".to_owned(), vec![None, Some(u64::MAX)])]) };
    let text = write(&point).unwrap();
    assert_eq!(
        text,
        r#"{"type":"x","msg_id":1,"in_reply_to":2,"x":-9223372036854775808,"nested":{"type":[null,18446744073709551615]}}"#
    );
    assert_eq!(decode::<Point>(&text).unwrap(), point);
}

#[test]
fn a_unit_struct_and_an_empty_map_are_payloads_without_keys() {
    let empty = r#"{"type":"x","msg_id":1,"in_reply_to":2}"#;
    assert_eq!(write(&Nothing).unwrap(), empty);
    assert_eq!(write(&BTreeMap::<String, u64>::new()).unwrap(), empty);
    assert_eq!(decode::<Nothing>(r#"{"type":"nothing","more":1}"#), Ok(Nothing));
}

#[test]
fn a_payload_that_is_no_object_or_takes_a_reserved_key_is_refused() {
    assert!(matches!(write(&7), Err(BodyError::NotAnObject { .. })));
    assert!(matches!(write(&[1, 2]), Err(BodyError::NotAnObject { .. })));
    assert!(matches!(
        write(&BTreeMap::from([("msg_id", 1)])),
        Err(BodyError::ReservedKey { key: "msg_id", .. })
    ));
}

#[test]
fn flattened_maps_do_not_see_reserved_keys() {
    let open: Open = decode(r#"{"type":"open","msg_id":5,"x":1,"y":[2]}"#).unwrap();
    assert_eq!(open.rest.keys().collect::<Vec<_>>(), ["y"]);
    assert_eq!(write(&open).unwrap(), r#"{"type":"x","msg_id":1,"in_reply_to":2,"x":1,"y":[2]}"#);
}

#[test]
fn errors_name_the_type_and_what_was_expected() {
    let error = decode::<Point>(r#"{"type":"point","nested":{}}"#).unwrap_err();
    assert!(error.contains("malformed `point`: missing field `x`"), "{error}");
    let error = decode::<Point>(r#"{"type":"point","x":"1","nested":{}}"#).unwrap_err();
    assert!(error.contains("invalid type: string \"1\", expected i64"), "{error}");
    let error = decode::<Point>(r#"{"type":"point","y":1}"#).unwrap_err();
    assert!(error.contains("unknown field `y`"), "{error}");
}

#[test]
fn depth_is_an_error_or_passes_but_never_overflows_the_stack() {
    let depth = 100_000;
    let text = format!(r#"{{"type":"kept","v":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let kept: Kept = decode(&text).unwrap();
    assert!(write(&kept).unwrap().len() > 2 * depth);
    let text = text.replace("\"v\"", "\"x\":1,\"v\"");
    assert!(decode::<Open>(&text).unwrap_err().contains("recursion limit exceeded"));
}
