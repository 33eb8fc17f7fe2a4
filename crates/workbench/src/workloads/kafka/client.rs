//! A consumer and producer in one: it remembers how far it has polled each of its keys, and commits that after every poll.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use glomers_check::{Operation, OperationKind, Process, Value};
use glomers_protocol::RawValue;
use serde::Serialize;

use super::{
    COMMIT_OFFSETS, LIST_COMMITTED_OFFSETS, POLL, SEND,
    reached::{Offsets, highest},
};
use crate::clients::{Client, Completion, Connection, DEFAULT_TIMEOUT, RequestFailure, complete, raw};

/// The clients of all processes.
#[derive(Default)]
pub(super) struct LogClient {
    /// Where each process polls next, for each key that it is assigned. A process that ends unknown never comes back.
    positions: Rc<RefCell<BTreeMap<Process, Offsets>>>,
}

#[derive(Serialize)]
struct Send {
    key: Box<RawValue>,
    msg: Box<RawValue>,
}

#[derive(Serialize)]
struct WithOffsets {
    offsets: Offsets,
}

#[derive(Serialize)]
struct ListCommittedOffsets {
    keys: Vec<String>,
}

impl Client for LogClient {
    fn invoke(&self, connection: Connection, operation: Operation) -> Completion {
        let positions = Rc::clone(&self.positions);
        Box::pin(async move {
            let process = operation.process;
            let mut position = positions.borrow_mut().remove(&process).unwrap_or_default();
            let is_assignment = operation.f == "assign";
            let ended = if operation.f == "crash" {
                Operation { kind: OperationKind::Info, ..operation }
            } else {
                let result = carry_out(&connection, &operation, &mut position).await;
                complete(operation, result, is_assignment)
            };
            if ended.kind != OperationKind::Info {
                positions.borrow_mut().insert(process, position);
            }
            ended
        })
    }
}

/// Carries out the operation, and returns its value with the results.
async fn carry_out(
    connection: &Connection,
    operation: &Operation,
    position: &mut Offsets,
) -> Result<Value, RequestFailure> {
    if operation.f == "assign" {
        assign(connection, operation, position).await?;
        return Ok(operation.value.clone());
    }
    let step = operation.value.as_sequence().and_then(|steps| steps.first()?.as_sequence());
    let step = match step {
        Some([send, key, message]) => {
            let offset = send_message(connection, key, message).await?;
            vec![send.clone(), key.clone(), Value::Vector(vec![offset, message.clone()])]
        }
        Some([f]) => vec![f.clone(), poll(connection, position).await?],
        _ => panic!("{} neither sends nor polls", operation.value),
    };
    Ok(Value::Vector(vec![Value::Vector(step)]))
}

/// Assigns these keys: each is polled from the client's own position, else from the committed offset, else from the beginning.
async fn assign(
    connection: &Connection,
    operation: &Operation,
    position: &mut Offsets,
) -> Result<(), RequestFailure> {
    let keys: Vec<String> = operation
        .value
        .as_sequence()
        .unwrap_or_default()
        .iter()
        .filter_map(|key| key.as_str().map(str::to_owned))
        .collect();
    if operation.get("seek-to-beginning?").is_some() {
        *position = keys.into_iter().map(|key| (key, 0)).collect();
        return Ok(());
    }
    let request = ListCommittedOffsets { keys: keys.clone() };
    let mut body = connection.call(&LIST_COMMITTED_OFFSETS, &request, DEFAULT_TIMEOUT).await?;
    let committed = body.remove("offsets").unwrap_or_default();
    let of = |key: &str| {
        let committed = committed.get_value(&Value::from(key)).and_then(Value::as_int);
        position
            .get(key)
            .copied()
            .or_else(|| committed.and_then(|offset| i64::try_from(offset).ok()))
            .unwrap_or(0)
    };
    *position = keys.into_iter().map(|key| (key.clone(), of(&key))).collect();
    Ok(())
}

async fn send_message(
    connection: &Connection,
    key: &Value,
    message: &Value,
) -> Result<Value, RequestFailure> {
    let request = Send { key: raw(key), msg: raw(message) };
    let mut body = connection.call(&SEND, &request, DEFAULT_TIMEOUT).await?;
    Ok(body.remove("offset").unwrap_or_default())
}

/// Polls, commits the offsets of what came, and advances. If committing fails, the client does not advance, so nothing is skipped.
async fn poll(connection: &Connection, position: &mut Offsets) -> Result<Value, RequestFailure> {
    let request = WithOffsets { offsets: position.clone() };
    let mut body = connection.call(&POLL, &request, DEFAULT_TIMEOUT).await?;
    let messages = body.remove("msgs").unwrap_or_default();
    let polled = highest(&messages);
    if !polled.is_empty() {
        let request = WithOffsets { offsets: polled.clone() };
        connection.call(&COMMIT_OFFSETS, &request, DEFAULT_TIMEOUT).await?;
    }
    for (key, offset) in polled {
        let next = position.entry(key).or_insert(0);
        *next = (*next).max(offset.saturating_add(1));
    }
    Ok(messages)
}
