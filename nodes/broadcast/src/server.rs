//! The broadcast server: the algorithm on a node.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use glomers_node::{Alarm, Batcher, Node, NodeId, Notify, Router, RpcError};

use crate::durable_log::DurableLog;
use crate::messages::{Broadcast, BroadcastOk, Gossip, Read, ReadOk, Sync, SyncOk, Topology, TopologyOk};
use crate::replica::Replica;
use crate::settings::{Acknowledge, Settings};

/// A node of the third challenge. See the [crate] for what it does and what it promises.
#[derive(Debug, Clone)]
pub struct BroadcastServer {
    shared: Rc<Shared>,
}

struct Shared {
    node: Node,
    settings: Settings,
    replica: RefCell<Replica>,
    durable_log: DurableLog,
    /// Stores log entries: a request is the number of an entry, and answered when the log is stored that far.
    storing: Rc<Batcher<u64, ()>>,
    /// Whether the values of this node's earlier lives are here.
    has_loaded: Cell<bool>,
    /// Whether this node has heard what it missed before it started.
    has_caught_up: Cell<bool>,
    /// Notified when the replica or one of the two flags has changed.
    changed: Notify,
    /// When the replica has something to send, at the latest.
    alarm: Alarm,
}

impl BroadcastServer {
    /// Called once the init message has come. Asks the others at once what there is: the node may have been
    /// killed and started again.
    pub fn new(node: Node, settings: Settings) -> Self {
        // The time sets a life apart where the same seed gives the same numbers again.
        let tag = node.rng().next_u64() ^ node.now().as_ns();
        let replica = Replica::new(node.id(), node.node_ids(), tag, settings);
        let shared = Shared {
            durable_log: DurableLog::new(node.clone()),
            storing: Rc::default(),
            has_loaded: Cell::new(settings.acknowledge != Acknowledge::Stored),
            settings,
            replica: RefCell::new(replica),
            has_caught_up: Cell::new(false),
            changed: Notify::new(),
            alarm: Alarm::new(&node),
            node,
        };
        let server = Self { shared: Rc::new(shared) };
        let [loading, catching_up, storing, waking] = std::array::from_fn(|_| server.clone());
        let node = &server.shared.node;
        node.spawn(async move { loading.load().await });
        node.spawn(async move { catching_up.catch_up().await });
        server.shared.storing.start(node, async move |numbers| storing.store(&numbers).await);
        node.spawn(async move {
            loop {
                waking.shared.alarm.rings().await;
                waking.send_due();
            }
        });
        server
    }

    /// The server with its handlers.
    pub fn router(node: Node, settings: Settings) -> Router<Self> {
        Router::new(Self::new(node, settings))
            .on(Self::broadcast)
            .on(Self::read)
            .on(Self::topology)
            .on_from(Self::sync)
            .on_notice(Self::gossip)
    }

    async fn broadcast(&self, request: Broadcast) -> Result<BroadcastOk, RpcError> {
        let Shared { settings, replica, storing, has_loaded, changed, .. } = &*self.shared;
        // The values of earlier lives come first in the log.
        changed.until(|| has_loaded.get()).await;
        let number = replica.borrow_mut().broadcast(request.message);
        self.send_due();
        match settings.acknowledge {
            Acknowledge::AtOnce => {}
            Acknowledge::Copied => changed.until(|| replica.borrow().is_copied(number)).await,
            Acknowledge::Stored => storing.submit(number).await,
        }
        Ok(BroadcastOk {})
    }

    /// Answers once the node has caught up; before that, values would seem to have vanished.
    async fn read(&self, _request: Read) -> Result<ReadOk, RpcError> {
        let Shared { replica, has_loaded, has_caught_up, changed, .. } = &*self.shared;
        changed.until(|| has_loaded.get() && has_caught_up.get()).await;
        Ok(ReadOk { messages: replica.borrow().messages().to_vec() })
    }

    async fn topology(&self, _request: Topology) -> Result<TopologyOk, RpcError> {
        Ok(TopologyOk {})
    }

    async fn sync(&self, src: NodeId, _request: Sync) -> Result<SyncOk, RpcError> {
        let gossip = self.shared.replica.borrow_mut().answer_sync(self.shared.node.now(), &src);
        Ok(SyncOk { gossip })
    }

    async fn gossip(&self, src: NodeId, gossip: Gossip) {
        self.receive(&src, gossip);
    }

    /// Stores the log up to these numbers at least.
    async fn store(&self, numbers: &[u64]) -> Vec<()> {
        let Shared { node, settings, replica, durable_log, .. } = &*self.shared;
        let last = numbers.iter().copied().max().unwrap_or(0);
        while durable_log.stored_length() < last {
            let log = replica.borrow().log().to_vec();
            if let Err(error) = durable_log.store(&log).await {
                tracing::warn!("{}: a value is not stored yet: {error}", node.id());
                node.sleep(settings.round_trip).await;
            }
        }
        vec![(); numbers.len()]
    }

    /// Brings back what earlier lives of this node have stored.
    async fn load(&self) {
        let Shared { node, settings, replica, durable_log, has_loaded, .. } = &*self.shared;
        while !has_loaded.get() {
            match durable_log.load().await {
                Ok(stored) => {
                    durable_log.begin_at(stored.len() as u64);
                    for value in stored {
                        replica.borrow_mut().broadcast(value);
                    }
                    has_loaded.set(true);
                }
                Err(error) => {
                    tracing::warn!("{}: what earlier lives stored is not known yet: {error}", node.id());
                    node.sleep(settings.round_trip).await;
                }
            }
        }
        self.send_due();
        self.shared.changed.notify();
    }

    /// Asks one node after the other for all that it has, until one answers.
    async fn catch_up(&self) {
        let Shared { node, settings, .. } = &*self.shared;
        for peer in node.peers().iter().cycle() {
            let answer = node.rpc(peer, Sync {}).timeout(2 * settings.round_trip).await;
            if let Ok(SyncOk { gossip }) = answer {
                self.receive(peer, gossip);
                break;
            }
            node.sleep(settings.round_trip).await;
        }
        self.shared.has_caught_up.set(true);
        self.shared.changed.notify();
    }

    fn receive(&self, src: &NodeId, gossip: Gossip) {
        self.shared.replica.borrow_mut().receive(self.shared.node.now(), src, gossip);
        self.send_due();
        self.shared.changed.notify();
    }

    /// Sends what is due, and sets the alarm for what is due next.
    fn send_due(&self) {
        let Shared { node, replica, alarm, .. } = &*self.shared;
        for (dest, gossip) in replica.borrow_mut().poll(node.now()) {
            node.send(dest, &gossip);
        }
        if let Some(deadline) = replica.borrow().deadline() {
            alarm.set_no_later_than(deadline);
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shared").field("node", &self.node).finish_non_exhaustive()
    }
}
