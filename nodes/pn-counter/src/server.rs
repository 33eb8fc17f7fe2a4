//! The server: adds to the node's own totals, reads the balance of all.

use crdt::{Journal, Replica};
use glomers_node::{Node, Router, RpcError, messages};

use crate::Totals;

messages! {
    /// Changes the counter.
    "add" pub struct Add {
        /// By how much; down where it is negative.
        pub delta: i64,
    } =>
    /// Answers [`Add`]: the change counts, once and for ever.
    "add_ok" pub struct AddOk {};

    /// Asks for the count.
    "read" pub struct Read {} =>
    /// Answers [`Read`].
    "read_ok" pub struct ReadOk {
        /// The sum of all changes that this node knows of.
        pub value: i128,
    };
}

/// One node of the counter.
#[derive(Debug)]
pub struct PnCounterServer {
    replica: Replica<Totals>,
    journal: Journal<Totals>,
}

impl PnCounterServer {
    /// The server with its handlers, and those of the messages between nodes.
    pub fn router(node: Node) -> Router<Self> {
        let replica = Replica::start(node);
        let journal = Journal::start(&replica, "pn-counter");
        let server = Self { replica: replica.clone(), journal };
        replica.serve(Router::new(server).on(Self::add).on(Self::read))
    }

    async fn add(&self, request: Add) -> Result<AddOk, RpcError> {
        self.journal.commit(request.delta).await;
        Ok(AddOk {})
    }

    async fn read(&self, _request: Read) -> Result<ReadOk, RpcError> {
        self.journal.opened().await;
        self.replica.caught_up().await;
        Ok(ReadOk { value: self.replica.parts().iter().map(|(_, totals)| totals.balance()).sum() })
    }
}
