//! The broadcast server: the algorithm on a node.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use glomers_node::{Node, NodeId, Router, RpcError, Time};

use crate::messages::{Broadcast, BroadcastOk, Gossip, Read, ReadOk, Sync, SyncOk, Topology, TopologyOk};
use crate::replica::Replica;
use crate::settings::{Acknowledge, Settings};
use crate::vault::Vault;

/// A node of the third challenge. See the [crate](crate) for what it does and what it promises.
#[derive(Debug, Clone)]
pub struct BroadcastServer {
    shared: Rc<Shared>,
}

struct Shared {
    node: Node,
    settings: Settings,
    replica: RefCell<Replica>,
    vault: Vault,
    /// Whether the values of this node's earlier lives are here.
    has_loaded: Cell<bool>,
    /// Whether this node has heard what it missed before it started.
    has_caught_up: Cell<bool>,
    /// Handlers that wait for the replica to change.
    waiting: RefCell<Vec<Waker>>,
    /// The wake-up that is under way.
    alarm: Cell<Option<Time>>,
}

impl BroadcastServer {
    /// Called once the init message has come. Asks the others at once what there is: the node may have been
    /// killed and started again.
    pub fn new(node: Node, settings: Settings) -> Self {
        // The time sets a life apart where the same seed gives the same numbers again.
        let tag = node.rng().next_u64() ^ node.now().as_ns();
        let replica = Replica::new(node.id(), node.node_ids(), tag, settings);
        let shared = Shared {
            vault: Vault::new(node.clone()),
            has_loaded: Cell::new(settings.acknowledge != Acknowledge::Stored),
            node,
            settings,
            replica: RefCell::new(replica),
            has_caught_up: Cell::new(false),
            waiting: RefCell::default(),
            alarm: Cell::new(None),
        };
        let server = Self { shared: Rc::new(shared) };
        let (loading, catching_up) = (server.clone(), server.clone());
        server.shared.node.spawn(async move { loading.load().await });
        server.shared.node.spawn(async move { catching_up.catch_up().await });
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
        // What is kept of earlier lives stands first in the log.
        self.wait_until(|| self.shared.has_loaded.get()).await;
        let number = self.shared.replica.borrow_mut().broadcast(request.message);
        self.tend();
        match self.shared.settings.acknowledge {
            Acknowledge::AtOnce => {}
            Acknowledge::Copied => {
                self.wait_until(|| self.shared.replica.borrow().is_copied(number)).await;
            }
            Acknowledge::Stored => self.keep(number).await,
        }
        Ok(BroadcastOk {})
    }

    /// Answers once the node has caught up: what it read out before would look as if values had vanished.
    async fn read(&self, _request: Read) -> Result<ReadOk, RpcError> {
        self.wait_until(|| self.shared.has_loaded.get() && self.shared.has_caught_up.get()).await;
        Ok(ReadOk { messages: self.shared.replica.borrow().messages().to_vec() })
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

    /// Waits until the node's log is kept up to this number. Of several that wait, one writes for all.
    async fn keep(&self, number: u64) {
        let Shared { node, settings, replica, vault, .. } = &*self.shared;
        loop {
            self.wait_until(|| vault.kept_length() >= number || !vault.is_writing()).await;
            if vault.kept_length() >= number {
                return;
            }
            let log = replica.borrow().log().to_vec();
            let result = vault.keep(log).await;
            self.wake_waiting();
            if let Err(error) = result {
                tracing::warn!("{}: a value is not kept yet: {error}", node.id());
                node.sleep(settings.round_trip).await;
            }
        }
    }

    /// Brings back what earlier lives of this node kept.
    async fn load(&self) {
        let Shared { node, settings, replica, vault, has_loaded, .. } = &*self.shared;
        while !has_loaded.get() {
            match vault.load().await {
                Ok(kept) => {
                    vault.begin_at(kept.len() as u64);
                    for value in kept {
                        replica.borrow_mut().broadcast(value);
                    }
                    has_loaded.set(true);
                }
                Err(error) => {
                    tracing::warn!("{}: what was kept is not known yet: {error}", node.id());
                    node.sleep(settings.round_trip).await;
                }
            }
        }
        self.tend();
        self.wake_waiting();
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
        self.wake_waiting();
    }

    fn receive(&self, src: &NodeId, gossip: Gossip) {
        self.shared.replica.borrow_mut().receive(self.shared.node.now(), src, gossip);
        self.tend();
        self.wake_waiting();
    }

    /// Sends what is due, and sees to it that this happens again in time.
    fn tend(&self) {
        let Shared { node, replica, alarm, .. } = &*self.shared;
        for (dest, gossip) in replica.borrow_mut().poll(node.now()) {
            node.send(dest, &gossip);
        }
        let Some(deadline) = replica.borrow().deadline() else { return };
        if alarm.get().is_some_and(|alarm| alarm <= deadline) {
            return;
        }
        alarm.set(Some(deadline));
        let server = self.clone();
        node.spawn(async move {
            server.shared.node.sleep_until(deadline).await;
            // An earlier alarm may have taken this one's place; then that one has seen to the rest.
            if server.shared.alarm.get() == Some(deadline) {
                server.shared.alarm.set(None);
                server.tend();
            }
        });
    }

    async fn wait_until(&self, is_true: impl Fn() -> bool) {
        poll_fn(|context| {
            if is_true() {
                return Poll::Ready(());
            }
            self.shared.waiting.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn wake_waiting(&self) {
        for waker in self.shared.waiting.take() {
            waker.wake();
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shared").field("node", &self.node).finish_non_exhaustive()
    }
}
