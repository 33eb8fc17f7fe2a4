//! What the run page's scripts read: the journal as columns, and single messages and operations on request.

mod columns;

use std::{io::BufReader, path::Path as FilePath, sync::Arc};

use axum::{
    extract::{Path, Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use columns::Columns;
use glomers_workbench::run::operation_record;
use glomers_world::journal::{Entry, JournalReader};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;

use super::{
    Failure, blocking,
    store::{Refusal, Store},
};
use crate::{
    report::escape::shortened,
    run_directory::{files, manifest::RunFile, reading},
    why,
};

/// How many journals are read at a time: each keeps a core busy, and may take some hundred megabytes.
static READING: Semaphore = Semaphore::const_new(2);
/// How many characters of a body or a value are sent. The journal has all of them.
const MAX_BODY: usize = 20_000;
/// How many entries of a history are sent, and about how many bytes.
const MAX_ENTRIES: usize = 1_000_000;
const MAX_HISTORY: usize = 128 << 20;
/// How many characters of a value a line of the history has.
const MAX_VALUE: usize = 400;
/// How many bytes a value has that is sent as JSON. Longer ones are left out.
const MAX_JSON: usize = 200_000;
/// How many messages a search finds.
const MAX_FOUND: usize = 200_000;

type Journal = JournalReader<BufReader<std::fs::File>>;

fn open(directory: &FilePath) -> Result<Journal, Failure> {
    let journal = reading::open_regular(&directory.join(files::JOURNAL))?;
    Ok(JournalReader::new(BufReader::new(journal)))
}

/// The run's messages, operations and events; ARCHITECTURE.md has the format.
pub(super) async fn columns(
    State(store): State<Arc<Store>>,
    Path(path): Path<String>,
) -> Result<Response, Failure> {
    let _place = READING.acquire().await.expect("the semaphore is never closed");
    blocking(move || {
        let bytes = Columns::read(open(&store.resolve(&path)?)?).encode();
        Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
    })
    .await
}

/// How the values of a history are sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct HistoryFormat {
    values: Values,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Values {
    /// As text for people, shortened.
    #[default]
    Text,
    /// As JSON.
    Json,
}

/// The history: a line for each entry, as JSON `[index, time in ns, process or null for the nemesis, type, function, value, error]`.
pub(super) async fn history(
    State(store): State<Arc<Store>>,
    Path(path): Path<String>,
    Query(format): Query<HistoryFormat>,
) -> Result<Response, Failure> {
    let _place = READING.acquire().await.expect("the semaphore is never closed");
    blocking(move || {
        let journal = open(&store.resolve(&path)?)?;
        let mut lines = String::new();
        // One that is cut short is listed up to there; the columns say so.
        for operation in operation_record::operations(journal).map_while(Result::ok).take(MAX_ENTRIES) {
            if lines.len() > MAX_HISTORY {
                break;
            }
            let process = match operation.process {
                glomers_check::Process::Client(number) => Some(number),
                glomers_check::Process::Nemesis => None,
            };
            let shown = |value: &glomers_check::Value| shortened(&value.to_string(), MAX_VALUE);
            let error = operation.error.as_ref().map(shown);
            let function = json!(shortened(&operation.f, MAX_VALUE));
            let [process, error] = [json!(process), json!(error)];
            let value = match &format.values {
                Values::Text => Some(json!(shown(&operation.value)).to_string()),
                Values::Json => Some(operation.value.to_json()).filter(|value| value.len() <= MAX_JSON),
            };
            let (index, time_ns, kind) = (operation.index, operation.time_ns, operation.kind.name());
            lines.push_str(&format!("[{index},{time_ns},{process},\"{kind}\",{function}"));
            // A value that is too long is left out with what would come after it.
            if let Some(value) = value {
                lines.push_str(&format!(",{value},{error}"));
            }
            lines.push_str("]\n");
        }
        Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], lines).into_response())
    })
    .await
}

/// What to look up in the journal: one of these.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    /// A message, by its number.
    message: Option<u64>,
    /// An operation, by the index of its first entry.
    operation: Option<u64>,
    /// Messages, by a text in their bodies.
    text: Option<String>,
    /// Messages that carry a value anywhere in their bodies, as JSON or as plain text.
    carried: Option<String>,
    /// What happened to what a finding speaks of, by its number, from 0.
    finding: Option<usize>,
    /// What happened to a value, as JSON or as plain text.
    value: Option<String>,
}

