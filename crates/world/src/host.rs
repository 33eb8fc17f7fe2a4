//! What runs behind a host's name. What the network knows of it is its [`Endpoint`](crate::network::Endpoint).

use std::fmt;

use glomers_node::{NodeCore, Time};

use crate::lockstep_host::LockstepHost;
use crate::process::{Printed, ProcessHost};

/// The program of a host.
#[derive(Debug)]
pub(crate) enum Host {
    Local(Box<LocalHost>),
    Process(Box<ProcessHost>),
    Lockstep(Box<LockstepHost>),
    /// Killed, ended by itself, or removed.
    Gone,
}

impl Host {
    /// What its program has printed; none where there is no program.
    pub(crate) fn printed_mut(&mut self) -> Option<&mut Printed> {
        match self {
            Self::Process(process) => Some(&mut process.printed),
            Self::Lockstep(program) => Some(&mut program.printed),
            Self::Local(_) | Self::Gone => None,
        }
    }
}

/// A core that the world itself steps: a client, a service, or a node in simulation.
pub(crate) struct LocalHost {
    pub(crate) core: NodeCore,
    /// The one wake-up of this host among the timers that counts; others are stale.
    pub(crate) armed: Option<Time>,
}

impl LocalHost {
    pub(crate) fn new(core: NodeCore) -> Self {
        Self { core, armed: None }
    }
}

impl fmt::Debug for LocalHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LocalHost").field("armed", &self.armed).finish_non_exhaustive()
    }
}
