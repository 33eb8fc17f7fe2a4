//! The node without input and output: messages and time go in, messages come out.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use glomers_protocol::init::{Init, InitOk};
use glomers_protocol::{Body, ErrorCode, Header, MsgId, NodeId, RawValue, RpcError, decode_body, text};

use crate::executor::{Panicked, Task, panic_text};
use crate::node::Identity;
use crate::origin::RequestOrigin;
use crate::outputs::Outputs;
use crate::router::Routes;
use crate::{Node, Random, Router, Storage, Time};

/// A node that does no I/O, reads no clock and owns no thread.
///
/// Its driver hands it each message with the time, sends its outputs, and steps it again no later than its deadline. The stdin/stdout driver and the simulator drive the identical core.
///
/// ```
/// use glomers_node::{CoreOptions, Input, NodeCore, Outputs, Random, Router, Time};
///
/// let options = CoreOptions::new(Random::derive(1, "n1"));
/// let mut core = NodeCore::new(options, |_node| Router::new(()));
/// let mut outputs = Outputs::new();
/// let body = serde_json::from_str(r#"{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"]}"#)?;
/// core.step(Time::ZERO, Input::Message { src: "c0", dest: "n1", body }, &mut outputs);
/// let sent: Vec<_> = outputs.iter().map(|output| output.body).collect();
/// assert_eq!(sent, [r#"{"type":"init_ok","in_reply_to":1}"#]);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub struct NodeCore {
    node: Node,
    phase: Phase,
}

/// What a core must be given.
#[derive(Debug, Clone)]
pub struct CoreOptions {
    /// Where the node's random numbers come from: its own stream is a fork of this one, named by its id.
    pub random: Random,
    /// Where the node keeps what must survive a kill.
    pub storage: Storage,
}

impl CoreOptions {
    /// A node with these random numbers, and files in memory that end with it.
    pub fn new(random: Random) -> Self {
        Self { random, storage: Storage::in_memory() }
    }
}

/// Why the core is stepped.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// A message has come.
    Message {
        /// The sender.
        src: &'a str,
        /// The receiver that the envelope names.
        dest: &'a str,
        /// The body's text.
        body: &'a RawValue,
    },
    /// A deadline has passed, or a task was spawned from outside.
    Tick,
}

/// The messages that came before init, in order. They are handled once the node has answered it.
#[derive(Default)]
struct HeldMessages {
    messages: Vec<(NodeId, Box<RawValue>)>,
    byte_count: usize,
}

/// Messages that come before init are held up to so many bytes in all, and refused beyond.
const MAX_HELD_BYTES: usize = 16 << 20;

type Start = Box<dyn FnOnce(Node) -> Routes>;
type OnUnexpected = Box<dyn FnMut(&str, &RawValue)>;

enum Phase {
    AwaitingInit {
        start: Start,
        held: HeldMessages,
    },
    Running(Routes),
    /// It only asks: what answers none of its requests is shown to this function, with its sender.
    Client(OnUnexpected),
    /// The constructor panicked, with this text.
    Failed(String),
}

