//! `lin-tso`: an oracle of time stamps.

use std::cell::Cell;

use glomers_node::services::{Ts, TsOk};
use glomers_node::{NodeCore, Router, RpcError};

use super::Definition;

pub(crate) const DEFINITION: Definition = Definition {
    name: "lin-tso",
    doc: "a linearizable oracle: the integers from 0 on, one for each request",
    build: |options, id| {
        NodeCore::started(options, id, Vec::new(), |_| Router::new(LinTso::default()).on(LinTso::ts))
    },
};

#[derive(Default)]
struct LinTso {
    next: Cell<u64>,
}

impl LinTso {
    async fn ts(&self, _: Ts) -> Result<TsOk, RpcError> {
        let ts = self.next.get();
        self.next.set(ts + 1);
        Ok(TsOk { ts })
    }
}
