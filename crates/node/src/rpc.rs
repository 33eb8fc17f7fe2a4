//! Asking another node, and waiting for its reply.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use glomers_protocol::{
    Body, DecodeError, ErrorCode, Header, NodeId, RawBody, RawValue, Request, RpcError, decode_body,
};

use crate::{Attempts, Node, Retry, Sleep};

impl Node {
    /// Asks another node, and waits for its reply: see [`Rpc`]. The request is sent when the returned future is first polled.
    ///
    /// # Panics
    /// When the request does not serialize as a JSON object, or uses a reserved key: both are mistakes in its Rust type.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a request is made for its call, so the caller should not need to borrow it"
    )]
    pub fn rpc<R: Request>(&self, dest: impl Into<NodeId>, request: R) -> Rpc<R> {
        Rpc::new(self.rpc_raw(dest, body_of(&request)))
    }

    /// Passes a request on, and waits for the reply as it comes: see [`RawRpc`].
    pub fn rpc_raw(&self, dest: impl Into<NodeId>, body: RawBody) -> RawRpc {
        RawRpc::new(self.clone(), dest.into(), body)
    }
}

pub(crate) fn body_of<R: Request>(request: &R) -> RawBody {
    RawBody::of(request).unwrap_or_else(|error| panic!("{error}"))
}

/// A typed request: await it for the reply.
///
/// - Without a reply it fails after a [timeout](Self::timeout) of one second, with code 0. That leaves a handler time to try again
///   before a client of the workbench gives up, which it does after five.
/// - A reply of type `error` is the error. A reply that does not fit the expected type is a `crash` (13), because the request may well
///   have taken effect.
/// - With a [retry](Self::retry), the error is definite only if no attempt can have taken effect.
/// - Dropping it forgets the request; a late reply is ignored.
///
/// ```
/// use std::time::Duration;
/// use glomers_node::{Node, Retry, RpcError, messages};
///
/// messages! { "ping" struct Ping {} => "pong" struct Pong {}; }
///
/// async fn ping(node: &Node) -> Result<Pong, RpcError> {
///     node.rpc("n2", Ping {}).timeout(Duration::from_millis(300)).retry(Retry::times(3)).await
/// }
/// ```
#[derive(Debug)]
#[must_use = "a request is sent when it is awaited"]
pub struct Rpc<R> {
    call: RawRpc,
    reply: PhantomData<fn() -> R>,
}

impl<R: Request> Rpc<R> {
    pub(crate) fn new(call: RawRpc) -> Self {
        Self { call, reply: PhantomData }
    }

    /// How long each attempt waits for its reply; one second by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.call = self.call.timeout(timeout);
        self
    }

    /// Tries again when an attempt fails in a way that may pass: see [`Retry`].
    pub fn retry(mut self, retry: Retry) -> Self {
        self.call = self.call.retry(retry);
        self
    }

    /// The request changes nothing at its receiver, so that whatever becomes of an attempt leaves no doubt behind: of several
    /// attempts, the error of the last is reported as it is.
    ///
    /// To be idempotent is not enough. A write that is refused the second time may have been done the first time.
    pub fn read_only(mut self) -> Self {
        self.call = self.call.read_only();
        self
    }
}

impl<R: Request> Future for Rpc<R> {
    type Output = Result<R::Reply, RpcError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let reply = ready!(self.call.poll_reply(context))?;
        Poll::Ready(decode_reply::<R>(&reply).map_err(|error| error.into_rpc_error(&self.call.dest)))
    }
}

/// A request that is passed on as it came: await it for the reply, as that comes. It is otherwise like [`Rpc`]; a reply of any type but
/// `error` is a success.
#[derive(Debug)]
#[must_use = "a request is sent when it is awaited"]
pub struct RawRpc {
    node: Node,
    dest: NodeId,
    body: RawBody,
    timeout: Duration,
    retry: Retry,
    is_read_only: bool,
    attempt_count: u32,
    /// The attempts without a reply. A late reply to any of them counts.
    unanswered: Vec<u64>,
    /// The attempts that were answered with an error.
    failed: Attempts,
    /// Whether a reply of type `error` is a reply like any other.
    takes_errors: bool,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// The next attempt is to be sent now.
    Sending,
    /// An attempt has been sent, and waits until its timeout.
    Waiting(Sleep),
    /// An attempt has failed in a way that may pass; the next is sent after a pause.
    Pausing(Sleep),
    /// The outcome has been given out.
    Done,
}

impl RawRpc {
    pub(crate) fn new(node: Node, dest: NodeId, body: RawBody) -> Self {
        let timeout = Duration::from_secs(1);
        Self {
            node,
            dest,
            body,
            timeout,
            retry: Retry::times(0),
            is_read_only: false,
            attempt_count: 0,
            unanswered: Vec::new(),
            failed: Attempts::new(),
            takes_errors: false,
            phase: Phase::Sending,
        }
    }

    /// How long each attempt waits for its reply; one second by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Tries again when an attempt fails in a way that may pass: see [`Retry`].
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// The request changes nothing at its receiver: see [`Rpc::read_only`].
    pub fn read_only(mut self) -> Self {
        self.is_read_only = true;
        self
    }

    /// Waits for the reply's whole body, with its reserved keys, exactly as it came.
    ///
    /// # Errors
    /// As when the request itself is awaited.
    pub async fn verbatim(mut self) -> Result<Box<RawValue>, RpcError> {
        std::future::poll_fn(|context| self.poll_reply(context)).await
    }

