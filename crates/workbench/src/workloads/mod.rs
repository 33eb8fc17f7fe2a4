//! The workloads, one file each: what clients ask nodes to do, and what the answers must be.

mod echo;

use std::rc::Rc;

use glomers_check::{Checker, Mode};

use crate::{clients::Client, generator::Generator, plan::Plan, schema::Rpc};

/// What a workload is, before it is built for a plan.
pub struct Definition {
    /// Its name on the command line.
    pub name: &'static str,
    /// One sentence for `--help`, more for the protocol page.
    pub doc: &'static str,
    /// The requests that its clients send.
    pub rpcs: &'static [&'static Rpc],
    /// Builds it for a plan.
    pub build: fn(&Plan) -> Workload,
    /// Its own checker alone, for a history that is already there.
    pub checker: fn(Mode) -> Box<dyn Checker>,
}

/// A workload that is built for a plan.
pub struct Workload {
    /// What clients are asked to do; the runner spreads it at the plan's rate and ends it at the time limit.
    pub generator: Box<dyn Generator>,
    /// How an operation is carried out.
    pub client: Rc<dyn Client>,
}

/// Every workload, in alphabetical order.
pub const ALL: &[Definition] = &[echo::DEFINITION];

/// The names of all workloads.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|definition| definition.name)
}

/// The workload of a plan.
///
/// # Panics
/// When there is none of that name: a plan names one of the registry.
pub(crate) fn named(name: &str) -> &'static Definition {
    find(name).unwrap_or_else(|| {
        panic!("there is no workload {name:?}; there are {}", names().collect::<Vec<_>>().join(", "))
    })
}

/// The workload of that name.
pub fn find(name: &str) -> Option<&'static Definition> {
    ALL.iter().find(|definition| definition.name == name)
}
