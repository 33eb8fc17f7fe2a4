//! Work that is done for many requests at once.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::alarm::yield_now;
use crate::executor::panic_text;
use crate::{Node, Notify};

/// Gathers requests while a batch is being served, and serves them together in the next.
///
/// At most one batch is under way. A request that comes while none is begins a batch of its own at once (or after the
/// [linger](Self::with_linger)); those that come meanwhile wait and share the next one. So an idle node answers without delay, and under
/// load one round trip serves any number of requests.
///
/// ```
/// use std::rc::Rc;
/// use glomers_node::{Batcher, Node, Router, RpcError, messages, testing::Harness};
///
/// messages! { "add" struct Add { delta: u64 } => "add_ok" struct AddOk {}; }
///
/// struct Counter { additions: Rc<Batcher<u64, Result<(), RpcError>>> }
///
/// impl Counter {
///     fn new(node: Node) -> Self {
///         let additions = Rc::new(Batcher::new());
///         let store = node.lin_kv();
///         // One write to the service for all additions of a batch. (What the key held before does not matter here.)
///         additions.start(&node, async move |deltas: Vec<u64>| {
///             let written = store.write("total", deltas.iter().sum::<u64>()).await;
///             vec![written; deltas.len()]
///         });
///         Self { additions }
///     }
///
///     async fn add(&self, request: Add) -> Result<AddOk, RpcError> {
///         self.additions.submit(request.delta).await?;
///         Ok(AddOk {})
///     }
/// }
///
/// let mut harness = Harness::new("n1", &["n1"], |node| Router::new(Counter::new(node)).on(Counter::add));
/// let add = |id: u64, delta: u64| {
///     format!(r#"{{"src":"c1","dest":"n1","body":{{"type":"add","msg_id":{id},"delta":{delta}}}}}"#)
/// };
/// assert!(harness.send_line(&add(1, 5))[0].contains(r#""value":5"#));
/// assert!(harness.send_line(&add(2, 10)).is_empty() && harness.send_line(&add(3, 20)).is_empty());
/// let sent = harness.send_line(r#"{"src":"lin-kv","dest":"n1","body":{"type":"write_ok","in_reply_to":1}}"#);
/// assert!(sent.iter().any(|line| line.contains(r#""value":30"#)), "the two that waited go together");
/// ```
pub struct Batcher<Q, A> {
    queue: RefCell<Vec<Job<Q, A>>>,
    submitted: Notify,
    linger: Duration,
    state: Cell<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Requests wait until the batcher is started.
    New,
    Idle,
    /// From the first request of a batch until its last answer.
    Busy,
}

impl<Q: 'static, A: 'static> Batcher<Q, A> {
    /// A batcher that gathers requests, and serves them once it is [started](Self::start).
    pub fn new() -> Self {
        Self::with_linger(Duration::ZERO)
    }

    /// A batcher whose every batch begins so long after its first request could be served, so that others can join it.
    pub fn with_linger(linger: Duration) -> Self {
        Self { queue: RefCell::default(), submitted: Notify::new(), linger, state: Cell::new(State::New) }
    }

    /// Adds a request, and returns the future of its answer. The request is in the queue when this returns, and stays there though the
    /// future be dropped.
    pub fn submit(&self, request: Q) -> Answer<A> {
        let slot = Rc::new(RefCell::new(Slot::Waiting(None)));
        self.submit_job(Job { request, responder: Responder { slot: Rc::clone(&slot) } });
        Answer { slot }
    }

    /// Adds a job that another batcher has begun to serve and not answered.
    pub fn submit_job(&self, job: Job<Q, A>) {
        self.queue.borrow_mut().push(job);
        if self.state.get() == State::Idle {
            self.state.set(State::Busy);
        }
        self.submitted.notify();
    }

    /// Whether a batch is being served or about to be.
    pub fn is_busy(&self) -> bool {
        self.state.get() == State::Busy
    }

    /// Begins to serve batches in a task of its own. `serve` gets the requests of a batch in the order they came, and returns one answer
    /// for each, in the same order.
    ///
    /// Where `serve` panics, or returns another number of answers, the handlers that wait for that batch panic too, which their clients
    /// are told; the next batch is served as usual.
    ///
    /// # Panics
    /// When the batcher has been started before.
    pub fn start(self: &Rc<Self>, node: &Node, serve: impl AsyncFn(Vec<Q>) -> Vec<A> + 'static) {
        self.start_with_jobs(node, async move |jobs: Vec<Job<Q, A>>| {
            let (requests, responders): (Vec<Q>, Vec<_>) =
                jobs.into_iter().map(|job| (job.request, job.responder)).unzip();
            let answers = serve(requests).await;
            assert_eq!(answers.len(), responders.len(), "a batch needs one answer for each of its requests");
            responders.into_iter().zip(answers).for_each(|(responder, answer)| responder.answer(answer));
            Vec::new()
        });
    }

