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

mod span;

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::BufRead;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use self::span::{Attributes, Span, elements, field};
use super::forms::Forms;
use super::source::{self, Text};
use crate::{HistoryError, Operation, OperationKind, Value};

/// Which spans are operations, and where they say what.
///
/// Most fields name attributes of a span, or of its resource where the span has none of that name.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    /// The attribute that holds the operation, such as `read`; spans without it are none. None for the name of the span.
    pub operation: Option<String>,
    /// What operations are called in the trace, and the function that each is in the history; others are not read. If it is
    /// empty, all are, and keep their names.
    pub functions: Vec<(String, String)>,
    /// The attribute that holds the key, which every operation must have. Values then are pairs of key and value.
    pub key: Option<String>,
    /// The attribute that holds what was asked for, such as the value to write.
    pub value: Option<String>,
    /// The attribute that holds what came back. Where a span has none, it is the value.
    pub result: Option<String>,
    /// The answer of an operation that succeeded and has neither attribute, such as nil for a read of a missing key. If it is
    /// not set, that is an error, unless neither `value` nor `result` is set.
    pub absent: Option<Value>,
    /// The attributes that together name the process, which every operation must have. If there are none, operations that do
    /// not overlap may be of one process, which adds no order to that of time.
    pub process: Vec<String>,
    /// Attributes and values that tell that an operation did not happen and never will, such as `error.type` and `conflict`.
    pub failures: Vec<(String, String)>,
    /// How far the clocks of two services may be apart, in nanoseconds. Each operation counts as so much longer at both ends.
    /// It can't be combined with `process`, since consecutive operations of a process would overlap.
    pub clock_error_ns: u64,
}

/// The operations of a trace, in the order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The operations; times count from the first of them.
    pub operations: Vec<Operation>,
    /// The span of each operation, by its name and its id.
    pub spans: Vec<Arc<str>>,
    /// How many spans were no operations.
    pub other_spans: usize,
}

/// Reads all spans of a trace. Where times are equal, operations count as concurrent.
///
/// A span that has not ended, or has the status `Error`, is of unknown outcome (`info`): an error does not say that nothing
/// happened. [`Mapping::failures`] tells those that failed for certain (`fail`). All others are `ok`.
///
/// Memory is that of the operations, since traces are not in the order of time; O(n log n).
///
/// # Errors
/// The source can't be read, it is no JSON, or none of its spans is an operation. Or one is and lacks an attribute, has it
/// twice with different values, has no times, ends before it starts, or overlaps another one of its process.
pub fn read(source: impl BufRead, mapping: &Mapping) -> Result<Trace, HistoryError> {
    let (_, text) = source::beginning(Text::open(source)?, |_| Some(()))?;
    let mut forms = Forms::new(text);
    let seen = RefCell::default();
    let (mut spans, mut other_spans) = (Vec::new(), 0);
    while let Some(form) = forms.next_form()? {
        let line = form.line;
        let entry = Value::from_json(form.text).map_err(|error| match form.is_cut {
            true => HistoryError::CutShort { line },
            false => super::json::located(error, line),
        })?;
        for group in elements(&entry, &["resourceSpans", "resource_spans"]) {
            let resource = field(group, &["resource"]).map(Attributes::of).unwrap_or_default();
            for scope in elements(group, &["scopeSpans", "scope_spans", "instrumentationLibrarySpans"]) {
                for span in elements(scope, &["spans"]) {
                    match span::of(span, &resource, mapping, &seen)
                        .map_err(|reason| HistoryError::Span { line, reason })?
                    {
                        Some(span) => spans.push((line, span)),
                        None => other_spans += 1,
                    }
                }
            }
        }
    }
    if spans.is_empty() {
        let reason = seen.into_inner().explain(mapping);
        return Err(HistoryError::NoSpan { spans: other_spans, reason });
    }
    let (operations, spans) = operations(spans, mapping.clock_error_ns)?.into_iter().unzip();
    Ok(Trace { operations, spans, other_spans })
}

