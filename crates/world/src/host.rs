//! The hosts of a world: what they are, and what the world keeps of each.

use std::collections::VecDeque;

use glomers_node::{NodeCore, NodeId, Time};

pub(crate) use crate::ids::{HostIndex, HostRole};
use crate::process::ProcessHost;

/// A place in the world's table of hosts. Places are never used twice, so that a late message still knows its sender.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) id: NodeId,
    pub(crate) role: HostRole,
    pub(crate) state: HostState,
    pub(crate) is_paused: bool,
    /// The bytes of the messages under way to this host, and held back while it is paused.
    pub(crate) awaited_bytes: usize,
}

#[derive(Debug)]
pub(crate) enum HostState {
    Local(Box<LocalHost>),
    Process(Box<ProcessHost>),
    /// Killed, or ended by itself.
    Dead,
    /// Left in peace.
    Departed,
}

/// A core that the world itself steps: a client, a service, or a node in simulation.
pub(crate) struct LocalHost {
    pub(crate) core: NodeCore,
    /// The one wake-up of this host in the event queue that counts; others are stale.
    pub(crate) armed: Option<Time>,
    /// Messages that came while the host was paused, as places in the queue's store.
    pub(crate) held: VecDeque<u32>,
}

impl LocalHost {
    pub(crate) fn new(core: NodeCore) -> Self {
        Self { core, armed: None, held: VecDeque::new() }
    }
}

impl std::fmt::Debug for LocalHost {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("LocalHost")
            .field("armed", &self.armed)
            .field("held", &self.held.len())
            .finish()
    }
}

impl HostState {
    pub(crate) fn is_alive(&self) -> bool {
        matches!(self, Self::Local(_) | Self::Process(_))
    }
}
