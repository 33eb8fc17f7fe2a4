//! A few nodes on a network in memory, in virtual time.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use glomers_protocol::init::Init;
use glomers_protocol::{NodeId, RawValue, Request, RpcError};

use crate::{CoreOptions, Input, Node, NodeCore, Outputs, Random, Router, Time};

/// A few nodes on a network in memory, in virtual time: a test that waits an hour takes no time, and takes
/// the same course in every run.
///
/// Messages between nodes arrive one millisecond after they were sent, unless [`latency`](Self::latency) says
/// otherwise; links with the test's own client have no latency.
///
/// ```
/// use glomers_node::testing::Cluster;
/// use glomers_node::{Node, NodeId, Router, RpcError, messages};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Ask { hops: Vec<NodeId> }
/// #[derive(Serialize, Deserialize)]
/// struct Answer { name: NodeId }
/// messages! { "ask" Ask => "answer" Answer; }
///
/// struct Server { node: Node }
///
/// impl Server {
///     /// Passes the question along the hops that are left; the last one answers with its name.
///     async fn ask(&self, mut request: Ask) -> Result<Answer, RpcError> {
///         match request.hops.pop() {
///             Some(next) => self.node.rpc(next, request).await,
///             None => Ok(Answer { name: self.node.id().clone() }),
///         }
///     }
/// }
///
/// let mut cluster = Cluster::new(&["n1", "n2", "n3"], |node| Router::new(Server { node }).on(Server::ask));
/// let answer = cluster.call("n1", Ask { hops: vec!["n3".into(), "n2".into()] })?;
/// assert_eq!(answer.name, "n3");
///
/// cluster.cut("n2", "n3");
/// assert!(cluster.call("n1", Ask { hops: vec!["n3".into(), "n2".into()] }).is_err());
/// # Ok::<(), RpcError>(())
/// ```
pub struct Cluster {
    hosts: BTreeMap<NodeId, NodeCore>,
    /// The hosts that init names.
    node_ids: Vec<NodeId>,
    /// How often a node was started again.
    restart_count: u64,
    /// The messages under way, by arrival time and then by the order they were sent in.
    in_flight: BTreeMap<(Time, u64), InFlight>,
    sent_count: u64,
    now: Time,
    latency: Duration,
    /// Both directions of every link that is cut.
    cut: BTreeSet<(NodeId, NodeId)>,
    outputs: Outputs,
}

struct InFlight {
    src: NodeId,
    dest: NodeId,
    body: Box<RawValue>,
}

/// The name of the test's own client.
const CLIENT: &str = "c1";

/// How long a call waits for its answer, in virtual time: as long as a client of the workbench.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