/// The body of a message, the values of an operation, the numbers of the messages with a text, or a trail.
pub(super) async fn detail(
    State(store): State<Arc<Store>>,
    Path(path): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Failure> {
    let _place = READING.acquire().await.expect("the semaphore is never closed");
    blocking(move || {
        let directory = store.resolve(&path)?;
        let journal = open(&directory)?;
        let found = match wanted {
            Wanted { finding: Some(number), .. } => {
                let run = RunFile::read(&directory)?;
                let finding = run.all_findings().nth(number).ok_or(Refusal::Missing)?;
                why::finding(&directory, finding)?.map(|trail| json!(trail))
            }
            Wanted { value: Some(text), .. } => {
                let value = glomers_check::Value::from_json(&text);
                let value = value.unwrap_or_else(|_| glomers_check::Value::string(&text));
                Some(json!(why::value(&directory, &value)?))
            }
            Wanted { message: Some(number), .. } => message(journal, number),
            Wanted { operation: Some(index), .. } => operation(journal, index),
            Wanted { text: Some(text), .. } => Some(search(journal, |body| body.contains(&text))),
            Wanted { carried: Some(text), .. } => {
                let value = serde_json::from_str(&text).unwrap_or_else(|_| json!(text));
                let needle = text.trim().trim_matches('"').to_owned();
                // Most bodies do not even have the text, and need not be parsed.
                let is_likely = |body: &str| value.is_array() || value.is_object() || body.contains(&needle);
                Some(search(journal, |body| is_likely(body) && carries(body, &value)))
            }
            Wanted { .. } => None,
        };
        let text = found.ok_or(Refusal::Missing)?.to_string();
        Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
    })
    .await
}

fn message(journal: Journal, number: u64) -> Option<serde_json::Value> {
    journal.map_while(Result::ok).find_map(|record| match record.entry {
        Entry::Sent { message, claimed_src, body, .. } if message == number => {
            let claimed_src = claimed_src.map(|name| shortened(name.as_str(), MAX_BODY));
            Some(json!({ "body": shortened(&body, MAX_BODY), "claimed_src": claimed_src }))
        }
        _ => None,
    })
}

fn operation(journal: Journal, index: u64) -> Option<serde_json::Value> {
    let mut operations = operation_record::operations(journal).map_while(Result::ok);
    let invoked = operations.find(|operation| operation.index == index)?;
    let completed = operations.find(|operation| operation.process == invoked.process);
    let shown = |value: &glomers_check::Value| shortened(&value.to_string(), MAX_BODY);
    Some(json!({
        "value": shown(&invoked.value),
        "result": completed.as_ref().map(|operation| shown(&operation.value)),
        "error": completed.and_then(|operation| operation.error.as_ref().map(shown)),
    }))
}

/// Whether a value stands anywhere in a body, as a whole: 7 is not in 17.
fn carries(body: &str, wanted: &serde_json::Value) -> bool {
    fn is_in(value: &serde_json::Value, wanted: &serde_json::Value) -> bool {
        value == wanted
            || match value {
                serde_json::Value::Array(values) => values.iter().any(|value| is_in(value, wanted)),
                serde_json::Value::Object(values) => values
                    .iter()
                    // Ids are everywhere, and no values of the workload.
                    .filter(|(key, _)| !matches!(key.as_str(), "msg_id" | "in_reply_to" | "type"))
                    .any(|(key, value)| wanted.as_str() == Some(key) || is_in(value, wanted)),
                _ => false,
            }
    }
    serde_json::from_str(body).is_ok_and(|body| is_in(&body, wanted))
}

fn search(journal: Journal, passes: impl Fn(&str) -> bool) -> serde_json::Value {
    let found = journal.map_while(Result::ok).filter_map(|record| match record.entry {
        Entry::Sent { message, body, .. } if passes(&body) => Some(message),
        _ => None,
    });
    let mut numbers: Vec<u64> = found.take(MAX_FOUND + 1).collect();
    let has_more = numbers.len() > MAX_FOUND;
    numbers.truncate(MAX_FOUND);
    json!({ "messages": numbers, "has_more": has_more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_carried_as_a_whole_wherever_it_stands() {
        let body =
            r#"{"type":"gossip","msg_id":7,"in_reply_to":8,"messages":[1,17,[3]],"offsets":{"9":{"k":"a"}}}"#;
        for (value, expected) in [
            (json!(17), true),
            (json!(3), true),
            (json!([3]), true),
            (json!("9"), true),
            (json!("a"), true),
            (json!(7), false),
            (json!(8), false),
            (json!("gossip"), false),
            (json!(9), false),
            (json!("17"), false),
        ] {
            assert_eq!(carries(body, &value), expected, "{value}");
        }
        assert!(!carries("{", &json!(1)));
    }
}
