//! The server: adds to the node's own list, reads the union of all.

use std::collections::BTreeSet;

use crdt::{Journal, Replica};
use glomers_node::{Node, RawValue, Router, RpcError, messages};

use crate::Elements;

messages! {
    /// Adds an element.
    "add" pub struct Add {
        /// Any JSON.
        pub element: Box<RawValue>,
    } =>
    /// Answers [`Add`]: the element will never be lost.
    "add_ok" pub struct AddOk {};

    /// Asks for all elements.
    "read" pub struct Read {} =>
    /// Answers [`Read`].
    "read_ok" pub struct ReadOk {
        /// Every element that this node knows of, once.
        pub value: Vec<Box<RawValue>>,
    };
}

/// One node of the set.
#[derive(Debug)]
pub struct GSetServer {
    replica: Replica<Elements>,
    journal: Journal<Elements>,
}

impl GSetServer {
    /// The server with its handlers, and those of the messages between nodes.
    pub fn router(node: Node) -> Router<Self> {
        let replica = Replica::start(node);
        let journal = Journal::start(&replica, "g-set");
        let server = Self { replica: replica.clone(), journal };
        replica.serve(Router::new(server).on(Self::add).on(Self::read))
    }

    async fn add(&self, request: Add) -> Result<AddOk, RpcError> {
        self.journal.commit(request.element).await;
        Ok(AddOk {})
    }

    async fn read(&self, _request: Read) -> Result<ReadOk, RpcError> {
        self.journal.opened().await;
        self.replica.caught_up().await;
        let parts = self.replica.parts();
        let mut seen = BTreeSet::new();
        let elements = parts.iter().flat_map(|(_, part)| part.iter());
        let value = elements.filter(|element| seen.insert(element.get())).map(RawValue::to_owned).collect();
        Ok(ReadOk { value })
    }
}
