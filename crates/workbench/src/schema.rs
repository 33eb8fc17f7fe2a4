//! The shape of requests and replies: what a workload sends, what it expects back, and how a mismatch is described.
//!
//! A workload declares its RPCs as constants. The client checks every body against them, the error messages quote them, and the
//! protocol page is generated from them, so the three always agree.

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
    /// A whole number.
    Integer,
    /// Any text.
    Text,
    /// `null`.
    Null,
    /// Exactly this text.
    Word(&'static str),
    /// An array of values that all have this shape. `null` is accepted as an empty one: some libraries write it for a list that was
    /// never filled.
    List(&'static Shape),
    /// An object with any keys, whose values all have this shape.
    Object(&'static Shape),
    /// An array of exactly these.
    Tuple(&'static [Shape]),
    /// One of these.
    Either(&'static [Shape]),
}

impl Shape {
    /// Adds the problems of the value at `place` in its body.
    fn check(&self, value: &Value, place: &str, wrong: &mut Vec<String>) {
        let fits = match (self, value) {
            (Self::Any, _)
            | (Self::Integer, Value::Int(_))
            | (Self::Text, Value::String(_))
            | (Self::Null | Self::List(_), Value::Nil) => true,
            (Self::Word(word), Value::String(text)) => text.as_str() == *word,
            (Self::List(shape), Value::Vector(items) | Value::List(items)) => {
                for (position, item) in items.iter().enumerate() {
                    shape.check(item, &format!("{place}[{position}]"), wrong);
                }
                true
            }
            (Self::Object(shape), Value::Map(entries)) => {
                for (key, item) in entries {
                    shape.check(item, &format!("{place}.{}", plain(key)), wrong);
                }
                true
            }
            (Self::Tuple(shapes), Value::Vector(items) | Value::List(items))
                if items.len() == shapes.len() =>
            {
                for (position, (shape, item)) in shapes.iter().zip(items).enumerate() {
                    shape.check(item, &format!("{place}[{position}]"), wrong);
                }
                true
            }
            (Self::Either(shapes), value) => shapes.iter().any(|shape| shape.fits(value)),
            _ => false,
        };
        if !fits {
            wrong.push(format!("`{place}` should be {self}, but is {}", value.to_json()));
        }
    }

    fn fits(&self, value: &Value) -> bool {
        let mut wrong = Vec::new();
        self.check(value, "", &mut wrong);
        wrong.is_empty()
    }
}

/// As it is documented.
impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => formatter.write_str("any JSON value"),
            Self::Integer => formatter.write_str("an integer"),
            Self::Text => formatter.write_str("a string"),
            Self::Null => formatter.write_str("null"),
            Self::Word(word) => write!(formatter, "\"{word}\""),
            Self::List(shape) => write!(formatter, "[{shape}, …]"),
            Self::Object(shape) => write!(formatter, "{{any key: {shape}, …}}"),
            Self::Tuple(shapes) => {
                formatter.write_str("[")?;
                write_separated(shapes, ", ", formatter)?;
                formatter.write_str("]")
            }
            Self::Either(shapes) => write_separated(shapes, " or ", formatter),
        }
    }
}

fn write_separated(shapes: &[Shape], separator: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (position, shape) in shapes.iter().enumerate() {
        formatter.write_str(if position > 0 { separator } else { "" })?;
        write!(formatter, "{shape}")?;
    }
    Ok(())
}

/// A key without the colon or the quotes of its kind.
fn plain(key: &Value) -> String {
    match key {
        Value::Keyword(name) => name.as_str().to_owned(),
        Value::String(text) => text.to_string(),
        other => other.to_string(),
    }
}

/// Why a reply does not match its request. Displays the problems, key by key.
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
    /// Lists each key that is missing, has a wrong value, or does not belong in this reply.
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
                        field.shape.check(value, field.name, &mut wrong);
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

    /// The reply as it is documented: `{"type": "echo_ok", "echo": any JSON value, …}`.
    pub fn describe_reply(&self) -> String {
        describe(self.reply_name, self.reply, "\"in_reply_to\": the request's msg_id")
    }

    /// The request as it is documented.
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

fn describe(kind: &str, fields: &[Field], id: &str) -> String {
    let mut text = format!("{{\"type\": \"{kind}\"");
    for field in fields {
        text.push_str(&format!(", \"{}\": {}", field.name, field.shape));
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
    fn what_is_wrong_inside_a_value_is_named_by_its_place() {
        const READ: Shape = Shape::Tuple(&[Shape::Word("r"), Shape::Any, Shape::List(&Shape::Integer)]);
        const APPEND: Shape = Shape::Tuple(&[Shape::Word("append"), Shape::Any, Shape::Integer]);
        let wrong = |shape: &Shape, json: &str| {
            let mut wrong = Vec::new();
            shape.check(&Value::from_json(json).expect("valid JSON"), "txn", &mut wrong);
            wrong.join("; ")
        };
        let transaction = Shape::List(&Shape::Either(&[READ, APPEND]));
        assert_eq!(wrong(&transaction, r#"[["r", 1, [2, 3]], ["append", 1, 4]]"#), "");
        assert_eq!(
            wrong(&transaction, r#"[["append", 1, 4], ["r", 1, 2]]"#),
            r#"`txn[1]` should be ["r", any JSON value, [an integer, …]] or ["append", any JSON value, an integer], but is ["r",1,2]"#
        );
        assert_eq!(
            wrong(&Shape::Object(&Shape::List(&Shape::Integer)), r#"{"k": [1, "2"]}"#),
            "`txn.k[1]` should be an integer, but is \"2\""
        );
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
