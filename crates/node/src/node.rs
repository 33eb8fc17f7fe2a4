//! A server's handle on its node: the node's name and peers, and ways to send, spawn and draw random numbers.

use std::cell::{Cell, OnceCell, RefCell, RefMut};
use std::fmt;
use std::rc::Rc;

use glomers_protocol::{Body, NodeId, RawBody, RpcError, write_body};

use crate::executor::{Executor, Task};
use crate::origin::RequestOrigin;
use crate::outputs::Outputs;
use crate::replies::Replies;
use crate::timers::Timers;
use crate::{CoreOptions, Random, Storage, Time};

/// A handle on the node that a server runs on. Cheap to clone; all clones are the same node.
#[derive(Clone)]
pub struct Node {
    shared: Rc<Shared>,
}

impl Node {
    /// The node's own name.
    ///
    /// # Panics
    /// Before the init message, when the node has no name. A server never sees that: it is made after init.
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

    /// Sends a message without a `msg_id`, which asks for no reply.
    ///
    /// # Panics
    /// When the payload does not serialize as a JSON object, or uses a reserved key: both are mistakes in its Rust type.
    pub fn send<B: Body>(&self, dest: impl Into<NodeId>, body: &B) {
        let sent = self.outputs().push(dest.into(), |text| write_body(text, B::TYPE, None, None, body));
        sent.unwrap_or_else(|error| panic!("{error}"));
    }

    /// The time, as of the message or the timer that is being handled.
    pub fn now(&self) -> Time {
        self.shared.now.get()
    }

    /// This node's stream of random numbers. Don't keep the borrow, least of all over an await: a second borrow while the first lives
    /// panics.
    pub fn rng(&self) -> RefMut<'_, Random> {
        self.shared.random.borrow_mut()
    }

    /// The files in which this node keeps what must survive a kill.
    pub fn storage(&self) -> &Storage {
        &self.shared.storage
    }

    /// How many replies matched no waiting request: late replies, second replies, and replies with a wrong or unusable `in_reply_to`.
    pub fn unclaimed_replies(&self) -> u64 {
        self.shared.unclaimed_replies.get()
    }

    /// Runs a task beside the handlers. It starts when the running handler waits or ends, and is dropped with the node. If it panics,
    /// that is logged and the node goes on.
    ///
    /// What it may await: see [the crate's page](crate#what-a-handler-may-await).
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        self.shared.executor.spawn(Task { future: Box::pin(future), origin: None });
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
    pub(crate) storage: Storage,
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
    pub(crate) fn new(options: CoreOptions) -> Self {
        let CoreOptions { random, storage } = options;
        let shared = Shared {
            identity: OnceCell::new(),
            now: Cell::new(Time::ZERO),
            outputs: RefCell::default(),
            replies: RefCell::default(),
            timers: RefCell::default(),
            executor: Executor::default(),
            random: RefCell::new(random),
            storage,
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

    pub(crate) fn send_request(&self, dest: NodeId, body: &RawBody, msg_id: u64) {
        let sent = self.outputs().push(dest, |text| {
            body.write(text, Some(msg_id), None);
            Ok::<(), std::convert::Infallible>(())
        });
        let Ok(()) = sent;
    }

    /// Answers a request. A message without a `msg_id` asked for no reply and gets none.
    pub(crate) fn reply<B: Body>(&self, origin: &RequestOrigin, body: &B) {
        let Some(msg_id) = &origin.msg_id else {
            tracing::debug!(
                "{}: no `{}` is sent to {}, whose message has no msg_id",
                self.name(),
                B::TYPE,
                origin.src
            );
            return;
        };
        let sent = self
            .outputs()
            .push(origin.src.clone(), |text| write_body(text, B::TYPE, None, Some(msg_id), body));
        // The core catches the panic, logs it, and tells the sender of the request.
        sent.unwrap_or_else(|error| panic!("{error}"));
    }

    pub(crate) fn reply_raw(&self, origin: &RequestOrigin, body: &RawBody) {
        let Some(msg_id) = &origin.msg_id else { return };
        let sent = self.outputs().push(origin.src.clone(), |text| {
            body.write(text, None, Some(msg_id));
            Ok::<(), std::convert::Infallible>(())
        });
        let Ok(()) = sent;
    }

    pub(crate) fn reply_error(&self, origin: &RequestOrigin, error: &RpcError) {
        self.reply(origin, error);
    }

    fn outputs(&self) -> RefMut<'_, Outputs> {
        self.shared.outputs.borrow_mut()
    }

    fn identity(&self) -> &Identity {
        self.shared.identity.get().expect("a node has a name once init has come")
    }
}
