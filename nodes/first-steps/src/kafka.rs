//! The log: each key has one node that owns it, and the others ask that one.

// ANCHOR: node
use std::{cell::RefCell, collections::BTreeMap};

use glomers_node::{Node, NodeId, RawValue, Router, RpcError, messages};

type Offsets = BTreeMap<String, u64>;
type Messages = BTreeMap<String, Vec<(u64, Box<RawValue>)>>;

messages! {
    "send" struct Send { key: String, msg: Box<RawValue> } => "send_ok" struct SendOk { offset: u64 };
    "poll" struct Poll { offsets: Offsets } => "poll_ok" struct PollOk { msgs: Messages };
    "commit_offsets" struct Commit { offsets: Offsets } => "commit_offsets_ok" struct CommitOk {};
    "list_committed_offsets" struct List { keys: Vec<String> } =>
    "list_committed_offsets_ok" struct ListOk { offsets: Offsets };
}

/// One node of the log. It keeps the keys that it owns in memory.
#[derive(Debug)]
pub struct Kafka {
    node: Node,
    logs: RefCell<BTreeMap<String, Vec<Box<RawValue>>>>,
    committed: RefCell<Offsets>,
}

impl Kafka {
    /// The server with its handlers.
    pub fn router(node: Node) -> Router<Self> {
        let server = Self { node, logs: RefCell::default(), committed: RefCell::default() };
        Router::new(server).on(Self::send).on(Self::poll).on(Self::commit).on(Self::list)
    }

    /// The node that owns a key: every node comes to the same answer without asking.
    fn owner(&self, key: &str) -> &NodeId {
        let nodes = self.node.node_ids();
        let sum: usize = key.bytes().map(usize::from).sum();
        &nodes[sum % nodes.len()]
    }

    /// What belongs to whom.
    fn by_owner<T>(
        &self,
        items: impl IntoIterator<Item = (String, T)>,
    ) -> BTreeMap<NodeId, Vec<(String, T)>> {
        let mut shares: BTreeMap<NodeId, Vec<(String, T)>> = BTreeMap::new();
        for (key, item) in items {
            shares.entry(self.owner(&key).clone()).or_default().push((key, item));
        }
        shares
    }

    async fn send(&self, request: Send) -> Result<SendOk, RpcError> {
        let owner = self.owner(&request.key);
        if owner != self.node.id() {
            return self.node.rpc(owner, request).await;
        }
        let mut logs = self.logs.borrow_mut();
        let log = logs.entry(request.key).or_default();
        log.push(request.msg);
        Ok(SendOk { offset: log.len() as u64 - 1 })
    }

    async fn poll(&self, request: Poll) -> Result<PollOk, RpcError> {
        let mut msgs = Messages::new();
        for (owner, share) in self.by_owner(request.offsets) {
            if owner == *self.node.id() {
                let logs = self.logs.borrow();
                for (key, first) in share {
                    let log = logs.get(&key).map(Vec::as_slice).unwrap_or_default();
                    let numbered = (0..).zip(log.iter().cloned()).skip(first as usize);
                    msgs.insert(key, numbered.take(10).collect());
                }
            } else {
                let offsets = share.into_iter().collect();
                msgs.extend(self.node.rpc(&owner, Poll { offsets }).read_only().await?.msgs);
            }
        }
        Ok(PollOk { msgs })
    }

    async fn commit(&self, request: Commit) -> Result<CommitOk, RpcError> {
        for (owner, share) in self.by_owner(request.offsets) {
            if owner == *self.node.id() {
                let mut committed = self.committed.borrow_mut();
                for (key, offset) in share {
                    let known = committed.entry(key).or_default();
                    *known = offset.max(*known);
                }
            } else {
                self.node.rpc(&owner, Commit { offsets: share.into_iter().collect() }).await?;
            }
        }
        Ok(CommitOk {})
    }

    async fn list(&self, request: List) -> Result<ListOk, RpcError> {
        let mut offsets = Offsets::new();
        for (owner, share) in self.by_owner(request.keys.into_iter().map(|key| (key, ()))) {
            let keys = share.into_iter().map(|(key, ())| key);
            if owner == *self.node.id() {
                let committed = self.committed.borrow();
                offsets.extend(keys.filter_map(|key| committed.get(&key).map(|offset| (key, *offset))));
            } else {
                let list = List { keys: keys.collect() };
                offsets.extend(self.node.rpc(&owner, list).read_only().await?.offsets);
            }
        }
        Ok(ListOk { offsets })
    }
}
// ANCHOR_END: node
