//! What the network knows of its hosts.

use std::collections::VecDeque;

use glomers_node::NodeId;
use rustc_hash::FxHashMap;

use crate::ids::{HostIndex, HostRole};

/// A host as the network sees it. Endpoints are never used twice, so that a late message still knows its sender.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) host: HostIndex,
    pub(crate) id: NodeId,
    pub(crate) role: HostRole,
    pub(crate) kind: EndpointKind,
    pub(crate) presence: Presence,
    pub(crate) is_paused: bool,
    /// Whether it has answered init, or needs none.
    pub(super) is_ready: bool,
    /// The memory of the messages under way to this host, and of those held back.
    pub(super) in_flight_bytes: usize,
    /// Messages that arrived and must wait, in order, by their slots.
    pub(super) held: VecDeque<u32>,
    /// How many messages were held back and are due now. Nothing may overtake them.
    pub(super) released_count: usize,
}

/// How a host takes its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndpointKind {
    /// Stepped by the world itself.
    Local,
    /// A process that reads its standard input.
    Process,
    /// A program that the world steps.
    Lockstep,
}

/// Whether a host can still be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Alive,
    /// Killed, or ended by itself.
    Dead,
    /// Taken out of the world by its user, as clients are.
    Removed,
}

impl Endpoint {
    pub(crate) fn is_alive(&self) -> bool {
        self.presence == Presence::Alive
    }

    /// Whether what arrives for it has to wait now, whoever sent it.
    pub(super) fn may_hold(&self) -> bool {
        self.is_paused || self.released_count > 0
    }

    /// Whether it lives and the world itself steps it.
    pub(super) fn is_local(&self) -> bool {
        self.is_alive() && self.kind != EndpointKind::Process
    }
}

/// Every host there ever was, and who has which name now.
#[derive(Debug, Default)]
pub(super) struct Endpoints {
    list: Vec<Endpoint>,
    /// The newest host of each name. Only looked up, never iterated.
    by_name: FxHashMap<NodeId, HostIndex>,
}

impl Endpoints {
    pub(super) fn add(
        &mut self,
        id: NodeId,
        role: HostRole,
        kind: EndpointKind,
        is_ready: bool,
    ) -> HostIndex {
        let host = HostIndex(u32::try_from(self.list.len()).expect("four billion hosts exceed any memory"));
        self.by_name.insert(id.clone(), host);
        self.list.push(Endpoint {
            host,
            id,
            role,
            kind,
            presence: Presence::Alive,
            is_paused: false,
            is_ready,
            in_flight_bytes: 0,
            held: VecDeque::new(),
            released_count: 0,
        });
        host
    }

    pub(super) fn get(&self, host: HostIndex) -> &Endpoint {
        &self.list[host.slot()]
    }

    pub(super) fn get_mut(&mut self, host: HostIndex) -> &mut Endpoint {
        &mut self.list[host.slot()]
    }

    /// The newest host of that name, dead or alive.
    pub(super) fn find(&self, name: &str) -> Option<HostIndex> {
        self.by_name.get(name).copied()
    }

    /// How many hosts of that name there were.
    pub(super) fn count_named(&self, id: &NodeId) -> usize {
        self.list.iter().filter(|endpoint| endpoint.id == *id).count()
    }

    /// A message finds its receiver by name, as on any network: one that was sent before a node was killed reaches the node that was
    /// started in its place.
    pub(super) fn current_host_named(&self, dest: HostIndex) -> HostIndex {
        let endpoint = self.get(dest);
        if endpoint.is_alive() { dest } else { self.find(endpoint.id.as_str()).unwrap_or(dest) }
    }
}
