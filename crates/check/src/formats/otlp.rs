//! Traces of OpenTelemetry as histories: each span that says so is an operation.
//!
//! The file is what the collector's file exporter writes, JSON in the encoding of OTLP
//! (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>): one object of `resourceSpans` after the other.
//!
//! ```
//! use glomers_check::formats::otlp::{self, Mapping};
//! let spans = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[
//!     {"name":"write","startTimeUnixNano":"1000","endTimeUnixNano":"2000","attributes":[
//!         {"key":"db.key","value":{"stringValue":"x"}},{"key":"db.value","value":{"intValue":"5"}}]},
//!     {"name":"read","startTimeUnixNano":"1500","endTimeUnixNano":"3000","attributes":[
//!         {"key":"db.key","value":{"stringValue":"x"}},{"key":"db.result","value":{"intValue":"5"}}]}]}]}]}"#;
//! let mapping = Mapping { key: Some("db.key".into()), value: Some("db.value".into()), result: Some("db.result".into()), ..Mapping::default() };
//! let trace = otlp::read(spans.as_bytes(), &mapping)?;
//! let lines: Vec<String> = trace.operations.iter().map(|operation| operation.to_text_line()).collect();
//! assert_eq!(lines, [
//!     "0\t:invoke\t:write\t[\"x\" 5]",
//!     "1\t:invoke\t:read\t[\"x\" nil]",
//!     "0\t:ok\t:write\t[\"x\" 5]",
//!     "1\t:ok\t:read\t[\"x\" 5]",
//! ]);
//! # Ok::<(), glomers_check::HistoryError>(())
//! ```

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::BufRead;

use rustc_hash::FxHashMap;

use super::forms::Forms;
use super::source::{self, Text};
use crate::{HistoryError, Name, Operation, OperationKind, Value};

/// Which spans are operations, and where they say what.
///
/// Fields name attributes of a span, or of its resource where the span has none of that name.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    /// The attribute that holds the function, such as `read`; spans without it are no operations. None for the name of the
    /// span.
    pub function: Option<String>,
    /// What functions are called in the trace, and what in the history; others are no operations. If it is empty, every
    /// function is one, by its own name.
    pub functions: Vec<(String, String)>,
    /// The attribute that holds the key. Values then are pairs of key and value.
    pub key: Option<String>,
    /// The attribute that holds what was asked for, such as the value to write.
    pub value: Option<String>,
    /// The attribute that holds what came back. Where a span has none, it is the value.
    pub result: Option<String>,
    /// The attribute that holds the name of the process. None if operations that do not overlap may be of one process, which
    /// adds no order to that of time.
    pub process: Option<String>,
}

/// The operations of a trace, in the order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The operations; times count from the first of them.
    pub operations: Vec<Operation>,
    /// How many spans were no operations.
    pub other_spans: usize,
}

/// A span that is an operation.
struct Span {
    start_ns: u64,
    /// None if it has not ended.
    end_ns: Option<u64>,
    function: Name,
    process: Option<Value>,
    asked: Value,
    answered: Value,
    error: Option<Value>,
}

/// Reads all spans of a trace. One with the status `Error` is of unknown outcome: an error does not say that nothing
/// happened. Where times are equal, operations count as concurrent.
///
/// Memory is that of the operations, since traces are not in the order of time; O(n log n).
///
/// # Errors
/// The source cannot be read, it is no JSON, a span has no times or ends before it starts, or two spans of one process
/// overlap.
pub fn read(source: impl BufRead, mapping: &Mapping) -> Result<Trace, HistoryError> {
    let (_, text) = source::beginning(Text::open(source)?, |_| Some(()))?;
    let mut forms = Forms::new(text);
    let (mut spans, mut other_spans) = (Vec::new(), 0);
    while let Some(form) = forms.next_form()? {
        let line = form.line;
        let entry = Value::from_json(form.text).map_err(|error| match form.is_cut {
            true => HistoryError::CutShort { line },
            false => super::json::located(error, line),
        })?;
        for resource in elements(&entry, &["resourceSpans", "resource_spans"]) {
            let shared = field(resource, &["resource"]).map(attributes).unwrap_or_default();
            for scope in elements(resource, &["scopeSpans", "scope_spans", "instrumentationLibrarySpans"]) {
                for span in elements(scope, &["spans"]) {
                    match span_of(span, &shared, mapping)
                        .map_err(|reason| HistoryError::Span { line, reason })?
                    {
                        Some(span) => spans.push((line, span)),
                        None => other_spans += 1,
                    }
                }
            }
        }
    }
    Ok(Trace { operations: operations(spans)?, other_spans })
}