    /// Waits for the reply's whole body, exactly as it came, also where that is an error.
    ///
    /// # Errors
    /// Code 0, where no reply comes in time.
    pub async fn verbatim_or_error(mut self) -> Result<Box<RawValue>, RpcError> {
        self.takes_errors = true;
        std::future::poll_fn(|context| self.poll_reply(context)).await
    }

    fn poll_reply(&mut self, context: &mut Context<'_>) -> Poll<Result<Box<RawValue>, RpcError>> {
        loop {
            let arrived = self.node.shared().replies.borrow_mut().take(&self.unanswered, context.waker());
            if let Some((msg_id, reply)) = arrived {
                self.unanswered.retain(|unanswered| *unanswered != msg_id);
                match if self.takes_errors { Ok(reply) } else { into_result(reply) } {
                    Err(error) if self.may_pass(&error) => {
                        self.failed.note(&error);
                        self.pause();
                    }
                    Err(error) => return Poll::Ready(Err(self.fail(error))),
                    Ok(reply) => {
                        self.finish();
                        return Poll::Ready(Ok(reply));
                    }
                }
            }
            match &mut self.phase {
                Phase::Sending => self.send_attempt(),
                Phase::Waiting(deadline) => {
                    ready!(Pin::new(deadline).poll(context));
                    let error = self.timeout_error();
                    if !self.may_pass(&error) {
                        return Poll::Ready(Err(self.fail(error)));
                    }
                    self.pause();
                }
                Phase::Pausing(pause) => {
                    ready!(Pin::new(pause).poll(context));
                    self.phase = Phase::Sending;
                }
                Phase::Done => panic!("an rpc was polled after it had given its outcome"),
            }
        }
    }

    fn send_attempt(&mut self) {
        let msg_id = self.node.shared().replies.borrow_mut().open();
        self.unanswered.push(msg_id);
        self.attempt_count = self.attempt_count.saturating_add(1);
        self.node.send_request(self.dest.clone(), &self.body, msg_id);
        self.phase = Phase::Waiting(self.node.sleep(self.timeout));
    }

    fn may_pass(&self, error: &RpcError) -> bool {
        let is_transient = matches!(error.code, ErrorCode::TIMEOUT | ErrorCode::TEMPORARILY_UNAVAILABLE);
        is_transient && self.attempt_count <= self.retry.retries
    }

    fn pause(&mut self) {
        let pause = self.retry.pause(self.attempt_count - 1, self.node.rng().f64());
        self.phase = Phase::Pausing(self.node.sleep(pause));
    }

    /// The error of the whole request, whose last attempt has failed with this one.
    fn fail(&mut self, last: RpcError) -> RpcError {
        let mut attempts = std::mem::take(&mut self.failed);
        if !self.unanswered.is_empty() {
            attempts.note(&self.timeout_error());
        }
        self.finish();
        if self.is_read_only { last } else { attempts.conclude(last) }
    }

    fn finish(&mut self) {
        self.phase = Phase::Done;
        self.node.shared().replies.borrow_mut().close(&self.unanswered);
        self.unanswered.clear();
    }

    fn timeout_error(&self) -> RpcError {
        let attempts = match self.attempt_count {
            1 => String::new(),
            count => format!(", {count} times"),
        };
        let (dest, kind, timeout) = (&self.dest, self.body.kind(), self.timeout);
        RpcError::new(
            ErrorCode::TIMEOUT,
            format!("{dest} did not answer `{kind}` within {timeout:?}{attempts}"),
        )
    }
}

impl Future for RawRpc {
    type Output = Result<RawBody, RpcError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let reply = ready!(self.poll_reply(context))?;
        Poll::Ready(
            RawBody::new(&reply).map_err(|error| ReplyError::Header(error).into_rpc_error(&self.dest)),
        )
    }
}

impl Drop for RawRpc {
    fn drop(&mut self) {
        if !self.unanswered.is_empty() {
            self.node.shared().replies.borrow_mut().close(&self.unanswered);
        }
    }
}

/// Tells a reply from an error.
fn into_result(reply: Box<RawValue>) -> Result<Box<RawValue>, RpcError> {
    match Header::parse(&reply) {
        Ok(header) if header.kind == RpcError::TYPE => Err(decode_body(&reply).unwrap_or_else(|error| {
            RpcError::new(ErrorCode::CRASH, format!("{error} in the error reply {reply}"))
        })),
        _ => Ok(reply),
    }
}

/// Reads a reply that is there already.
pub(crate) fn read_reply<R: Request>(reply: &RawValue, src: &NodeId) -> Result<R::Reply, RpcError> {
    into_result(reply.to_owned())
        .and_then(|reply| decode_reply::<R>(&reply).map_err(|error| error.into_rpc_error(src)))
}

fn decode_reply<R: Request>(reply: &RawValue) -> Result<R::Reply, ReplyError> {
    let header = Header::parse(reply).map_err(ReplyError::Header)?;
    if header.kind != R::Reply::TYPE {
        return Err(ReplyError::Type { expected: R::Reply::TYPE, found: header.kind.into_owned() });
    }
    decode_body(reply).map_err(ReplyError::Payload)
}

#[derive(Debug, thiserror::Error)]
enum ReplyError {
    #[error("{0}")]
    Header(glomers_protocol::HeaderError),
    #[error("expected `{expected}`, found `{found}`")]
    Type { expected: &'static str, found: String },
    #[error("{0}")]
    Payload(DecodeError),
}

impl ReplyError {
    /// The request may well have taken effect, so the error must be indefinite.
    fn into_rpc_error(self, src: &NodeId) -> RpcError {
        RpcError::new(ErrorCode::CRASH, format!("the reply of {src} does not fit its request: {self}"))
    }
}

#[cfg(test)]
mod tests;