/// The operations and the labels of their spans.
fn operations(
    mut spans: Vec<(usize, Span)>,
    clock_error_ns: u64,
) -> Result<Vec<(Operation, Arc<str>)>, HistoryError> {
    for (_, span) in &mut spans {
        span.start_ns = span.start_ns.saturating_sub(clock_error_ns);
        span.end_ns = span.end_ns.map(|end_ns| end_ns.saturating_add(clock_error_ns));
    }
    spans.sort_by_key(|(_, span)| (span.start_ns, span.end_ns));
    let begin_ns = spans.first().map_or(0, |(_, span)| span.start_ns);
    let mut events = Vec::with_capacity(2 * spans.len());
    let mut processes = Processes::default();
    for (line, span) in spans {
        let process = processes.of(&span).map_err(|reason| HistoryError::Span { line, reason })?;
        let invoke = Operation::invoke(process, span.function, span.asked).at(0, span.start_ns - begin_ns);
        if let Some(end_ns) = span.end_ns {
            let mut completed = invoke.completed(span.outcome, span.answered).at(0, end_ns - begin_ns);
            completed.error = span.error;
            events.push((completed, Arc::clone(&span.label)));
        }
        events.push((invoke, span.label));
    }
    // Of events at one time the beginnings come first, so that their operations overlap.
    events.sort_by_key(|(event, _)| (event.time_ns, !event.is_invoke()));
    for ((event, _), index) in events.iter_mut().zip(0..) {
        event.index = index;
    }
    Ok(events)
}

/// Numbers for the processes of spans, which come in the order of their starts.
#[derive(Default)]
struct Processes {
    /// Ended spans' processes and when they ended, the earliest first; unnamed ones only.
    free: BinaryHeap<Reverse<(u64, u64)>>,
    /// The number of a name, and its last operation; none once its outcome is unknown.
    named: FxHashMap<Value, (u64, Option<Last>)>,
    next: u64,
}

/// The last operation of a process that has a name.
struct Last {
    ended_ns: u64,
    label: Arc<str>,
}

