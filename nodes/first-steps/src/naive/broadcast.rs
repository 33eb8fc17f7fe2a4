//! A node that tells nobody, and one that tells everybody, once.

use std::{cell::RefCell, collections::BTreeSet};

use glomers_node::{Node, NodeId, RawValue, Router, RpcError, messages};

messages! {
    "broadcast" struct Say { message: u64 } => "broadcast_ok" struct SayOk {};
    "read" struct Read {} => "read_ok" struct ReadOk { messages: BTreeSet<u64> };
    "topology" struct Topology { topology: Box<RawValue> } => "topology_ok" struct TopologyOk {};
    "tell" struct Tell { value: u64 };
}

// ANCHOR: alone
/// Keeps what its own clients say.
#[derive(Debug, Default)]
pub struct Alone {
    all: RefCell<BTreeSet<u64>>,
}

impl Alone {
    /// The server with its handlers.
    pub fn router(_node: Node) -> Router<Self> {
        Router::new(Self::default()).on(Self::say).on(Self::read).on(Self::topology)
    }

    async fn say(&self, request: Say) -> Result<SayOk, RpcError> {
        self.all.borrow_mut().insert(request.message);
        Ok(SayOk {})
    }

    async fn read(&self, _request: Read) -> Result<ReadOk, RpcError> {
        Ok(ReadOk { messages: self.all.borrow().clone() })
    }

    async fn topology(&self, _request: Topology) -> Result<TopologyOk, RpcError> {
        Ok(TopologyOk {})
    }
}
// ANCHOR_END: alone

// ANCHOR: flood
/// Tells every value that is new to it to all others, once.
#[derive(Debug)]
pub struct Flood {
    node: Node,
    all: RefCell<BTreeSet<u64>>,
}

impl Flood {
    /// The server with its handlers.
    pub fn router(node: Node) -> Router<Self> {
        let server = Self { node, all: RefCell::default() };
        Router::new(server).on(Self::say).on(Self::read).on(Self::topology).on_notice(Self::told)
    }

    fn learn(&self, value: u64) {
        if self.all.borrow_mut().insert(value) {
            for peer in self.node.peers() {
                self.node.send(peer, &Tell { value });
            }
        }
    }

    async fn say(&self, request: Say) -> Result<SayOk, RpcError> {
        self.learn(request.message);
        Ok(SayOk {})
    }

    async fn told(&self, _src: NodeId, notice: Tell) {
        self.learn(notice.value);
    }
    // ANCHOR_END: flood

    async fn read(&self, _request: Read) -> Result<ReadOk, RpcError> {
        Ok(ReadOk { messages: self.all.borrow().clone() })
    }

    async fn topology(&self, _request: Topology) -> Result<TopologyOk, RpcError> {
        Ok(TopologyOk {})
    }
}
