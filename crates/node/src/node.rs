//! What an author's server holds of its node: its name, its peers, and ways to send, wait and draw.

use std::cell::{Cell, OnceCell, RefCell, RefMut};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use glomers_protocol::{Body, NodeId, RawBody, Request, RpcError, write_body};

use crate::executor::{Executor, Task};
use crate::outputs::Outputs;
use crate::router::Asker;
use crate::rpc::Replies;
use crate::timers::Timers;
use crate::{Random, RawRpc, Rpc, Sleep, Time};

/// A handle on the node that a server runs on. Cheap to clone; all clones are the same node.
#[derive(Clone)]
pub struct Node {
    shared: Rc<Shared>,
}

impl Node {
    /// The node's own name.
    ///
    /// # Panics
    /// Before the init message, when the node has no name. A server never sees that: it is made once init has
    /// come.
    pub fn id(&self) -> &NodeId {
        &self.identity().id
    }

    /// All nodes of the cluster, this one among them, in the order that init named them.
    ///
    /// # Panics
    /// Before the init message, as [`id`](Self::id).
    pub fn node_ids(&self) -> &[NodeId] {
        &self.identity().node_ids
    }

    /// All nodes of the cluster but this one.
    ///
    /// # Panics
    /// Before the init message, as [`id`](Self::id).
    pub fn peers(&self) -> &[NodeId] {
        &self.identity().peers
    }

    /// Sends a message that nobody answers.
    ///
    /// # Panics
    /// When the payload does not serialize as a JSON object, or uses a reserved key: a fault of its Rust
    /// type.
    pub fn send<B: Body>(&self, dest: impl Into<NodeId>, body: &B) {
        let sent = self.outputs().push(dest.into(), |text| write_body(text, B::TYPE, None, None, body));
        sent.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Sends a message as it came, without its numbers.
    pub fn send_raw(&self, dest: impl Into<NodeId>, body: &RawBody) {
        self.send_numbered(dest.into(), body, None);
    }

    /// Asks another node, and waits for its answer: see [`Rpc`]. The request is sent when the returned future
    /// is first polled.
    ///
    /// # Panics
    /// When the request does not serialize as a JSON object, or uses a reserved key: a fault of its Rust
    /// type.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a request is made for its call, so the caller should not need to borrow it"
    )]
    pub fn rpc<R: Request>(&self, dest: impl Into<NodeId>, request: R) -> Rpc<R> {
        let body = RawBody::of(&request).unwrap_or_else(|error| panic!("{error}"));
        Rpc::new(self.rpc_raw(dest, body))
    }

    /// Passes a request on, and waits for the answer as it comes: see [`RawRpc`].
    pub fn rpc_raw(&self, dest: impl Into<NodeId>, body: RawBody) -> RawRpc {
        RawRpc::new(self.clone(), dest.into(), body)
    }

    /// Waits. The time is the driver's: virtual in a simulation, real on stdin and stdout, where it is exact
    /// to a millisecond.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.now() + duration)
    }

    /// Waits until a moment; no time at all where that has passed.
    pub fn sleep_until(&self, due: Time) -> Sleep {
        Sleep::until(self.clone(), due)
    }

    /// The time, as of the message or the timer that is being handled.
    pub fn now(&self) -> Time {
        self.shared.now.get()
    }

    /// This node's stream of random numbers. Draw and let go: a second borrow while this one lives panics, so
    /// it must not be held over an await.
    pub fn rng(&self) -> RefMut<'_, Random> {
        self.shared.random.borrow_mut()
    }

    /// How many replies have come that nobody waited for: answers to requests that were given up, second answers, answers to nothing.
    pub fn unclaimed_replies(&self) -> u64 {
        self.shared.unclaimed_replies.get()
    }

    /// Runs a task beside the handlers, from the next time that they wait. It ends with the node; a panic in
    /// it is logged.
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        self.shared.executor.spawn(Task { future: Box::pin(future), asker: None });
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shared.identity.get() {
            Some(identity) => write!(formatter, "Node({})", identity.id),
            None => formatter.write_str("Node(before init)"),
        }
    }
}

/// What the core and all handles on it share.
pub(crate) struct Shared {
    pub(crate) identity: OnceCell<Identity>,
    pub(crate) now: Cell<Time>,
    pub(crate) outputs: RefCell<Outputs>,
    pub(crate) replies: RefCell<Replies>,
    pub(crate) timers: RefCell<Timers>,
    pub(crate) executor: Executor,
    pub(crate) random: RefCell<Random>,
    pub(crate) unclaimed_replies: Cell<u64>,
}

/// Who the node is; known from init on.
pub(crate) struct Identity {
    pub(crate) id: NodeId,
    pub(crate) node_ids: Vec<NodeId>,
    pub(crate) peers: Vec<NodeId>,
}

impl Identity {
    pub(crate) fn new(id: NodeId, node_ids: Vec<NodeId>) -> Self {
        let peers = node_ids.iter().filter(|peer| **peer != id).cloned().collect();
        Self { id, node_ids, peers }
    }
}

impl Node {
    pub(crate) fn new(random: Random) -> Self {
        let shared = Shared {
            identity: OnceCell::new(),
            now: Cell::new(Time::ZERO),
            outputs: RefCell::default(),
            replies: RefCell::default(),
            timers: RefCell::default(),
            executor: Executor::default(),
            random: RefCell::new(random),
            unclaimed_replies: Cell::new(0),
        };
        Self { shared: Rc::new(shared) }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The node's name, or what stands for it in a log line before init.
    pub(crate) fn name(&self) -> &str {
        self.shared.identity.get().map_or("a node before init", |identity| identity.id.as_str())
    }

    pub(crate) fn send_numbered(&self, dest: NodeId, body: &RawBody, msg_id: Option<u64>) {
        let sent = self.outputs().push(dest, |text| {
            body.write(text, msg_id, None);
            Ok::<(), std::convert::Infallible>(())
        });
        let Ok(()) = sent;
    }

    /// Answers a request. A message without a number asked for no answer and gets none.
    pub(crate) fn reply<B: Body>(&self, asker: &Asker, body: &B) {
        let Some(msg_id) = asker.msg_id else {
            tracing::debug!(
                "{}: {} wanted no `{}`: its message has no msg_id",
                self.name(),
                asker.src,
                B::TYPE
            );
            return;
        };
        let sent = self
            .outputs()
            .push(asker.src.clone(), |text| write_body(text, B::TYPE, None, Some(msg_id), body));
        // Caught by the core, which tells the log and the asker.
        sent.unwrap_or_else(|error| panic!("{error}"));
    }

    pub(crate) fn reply_raw(&self, asker: &Asker, body: &RawBody) {
        let Some(msg_id) = asker.msg_id else { return };
        let sent = self.outputs().push(asker.src.clone(), |text| {
            body.write(text, None, Some(msg_id));
            Ok::<(), std::convert::Infallible>(())
        });
        let Ok(()) = sent;
    }

    pub(crate) fn reply_error(&self, asker: &Asker, error: &RpcError) {
        self.reply(asker, error);
    }

    fn outputs(&self) -> RefMut<'_, Outputs> {
        self.shared.outputs.borrow_mut()
    }

    fn identity(&self) -> &Identity {
        self.shared.identity.get().expect("a node has a name once init has come")
    }
}
