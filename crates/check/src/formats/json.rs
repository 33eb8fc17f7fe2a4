//! Histories as JSON: one object for each entry, one after the other or in an array.

use std::io::BufRead;

use super::entry::Numbering;
use super::forms::Forms;
use crate::{HistoryError, JsonError, Name, Operation, Value};

/// Reads operations from JSON objects with the keys of `history.edn`, as strings.
///
/// JSON has no keywords. Where histories have some, the strings are taken for them: the keys of an entry, of a reply
/// under `value` and of an `exception`, the `type` and the `f`, the functions of micro-operations, and the kind of an
/// `error`.
pub(super) struct JsonReader<R> {
    forms: Forms<R>,
    numbering: Numbering,
}

impl<R: BufRead> JsonReader<R> {
    pub(super) fn new(source: R) -> Self {
        Self { forms: Forms::new(source), numbering: Numbering::default() }
    }

    pub(super) fn next_operation(&mut self) -> Result<Option<Operation>, HistoryError> {
        let Some(form) = self.forms.next_form()? else { return Ok(None) };
        let line = form.line;
        let value = Value::from_json_record(form.text).map_err(|error| match form.is_cut {
            true => HistoryError::CutShort { line },
            false => located(error, line),
        })?;
        let operation = self.numbering.operation(with_keywords(value));
        operation.map(Some).map_err(|reason| HistoryError::NotAnOperation { line, reason })
    }
}

/// The error, with its line counted from the beginning of the history.
pub(super) fn located(error: JsonError, entry_line: usize) -> HistoryError {
    HistoryError::Json { line: entry_line + error.line - 1, column: error.column, reason: error.reason }
}

fn with_keywords(entry: Value) -> Value {
    let Value::Map(entries) = entry else { return entry };
    let entries = entries.into_iter().map(|(key, value)| {
        let value = match key.as_str() {
            Some("type" | "f" | "process") => keyword(value),
            Some("value") => payload(value),
            Some("error") => error(value),
            Some("exception") => exception(value),
            _ => value,
        };
        (keyword(key), value)
    });
    Value::Map(entries.collect())
}

/// A text as a keyword; anything else as it is.
fn keyword(value: Value) -> Value {
    match value {
        Value::String(text) if Name::is_plain(&text) => Value::keyword(text.as_str()),
        other => other,
    }
}

/// A reply's keys, or the functions of a transaction's micro-operations.
fn payload(value: Value) -> Value {
    match value {
        Value::Map(entries) => {
            Value::Map(entries.into_iter().map(|(key, value)| (keyword(key), value)).collect())
        }
        Value::Vector(items) => Value::Vector(items.into_iter().map(micro_operation).collect()),
        other => other,
    }
}

fn micro_operation(value: Value) -> Value {
    match value {
        Value::Vector(mut items)
            if items.first().and_then(Value::as_str).is_some_and(|function| {
                matches!(function, "r" | "w" | "read" | "write" | "append" | "send" | "poll")
            }) =>
        {
            let function = std::mem::take(&mut items[0]);
            items[0] = keyword(function);
            Value::Vector(items)
        }
        other => other,
    }
}

/// The kind of an error: alone, or before its text.
fn error(value: Value) -> Value {
    match value {
        Value::Vector(mut items) if !items.is_empty() => {
            let kind = std::mem::take(&mut items[0]);
            items[0] = keyword(kind);
            Value::Vector(items)
        }
        other => keyword(other),
    }
}

fn exception(value: Value) -> Value {
    match value {
        Value::Map(entries) => {
            Value::Map(entries.into_iter().map(|(key, value)| (keyword(key), exception(value))).collect())
        }
        Value::Vector(items) => Value::Vector(items.into_iter().map(exception).collect()),
        other => other,
    }
}