impl Processes {
    fn of(&mut self, span: &Span) -> Result<u64, String> {
        // A process whose operation is of unknown outcome does nothing more.
        let until = span.end_ns.filter(|_| span.outcome != OperationKind::Info);
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
            Some((number, Some(last))) if last.ended_ns < span.start_ns => *number,
            Some((_, Some(last))) if last.ended_ns > span.start_ns => {
                let Span { label, start_ns, .. } = span;
                let Last { ended_ns, label: before } = last;
                return Err(format!(
                    "{label} starts at {start_ns} ns, and {before} of the same process, {name}, ends at {ended_ns} ns; name \
                     what runs one operation at a time in `process`, or nothing"
                ));
            }
            // At equal times the two count as concurrent, so they can't be of one process.
            Some(_) | None => self.number(),
        };
        let last = until.map(|ended_ns| Last { ended_ns, label: Arc::clone(&span.label) });
        self.named.insert(name.clone(), (number, last));
        Ok(number)
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }
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

    fn attributed(name: &str, attributes: &[(&str, &str)]) -> String {
        let pairs = attributes
            .iter()
            .map(|(key, value)| format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#));
        let pairs = pairs.collect::<Vec<_>>().join(",");
        span(name, 1, 2).replace(r#""attributes":[]"#, &format!(r#""attributes":[{pairs}]"#))
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
        let mapping = Mapping { process: vec!["host".to_owned()], ..Mapping::default() };
        let lines = trace(&[failed, span("b", 3, 4)].join(","), &mapping).unwrap();
        assert_eq!(lines[1], "0\t:info\t:a\tnil\tlost");
        assert_eq!(lines[2], "1\t:invoke\t:b\tnil");
        let error = trace(&[span("a", 1, 3), span("b", 2, 4)].join(","), &mapping).unwrap_err();
        assert!(
            error.contains("the span \"b\" starts at 2 ns, and the span \"a\" of the same process"),
            "{error}"
        );
        let lines = trace(&[span("a", 1, 3), span("b", 3, 4)].join(","), &mapping).unwrap();
        assert_eq!(lines[1], "1\t:invoke\t:b\tnil", "at equal times they are concurrent");
    }

    #[test]
    fn an_attribute_tells_what_did_not_happen() {
        let conflict = attributed("cas", &[("error.type", "conflict")]);
        let mapping = Mapping {
            failures: vec![("error.type".to_owned(), "conflict".to_owned())],
            ..Mapping::default()
        };
        assert_eq!(trace(&conflict, &mapping).unwrap()[1], "0\t:fail\t:cas\tnil");
        let timeout = attributed("cas", &[("error.type", "timeout")]);
        assert_eq!(trace(&timeout, &mapping).unwrap()[1], "0\t:ok\t:cas\tnil");
    }

    #[test]
    fn what_is_missing_or_ambiguous_is_named_with_the_span() {
        let some = |name: &str| Some(name.to_owned());
        let mapping = Mapping { key: some("k"), value: some("v"), result: some("r"), ..Mapping::default() };
        let error = |attributes: &[(&str, &str)]| trace(&attributed("a", attributes), &mapping).unwrap_err();
        assert_eq!(
            error(&[("v", "1")]),
            r#"in the entry on line 1 of the trace, the span "a": it has no attribute "k" for the key"#
        );
        assert!(error(&[("k", "x")]).contains(r#"neither the attribute "v" nor "r""#));
        assert!(
            error(&[("k", "x"), ("k", "y"), ("v", "1")])
                .contains(r#"attribute "k" is ambiguous: it is "x" and "y""#)
        );
        let absent = Mapping { absent: Some(Value::Nil), ..mapping.clone() };
        assert_eq!(
            trace(&attributed("a", &[("k", "x"), ("k", "x")]), &absent).unwrap()[1],
            "0\t:ok\t:a\t[\"x\" nil]"
        );
        let process = Mapping { process: vec!["host".to_owned(), "thread".to_owned()], ..Mapping::default() };
        assert!(
            trace(&span("a", 1, 2), &process)
                .unwrap_err()
                .contains(r#"no attribute "thread" for the process"#)
        );
        let operation = Mapping { operation: some("db.operation"), ..Mapping::default() };
        let error = trace(&attributed("a", &[("db.op", "read")]), &operation).unwrap_err();
        assert!(
            error.ends_with(
                r#"they have no attribute "db.operation" for the operation; their attributes: "db.op""#
            ),
            "{error}"
        );
    }

    #[test]
    fn a_clock_error_makes_operations_longer() {
        let spans = [span("a", 5, 9), span("b", 12, 15)].join(",");
        let mapping = Mapping { clock_error_ns: 2, ..Mapping::default() };
        let lines = trace(&spans, &mapping).unwrap();
        assert_eq!(lines[1], "1\t:invoke\t:b\tnil");
        let apart = Mapping { clock_error_ns: 1, ..Mapping::default() };
        assert_eq!(trace(&spans, &apart).unwrap()[1], "0\t:ok\t:a\tnil");
    }

    #[test]
    fn only_the_functions_that_were_named_are_operations() {
        let mapping =
            Mapping { functions: vec![("GET /kv".to_owned(), "read".to_owned())], ..Mapping::default() };
        let lines = trace(&[span("GET /kv", 1, 2), span("GET /metrics", 1, 2)].join(","), &mapping).unwrap();
        assert_eq!(lines, ["0\t:invoke\t:read\tnil", "0\t:ok\t:read\tnil"]);
        let error = trace(&span("GET /kv", 1, 2), &Mapping::default()).unwrap_err();
        assert!(error.contains("set `functions`"), "{error}");
        let error = trace(&span("GET /metrics", 1, 2), &mapping).unwrap_err();
        assert!(error.contains("their operations are \"GET /metrics\""), "{error}");
        assert!(trace(&span("a", 5, 4), &Mapping::default()).unwrap_err().contains("ends before it starts"));
    }
}
