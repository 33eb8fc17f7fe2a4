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
            Wanted { text: Some(text), .. } => Some(search(journal, &text)),
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

fn search(journal: Journal, text: &str) -> serde_json::Value {
    let found = journal.map_while(Result::ok).filter_map(|record| match record.entry {
        Entry::Sent { message, body, .. } if body.contains(text) => Some(message),
        _ => None,
    });
    let mut numbers: Vec<u64> = found.take(MAX_FOUND + 1).collect();
    let has_more = numbers.len() > MAX_FOUND;
    numbers.truncate(MAX_FOUND);
    json!({ "messages": numbers, "has_more": has_more })
}
