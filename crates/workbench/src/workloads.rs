//! The workloads, one file each: what clients ask nodes to do, and how the answers are checked.

mod adds_and_reads;
mod broadcast;
mod counters;
mod echo;
mod g_counter;
mod g_set;
mod kafka;
mod lin_kv;
mod pn_counter;
mod transactions;
mod txn_list_append;
mod txn_rw_register;
mod unique_ids;

use std::{collections::BTreeMap, rc::Rc};

use glomers_check::{
    Checker, Mode,
    registry::{self, CheckOptions, Entry, Keys},
};
use glomers_protocol::RawValue;

use crate::{
    clients::{Client, UncaughtErrors},
    generator::Generator,
    plan::{
        Plan,
        settings::{Setting, SettingKind, Settings},
    },
    schema::Rpc,
};

/// What a workload is, before it is built for a plan.
pub struct Definition {
    /// Its name on the command line.
    pub name: &'static str,
    /// One sentence for `--help`, more for the protocol page.
    pub doc: &'static str,
    /// The requests that its clients send.
    pub rpcs: &'static [&'static Rpc],
    /// Builds it for a plan.
    build: fn(&Plan) -> Workload,
    /// Its options.
    pub settings: &'static [&'static Setting],
    /// Its own checker, by its name in [`registry::ALL`].
    pub checker: &'static str,
    /// Where its operations name their key.
    pub keys: Keys,
}

impl Definition {
    /// The workload, built for a plan. In [`Mode::Compat`] its clients treat errors as Maelstrom's do.
    pub fn workload(&self, plan: &Plan, mode: Mode) -> Workload {
        let mut workload = (self.build)(plan);
        if mode == Mode::Compat && UNCAUGHT_ERRORS.contains(&self.name) {
            workload.client = Rc::new(UncaughtErrors(workload.client));
        }
        workload
    }

    /// Its own checker, in the registry.
    pub fn checker(&self) -> &'static Entry {
        registry::find(self.checker).expect("a workload names a checker of the registry")
    }

    /// Its own checker alone, for a run with these settings.
    pub fn build_checker(&self, settings: &Settings, mode: Mode) -> Box<dyn Checker> {
        let models = self.settings.iter().find(|setting| matches!(setting.kind, SettingKind::Models));
        let models = models.map(|setting| settings.models(setting)).unwrap_or_default();
        Box::new(self.checker().build(&CheckOptions::of_workload(self.keys, models, mode)))
    }
}

/// A workload that is built for a plan.
pub struct Workload {
    /// The operations; the runner issues them at the plan's rate until the time limit.
    pub generator: Box<dyn Generator>,
    /// The final operations, once every fault is healed and the nodes have had time to recover. The plan's rate does not apply to them.
    pub final_generator: Option<Box<dyn Generator>>,
    /// The request that every node gets after it has answered init.
    pub set_up: Option<SetUp>,
    /// How an operation is carried out.
    pub client: Rc<dyn Client>,
}

impl Workload {
    /// A workload without a final phase and without a set-up.
    pub fn new(generator: impl Generator + 'static, client: impl Client + 'static) -> Self {
        Self { generator: Box::new(generator), final_generator: None, set_up: None, client: Rc::new(client) }
    }

    /// The same with a final phase.
    #[must_use]
    pub fn ending_with(mut self, generator: impl Generator + 'static) -> Self {
        self.final_generator = Some(Box::new(generator));
        self
    }
}

/// A request that every node must answer before the first operation, and again after each restart.
#[derive(Debug, Clone)]
pub struct SetUp {
    /// What kind of request.
    pub rpc: &'static Rpc,
    /// Its body's own fields.
    pub payload: BTreeMap<&'static str, Box<RawValue>>,
}

/// The workloads whose clients in Maelstrom do not catch errors.
const UNCAUGHT_ERRORS: [&str; 3] = ["g-counter", "g-set", "pn-counter"];

/// Every workload, in alphabetical order.
pub const ALL: &[Definition] = &[
    broadcast::DEFINITION,
    echo::DEFINITION,
    g_counter::DEFINITION,
    g_set::DEFINITION,
    kafka::DEFINITION,
    lin_kv::DEFINITION,
    pn_counter::DEFINITION,
    txn_list_append::DEFINITION,
    txn_rw_register::DEFINITION,
    unique_ids::DEFINITION,
];

/// The names of all workloads.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|definition| definition.name)
}

/// The workload of a plan.
///
/// # Panics
/// If there is none of that name. [`crate::registry::check_plan`] refuses such a plan.
pub fn named(name: &str) -> &'static Definition {
    find(name).unwrap_or_else(|| {
        panic!("there is no workload {name:?}; there are {}", names().collect::<Vec<_>>().join(", "))
    })
}

/// The workload of that name.
pub fn find(name: &str) -> Option<&'static Definition> {
    ALL.iter().find(|definition| definition.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_names_a_checker_that_takes_its_keys() {
        for workload in ALL {
            assert!(workload.checker().takes_keys || workload.keys == Keys::None, "{}", workload.name);
        }
    }
}
