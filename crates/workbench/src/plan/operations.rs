//! Operations that are given instead of drawn.

use std::{fmt, str::FromStr, time::Duration};

use glomers_check::{Name, Operation, OperationKind, Process, Value, edn};
use serde::{Deserialize, Serialize};

use crate::span::Span;

/// An operation with its time and its client. Its text, by which it is also serialised, is `at 1.2s client 3 add 7`: the function, the
/// value as EDN and, if there are any, further entries as an EDN map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PlannedOperation {
    /// How long after the first operation could start. It is invoked later if its client is busy then.
    pub at: Duration,
    /// The client's thread, from 0: thread `i` talks to node `i` modulo the number of nodes.
    pub thread: usize,
    /// The function, such as `add`.
    pub f: Name,
    /// The argument.
    pub value: Value,
    /// Further entries, which its completion has too.
    pub extra: Vec<(Name, Value)>,
}

impl PlannedOperation {
    /// The operations that a run with this many clients invoked, in the order of their invocation.
    pub fn of_history(history: &[Operation], concurrency: usize) -> Vec<Self> {
        let of_client = |operation: &Operation| match operation.process {
            Process::Client(process) if operation.kind == OperationKind::Invoke => Some(Self {
                at: Duration::from_nanos(operation.time_ns),
                thread: (process % concurrency as u64) as usize,
                f: operation.f.clone(),
                value: operation.value.clone(),
                extra: operation.extra.clone(),
            }),
            Process::Client(_) | Process::Nemesis => None,
        };
        history.iter().filter_map(of_client).collect()
    }
}

impl fmt::Display for PlannedOperation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, thread, f, value, extra } = self;
        write!(formatter, "at {} client {thread} {} {value}", Span(*at), f.as_str())?;
        if extra.is_empty() {
            return Ok(());
        }
        let entries = extra.iter().map(|(name, value)| (Value::Keyword(name.clone()), value.clone()));
        write!(formatter, " {}", Value::Map(entries.collect()))
    }
}

impl FromStr for PlannedOperation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut rest = text.trim();
        let mut word = |expected: &str| {
            let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
            rest = after.trim_start();
            if word.is_empty() {
                Err(format!("the line ends where {expected} was expected"))
            } else {
                Ok(word)
            }
        };
        if word("`at`")? != "at" {
            return Err("an operation begins with `at TIME client NUMBER`".to_owned());
        }
        let time = word("a time")?;
        let Span(at) = time.parse().map_err(|error: crate::span::SpanError| {
            format!("expected {}, found {time:?}", error.expected())
        })?;
        if word("`client`")? != "client" {
            return Err("an operation begins with `at TIME client NUMBER`".to_owned());
        }
        let thread = word("the number of a client")?;
        let thread =
            thread.parse().map_err(|_| format!("expected the number of a client, found {thread:?}"))?;
        let f = Name::from(word("a function, such as read")?);
        let mut forms = edn::read_forms(rest);
        let mut form = || forms.next().transpose().map_err(|error| format!("in the value, {error}"));
        let value = form()?.ok_or("the line ends where a value was expected; `nil` is none")?;
        let extra = match form()? {
            None => Vec::new(),
            Some(Value::Map(entries)) => {
                let entry = |(key, value): (Value, Value)| match key {
                    Value::Keyword(name) => Ok((name, value)),
                    other => Err(format!("expected a keyword as the key of a further entry, found {other}")),
                };
                entries.into_iter().map(entry).collect::<Result<_, _>>()?
            }
            Some(other) => return Err(format!("expected the end of the line or a map, found {other}")),
        };
        match form()? {
            None => Ok(Self { at, thread, f, value, extra }),
            Some(more) => Err(format!("expected the end of the line, found {more}")),
        }
    }
}

impl From<PlannedOperation> for String {
    fn from(operation: PlannedOperation) -> Self {
        operation.to_string()
    }
}

impl TryFrom<String> for PlannedOperation {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_read_as_it_was_written() {
        for text in [
            "at 0s client 0 read nil",
            "at 1.204s client 12 add 7",
            "at 5ms client 3 txn [[:append 1 2] [:r 3 nil]]",
            "at 5ms client 3 broadcast \"two words; \\\" and # a hash\"",
            "at 5ms client 3 read [1 nil] {:final? true}",
        ] {
            let operation: PlannedOperation = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(operation.to_string(), text);
            let json = serde_json::to_string(&operation).expect("it is a text");
            assert_eq!(serde_json::from_str::<PlannedOperation>(&json).expect("the same text"), operation);
        }
    }

    #[test]
    fn what_is_no_operation_is_refused_with_the_reason() {
        for (text, expected) in [
            ("", "the line ends where `at`"),
            ("on 1s client 0 read nil", "begins with `at TIME"),
            ("at 1 client 0 read nil", "expected a time with its unit, such as 2s or 200ms, found \"1\""),
            ("at 1s server 0 read nil", "begins with `at TIME"),
            ("at 1s client x read nil", "expected the number of a client, found \"x\""),
            ("at 1s client 0", "the line ends where a function"),
            ("at 1s client 0 read", "the line ends where a value"),
            ("at 1s client 0 read [1", "in the value, line 1"),
            ("at 1s client 0 read 1 2", "expected the end of the line or a map, found 2"),
            ("at 1s client 0 read 1 {2 3}", "expected a keyword"),
            ("at 1s client 0 read 1 {} 2", "expected the end of the line, found 2"),
        ] {
            let error = text.parse::<PlannedOperation>().expect_err(text);
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