fn operations(mut spans: Vec<(usize, Span)>) -> Result<Vec<Operation>, HistoryError> {
    spans.sort_by_key(|(_, span)| (span.start_ns, span.end_ns));
    let begin_ns = spans.first().map_or(0, |(_, span)| span.start_ns);
    let mut events = Vec::with_capacity(2 * spans.len());
    let mut processes = Processes::default();
    for (line, span) in spans {
        let process = processes.of(&span).map_err(|reason| HistoryError::Span { line, reason })?;
        let invoke = Operation::invoke(process, span.function, span.asked).at(0, span.start_ns - begin_ns);
        if let Some(end_ns) = span.end_ns {
            let kind = if span.error.is_some() { OperationKind::Info } else { OperationKind::Ok };
            let mut completed = invoke.completed(kind, span.answered).at(0, end_ns - begin_ns);
            completed.error = span.error;
            events.push(completed);
        }
        events.push(invoke);
    }
    // Of events at one time the beginnings come first, so that their operations overlap.
    events.sort_by_key(|event| (event.time_ns, !event.is_invoke()));
    for (event, index) in events.iter_mut().zip(0..) {
        event.index = index;
    }
    Ok(events)
}

/// Numbers for the processes of spans, which come in the order of their starts.
#[derive(Default)]
struct Processes {
    /// Ended spans' processes and when they ended, the earliest first; unnamed ones only.
    free: BinaryHeap<Reverse<(u64, u64)>>,
    /// The number of a name, and when its last operation ended; none if it never does, or nobody knows.
    named: FxHashMap<Value, (u64, Option<u64>)>,
    next: u64,
}

impl Processes {
    fn of(&mut self, span: &Span) -> Result<u64, String> {
        // A process whose operation is of unknown outcome does nothing more.
        let until = span.end_ns.filter(|_| span.error.is_none());
        let Some(name) = &span.process else {
            let number = match self.free.peek() {
                Some(Reverse((ended_ns, number))) if *ended_ns < span.start_ns => {
                    let number = *number;
                    self.free.pop();
                    number
                }
                _ => self.number(),
            };
            self.free.extend(until.map(|ended_ns| Reverse((ended_ns, number))));
            return Ok(number);
        };
        let number = match self.named.get(name) {
            Some((number, Some(ended_ns))) if *ended_ns < span.start_ns => *number,
            Some((_, Some(_))) => {
                return Err(format!(
                    "the process {name} begins an operation at {} ns before its last one has ended",
                    span.start_ns
                ));
            }
            Some((_, None)) | None => self.number(),
        };
        self.named.insert(name.clone(), (number, until));
        Ok(number)
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }
}

/// The operation of a span; none if it is not one.
fn span_of(span: &Value, shared: &[(&str, &Value)], mapping: &Mapping) -> Result<Option<Span>, String> {
    let own = attributes(span);
    let attribute = |name: &Option<String>| {
        let name = name.as_deref()?;
        let found = own.iter().chain(shared).find(|(key, _)| *key == name)?;
        Some(any_value(found.1))
    };
    let function = match &mapping.function {
        None => field(span, &["name"]).cloned(),
        some => attribute(some),
    };
    let Some(function) = function else { return Ok(None) };
    let function = function.as_str().map_or_else(|| function.to_string(), str::to_owned);
    let function = match mapping.functions.iter().find(|(theirs, _)| *theirs == function) {
        Some((_, ours)) => ours.clone(),
        None if mapping.functions.is_empty() => function,
        None => return Ok(None),
    };
    if !Name::is_plain(&function) {
        return Err(format!(
            "its function {:?} is no name; give it one by Mapping::functions",
            super::excerpt(&function)
        ));
    }
    let start_ns =
        time(span, &["startTimeUnixNano", "start_time_unix_nano"])?.ok_or("startTimeUnixNano is missing")?;
    let end_ns = time(span, &["endTimeUnixNano", "end_time_unix_nano"])?.filter(|end_ns| *end_ns > 0);
    if end_ns.is_some_and(|end_ns| end_ns < start_ns) {
        return Err("it ends before it starts".to_owned());
    }
    let asked = attribute(&mapping.value);
    let answered = attribute(&mapping.result).or_else(|| asked.clone());
    let key = attribute(&mapping.key);
    let keyed = |value: Option<Value>| match &key {
        Some(key) => Value::Vector(vec![key.clone(), value.unwrap_or_default()]),
        None => value.unwrap_or_default(),
    };
    Ok(Some(Span {
        start_ns,
        end_ns,
        function: Name::new(function),
        process: attribute(&mapping.process),
        asked: keyed(asked),
        answered: keyed(answered),
        error: error(span),
    }))
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
        format!("{} is {}, and no number of nanoseconds", names[0], super::excerpt(&value.to_string()))
    })
}