impl NodeCore {
    /// A node that waits for its init message, and then calls `start`, once.
    ///
    /// The core answers init by itself when `start` returns. Messages that come before init (peers that started earlier may send some)
    /// are handled after that, in the order they came. The node's random numbers depend on the options' stream and its id.
    pub fn new<S: 'static>(options: CoreOptions, start: impl FnOnce(Node) -> Router<S> + 'static) -> Self {
        let start: Start = Box::new(|node| start(node).into_routes());
        Self { node: Node::new(options), phase: Phase::AwaitingInit { start, held: HeldMessages::default() } }
    }

    /// A node that knows its name and needs no init message, as clients and services do. Calls `start` at
    /// once.
    ///
    /// `node_ids` are the cluster's nodes; a client is none of them.
    pub fn started<S: 'static>(
        options: CoreOptions,
        id: NodeId,
        node_ids: Vec<NodeId>,
        start: impl FnOnce(Node) -> Router<S>,
    ) -> Self {
        let node = Node::new(options);
        identify(&node, Identity::new(id, node_ids));
        let routes = start(node.clone()).into_routes();
        Self { node, phase: Phase::Running(routes) }
    }

    /// A host that only sends requests, as the clients of a test do. It answers nothing: `on_unexpected` is called with the sender and the
    /// body of every message that is not the reply to an open request.
    pub fn client(
        options: CoreOptions,
        id: NodeId,
        on_unexpected: impl FnMut(&str, &RawValue) + 'static,
    ) -> Self {
        let node = Node::new(options);
        identify(&node, Identity::new(id, Vec::new()));
        Self { node, phase: Phase::Client(Box::new(on_unexpected)) }
    }

    /// The `msg_id` of the node's next request; 1 by default.
    ///
    /// A message finds its receiver by name, so a reply meant for a node that was killed reaches the node that was started in its place.
    /// Give a node that is started again other ids than before, or that reply would answer the wrong request.
    pub fn set_first_msg_id(&mut self, first_msg_id: u64) {
        self.node.shared().replies.borrow_mut().set_first_msg_id(first_msg_id);
    }

    /// Handles one input, and runs every task until it waits. What the node sends is appended to `outputs`.
    ///
    /// Timers that are due fire first, in the order of their times; then the message is handled. A `now` that is earlier than that of
    /// the last step counts as that one: a node's time does not run backwards.
    pub fn step(&mut self, now: Time, input: Input<'_>, outputs: &mut Outputs) {
        let shared = self.node.shared();
        shared.now.set(now.max(shared.now.get()));
        shared.executor.begin_step();
        {
            // Tasks write into the caller's arena. What was sent from outside since the last step comes
            // first.
            let mut pending = shared.outputs.borrow_mut();
            outputs.append(&mut pending);
            std::mem::swap(&mut *pending, outputs);
        }
        self.fire_timers();
        self.run_ready();
        if let Input::Message { src, body, .. } = input {
            self.receive(src, body);
            self.run_ready();
        }
        std::mem::swap(&mut *self.node.shared().outputs.borrow_mut(), outputs);
    }

    /// When the earliest timer is due: step the core with [`Input::Tick`] no later than that. `None` where only a message can wake the
    /// node.
    pub fn deadline(&self) -> Option<Time> {
        self.node.shared().timers.borrow().next_due()
    }

    /// A handle on the node, to spawn tasks from outside. Step with [`Input::Tick`] after that.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The node's name; `None` before init.
    pub fn id(&self) -> Option<&NodeId> {
        self.node.shared().identity.get().map(|identity| &identity.id)
    }

    /// Whether no handler or task is running or waiting.
    pub fn is_idle(&self) -> bool {
        self.node.shared().executor.is_idle()
    }

    /// Whether no handler is running or waiting; tasks that the server spawned may be.
    pub fn is_answered(&self) -> bool {
        self.node.shared().executor.is_answered()
    }

    fn fire_timers(&self) {
        let shared = self.node.shared();
        let now = shared.now.get();
        while let Some(waker) = { shared.timers.borrow_mut().pop_due(now) } {
            waker.wake();
        }
    }

    fn run_ready(&self) {
        while let Some(result) = self.node.shared().executor.run_next() {
            self.report(result);
        }
    }

    fn receive(&mut self, src: &str, body: &RawValue) {
        if let Phase::Client(on_unexpected) = &mut self.phase {
            let in_reply_to =
                Header::parse(body).ok().and_then(|header| header.in_reply_to).and_then(|id| id.as_u64());
            let mut replies = self.node.shared().replies.borrow_mut();
            if !in_reply_to.is_some_and(|in_reply_to| replies.arrive(in_reply_to, body)) {
                on_unexpected(src, body);
            }
            return;
        }
        let Header { kind, msg_id, in_reply_to } = match Header::parse(body) {
            Ok(header) => header,
            Err(error) => {
                let origin = RequestOrigin { src: src.into(), msg_id: error.msg_id().cloned() };
                self.refuse(&origin, ErrorCode::MALFORMED_REQUEST, error.to_string());
                return;
            }
        };
        if let Some(in_reply_to) = in_reply_to {
            self.receive_reply(src, &kind, &in_reply_to, body);
            return;
        }
        let origin = RequestOrigin { src: src.into(), msg_id };
        if kind == Init::TYPE {
            self.receive_init(&origin, body);
            return;
        }
        match &mut self.phase {
            Phase::Running(routes) => match routes.start(&kind, &self.node, origin.clone(), body) {
                Ok(future) => {
                    let started = self.node.shared().executor.start(Task { future, origin: Some(origin) });
                    self.report(started);
                }
                Err(error) => self.refuse(&origin, error.code, error.text),
            },
            Phase::Client(_) => unreachable!("a client's messages were handled above"),
            Phase::AwaitingInit { held, .. } => {
                let byte_count = held.byte_count + body.get().len();
                if byte_count <= MAX_HELD_BYTES {
                    held.byte_count = byte_count;
                    held.messages.push((origin.src, body.to_owned()));
                } else {
                    let text = format!(
                        "the node has had no init message yet, and holds too many messages to keep this `{kind}`"
                    );
                    self.refuse(&origin, ErrorCode::TEMPORARILY_UNAVAILABLE, text);
                }
            }
            Phase::Failed(text) => {
                let text = format!("the node could not start: {text}");
                self.refuse(&origin, ErrorCode::CRASH, text);
            }
        }
    }

    fn receive_reply(&self, src: &str, kind: &str, in_reply_to: &MsgId, body: &RawValue) {
        let shared = self.node.shared();
        let is_awaited =
            in_reply_to.as_u64().is_some_and(|msg_id| shared.replies.borrow_mut().arrive(msg_id, body));
        if is_awaited {
            return;
        }
        shared.unclaimed_replies.set(shared.unclaimed_replies.get() + 1);
        let name = self.node.name();
        if in_reply_to.as_u64().is_some() {
            tracing::debug!("{name}: no request waits for the `{kind}` of {src} to request {in_reply_to}");
        } else {
            tracing::warn!(
                "{name}: the `{kind}` of {src} answers request {}, but requests here are numbered from 0 to 2^64 - 1",
                text::excerpt(in_reply_to.to_string().as_bytes(), text::EXCERPT_CHARS)
            );
        }
    }

    fn receive_init(&mut self, origin: &RequestOrigin, body: &RawValue) {
        if !matches!(self.phase, Phase::AwaitingInit { .. }) {
            let text = format!("{} has had its init message already: init is sent once", self.node.name());
            self.refuse(origin, ErrorCode::PRECONDITION_FAILED, text);
            return;
        }
        let init = match decode_body::<Init>(body) {
            Ok(init) => init,
            Err(error) => {
                self.refuse(origin, ErrorCode::MALFORMED_REQUEST, error.to_string());
                return;
            }
        };
        identify(&self.node, Identity::new(init.node_id, init.node_ids));
        let starting = std::mem::replace(&mut self.phase, Phase::Failed(String::new()));
        let Phase::AwaitingInit { start, held } = starting else {
            unreachable!("the phase was looked at above")
        };
        let node = self.node.clone();
        // After a panic nothing of the server is left but what it spawned.
        match catch_unwind(AssertUnwindSafe(|| start(node))) {
            Ok(routes) => {
                self.phase = Phase::Running(routes);
                self.node.reply(origin, &InitOk {});
            }
            Err(panic) => {
                let text = panic_text(panic.as_ref());
                self.refuse(origin, ErrorCode::CRASH, format!("the node could not start: {text}"));
                self.phase = Phase::Failed(text);
            }
        }
        for (src, body) in held.messages {
            self.run_ready();
            self.receive(src.as_str(), &body);
        }
    }

    /// Answers with an error that the sender has made, or that this library has to explain.
    fn refuse(&self, origin: &RequestOrigin, code: ErrorCode, text: String) {
        tracing::warn!("{}: a message from {} is refused: {code}: {text}", self.node.name(), origin.src);
        self.node.reply_error(origin, &RpcError::new(code, text));
    }

    fn report(&self, result: Result<(), Panicked>) {
        let Err(Panicked { origin, text }) = result else { return };
        match origin {
            Some(origin) => {
                tracing::error!(
                    "{}: the handler of a message from {} panicked: {text}",
                    self.node.name(),
                    origin.src
                );
                self.node.reply_error(
                    &origin,
                    &RpcError::new(ErrorCode::CRASH, format!("the handler panicked: {text}")),
                );
            }
            None => tracing::error!("{}: a spawned task panicked: {text}", self.node.name()),
        }
    }
}

/// Tasks hold the node, and the node holds its tasks. Dropping the core breaks that circle.
impl Drop for NodeCore {
    fn drop(&mut self) {
        self.node.shared().executor.clear();
        self.node.shared().timers.borrow_mut().clear();
    }
}

impl fmt::Debug for NodeCore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match &self.phase {
            Phase::AwaitingInit { .. } => "awaiting init",
            Phase::Running(_) => "running",
            Phase::Client(_) => "client",
            Phase::Failed(_) => "failed",
        };
        formatter
            .debug_struct("NodeCore")
            .field("node", &self.node)
            .field("phase", &phase)
            .finish_non_exhaustive()
    }
}

fn identify(node: &Node, identity: Identity) {
    let random = node.rng().fork(identity.id.as_str());
    *node.rng() = random;
    let is_first = node.shared().identity.set(identity).is_ok();
    assert!(is_first, "a node is named once");
}

#[cfg(test)]
mod tests;
