//! The clients: they turn an operation into requests to a node, and what comes back into a completed operation.
//!
//! A client is a host of the network like any other, written with the node core. It does one operation at a time. A reply to a request
//! that was given up is ignored, because the core forgets a request that is dropped.

use std::{future::Future, pin::Pin, time::Duration};

use glomers_check::{Operation, OperationKind, Value};
use glomers_node::Node;
use glomers_protocol::{ErrorCode, NodeId, RawBody, RawValue, RpcError};
use serde::Serialize;

use crate::schema::Rpc;

/// How long a client waits for a reply unless its workload says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// A workload's side of the conversation.
pub trait Client {
    /// Carries out one operation against a node and returns it completed.
    fn invoke(&self, connection: Connection, operation: Operation) -> Completion;

    /// Whether a client whose operation ended unknown goes on under its id. Otherwise a new one takes its place, with an id that nobody
    /// had before.
    fn is_reusable(&self) -> bool {
        false
    }
}

/// A request without a body of its own.
#[derive(Debug, Serialize)]
pub(crate) struct Bare {}

/// A completed operation to come.
pub type Completion = Pin<Box<dyn Future<Output = Operation>>>;

/// A client's end of its link to one node.
#[derive(Clone)]
pub struct Connection {
    client: Node,
    target: NodeId,
}

impl Connection {
    /// The link of the client host `client` to the node `target`.
    pub fn new(client: Node, target: NodeId) -> Self {
        Self { client, target }
    }

    /// Sends a request and waits for its reply, which is the whole body with keyword keys.
    ///
    /// # Errors
    /// [`RequestFailure`], for every other ending.
    pub async fn call(
        &self,
        rpc: &'static Rpc,
        payload: &impl Serialize,
        timeout: Duration,
    ) -> Result<Value, RequestFailure> {
        let request = RawBody::with_kind(rpc.name, payload).expect("a workload's requests are objects");
        let reply = self.client.rpc_raw(self.target.clone(), request).timeout(timeout).verbatim().await;
        let reply = reply.map_err(RequestFailure::Error)?;
        let malformed = |reason: String| {
            RequestFailure::Malformed(MalformedReply {
                node: self.target.clone(),
                rpc,
                request: serde_json::to_string(payload).unwrap_or_else(|error| error.to_string()),
                reply: reply.get().to_owned(),
                reason,
            })
        };
        let body = Value::from_json_body(reply.get()).map_err(|error| malformed(error.to_string()))?;
        rpc.check_reply(&body).map_err(|mismatch| malformed(mismatch.to_string()))?;
        Ok(body)
    }
}

/// How a request ended without the reply that it asked for.
#[derive(Debug, thiserror::Error)]
pub enum RequestFailure {
    /// The node answered with an error, or not in time (code 0).
    #[error(transparent)]
    Error(RpcError),
    /// The node answered with something else.
    #[error(transparent)]
    Malformed(MalformedReply),
}

/// A reply that does not have the shape which its request asks for.
#[derive(Debug, thiserror::Error)]
#[error(
    "node {node} answered a request with a reply of the wrong shape.\nThe request was of type {kind:?} with {request}\n\
     It expects            {expected}\nbut the node answered {reply}\nwhich is wrong: {reason}.",
    kind = rpc.name, expected = rpc.describe_reply()
)]
pub struct MalformedReply {
    node: NodeId,
    rpc: &'static Rpc,
    request: String,
    reply: String,
    reason: String,
}

/// A value of a history as a part of a request.
pub(crate) fn raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_json()).expect("a value's JSON is JSON")
}

/// Completes an operation: the value it returned, or how it failed.
///
/// A definite error means that nothing happened, so the operation is a `fail`. Otherwise nobody knows, and it is an `info`, unless the
/// function changes nothing anyway.
pub fn complete(invoked: Operation, result: Result<Value, RequestFailure>, is_idempotent: bool) -> Operation {
    let failed = |is_definite: bool| {
        if is_definite || is_idempotent { OperationKind::Fail } else { OperationKind::Info }
    };
    match result {
        Ok(value) => Operation { kind: OperationKind::Ok, value, ..invoked },
        Err(RequestFailure::Error(error)) if error.code == ErrorCode::TIMEOUT => {
            Operation { kind: failed(false), error: Some(Value::keyword("net-timeout")), ..invoked }
        }
        Err(RequestFailure::Error(error)) => {
            let name = Value::keyword(error.code.name().unwrap_or("unknown"));
            let error_value = Value::Vector(vec![name, Value::from(error.text.as_str())]);
            Operation { kind: failed(error.code.is_definite()), error: Some(error_value), ..invoked }
        }
        Err(RequestFailure::Malformed(malformed)) => {
            let exception = Value::record([
                ("type", Value::keyword("malformed-rpc-response")),
                ("message", Value::from(malformed.to_string())),
            ]);
            let exception = Value::record([("via", Value::Vector(vec![exception]))]);
            Operation { kind: OperationKind::Info, extra: vec![("exception".into(), exception)], ..invoked }
        }
    }
}
