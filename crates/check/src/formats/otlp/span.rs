//! One span: its fields and attributes in OTLP's JSON encoding, and the operation that it stands for.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::Mapping;
use crate::formats::excerpt;
use crate::{Name, OperationKind, Value};

/// A span that is an operation.
pub(super) struct Span {
    /// What a person finds it by.
    pub(super) label: Arc<str>,
    pub(super) start_ns: u64,
    /// None if it has not ended.
    pub(super) end_ns: Option<u64>,
    pub(super) function: Name,
    pub(super) process: Option<Value>,
    pub(super) asked: Value,
    pub(super) answered: Value,
    /// How it ended, if it ended.
    pub(super) outcome: OperationKind,
    pub(super) error: Option<Value>,
}

/// What the spans of a trace have that a mapping could name, for the error that nothing was found.
#[derive(Default)]
pub(super) struct Seen {
    attributes: BTreeSet<String>,
    functions: BTreeSet<String>,
}

impl Seen {
    /// So many names of each kind are kept.
    const LIMIT: usize = 20;

    fn add(names: &mut BTreeSet<String>, name: &str) {
        if names.len() < Self::LIMIT && !names.contains(name) {
            names.insert(excerpt(name));
        }
    }

    /// Why no span was an operation.
    pub(super) fn explain(&self, mapping: &Mapping) -> String {
        let list = |names: &BTreeSet<String>| {
            if names.is_empty() {
                return "none".to_owned();
            }
            let more = if names.len() < Self::LIMIT { "" } else { ", …" };
            names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ") + more
        };
        match &mapping.operation {
            Some(attribute) if self.functions.is_empty() => {
                format!(
                    "they have no attribute {attribute:?} for the operation; their attributes: {}",
                    list(&self.attributes)
                )
            }
            _ => format!("their operations are {}, and `functions` names others", list(&self.functions)),
        }
    }
}

/// The attributes of a span or of a resource.
#[derive(Default)]
pub(super) struct Attributes<'a> {
    pairs: Vec<(&'a str, &'a Value)>,
}

impl<'a> Attributes<'a> {
    pub(super) fn of(value: &'a Value) -> Self {
        let pairs = elements(value, &["attributes"]).iter();
        Self {
            pairs: pairs
                .filter_map(|pair| Some((field(pair, &["key"])?.as_str()?, field(pair, &["value"])?)))
                .collect(),
        }
    }

    /// The value of an attribute.
    ///
    /// # Errors
    /// It is there twice, with different values.
    fn get(&self, name: &str) -> Result<Option<Value>, String> {
        let mut found = self.pairs.iter().filter(|(key, _)| *key == name).map(|(_, value)| any_value(value));
        let Some(first) = found.next() else { return Ok(None) };
        match found.find(|other| *other != first) {
            None => Ok(Some(first)),
            Some(second) => Err(format!(
                "its attribute {name:?} is ambiguous: it is {} and {}",
                excerpt(&first.to_string()),
                excerpt(&second.to_string())
            )),
        }
    }
}

/// The operation of a span; none if it is not one.
///
/// # Errors
/// A sentence about the span: what is missing, ambiguous or wrong.
pub(super) fn of(
    span: &Value,
    resource: &Attributes<'_>,
    mapping: &Mapping,
    seen: &RefCell<Seen>,
) -> Result<Option<Span>, String> {
    let label = label(span);
    operation(span, &label, resource, mapping, seen).map_err(|reason| format!("{label}: {reason}"))
}

