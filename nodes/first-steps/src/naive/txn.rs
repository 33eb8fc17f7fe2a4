//! A node whose transactions see their own future, and one that tells each write by itself and waits for the others.

use std::{cell::RefCell, collections::BTreeMap};

use glomers_node::{Node, Router, RpcError, messages};

type Micro = (String, u64, Option<u64>);

messages! {
    "txn" struct Txn { txn: Vec<Micro> } => "txn_ok" struct TxnOk { txn: Vec<Micro> };
    "set" struct Set { key: u64, value: u64 } => "set_ok" struct SetOk {};
}

// ANCHOR: writes-first
/// Carries out the writes of a transaction, then its reads.
#[derive(Debug, Default)]
pub struct WritesFirst {
    registers: RefCell<BTreeMap<u64, u64>>,
}

impl WritesFirst {
    /// The server with its handler.
    pub fn router(_node: Node) -> Router<Self> {
        Router::new(Self::default()).on(Self::txn)
    }

    async fn txn(&self, mut request: Txn) -> Result<TxnOk, RpcError> {
        let mut registers = self.registers.borrow_mut();
        registers.extend(request.txn.iter().filter_map(|(_, key, value)| Some((*key, (*value)?))));
        for (function, key, value) in &mut request.txn {
            if function == "r" {
                *value = registers.get(key).copied();
            }
        }
        Ok(TxnOk { txn: request.txn })
    }
}
// ANCHOR_END: writes-first

// ANCHOR: node
/// Tells every write to every other node, and waits until it is there.
#[derive(Debug)]
pub struct Transactions {
    node: Node,
    registers: RefCell<BTreeMap<u64, u64>>,
}

impl Transactions {
    /// The server with its handlers.
    pub fn router(node: Node) -> Router<Self> {
        Router::new(Self { node, registers: RefCell::default() }).on(Self::txn).on(Self::set)
    }

    async fn txn(&self, mut request: Txn) -> Result<TxnOk, RpcError> {
        for (_, key, value) in &mut request.txn {
            let key = *key;
            if let Some(value) = *value {
                self.registers.borrow_mut().insert(key, value);
                for peer in self.node.peers() {
                    self.node.rpc(peer, Set { key, value }).await?;
                }
            } else {
                *value = self.registers.borrow().get(&key).copied();
            }
        }
        Ok(TxnOk { txn: request.txn })
    }

    async fn set(&self, request: Set) -> Result<SetOk, RpcError> {
        self.registers.borrow_mut().insert(request.key, request.value);
        Ok(SetOk {})
    }
}
// ANCHOR_END: node
