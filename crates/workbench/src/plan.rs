//! What a run is to do: the options of the command line, with defaults filled in.

pub mod expectation;
mod fault_script;
mod operations;
pub mod settings;

use std::time::Duration;

use glomers_check::AvailabilityGoal;
use glomers_node::CrashLoss;
use glomers_protocol::NodeId;
use glomers_world::Latency;
use serde::{Deserialize, Serialize};

use self::{expectation::Expectation, settings::Settings};
pub use self::{fault_script::FaultScript, operations::PlannedOperation};

/// Everything that determines a simulation: equal plans, seed included, give runs that are equal to the byte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The workload's name, one of [`crate::workloads::names`].
    pub workload: String,
    /// The nodes, in the order of their ids.
    pub nodes: Vec<NodeId>,
    /// How many clients work at the same time; client `i` talks to node `i` modulo the number of nodes.
    pub concurrency: usize,
    /// The mean rate of operations over all clients, in operations a second. At zero there are none.
    pub rate_hz: f64,
    /// How long operations are invoked. Those under way at the end may still complete.
    pub time_limit: Duration,
    /// The delay between servers.
    pub latency: Latency,
    /// The faults to inject, by name, one of [`crate::nemeses::names`].
    pub nemesis: Vec<String>,
    /// The mean pause between two actions of the nemesis.
    pub nemesis_interval: Duration,
    /// How long after the first operation the first random fault may begin.
    #[serde(default)]
    pub nemesis_delay: Duration,
    /// The faults to inject at given times, beside the random ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nemesis_script: Option<FaultScript>,
    /// What a kill takes from a node's storage.
    #[serde(default)]
    pub nemesis_kill_storage: KillStorage,
    /// The operations to invoke, instead of those that the workload would draw. Its final operations come in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<PlannedOperation>>,
    /// The share of operations that must succeed.
    pub availability: AvailabilityGoal,
    /// How long the nodes may recover after the faults, before a workload's final operations.
    pub recovery: Duration,
    /// Whether the run ends at the first violation that its checkers see during the run.
    pub fail_fast: bool,
    /// The limits for figures.
    pub expectations: Vec<Expectation>,
    /// The options of the workload and of the faults.
    pub settings: Settings,
    /// The random seed. It determines the operations that generators draw, the faults and the network's delays, each by its own stream.
    /// In simulation it determines the whole run. With real processes, the operating system's scheduling decides which client is free, and
    /// so which client gets an operation, and how many operations there are.
    pub seed: u64,
}

impl Plan {
    /// The plan that `glomers test -w <workload>` follows without any option: five nodes, one client each, five operations a second for
    /// a minute.
    pub fn new(workload: &str, seed: u64) -> Self {
        Self {
            workload: workload.to_owned(),
            nodes: (1..=5).map(|number| NodeId::from(format!("n{number}"))).collect(),
            concurrency: 5,
            rate_hz: 5.0,
            time_limit: Duration::from_secs(60),
            latency: Latency::NONE,
            nemesis: Vec::new(),
            nemesis_interval: Duration::from_secs(10),
            nemesis_delay: Duration::ZERO,
            nemesis_script: None,
            nemesis_kill_storage: KillStorage::Kept,
            operations: None,
            availability: AvailabilityGoal::None,
            recovery: Duration::from_secs(10),
            fail_fast: false,
            expectations: Vec::new(),
            settings: Settings::default(),
            seed,
        }
    }

    /// Whether any fault is to be injected.
    pub fn has_faults(&self) -> bool {
        !self.nemesis.is_empty() || self.nemesis_script.is_some()
    }
}

/// What a kill leaves of the files that a node keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KillStorage {
    /// All of them, as when a process is killed and its machine goes on.
    #[default]
    Kept,
    /// What was synced, as when the machine loses power.
    UnsyncedLost,
    /// What was synced, and of the rest a part: an append may be half there.
    Torn,
    /// Nothing, as when the disk is replaced.
    Lost,
}

impl KillStorage {
    /// What it takes from a storage in memory.
    pub(crate) fn loss(self) -> CrashLoss {
        match self {
            Self::Kept => CrashLoss::Nothing,
            Self::UnsyncedLost => CrashLoss::Unsynced,
            Self::Torn => CrashLoss::Torn,
            Self::Lost => CrashLoss::Everything,
        }
    }
}

/// `n0`, `n1`, … as `--node-count` names them.
pub fn numbered_nodes(count: usize) -> Vec<NodeId> {
    (0..count).map(|number| NodeId::from(format!("n{number}"))).collect()
}

/// How many clients: a number, or a multiple of the number of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concurrency {
    /// `10`: this many in all.
    Total(usize),
    /// `2n`: this many for every node.
    PerNode(usize),
}

impl Concurrency {
    /// The number of clients for this many nodes.
    pub fn clients(self, node_count: usize) -> usize {
        match self {
            Self::Total(count) => count,
            Self::PerNode(count) => count.saturating_mul(node_count),
        }
    }
}

impl std::str::FromStr for Concurrency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (digits, per_node) = match text.strip_suffix('n') {
            Some(digits) => (digits, true),
            None => (text, false),
        };
        match digits.parse::<usize>() {
            Ok(count @ 1..=100_000) if per_node => Ok(Self::PerNode(count)),
            Ok(count @ 1..=100_000) => Ok(Self::Total(count)),
            _ => {
                Err("expected a number of clients such as 10, or so many for each node such as 2n".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concurrency_is_a_number_or_a_multiple_of_the_nodes() {
        assert_eq!("10".parse(), Ok(Concurrency::Total(10)));
        assert_eq!("2n".parse(), Ok(Concurrency::PerNode(2)));
        assert_eq!("4n".parse::<Concurrency>().expect("valid").clients(3), 12);
        for wrong in ["", "n", "0", "0n", "-1", "2m", "1.5n", "99999999999999999999"] {
            assert!(wrong.parse::<Concurrency>().is_err(), "{wrong:?} was accepted");
        }
    }
}
