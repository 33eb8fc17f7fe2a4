//! The labels on arrows.

use serde_json::{Map, Value};

use crate::report::escape::shortened;

/// The maximum length of a label, in characters; a short arrow has room for less.
const MAX_LABEL: usize = 36;

/// Bodies longer than this are not parsed for a label: they show their first characters.
const MAX_PARSED: usize = 16 * 1024;

/// The type of a body and its fields, without `msg_id` and `in_reply_to`: `cas_ok`, `write key=3 value=5`.
pub(super) fn label(body: &str) -> String {
    let fields: Option<Map<String, Value>> =
        (body.len() <= MAX_PARSED).then(|| serde_json::from_str(body).ok()).flatten();
    let Some(fields) = fields else { return shortened(body, MAX_LABEL) };
    let mut label = match fields.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(other) => other.to_string(),
        None => "(no type)".to_owned(),
    };
    for (key, value) in &fields {
        if !matches!(key.as_str(), "type" | "msg_id" | "in_reply_to") && label.len() < MAX_LABEL {
            label.push_str(&format!(" {key}={value}"));
        }
    }
    shortened(&label, MAX_LABEL)
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn a_label_is_the_type_and_the_payload() {
        assert_eq!(
            label(r#"{"type":"write","msg_id":4,"key":3,"value":[1,"a"]}"#),
            r#"write key=3 value=[1,"a"]"#
        );
        assert_eq!(label(r#"{"type":"write_ok","in_reply_to":4}"#), "write_ok");
    }

    #[test]
    fn what_is_no_body_is_shown_as_it_came() {
        assert_eq!(label(r#"{"in_reply_to":4}"#), "(no type)");
        assert_eq!(label("nonsense"), "nonsense");
        assert_eq!(label(&"[".repeat(100_000)).chars().count(), 36);
        assert_eq!(label(&format!("{{\"type\":\"{}\"}}", "x".repeat(20_000))).chars().count(), 36);
    }
}
