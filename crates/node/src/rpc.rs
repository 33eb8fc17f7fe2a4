//! Asking another node, and waiting for the answer.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use glomers_protocol::{
    Body, DecodeError, ErrorCode, Header, NodeId, RawBody, RawValue, Request, RpcError, decode_body,
};
use rustc_hash::FxHashMap;

use crate::{Node, Sleep};

/// A typed request on its way: await it for the reply.
///
/// Without an answer it fails after a [timeout](Self::timeout) of one second, with code 0. That leaves a
/// handler time to try again before a client of the workbench gives up, which it does after five. An answer
/// of type `error` is the error; an answer that does not fit the reply's type is a `crash` (13), since the
/// request may well have taken effect. Dropping it forgets the request; a late answer is ignored.
///
/// ```
/// use std::time::Duration;
/// use glomers_node::{Node, Retry, RpcError, messages};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Ping {}
/// #[derive(Serialize, Deserialize)]
/// struct Pong {}
/// messages! { "ping" Ping => "pong" Pong; }
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

    /// How long each attempt waits for its answer; one second unless told.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.call = self.call.timeout(timeout);
        self
    }

    /// Tries again when an attempt fails in a way that may pass: see [`Retry`].
    pub fn retry(mut self, retry: Retry) -> Self {
        self.call = self.call.retry(retry);
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

/// A request that is passed on as it came: await it for the answer, as that comes. As [`Rpc`] in all else; an
/// answer of any type but `error` is the reply.
#[derive(Debug)]
#[must_use = "a request is sent when it is awaited"]
pub struct RawRpc {
    node: Node,
    dest: NodeId,
    body: RawBody,
    timeout: Duration,
    retry: Retry,
    /// The number of each attempt: a late answer to an earlier one is an answer.
    msg_ids: Vec<u64>,
    /// Whether a reply of type `error` is a reply like any other.
    takes_errors: bool,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// The next attempt is to be sent now.
    Sending,
    /// An attempt is on its way, until its timeout.
    Waiting(Sleep),
    /// An attempt has failed so; the next is sent after a pause.
    Pausing(Sleep),
    /// The outcome has been given out.
    Done,
}

impl RawRpc {
    pub(crate) fn new(node: Node, dest: NodeId, body: RawBody) -> Self {
        let timeout = Duration::from_secs(1);
        let retry = Retry::times(0);
        Self {
            node,
            dest,
            body,
            timeout,
            retry,
            msg_ids: Vec::new(),
            takes_errors: false,
            phase: Phase::Sending,
        }
    }

    /// How long each attempt waits for its answer; one second unless told.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Tries again when an attempt fails in a way that may pass: see [`Retry`].
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Waits for the answer's whole body, with its reserved keys, exactly as it came.
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
            let arrived = self.node.shared().replies.borrow_mut().take(&self.msg_ids, context.waker());
            if let Some(reply) = arrived {
                match if self.takes_errors { Ok(reply) } else { into_result(reply) } {
                    Err(error) if self.may_pass(&error) => self.pause(),
                    result => return Poll::Ready(self.finish(result)),
                }
            }
            match &mut self.phase {
                Phase::Sending => self.send_attempt(),
                Phase::Waiting(deadline) => {
                    ready!(Pin::new(deadline).poll(context));
                    let error = RpcError::new(ErrorCode::TIMEOUT, self.describe_timeout());
                    if !self.may_pass(&error) {
                        return Poll::Ready(self.finish(Err(error)));
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
        self.msg_ids.push(msg_id);
        self.node.send_numbered(self.dest.clone(), &self.body, Some(msg_id));
        self.phase = Phase::Waiting(self.node.sleep(self.timeout));
    }

    fn may_pass(&self, error: &RpcError) -> bool {
        let is_transient = matches!(error.code, ErrorCode::TIMEOUT | ErrorCode::TEMPORARILY_UNAVAILABLE);
        is_transient && self.msg_ids.len() <= self.retry.retries as usize
    }

    fn pause(&mut self) {
        let pause = self.retry.pause(self.msg_ids.len() - 1, self.node.rng().f64());
        self.phase = Phase::Pausing(self.node.sleep(pause));
    }

    fn finish<T>(&mut self, result: T) -> T {
        self.phase = Phase::Done;
        self.node.shared().replies.borrow_mut().close(&self.msg_ids);
        self.msg_ids.clear();
        result
    }

    fn describe_timeout(&self) -> String {
        let attempts = match self.msg_ids.len() {
            1 => String::new(),
            count => format!(", {count} times"),
        };
        format!("{} did not answer `{}` within {:?}{attempts}", self.dest, self.body.kind(), self.timeout)
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
        if !self.msg_ids.is_empty() {
            self.node.shared().replies.borrow_mut().close(&self.msg_ids);
        }
    }
}

/// How often, and after which pauses, a request is sent again when it times out or its receiver is
/// temporarily unavailable (code 11).
///
/// Each attempt has a number of its own, and an answer to any of them counts. The receiver may see the
/// request several times: retry what is idempotent. The pauses double from the first to the longest, and each
/// is shortened by up to a half, at random, so that nodes which failed together do not try again together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How many times more, after the first attempt.
    pub retries: u32,
    /// The pause after the first attempt.
    pub first_pause: Duration,
    /// No pause is longer than this.
    pub longest_pause: Duration,
}

impl Retry {
    /// Tries this many times more, with pauses from 50 milliseconds to one second.
    pub const fn times(retries: u32) -> Self {
        Self { retries, first_pause: Duration::from_millis(50), longest_pause: Duration::from_secs(1) }
    }

    /// Tries until there is an answer.
    pub const fn forever() -> Self {
        Self::times(u32::MAX)
    }

    /// The pause after the failed attempt with this number, from 0; `chance` from 0 to 1 shortens it.
    fn pause(&self, attempt: usize, chance: f64) -> Duration {
        let doublings = attempt.min(31) as u32;
        let pause = self.first_pause.saturating_mul(1 << doublings).min(self.longest_pause);
        pause.mul_f64(1.0 - chance / 2.0)
    }
}

/// The answers that tasks wait for, by the number of the request.
#[derive(Default)]
pub(crate) struct Replies {
    pending: FxHashMap<u64, Pending>,
    last_msg_id: u64,
}

enum Pending {
    Waiting(Option<Waker>),
    Arrived(Box<RawValue>),
}

impl Replies {
    pub(crate) fn number_from(&mut self, first_msg_id: u64) {
        self.last_msg_id = first_msg_id.saturating_sub(1);
    }

    /// Gives a new request its number: 1 more than the last.
    fn open(&mut self) -> u64 {
        self.last_msg_id += 1;
        self.pending.insert(self.last_msg_id, Pending::Waiting(None));
        self.last_msg_id
    }

    /// Takes the first answer to any of the requests, or notes whom to wake for it.
    fn take(&mut self, msg_ids: &[u64], waker: &Waker) -> Option<Box<RawValue>> {
        for msg_id in msg_ids {
            match self.pending.get_mut(msg_id) {
                Some(Pending::Arrived(_)) => {
                    let Some(Pending::Arrived(reply)) = self.pending.remove(msg_id) else { return None };
                    return Some(reply);
                }
                Some(Pending::Waiting(waiting)) => match waiting {
                    Some(waiting) => waiting.clone_from(waker),
                    None => *waiting = Some(waker.clone()),
                },
                None => {}
            }
        }
        None
    }

    fn close(&mut self, msg_ids: &[u64]) {
        for msg_id in msg_ids {
            self.pending.remove(msg_id);
        }
    }

    /// Takes an answer that came over the network; `false` where nobody waits for it.
    pub(crate) fn arrive(&mut self, in_reply_to: u64, body: &RawValue) -> bool {
        let Some(pending) = self.pending.get_mut(&in_reply_to) else { return false };
        match std::mem::replace(pending, Pending::Arrived(body.to_owned())) {
            Pending::Waiting(Some(waker)) => {
                waker.wake();
                true
            }
            Pending::Waiting(None) => true,
            Pending::Arrived(first) => {
                *pending = Pending::Arrived(first);
                false
            }
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

/// Reads an answer that needs no waiting.
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
        RpcError::new(ErrorCode::CRASH, format!("the answer of {src} does not fit its request: {self}"))
    }
}

#[cfg(test)]
mod tests;