/// A value as OTLP wraps it.
fn any_value(value: &Value) -> Value {
    let Some([(Value::String(kind), inner), ..]) = value.as_map() else { return value.clone() };
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

/// The attributes of a span or a resource, wrapped as OTLP wraps them.
fn attributes(value: &Value) -> Vec<(&str, &Value)> {
    let pairs = elements(value, &["attributes"]).iter();
    pairs.filter_map(|pair| Some((field(pair, &["key"])?.as_str()?, field(pair, &["value"])?))).collect()
}

fn field<'a>(value: &'a Value, names: &[&str]) -> Option<&'a Value> {
    value.as_map()?.iter().find_map(|(key, value)| names.contains(&key.as_str()?).then_some(value))
}

fn elements<'a>(value: &'a Value, names: &[&str]) -> &'a [Value] {
    field(value, names).and_then(Value::as_sequence).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Process;

    fn trace(spans: &str, mapping: &Mapping) -> Result<Vec<String>, String> {
        let text = format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"host","value":{{"stringValue":"h"}}}}]}},"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#
        );
        let trace = read(text.as_bytes(), mapping).map_err(|error| error.to_string())?;
        assert!(trace.operations.iter().all(|operation| matches!(operation.process, Process::Client(_))));
        Ok(trace.operations.iter().map(Operation::to_text_line).collect())
    }

    fn span(name: &str, start: u64, end: u64) -> String {
        format!(
            r#"{{"name":"{name}","startTimeUnixNano":"{start}","endTimeUnixNano":{end},"attributes":[]}}"#
        )
    }

    #[test]
    fn spans_that_touch_overlap_and_later_ones_share_a_process() {
        let spans = [span("a", 5, 9), span("b", 9, 10), span("c", 11, 0)].join(",");
        let lines = trace(&spans, &Mapping::default()).unwrap();
        let expected = ["0 :invoke :a", "1 :invoke :b", "0 :ok :a", "1 :ok :b", "0 :invoke :c"];
        assert_eq!(lines, expected.map(|line| format!("{}\tnil", line.replace(' ', "\t"))));
    }

    #[test]
    fn an_error_is_of_unknown_outcome_and_ends_its_process() {
        let failed =
            span("a", 1, 2).replace("\"attributes\"", r#""status":{"code":2,"message":"lost"},"attributes""#);
        let mapping = Mapping { process: Some("host".to_owned()), ..Mapping::default() };
        let lines = trace(&[failed, span("b", 3, 4)].join(","), &mapping).unwrap();
        assert_eq!(lines[1], "0\t:info\t:a\tnil\tlost");
        assert_eq!(lines[2], "1\t:invoke\t:b\tnil");
        let error = trace(&[span("a", 1, 3), span("b", 2, 4)].join(","), &mapping).unwrap_err();
        assert!(error.contains("the process \"h\" begins an operation at 2 ns"), "{error}");
    }

    #[test]
    fn only_the_functions_that_were_named_are_operations() {
        let mapping =
            Mapping { functions: vec![("GET /kv".to_owned(), "read".to_owned())], ..Mapping::default() };
        let lines = trace(&[span("GET /kv", 1, 2), span("GET /metrics", 1, 2)].join(","), &mapping).unwrap();
        assert_eq!(lines, ["0\t:invoke\t:read\tnil", "0\t:ok\t:read\tnil"]);
        let error = trace(&span("GET /kv", 1, 2), &Mapping::default()).unwrap_err();
        assert!(error.contains("Mapping::functions"), "{error}");
        assert!(trace(&span("a", 5, 4), &Mapping::default()).unwrap_err().contains("ends before it starts"));
    }
}