    /// As [`start`](Self::start), for a `serve` that answers each job by itself, and returns the jobs that are to be in the next batch,
    /// before those that have come meanwhile. A job that is dropped without an answer makes its handler panic.
    ///
    /// # Panics
    /// When the batcher has been started before.
    pub fn start_with_jobs(
        self: &Rc<Self>,
        node: &Node,
        serve: impl AsyncFn(Vec<Job<Q, A>>) -> Vec<Job<Q, A>> + 'static,
    ) {
        let former = self.state.replace(State::Idle);
        assert_eq!(former, State::New, "a batcher is started once");
        let (batcher, node) = (Rc::clone(self), node.clone());
        node.clone().spawn(async move { batcher.serve_batches(&node, serve).await });
    }

    async fn serve_batches(
        &self,
        node: &Node,
        serve: impl AsyncFn(Vec<Job<Q, A>>) -> Vec<Job<Q, A>> + 'static,
    ) {
        let mut rest: Vec<Job<Q, A>> = Vec::new();
        loop {
            if rest.is_empty() {
                if self.queue.borrow().is_empty() {
                    self.state.set(State::Idle);
                }
                self.submitted.until(|| !self.queue.borrow().is_empty()).await;
            } else {
                // A `serve` that hands everything back without waiting then runs into the executor's limit.
                yield_now().await;
            }
            self.state.set(State::Busy);
            if !self.linger.is_zero() {
                node.sleep(self.linger).await;
            }
            let mut batch = std::mem::take(&mut rest);
            batch.append(&mut self.queue.borrow_mut());
            match without_unwinding(serve(batch)).await {
                Ok(unanswered) => rest = unanswered,
                Err(panic) => {
                    tracing::error!("{node:?}: a batch panicked: {}", panic_text(panic.as_ref()));
                }
            }
        }
    }
}

impl<Q: 'static, A: 'static> Default for Batcher<Q, A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Q, A> fmt::Debug for Batcher<Q, A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queued = self.queue.borrow().len();
        formatter.debug_struct("Batcher").field("state", &self.state.get()).field("queued", &queued).finish()
    }
}

/// A request in a batch, and the way to answer it.
pub struct Job<Q, A> {
    /// What was submitted.
    pub request: Q,
    responder: Responder<A>,
}

impl<Q, A> Job<Q, A> {
    /// Answers the request. Nothing happens where nobody waits any more.
    pub fn answer(self, answer: A) {
        self.responder.answer(answer);
    }
}

impl<Q: fmt::Debug, A> fmt::Debug for Job<Q, A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Job").field("request", &self.request).finish_non_exhaustive()
    }
}

/// The answer to a request that was [submitted](Batcher::submit). Dropping it does not take the request back.
///
/// # Panics
/// When it is polled after its batch has panicked.
#[must_use = "the answer comes when it is awaited"]
pub struct Answer<A> {
    slot: Rc<RefCell<Slot<A>>>,
}

impl<A> fmt::Debug for Answer<A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Answer")
    }
}

enum Slot<A> {
    Waiting(Option<Waker>),
    Answered(A),
    /// Whoever was to answer is gone, or the answer has been taken.
    Empty,
}

struct Responder<A> {
    slot: Rc<RefCell<Slot<A>>>,
}

impl<A> Responder<A> {
    fn answer(self, answer: A) {
        self.fill(Slot::Answered(answer));
    }

    fn fill(&self, slot: Slot<A>) {
        if let Slot::Waiting(Some(waker)) = self.slot.replace(slot) {
            waker.wake();
        }
    }
}

impl<A> Drop for Responder<A> {
    fn drop(&mut self) {
        let is_waiting = matches!(*self.slot.borrow(), Slot::Waiting(_));
        if is_waiting {
            self.fill(Slot::Empty);
        }
    }
}

impl<A> Future for Answer<A> {
    type Output = A;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<A> {
        let mut slot = self.slot.borrow_mut();
        match std::mem::replace(&mut *slot, Slot::Empty) {
            Slot::Answered(answer) => Poll::Ready(answer),
            Slot::Waiting(_) => {
                *slot = Slot::Waiting(Some(context.waker().clone()));
                Poll::Pending
            }
            Slot::Empty => panic!("the batch that this request was in has panicked, or has dropped it"),
        }
    }
}

/// Runs a future to its end or its panic.
async fn without_unwinding<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        // After a panic the future is not polled again.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}

#[cfg(test)]
mod tests;
