//! The services that every node may use: hosts that answer requests, each with a promise of its own.
//!
//! The requests are those of Maelstrom's services (`doc/services.md`); their types, and the clients that nodes use, are in
//! [`glomers_node::services`]. No fault cuts a service off or slows it down, though its links have the network's latency. What each store
//! keeps is bounded: beyond 64 MiB a write fails with code 11, and says so. All it draws comes from a stream of its own.
//!
//! - `request`: requests with unusual ids, and those that cannot be answered.
//! - `key_value`: the requests of the three key-value stores, and what a store must do.
//! - `lin_kv`, `seq_kv`, `lww_kv`: the stores, each with its own idea of what the present is.
//! - `lin_tso`: the oracle of time stamps.

mod key_value;
mod lin_kv;
mod lin_tso;
mod lww_kv;
mod request;
mod seq_kv;

use std::fmt;

use glomers_node::{CoreOptions, NodeCore, NodeId};

use crate::{HostIndex, HostRole, World};
pub(crate) use request::Request;

/// A service, before it is built.
pub struct Definition {
    /// The name that nodes send their requests to: `lin-kv`.
    pub name: &'static str,
    /// What it promises, in one sentence.
    pub doc: &'static str,
    build: fn(CoreOptions, NodeId) -> NodeCore,
}

/// Every service, in alphabetical order.
pub const ALL: &[Definition] =
    &[lin_kv::DEFINITION, lin_tso::DEFINITION, lww_kv::DEFINITION, seq_kv::DEFINITION];

impl Definition {
    /// The service as a core without state, to be added to a world. Its draws depend on the options' stream alone.
    pub fn build(&self, options: CoreOptions) -> NodeCore {
        (self.build)(options, self.name.into())
    }
}

impl fmt::Debug for Definition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Definition").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The service of that name.
pub fn find(name: &str) -> Option<&'static Definition> {
    ALL.iter().find(|definition| definition.name == name)
}

impl World {
    /// Adds every service, in the order of [`ALL`]. Each draws from the stream `service/` and its name.
    ///
    /// # Panics
    /// If a host with the name of a service lives.
    pub fn add_services(&mut self) -> Vec<HostIndex> {
        let add = |definition: &Definition| {
            let random = self.random(&format!("service/{}", definition.name));
            let core = definition.build(CoreOptions::new(random));
            self.add_local(definition.name.into(), HostRole::Service, core)
        };
        ALL.iter().map(add).collect()
    }
}
