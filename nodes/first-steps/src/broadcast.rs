//! Broadcast: each node tells every other what its own clients said, again and again until that is acknowledged.

// ANCHOR: node
use std::{cell::RefCell, collections::BTreeSet, rc::Rc, time::Duration};

use glomers_node::{Node, NodeId, RawValue, Router, RpcError, messages};

messages! {
    "broadcast" struct Say { message: u64 } => "broadcast_ok" struct SayOk {};
    "read" struct Read {} => "read_ok" struct ReadOk { messages: BTreeSet<u64> };
    "topology" struct Topology { topology: Box<RawValue> } => "topology_ok" struct TopologyOk {};
    "tell" struct Tell { values: Vec<u64> } => "tell_ok" struct TellOk {};
}

/// Brings every value to every node.
#[derive(Debug, Clone, Default)]
pub struct Broadcast {
    /// What this node's clients said, in order.
    own: Rc<RefCell<Vec<u64>>>,
    all: Rc<RefCell<BTreeSet<u64>>>,
}

impl Broadcast {
    /// The server with its handlers. It gathers values for `interval`, and sends them together.
    #[expect(clippy::needless_pass_by_value, reason = "a server is made from its node")]
    pub fn router(node: Node, interval: Duration) -> Router<Self> {
        let server = Self::default();
        for peer in node.peers() {
            node.spawn(server.clone().tell(node.clone(), peer.clone(), interval));
        }
        Router::new(server).on(Self::say).on(Self::read).on(Self::topology).on(Self::told)
    }

    async fn tell(self, node: Node, peer: NodeId, interval: Duration) {
        let mut acknowledged = 0;
        loop {
            node.sleep(interval).await;
            let values = self.own.borrow()[acknowledged..].to_vec();
            let end = acknowledged + values.len();
            if end > acknowledged && node.rpc(&peer, Tell { values }).await.is_ok() {
                acknowledged = end;
            }
        }
    }

    async fn say(&self, request: Say) -> Result<SayOk, RpcError> {
        self.own.borrow_mut().push(request.message);
        self.all.borrow_mut().insert(request.message);
        Ok(SayOk {})
    }

    async fn told(&self, request: Tell) -> Result<TellOk, RpcError> {
        self.all.borrow_mut().extend(request.values);
        Ok(TellOk {})
    }

    async fn topology(&self, _request: Topology) -> Result<TopologyOk, RpcError> {
        Ok(TopologyOk {})
    }

    async fn read(&self, _request: Read) -> Result<ReadOk, RpcError> {
        Ok(ReadOk { messages: self.all.borrow().clone() })
    }
}
// ANCHOR_END: node
