//! The clients: they turn an operation into requests to a node, and the replies into a completed operation.
//!
//! A client is a host of the network like any other, written with the node core. It does one operation at a time. A message that answers
//! no open request of its receiver changes nothing; [`ReplyLog`] counts it.

mod reply_log;
mod uncaught;

use std::{cell::RefCell, future::Future, pin::Pin, rc::Rc, time::Duration};

use glomers_check::{Operation, OperationKind, Value};
use glomers_node::{CoreOptions, Node, NodeCore};
use glomers_protocol::{Body, Header, NodeId, RawBody, RawValue, RpcError, decode_body};
use serde::Serialize;

use self::reply_log::ClientLog;
pub(crate) use self::reply_log::listed;
#[cfg(test)]
pub(crate) use self::reply_log::reply_log_of;
pub use self::reply_log::{ErrorTally, ReplyFault, ReplyLog, RequestTally, UnusableReplies};
pub(crate) use self::uncaught::UncaughtErrors;
use crate::{
    schema::Rpc,
    text::{self, QUOTE_CHARS},
};

/// The error of an operation whose request got no usable reply in time.
pub(crate) const TIMED_OUT: &str = "net-timeout";

/// How much of an error's text a history keeps.
const MAX_ERROR_TEXT_BYTES: usize = 4096;

/// How long a client waits for a reply unless its workload says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// A workload's side of the conversation.
pub trait Client {
    /// Carries out one operation against a node and returns it completed.
    fn invoke(&self, connection: Connection, operation: Operation) -> Completion;

    /// Whether a client keeps its id after an operation with an unknown outcome. Otherwise a new client with a new id takes its
    /// place.
    fn is_reusable(&self) -> bool {
        false
    }
}

/// A request with an empty body.
#[derive(Debug, Serialize)]
pub(crate) struct Bare {}

/// A future of a completed operation.
pub type Completion = Pin<Box<dyn Future<Output = Operation>>>;

/// A client of the nodes: a host that waits for one reply at a time.
#[derive(Clone)]
pub struct ClientHandle {
    node: Node,
    log: ClientLog,
}

impl ClientHandle {
    /// The core of a client, and a handle on it. `log` records the outcome of its requests.
    pub(crate) fn new(options: CoreOptions, id: NodeId, log: &Rc<RefCell<ReplyLog>>) -> (NodeCore, Self) {
        let log = ClientLog::new(log);
        let shown = log.clone();
        let core = NodeCore::client(options, id, move |src, body| shown.unexpected(src, body));
        let node = core.node().clone();
        (core, Self { node, log })
    }

    /// Sends a request and waits for its reply's whole body. A reply of type `error` is an error.
    pub(crate) async fn request(
        &self,
        target: &NodeId,
        kind: &'static str,
        request: RawBody,
        timeout: Duration,
    ) -> Result<Box<RawValue>, RequestError> {
        // One client has one request under way, so that requests are numbered in the order in which they are sent.
        let msg_id = self.log.sent(kind);
        let reply = self.node.rpc_raw(target.clone(), request).timeout(timeout).verbatim_or_error().await;
        let reply = reply.map_err(|_| {
            self.log.timed_out(kind, msg_id, target, timeout);
            RequestError::TimedOut(timeout)
        })?;
        if !Header::parse(&reply).is_ok_and(|header| header.kind == RpcError::TYPE) {
            return Ok(reply);
        }
        match decode_body::<RpcError>(&reply) {
            Ok(mut error) => {
                self.log.failed(kind, target, &error);
                error.text = text::bounded(error.text, MAX_ERROR_TEXT_BYTES);
                Err(RequestError::Refused(error))
            }
            Err(error) => Err(RequestError::MalformedError { reply, reason: error.to_string() }),
        }
    }
}

/// Why a request has no usable reply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("there was no usable reply within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    #[error(transparent)]
    Refused(RpcError),
    #[error("it answered with a malformed error: {reason}")]
    MalformedError { reply: Box<RawValue>, reason: String },
}

/// A client's end of its link to one node.
#[derive(Clone)]
pub struct Connection {
    client: ClientHandle,
    target: NodeId,
}

impl Connection {
    /// The link of a client to the node `target`.
    pub fn new(client: ClientHandle, target: NodeId) -> Self {
        Self { client, target }
    }

    /// Sends a request and waits for its reply, which is the whole body with keyword keys.
    ///
    /// # Errors
    /// [`RequestFailure`], if there was no usable reply.
    pub async fn call(
        &self,
        rpc: &'static Rpc,
        payload: &impl Serialize,
        timeout: Duration,
    ) -> Result<Value, RequestFailure> {
        let request = RawBody::with_kind(rpc.name, payload).expect("a workload's requests are objects");
        let malformed = |reply: &RawValue, reason: String| {
            let request = serde_json::to_string(payload).unwrap_or_else(|error| error.to_string());
            RequestFailure::Malformed(MalformedReply {
                node: self.target.clone(),
                rpc,
                request: text::excerpt(&request, QUOTE_CHARS),
                reply: text::excerpt(reply.get(), QUOTE_CHARS),
                reason: text::excerpt(&reason, 2 * QUOTE_CHARS),
            })
        };
        let reply = match self.client.request(&self.target, rpc.name, request, timeout).await {
            Ok(reply) => reply,
            Err(RequestError::TimedOut(timeout)) => return Err(RequestFailure::TimedOut { timeout }),
            Err(RequestError::Refused(error)) => return Err(RequestFailure::Error(error)),
            Err(RequestError::MalformedError { reply, reason }) => {
                let reason =
                    format!("an error needs an integer `code` and may have a string `text`: {reason}");
                return Err(malformed(&reply, reason));
            }
        };
        let body =
            Value::from_json_body(reply.get()).map_err(|error| malformed(&reply, error.to_string()))?;
        rpc.check_reply(&body).map_err(|mismatch| malformed(&reply, mismatch.to_string()))?;
        Ok(body)
    }
}

/// Why a request has no result.
#[derive(Debug, thiserror::Error)]
pub enum RequestFailure {
    /// No usable reply came in time: the outcome is unknown.
    #[error("there was no usable reply within {} s", timeout.as_secs_f64())]
    TimedOut {
        /// How long the client waited.
        timeout: Duration,
    },
    /// The node answered with an error.
    #[error(transparent)]
    Error(RpcError),
    /// The node answered with something else.
    #[error(transparent)]
    Malformed(MalformedReply),
}

/// A reply that does not have the shape which its request asks for. All that it quotes is escaped and shortened.
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
/// A definite error means that nothing happened, so the operation is a `fail`. Otherwise the outcome is unknown and the operation is an
/// `info`, unless the function changes nothing anyway.
pub fn complete(invoked: Operation, result: Result<Value, RequestFailure>, is_idempotent: bool) -> Operation {
    let failed = |is_definite: bool| {
        if is_definite || is_idempotent { OperationKind::Fail } else { OperationKind::Info }
    };
    match result {
        Ok(value) => Operation { kind: OperationKind::Ok, value, ..invoked },
        Err(RequestFailure::TimedOut { .. }) => {
            Operation { kind: failed(false), error: Some(Value::keyword(TIMED_OUT)), ..invoked }
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
