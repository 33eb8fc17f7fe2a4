//! The server: what it does with each request, and how a life of it begins.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use futures::future::{FutureExt, LocalBoxFuture, Shared, join_all};
use glomers_node::{Batcher, Node, NodeId, Router, RpcError, Time};

use crate::entry::Entry;
use crate::messages::{
    CommitOffsets, CommitOffsetsOk, ListCommittedOffsets, ListCommittedOffsetsOk, Poll, PollOk, Send, SendOk,
};
use crate::news::Exchange;
use crate::replica::Replica;
use crate::store::{ENTRIES_PER_VOLUME, Store};
use crate::writer::{LINGER, Submission};

/// A server that keeps append-only logs. The crate's documentation says how.
pub struct Broker {
    core: Rc<Core>,
    /// Done once the node knows all that its former lives had promised.
    recovery: Shared<LocalBoxFuture<'static, ()>>,
}

/// What the handlers and the tasks beside them share.
pub(crate) struct Core {
    pub(crate) node: Node,
    pub(crate) store: Store,
    /// The owners of the journals: all nodes, in the order of their names, which is the same for everybody.
    pub(crate) owners: Vec<NodeId>,
    /// Which of the journals is this node's.
    pub(crate) own: usize,
    /// The slot of the entry with which this life began.
    pub(crate) life: OnceCell<u64>,
    pub(crate) replica: RefCell<Replica>,
    pub(crate) writer: Rc<Batcher<Submission, Option<u64>>>,
    /// How many volumes of the own journal this life need not gather any more.
    pub(crate) gathered_volumes: Cell<u64>,
    pub(crate) exchange: RefCell<Exchange>,
}

impl Broker {
    /// Called once the init message has come. Begins to read what former lives and other nodes have written.
    pub fn new(node: Node) -> Self {
        let mut owners = node.node_ids().to_vec();
        owners.sort();
        let own =
            owners.iter().position(|owner| owner == node.id()).expect("init names the node among the nodes");
        let core = Rc::new(Core {
            store: Store::new(&node),
            replica: RefCell::new(Replica::new(own, owners.len())),
            exchange: RefCell::new(Exchange::new(owners.len())),
            writer: Rc::new(Batcher::with_linger(LINGER)),
            gathered_volumes: Cell::new(0),
            life: OnceCell::new(),
            owners,
            own,
            node,
        });
        core.start_writing();
        let recovery = Rc::clone(&core).recover().boxed_local().shared();
        core.node.spawn(recovery.clone());
        Self { core, recovery }
    }

    /// The server with its handlers.
    pub fn router(node: Node) -> Router<Self> {
        Router::new(Self::new(node)).on(Self::send).on(Self::poll).on(Self::commit).on(Self::list_committed)
    }

    /// Answers when the message is in `lin-kv`: from then on nothing loses it.
    async fn send(&self, request: Send) -> Result<SendOk, RpcError> {
        self.recovery.clone().await;
        self.core.ask_for_news();
        let offset = self.core.append(request.key, request.msg).await;
        self.core.ask_for_news();
        Ok(SendOk { offset })
    }

    /// Answers at once with what is final here.
    async fn poll(&self, request: Poll) -> Result<PollOk, RpcError> {
        self.recovery.clone().await;
        self.core.ask_for_news();
        let mut replica = self.core.replica.borrow_mut();
        let polled = request.offsets.into_iter().map(|(key, first)| {
            let messages = replica.poll(&key, first);
            (key, messages)
        });
        Ok(PollOk { msgs: polled.filter(|(_, messages)| !messages.is_empty()).collect() })
    }

    /// Answers when the offsets are in `lin-kv`.
    async fn commit(&self, request: CommitOffsets) -> Result<CommitOffsetsOk, RpcError> {
        self.recovery.clone().await;
        let news: BTreeMap<String, u64> = {
            let replica = self.core.replica.borrow();
            let is_news =
                |key: &str, offset| replica.committed(key).is_none_or(|committed| committed < offset);
            request.offsets.into_iter().filter(|(key, offset)| is_news(key, *offset)).collect()
        };
        if !news.is_empty() {
            self.core.ask_for_news();
            self.core.commit(news).await;
            self.core.ask_for_news();
        }
        Ok(CommitOffsetsOk {})
    }

    async fn list_committed(
        &self,
        request: ListCommittedOffsets,
    ) -> Result<ListCommittedOffsetsOk, RpcError> {
        self.recovery.clone().await;
        self.core.ask_for_news();
        let replica = self.core.replica.borrow();
        let committed = |key: String| replica.committed(&key).map(|offset| (key, offset));
        Ok(ListCommittedOffsetsOk { offsets: request.keys.into_iter().filter_map(committed).collect() })
    }
}

impl Core {
    /// Begins a life: ends what a former one may still have under way, and reads all that it may have promised to stay behind.
    async fn recover(self: Rc<Self>) {
        let own = &self.owners[self.own];
        let life = loop {
            let slot = self.replica.borrow().next_slot(self.own);
            let beginning = Entry::without_content(own.clone(), slot, vec![0; self.owners.len()]);
            if self.store.claim(own, slot, &beginning).await {
                self.replica.borrow_mut().apply(self.own, slot, beginning);
                break slot;
            }
            self.catch_up(self.own).await;
        };
        let others = (0..self.owners.len()).filter(|journal| *journal != self.own);
        join_all(others.map(|journal| self.catch_up(journal))).await;
        self.replica.borrow_mut().settle();
        self.gathered_volumes.set(life / ENTRIES_PER_VOLUME);
        self.life.set(life).expect("a node recovers once");
        tracing::info!("{own} begins a life at slot {life} of its journal");
    }

    pub(crate) fn now(&self) -> Time {
        self.node.now()
    }
}

#[cfg(test)]
mod tests;