fn operation(
    span: &Value,
    label: &str,
    resource: &Attributes<'_>,
    mapping: &Mapping,
    seen: &RefCell<Seen>,
) -> Result<Option<Span>, String> {
    let own = Attributes::of(span);
    let attribute = |name: &str| match own.get(name)? {
        Some(value) => Ok(Some(value)),
        None => resource.get(name),
    };
    let optional = |name: &Option<String>| name.as_deref().map_or(Ok(None), attribute);
    let function = match &mapping.operation {
        None => field(span, &["name"]).cloned(),
        some => optional(some)?,
    };
    let Some(function) = function else {
        own.pairs.iter().for_each(|(key, _)| Seen::add(&mut seen.borrow_mut().attributes, key));
        return Ok(None);
    };
    let function = function.as_str().map_or_else(|| function.to_string(), str::to_owned);
    let function = match mapping.functions.iter().find(|(theirs, _)| *theirs == function) {
        Some((_, ours)) => ours.clone(),
        None if mapping.functions.is_empty() => function,
        None => {
            Seen::add(&mut seen.borrow_mut().functions, &function);
            return Ok(None);
        }
    };
    if !Name::is_plain(&function) {
        return Err(format!(
            "its operation {:?} can't be a function of a history; set `functions` to say which one it is",
            excerpt(&function)
        ));
    }
    let start_ns =
        time(span, &["startTimeUnixNano", "start_time_unix_nano"])?.ok_or("startTimeUnixNano is missing")?;
    let end_ns = time(span, &["endTimeUnixNano", "end_time_unix_nano"])?.filter(|end_ns| *end_ns > 0);
    if end_ns.is_some_and(|end_ns| end_ns < start_ns) {
        return Err("it ends before it starts".to_owned());
    }
    let error = error(span);
    let mut outcome = if error.is_some() { OperationKind::Info } else { OperationKind::Ok };
    for (name, text) in &mapping.failures {
        if attribute(name)?.is_some_and(|value| is_text(&value, text)) {
            outcome = OperationKind::Fail;
        }
    }
    let asked = optional(&mapping.value)?;
    let answered = optional(&mapping.result)?.or_else(|| asked.clone());
    let answered = match (answered, mapping.absent.clone()) {
        (Some(value), _) | (None, Some(value)) => value,
        // Without an answer nothing is said of one.
        (None, None) if outcome != OperationKind::Ok || end_ns.is_none() => Value::Nil,
        (None, None) => match (&mapping.value, &mapping.result) {
            (None, None) => Value::Nil,
            (Some(name), None) | (None, Some(name)) => {
                return Err(format!(
                    "it succeeded and has no attribute {name:?}; if that has a meaning, set `absent` to it"
                ));
            }
            (Some(value), Some(result)) => {
                return Err(format!(
                    "it succeeded and has neither the attribute {value:?} nor {result:?}; if that has a meaning, set `absent` to it"
                ));
            }
        },
    };
    let key = match &mapping.key {
        None => None,
        Some(name) => {
            Some(attribute(name)?.ok_or_else(|| format!("it has no attribute {name:?} for the key"))?)
        }
    };
    let keyed = |value: Value| match &key {
        Some(key) => Value::Vector(vec![key.clone(), value]),
        None => value,
    };
    let process = match &mapping.process[..] {
        [] => None,
        names => {
            let parts = names.iter().map(|name| {
                attribute(name)?.ok_or_else(|| format!("it has no attribute {name:?} for the process"))
            });
            Some(Value::Vector(parts.collect::<Result<_, String>>()?))
        }
    };
    Ok(Some(Span {
        label: label.into(),
        start_ns,
        end_ns,
        function: Name::new(function),
        process,
        asked: keyed(asked.unwrap_or_default()),
        answered: keyed(answered),
        outcome,
        error,
    }))
}

/// The name and the id of a span.
fn label(span: &Value) -> String {
    let text = |names| field(span, names).and_then(Value::as_str).unwrap_or_default();
    let (name, id) = (excerpt(text(&["name"])), excerpt(text(&["spanId", "span_id"])));
    if id.is_empty() { format!("the span {name:?}") } else { format!("the span {name:?} with the id {id:?}") }
}

fn is_text(value: &Value, text: &str) -> bool {
    value.as_str().map_or_else(|| value.to_string() == text, |value| value == text)
}

/// What a span says of its failure, if it failed.
fn error(span: &Value) -> Option<Value> {
    let status = field(span, &["status"])?;
    let is_error = match field(status, &["code"])? {
        Value::Int(code) => *code == 2,
        code => code.as_str() == Some("STATUS_CODE_ERROR"),
    };
    is_error.then(|| field(status, &["message"]).cloned().unwrap_or(Value::keyword("error")))
}

/// Nanoseconds of a field, which JSON has as a string or as a number.
fn time(span: &Value, names: &[&str]) -> Result<Option<u64>, String> {
    let Some(value) = field(span, names) else { return Ok(None) };
    let number = match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        other => other.as_str().and_then(|text| text.parse().ok()),
    };
    number.map(Some).ok_or_else(|| {
        format!("{} is {}, and no number of nanoseconds", names[0], excerpt(&value.to_string()))
    })
}

/// A value as OTLP wraps it.
fn any_value(value: &Value) -> Value {
    let entries = match value.as_map() {
        Some([]) => return Value::Nil,
        Some(entries) => entries,
        None => return value.clone(),
    };
    let [(Value::String(kind), inner), ..] = entries else { return value.clone() };
    match (kind.as_str(), inner) {
        ("intValue" | "int_value", Value::String(text)) => {
            Value::integer(text).unwrap_or_else(|| inner.clone())
        }
        ("arrayValue" | "array_value", array) => {
            Value::Vector(elements(array, &["values"]).iter().map(any_value).collect())
        }
        ("kvlistValue" | "kvlist_value", list) => Value::Map(
            elements(list, &["values"])
                .iter()
                .filter_map(|entry| {
                    Some((field(entry, &["key"])?.clone(), any_value(field(entry, &["value"])?)))
                })
                .collect(),
        ),
        _ => inner.clone(),
    }
}

pub(super) fn field<'a>(value: &'a Value, names: &[&str]) -> Option<&'a Value> {
    value.as_map()?.iter().find_map(|(key, value)| names.contains(&key.as_str()?).then_some(value))
}

pub(super) fn elements<'a>(value: &'a Value, names: &[&str]) -> &'a [Value] {
    field(value, names).and_then(Value::as_sequence).unwrap_or_default()
}