impl Cluster {
    /// Starts one node for each name, and sends each its init message. A cluster whose nodes use a service as soon as they start is
    /// made [`empty`](Self::empty).
    ///
    /// # Panics
    /// When a node does not answer init.
    pub fn new<S: 'static>(node_ids: &[&str], start: impl Fn(Node) -> Router<S> + 'static) -> Self {
        let mut cluster = Self::empty();
        cluster.start(node_ids, start);
        cluster
    }

    /// A cluster without nodes, to [`add`](Self::add) services to before the nodes [`start`](Self::start).
    pub fn empty() -> Self {
        let mut cluster = Self {
            hosts: BTreeMap::new(),
            node_ids: Vec::new(),
            restart_count: 0,
            in_flight: BTreeMap::new(),
            sent_count: 0,
            now: Time::ZERO,
            latency: Duration::from_millis(1),
            cut: BTreeSet::new(),
            outputs: Outputs::new(),
        };
        cluster.add(CLIENT, |_node| Router::new(()));
        cluster
    }

    /// Starts one node for each name, and sends each its init message, which names them all.
    ///
    /// # Panics
    /// When a node does not answer init.
    pub fn start<S: 'static>(&mut self, node_ids: &[&str], start: impl Fn(Node) -> Router<S> + 'static) {
        let start = Rc::new(start);
        self.node_ids = node_ids.iter().map(|id| NodeId::from(*id)).collect();
        for id in node_ids {
            let start = Rc::clone(&start);
            self.launch(id, id, move |node| start(node));
        }
        for id in node_ids {
            self.send_init(id);
        }
    }

    /// Kills a node and starts it again: it has lost its state, draws other random numbers than before, and is sent init. Messages
    /// that it had sent, and those sent to it, still arrive.
    ///
    /// ```
    /// use std::cell::Cell;
    /// use glomers_node::testing::Cluster;
    /// use glomers_node::{Node, Router, RpcError, messages};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Count {}
    /// #[derive(Serialize, Deserialize)]
    /// struct CountOk { calls: u64, drawn: u64 }
    /// messages! { "count" Count => "count_ok" CountOk; }
    ///
    /// struct Server { node: Node, calls: Cell<u64> }
    ///
    /// impl Server {
    ///     fn router(node: Node) -> Router<Self> {
    ///         Router::new(Self { node, calls: Cell::new(0) }).on(Self::count)
    ///     }
    ///
    ///     async fn count(&self, _request: Count) -> Result<CountOk, RpcError> {
    ///         self.calls.set(self.calls.get() + 1);
    ///         Ok(CountOk { calls: self.calls.get(), drawn: self.node.rng().next_u64() })
    ///     }
    /// }
    ///
    /// let mut cluster = Cluster::new(&["n1"], Server::router);
    /// let before = cluster.call("n1", Count {})?;
    /// cluster.restart("n1", Server::router);
    /// let after = cluster.call("n1", Count {})?;
    /// assert_eq!((before.calls, after.calls), (1, 1));
    /// assert_ne!(before.drawn, after.drawn);
    /// # Ok::<(), RpcError>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such node, or it does not answer init.
    pub fn restart<S: 'static>(&mut self, id: &str, start: impl FnOnce(Node) -> Router<S> + 'static) {
        assert!(self.node_ids.contains(&NodeId::from(id)), "there is no node {id} to be killed");
        self.restart_count += 1;
        let stream = format!("{id}, restart {}", self.restart_count);
        self.launch(id, &stream, start);
        self.send_init(id);
    }

    /// Adds a host that needs no init message, such as a service that the nodes use, or a second client.
    ///
    /// # Panics
    /// When the name is taken.
    pub fn add<S: 'static>(&mut self, name: &str, start: impl FnOnce(Node) -> Router<S>) {
        self.add_core(name, NodeCore::started(options(name), name.into(), Vec::new(), start));
    }

    /// Adds a host that is made already, such as one of the workbench's own services.
    ///
    /// # Panics
    /// When the name is taken.
    pub fn add_core(&mut self, name: &str, core: NodeCore) {
        let former = self.hosts.insert(name.into(), core);
        assert!(former.is_none(), "the cluster has two hosts called {name}");
    }

    /// How long messages between nodes take, from now on.
    pub fn latency(&mut self, latency: Duration) {
        self.latency = latency;
    }

    /// Sends a request from the test's client, and runs the cluster until its answer comes.
    ///
    /// # Errors
    /// The node's, if it answers with an error; a timeout (code 0) after five seconds of virtual time.
    ///
    /// # Panics
    /// When a node sends to a host that does not exist.
    pub fn call<R: Request + 'static>(
        &mut self,
        dest: impl Into<NodeId>,
        request: R,
    ) -> Result<R::Reply, RpcError>
    where
        R::Reply: 'static,
    {
        let outcome = Rc::new(RefCell::new(None));
        let (slot, dest) = (Rc::clone(&outcome), dest.into());
        let client = self.hosts[CLIENT].node().clone();
        let rpc = client.rpc(dest, request).timeout(CALL_TIMEOUT);
        client.spawn(async move {
            let result = rpc.await;
            *slot.borrow_mut() = Some(result);
        });
        self.step(&NodeId::from(CLIENT), None);
        loop {
            if let Some(result) = outcome.borrow_mut().take() {
                return result;
            }
            assert!(self.turn(Time::MAX), "a call ends no later than its timeout");
        }
    }

    /// Lets time pass.
    ///
    /// # Panics
    /// When a node sends to a host that does not exist.
    pub fn advance(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.turn(end) {}
        self.now = end;
    }

    /// Drops what the two hosts send each other, from now on; what has been sent already still arrives.
    pub fn cut(&mut self, one: &str, other: &str) {
        self.cut.insert((one.into(), other.into()));
        self.cut.insert((other.into(), one.into()));
    }

    /// Heals every link.
    pub fn heal(&mut self) {
        self.cut.clear();
    }

    /// The virtual time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// How many messages have been sent, those to and from the client and those that were dropped among them.
    pub fn sent_count(&self) -> u64 {
        self.sent_count
    }

    fn launch<S: 'static>(
        &mut self,
        id: &str,
        stream: &str,
        start: impl FnOnce(Node) -> Router<S> + 'static,
    ) {
        let mut core = NodeCore::new(options(stream), start);
        core.set_first_msg_id((self.restart_count << 32) + 1);
        self.hosts.insert(id.into(), core);
    }

    fn send_init(&mut self, id: &str) {
        let init = Init { node_id: id.into(), node_ids: self.node_ids.clone() };
        self.call(id, init).unwrap_or_else(|error| panic!("{id} does not start: {error}"));
    }

    /// Handles the next event up to `end`: an arrival, or at the same time after all arrivals a timer.
    /// `false` where there is none.
    fn turn(&mut self, end: Time) -> bool {
        let arrival = self.in_flight.keys().next().map(|(time, _)| *time);
        let timer = self.hosts.iter().filter_map(|(id, core)| Some((core.deadline()?, id))).min();
        match (arrival, timer) {
            (Some(time), timer) if time <= end && timer.is_none_or(|(due, _)| time <= due) => {
                let Some((_, message)) = self.in_flight.pop_first() else { return false };
                self.now = self.now.max(time);
                self.step(&message.dest, Some((&message.src, &message.body)));
                true
            }
            (_, Some((due, id))) if due <= end => {
                let id = id.clone();
                self.now = self.now.max(due);
                self.step(&id, None);
                true
            }
            _ => false,
        }
    }

    fn step(&mut self, id: &NodeId, message: Option<(&NodeId, &RawValue)>) {
        let core = self.hosts.get_mut(id).expect("messages are only sent to hosts");
        let input = match message {
            Some((src, body)) => Input::Message { src: src.as_str(), dest: id.as_str(), body },
            None => Input::Tick,
        };
        let mut outputs = std::mem::take(&mut self.outputs);
        core.step(self.now, input, &mut outputs);
        for output in outputs.iter() {
            self.send(id, output.dest, output.body);
        }
        outputs.clear();
        self.outputs = outputs;
    }

    fn send(&mut self, src: &NodeId, dest: &NodeId, body: &str) {
        assert!(
            self.hosts.contains_key(dest),
            "{src} sends {body} to {dest}, but the cluster has only {:?}",
            self.hosts.keys()
        );
        self.sent_count += 1;
        if self.cut.contains(&(src.clone(), dest.clone())) {
            return;
        }
        let latency = if src.is_client() || dest.is_client() { Duration::ZERO } else { self.latency };
        let body = RawValue::from_string(body.to_owned()).expect("the core writes JSON");
        let message = InFlight { src: src.clone(), dest: dest.clone(), body };
        self.in_flight.insert((self.now + latency, self.sent_count), message);
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Cluster")
            .field("hosts", &self.hosts.keys())
            .field("now", &self.now)
            .field("in_flight", &self.in_flight.len())
            .finish_non_exhaustive()
    }
}

fn options(name: &str) -> CoreOptions {
    CoreOptions::new(Random::derive(0, name))
}
