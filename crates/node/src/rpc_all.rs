//! Asking several nodes at once.

use std::fmt;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use glomers_protocol::{ErrorCode, NodeId, Request, RpcError};
use thiserror::Error;

use crate::{Attempts, Node, Retry, Rpc};

impl Node {
    /// Sends one request to several nodes, and waits for as many replies as are needed: see [`RpcAll`].
    ///
    /// # Panics
    /// As [`rpc`](Self::rpc).
    #[expect(clippy::needless_pass_by_value, reason = "a request is made for its call, as with `rpc`")]
    pub fn rpc_all<R: Request>(
        &self,
        dests: impl IntoIterator<Item = impl Into<NodeId>>,
        request: R,
    ) -> RpcAll<R> {
        let body = crate::rpc::body_of(&request);
        let call = |dest: NodeId| Call { rpc: Some(Rpc::new(self.rpc_raw(&dest, body.clone()))), dest };
        RpcAll { calls: dests.into_iter().map(|dest| call(dest.into())).collect() }
    }

    /// How many nodes are more than half of the cluster, this one included. A node that counts itself needs
    /// `majority() - 1` of its peers.
    ///
    /// # Panics
    /// Before the init message, as [`id`](Self::id).
    pub fn majority(&self) -> usize {
        self.node_ids().len() / 2 + 1
    }
}

/// One request to several nodes. The requests are sent when the first reply is waited for.
///
/// ```
/// use glomers_node::{Node, RpcError, messages};
///
/// messages! { "read_copy" struct ReadCopy {} => "read_copy_ok" struct ReadCopyOk { version: u64, value: u64 }; }
///
/// /// The newest value that a majority knows, this node's own copy included (Attiya, Bar-Noy and Dolev, 1995).
/// async fn read_newest(node: &Node, own: ReadCopyOk) -> Result<u64, RpcError> {
///     let replies = node.rpc_all(node.peers(), ReadCopy {}).read_only().quorum(node.majority() - 1).await?;
///     let copies = replies.into_iter().map(|(_, copy)| copy).chain([own]);
///     Ok(copies.max_by_key(|copy| copy.version).expect("the own copy is one").value)
/// }
/// ```
#[must_use = "requests are sent when their replies are awaited"]
pub struct RpcAll<R> {
    calls: Vec<Call<R>>,
}

struct Call<R> {
    dest: NodeId,
    /// `None` once its outcome has been given out.
    rpc: Option<Rpc<R>>,
}

impl<R: Request> RpcAll<R> {
    /// How long each attempt waits for its reply: see [`Rpc::timeout`].
    pub fn timeout(self, timeout: Duration) -> Self {
        self.map(|rpc| rpc.timeout(timeout))
    }

    /// Tries again when an attempt fails in a way that may pass: see [`Rpc::retry`].
    pub fn retry(self, retry: Retry) -> Self {
        self.map(|rpc| rpc.retry(retry))
    }

    /// The request changes nothing at its receivers: see [`Rpc::read_only`].
    pub fn read_only(self) -> Self {
        self.map(Rpc::read_only)
    }

    /// Waits for the next outcome: who replied, and what. `None` when all are through.
    ///
    /// Of outcomes that are there at the same time, that of the node named first comes first.
    pub async fn next(&mut self) -> Option<(NodeId, Result<R::Reply, RpcError>)> {
        std::future::poll_fn(|context| {
            let mut is_any_left = false;
            for call in &mut self.calls {
                let Some(rpc) = &mut call.rpc else { continue };
                is_any_left = true;
                if let Poll::Ready(result) = Pin::new(rpc).poll(context) {
                    call.rpc = None;
                    return Poll::Ready(Some((call.dest.clone(), result)));
                }
            }
            if is_any_left { Poll::Pending } else { Poll::Ready(None) }
        })
        .await
    }

    /// Waits for so many replies, and returns them in the order they came. The requests that have no reply by then are forgotten, though
    /// they may still be carried out.
    ///
    /// # Errors
    /// [`QuorumError`], as soon as so many nodes have failed that too few are left.
    pub async fn quorum(mut self, wanted: usize) -> Result<Vec<(NodeId, R::Reply)>, QuorumError> {
        let mut replies = Vec::with_capacity(wanted);
        let mut failures = Vec::new();
        while replies.len() < wanted {
            if self.calls.len() - failures.len() < wanted {
                return Err(QuorumError { wanted, reply_count: replies.len(), failures });
            }
            match self.next().await {
                Some((dest, Ok(reply))) => replies.push((dest, reply)),
                Some((dest, Err(error))) => failures.push((dest, error)),
                None => unreachable!("as many nodes as are wanted have not failed"),
            }
        }
        Ok(replies)
    }

    /// Waits for every outcome, and returns them in the order in which the nodes were named.
    pub async fn all(mut self) -> Vec<(NodeId, Result<R::Reply, RpcError>)> {
        let dests: Vec<NodeId> = self.calls.iter().map(|call| call.dest.clone()).collect();
        let mut outcomes = Vec::with_capacity(dests.len());
        while let Some(outcome) = self.next().await {
            outcomes.push(outcome);
        }
        // Stable, so that a node that was named twice keeps its own order.
        outcomes.sort_by_key(|(dest, _)| dests.iter().position(|named| named == dest));
        outcomes
    }

    fn map(mut self, change: impl Fn(Rpc<R>) -> Rpc<R>) -> Self {
        for call in &mut self.calls {
            call.rpc = call.rpc.take().map(&change);
        }
        self
    }
}

impl<R> fmt::Debug for RpcAll<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.calls.iter().map(|call| &call.dest)).finish()
    }
}

/// Too few nodes replied: see [`RpcAll::quorum`].
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{reply_count} of the {wanted} replies needed came; {}", list(failures))]
pub struct QuorumError {
    /// How many replies were needed.
    pub wanted: usize,
    /// How many had come when too few nodes were left.
    pub reply_count: usize,
    /// Who failed, and how.
    pub failures: Vec<(NodeId, RpcError)>,
}

fn list(failures: &[(NodeId, RpcError)]) -> String {
    match failures {
        [] => "there are no more nodes".to_owned(),
        _ => failures.iter().map(|(dest, error)| format!("{dest}: {error}")).collect::<Vec<_>>().join("; "),
    }
}

/// Definite only if no node can have carried the request out.
impl From<QuorumError> for RpcError {
    fn from(error: QuorumError) -> Self {
        let mut attempts = Attempts::new();
        if error.reply_count > 0 {
            attempts.note(&Self::new(ErrorCode::TIMEOUT, "some nodes have done it"));
        }
        error.failures.iter().for_each(|(_, failure)| attempts.note(failure));
        let code = if attempts.may_have_taken_effect() {
            ErrorCode::TIMEOUT
        } else {
            ErrorCode::TEMPORARILY_UNAVAILABLE
        };
        Self::new(code, error.to_string())
    }
}

#[cfg(test)]
mod tests;
