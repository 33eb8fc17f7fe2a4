//! The shape of requests and replies: what a workload sends, what it expects back, and the words for what does not fit.
//!
//! A workload declares its RPCs as constants. The client checks every body against them, the error messages quote them, and the
//! protocol pages are written from them, so that the three can't disagree.

use std::fmt;

use glomers_check::Value;

/// One kind of request that clients send, and the reply to it.
#[derive(Debug)]
pub struct Rpc {
    /// The `type` of the request.
    pub name: &'static str,
    /// What it asks a node to do, for the person who writes the node.
    pub doc: &'static str,
    /// The request's own fields, without `type` and `msg_id`.
    pub request: &'static [Field],
    /// The `type` of the reply.
    pub reply_name: &'static str,
    /// The reply's own fields, without `type`, `msg_id` and `in_reply_to`.
    pub reply: &'static [Field],
}

/// A field of a body.
#[derive(Debug)]
pub struct Field {
    /// Its key.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
}

/// What a value may be.
#[derive(Debug)]
pub enum Shape {
    /// Anything at all.
    Any,
}

impl Shape {
    fn expected(&self) -> &'static str {
        match self {
            Self::Any => "any JSON value",
        }
    }
}

/// Why a reply is not what its request asks for. Displays as what is wrong, key by key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch(Vec<String>);

impl fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("; "))
    }
}

impl Rpc {
    /// Checks a reply's body: a map with keyword keys, as histories hold it.
    ///
    /// # Errors
    /// Each key that is missing, is of the wrong kind, or has no place in this reply.
    pub fn check_reply(&self, body: &Value) -> Result<(), Mismatch> {
        let Value::Map(entries) = body else {
            return Err(Mismatch(vec!["the body is not an object".to_owned()]));
        };
        let mut wrong = Vec::new();
        let (mut has_type, mut has_in_reply_to) = (false, false);
        let mut found = 0;
        for (key, value) in entries {
            let Value::Keyword(key) = key else {
                wrong.push(format!("the key {key} is not a string"));
                continue;
            };
            match key.as_str() {
                "type" => {
                    has_type = true;
                    if !matches!(value, Value::String(name) if name == self.reply_name) {
                        wrong.push(format!("`type` should be \"{}\", but is {value}", self.reply_name));
                    }
                }
                "msg_id" | "in_reply_to" => {
                    has_in_reply_to |= key == "in_reply_to";
                    if !matches!(value, Value::Int(_)) {
                        wrong.push(format!("`{key}` should be an integer, but is {value}"));
                    }
                }
                _ => match self.reply.iter().find(|field| field.name == key.as_str()) {
                    Some(field) => {
                        found += 1;
                        field.check(value, &mut wrong);
                    }
                    None => wrong.push(format!("`{key}` is not a key of this reply")),
                },
            }
        }
        if !has_type {
            wrong.push("`type` is missing".to_owned());
        }
        if !has_in_reply_to {
            wrong.push("`in_reply_to` is missing".to_owned());
        }
        if found < self.reply.len() {
            wrong.extend(self.missing_fields(entries));
        }
        if wrong.is_empty() { Ok(()) } else { Err(Mismatch(wrong)) }
    }

    /// The reply as a person would write it down: `{"type": "echo_ok", "echo": any JSON value, …}`.
    pub fn describe_reply(&self) -> String {
        describe(self.reply_name, self.reply, "\"in_reply_to\": the request's msg_id")
    }

    /// The request as a person would write it down.
    pub fn describe_request(&self) -> String {
        describe(self.name, self.request, "\"msg_id\": an integer")
    }

    fn missing_fields<'a>(&'a self, entries: &'a [(Value, Value)]) -> impl Iterator<Item = String> + 'a {
        let is_there =
            |name: &str| entries.iter().any(|(key, _)| matches!(key, Value::Keyword(key) if key == name));
        self.reply
            .iter()
            .filter(move |field| !is_there(field.name))
            .map(|field| format!("`{}` is missing", field.name))
    }
}

impl Field {
    fn check(&self, _value: &Value, _wrong: &mut Vec<String>) {
        match self.shape {
            Shape::Any => {}
        }
    }
}

fn describe(kind: &str, fields: &[Field], id: &str) -> String {
    let mut text = format!("{{\"type\": \"{kind}\"");
    for field in fields {
        text.push_str(&format!(", \"{}\": {}", field.name, field.shape.expected()));
    }
    text.push_str(&format!(", {id}}}"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECHO: Rpc = Rpc {
        name: "echo",
        doc: "",
        request: &[Field { name: "echo", shape: Shape::Any }],
        reply_name: "echo_ok",
        reply: &[Field { name: "echo", shape: Shape::Any }],
    };

    fn check(body: &str) -> String {
        let body = Value::from_json_body(body).expect("valid JSON");
        ECHO.check_reply(&body).map_or_else(|mismatch| mismatch.to_string(), |()| "fits".to_owned())
    }

    #[test]
    fn a_reply_fits_with_and_without_its_own_message_id() {
        assert_eq!(check(r#"{"type":"echo_ok","echo":{"a":[1]},"in_reply_to":1}"#), "fits");
        assert_eq!(check(r#"{"type":"echo_ok","echo":null,"in_reply_to":1,"msg_id":7}"#), "fits");
    }

    #[test]
    fn everything_that_does_not_fit_is_named() {
        assert_eq!(check(r#"{"type":"echo_ok","in_reply_to":1}"#), "`echo` is missing");
        assert_eq!(
            check(r#"{"type":"echo","echo":1,"in_reply_to":1}"#),
            r#"`type` should be "echo_ok", but is "echo""#
        );
        assert_eq!(
            check(r#"{"type":"echo_ok","echo":1,"in_reply_to":1,"extra":2}"#),
            "`extra` is not a key of this reply"
        );
        assert_eq!(
            check(r#"{"type":"echo_ok","echo":1,"in_reply_to":"1"}"#),
            r#"`in_reply_to` should be an integer, but is "1""#
        );
        assert_eq!(check("{}"), "`type` is missing; `in_reply_to` is missing; `echo` is missing");
    }

    #[test]
    fn both_ends_are_described_in_json() {
        assert_eq!(
            ECHO.describe_request(),
            r#"{"type": "echo", "echo": any JSON value, "msg_id": an integer}"#
        );
        assert_eq!(
            ECHO.describe_reply(),
            r#"{"type": "echo_ok", "echo": any JSON value, "in_reply_to": the request's msg_id}"#
        );
    }
}
