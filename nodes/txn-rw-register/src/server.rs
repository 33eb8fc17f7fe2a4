//! The server: carries out each transaction in one go on what it knows.

use std::collections::BTreeMap;

use crdt::Replica;
use glomers_node::{Node, RawValue, Router, RpcError, messages};
use serde::{Deserialize, Serialize};

use crate::writes::{Transaction, Writes};

/// A transaction to be carried out.
#[derive(Debug, Serialize, Deserialize)]
pub struct Txn {
    /// Its micro-operations, in order. The value of a read is `null`.
    pub txn: Vec<MicroOperation>,
}

/// Answers [`Txn`].
#[derive(Debug, Serialize, Deserialize)]
pub struct TxnOk {
    /// The same micro-operations, where a read has the value that it saw: `null` where there is none.
    pub txn: Vec<MicroOperation>,
}

/// What to do, the register's key, and the value: `["w", 3, 17]`. Keys and values may be any JSON.
pub type MicroOperation = (Function, Box<RawValue>, Box<RawValue>);

/// What a micro-operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Function {
    /// Reads a register.
    #[serde(rename = "r")]
    Read,
    /// Replaces a register's value.
    #[serde(rename = "w")]
    Write,
}

messages! {
    "txn" Txn => "txn_ok" TxnOk;
}

/// One node of the registers.
#[derive(Debug)]
pub struct TransactionServer {
    replica: Replica<Writes>,
}

impl TransactionServer {
    /// The server with its handlers, and those of the messages between nodes.
    pub fn router(node: Node) -> Router<Self> {
        let replica = Replica::start(node);
        replica.serve(Router::new(Self { replica: replica.clone() }).on(Self::txn))
    }

    async fn txn(&self, mut request: Txn) -> Result<TxnOk, RpcError> {
        self.replica.caught_up().await;
        // From here on nothing waits, so that no other transaction comes between.
        let mut written: BTreeMap<String, Box<RawValue>> = BTreeMap::new();
        for (function, key, value) in &mut request.txn {
            match function {
                Function::Read => {
                    let own = written.get(key.get()).cloned();
                    *value =
                        own.or_else(|| self.current(key.get())).unwrap_or_else(|| RawValue::NULL.to_owned());
                }
                Function::Write => {
                    written.insert(key.get().to_owned(), value.clone());
                }
            }
        }
        if !written.is_empty() {
            let count = 1 + self.latest_count();
            self.replica.change(Transaction { count, values: written });
        }
        Ok(TxnOk { txn: request.txn })
    }

    /// The value of a register: the one with the highest stamp.
    fn current(&self, key: &str) -> Option<Box<RawValue>> {
        let parts = self.replica.parts();
        let writes = parts.iter().filter_map(|(origin, part)| Some((part.get(key)?, origin)));
        let (newest, _) = writes.max_by_key(|(write, origin)| (write.count, *origin))?;
        Some(newest.value.clone())
    }

    /// The highest count of all stamps that this node has seen.
    fn latest_count(&self) -> u64 {
        self.replica.parts().iter().map(|(_, part)| part.latest_count()).max().unwrap_or_default()
    }
}
