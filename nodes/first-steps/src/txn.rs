//! Transactions: each is carried out in one go where it arrives, and told to the others as a whole.

// ANCHOR: node
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

use glomers_node::{Node, NodeId, Router, RpcError, messages};

/// How long writes are gathered before they are told.
const INTERVAL: Duration = Duration::from_millis(50);

type Micro = (String, u64, Option<u64>);
/// The count of a transaction, which is higher than all that its node had seen, and that node's name.
type Stamp = (u64, NodeId);
/// What one transaction left behind.
type Writes = (Stamp, BTreeMap<u64, u64>);

messages! {
    "txn" struct Txn { txn: Vec<Micro> } => "txn_ok" struct TxnOk { txn: Vec<Micro> };
    "tell" struct Tell { writes: Vec<Writes> } => "tell_ok" struct TellOk {};
}

/// One node of the registers.
#[derive(Debug, Clone)]
pub struct Transactions {
    node: Node,
    registers: Rc<RefCell<BTreeMap<u64, (Stamp, u64)>>>,
    latest: Rc<Cell<u64>>,
    /// What this node's own transactions wrote, in order.
    own: Rc<RefCell<Vec<Writes>>>,
}

impl Transactions {
    /// The server with its handlers.
    pub fn router(node: Node) -> Router<Self> {
        let server = Self { node, registers: Rc::default(), latest: Rc::default(), own: Rc::default() };
        for peer in server.node.peers() {
            server.node.spawn(server.clone().tell(peer.clone()));
        }
        Router::new(server).on(Self::txn).on(Self::told)
    }

    /// Tells a peer what it has not acknowledged, again and again.
    async fn tell(self, peer: NodeId) {
        let mut acknowledged = 0;
        loop {
            self.node.sleep(INTERVAL).await;
            let writes = self.own.borrow()[acknowledged..].to_vec();
            let end = acknowledged + writes.len();
            if end > acknowledged && self.node.rpc(&peer, Tell { writes }).await.is_ok() {
                acknowledged = end;
            }
        }
    }

    /// Nothing here waits, so no other transaction comes between.
    async fn txn(&self, mut request: Txn) -> Result<TxnOk, RpcError> {
        let mut written = BTreeMap::new();
        for (function, key, value) in &mut request.txn {
            match (function.as_str(), *value) {
                ("w", Some(value)) => {
                    written.insert(*key, value);
                }
                _ => {
                    let stored = || self.registers.borrow().get(key).map(|(_, value)| *value);
                    *value = written.get(key).copied().or_else(stored);
                }
            }
        }
        if !written.is_empty() {
            let writes = ((self.latest.get() + 1, self.node.id().clone()), written);
            self.apply(&writes);
            self.own.borrow_mut().push(writes);
        }
        Ok(TxnOk { txn: request.txn })
    }

    async fn told(&self, request: Tell) -> Result<TellOk, RpcError> {
        request.writes.iter().for_each(|writes| self.apply(writes));
        Ok(TellOk {})
    }

    /// Of two transactions that wrote a register, the one with the higher stamp counts.
    fn apply(&self, (stamp, written): &Writes) {
        self.latest.set(stamp.0.max(self.latest.get()));
        let mut registers = self.registers.borrow_mut();
        for (key, value) in written {
            if registers.get(key).is_none_or(|(known, _)| known < stamp) {
                registers.insert(*key, (stamp.clone(), *value));
            }
        }
    }
}
// ANCHOR_END: node
