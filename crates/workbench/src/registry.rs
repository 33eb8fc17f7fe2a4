//! What the workloads and faults offer as options, and whether a plan can be carried out at all.
//!
//! The command line and [`crate::Simulation`] share these checks, so both accept and refuse the same plans.

use glomers_protocol::NodeId;

use crate::{
    nemeses::{
        self,
        script::{self, ScriptError},
    },
    plan::{
        Plan,
        settings::{Setting, SettingError},
    },
    workloads,
};

/// A workload or fault that has a setting.
#[derive(Debug, Clone, Copy)]
pub struct SettingOwner {
    kind: OwnerKind,
    /// The name of the workload or fault.
    pub name: &'static str,
    /// The setting.
    pub setting: &'static Setting,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OwnerKind {
    Workload,
    Fault,
}

/// Why a plan can't be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// There is no such workload.
    #[error("there is no workload {name:?}. Choose one of {known}.")]
    UnknownWorkload {
        /// The name.
        name: String,
        /// The known names.
        known: String,
    },
    /// There is no such fault.
    #[error("there is no fault {name:?}. Choose one of {known}.")]
    UnknownFault {
        /// The name.
        name: String,
        /// The known names.
        known: String,
    },
    /// A setting has no meaning here, or a wrong value.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The script of faults is wrong.
    #[error("the script of faults, {0}")]
    Script(#[from] ScriptError),
    /// A node can't have this name.
    #[error("the node name {name:?} {problem}. Choose another, such as n1.")]
    NodeName {
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A number is outside of its range.
    #[error("{what} {expected}, but is {value}")]
    OutOfRange {
        /// What is counted or measured.
        what: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it was.
        value: String,
    },
}

/// The most nodes that a run may have.
pub const MAX_NODES: usize = 1000;
/// The most clients that a run may have.
pub const MAX_CLIENTS: usize = 100_000;

/// Whether a plan can be carried out.
///
/// # Errors
/// The first problem found.
pub fn check_plan(plan: &Plan) -> Result<(), PlanError> {
    if workloads::find(&plan.workload).is_none() {
        return Err(PlanError::UnknownWorkload {
            name: plan.workload.clone(),
            known: list(workloads::names()),
        });
    }
    for name in &plan.nemesis {
        if nemeses::find(name).is_none() {
            return Err(PlanError::UnknownFault { name: name.clone(), known: list(nemeses::names()) });
        }
    }
    for (place, node) in plan.nodes.iter().enumerate() {
        let problem = problem_of_name(node).or_else(|| {
            plan.nodes[..place].contains(node).then_some("is used twice, but names must be unique")
        });
        if let Some(problem) = problem {
            return Err(PlanError::NodeName { name: node.to_string(), problem });
        }
    }
    check_range("the number of nodes", "must be from 1 to 1000", &plan.nodes.len(), 1..=MAX_NODES)?;
    check_range("the number of clients", "must be from 1 to 100000", &plan.concurrency, 1..=MAX_CLIENTS)?;
    check_range("the rate in operations a second", "must be 0 or more", &plan.rate_hz, 0.0..=1e9)?;
    check_range(
        "the mean latency in milliseconds",
        "must be from 0 to a day",
        &plan.latency.mean_ms,
        0.0..=86.4e6,
    )?;
    if !plan.nemesis.is_empty() && plan.nemesis_interval.is_zero() {
        return Err(PlanError::OutOfRange {
            what: "the interval of the nemesis",
            expected: "must be above 0, because otherwise faults would start and stop without any time passing",
            value: "0 s".to_owned(),
        });
    }
    if let Some(script) = &plan.nemesis_script {
        script::check(script, &plan.nodes)?;
    }
    for (name, value) in plan.settings.entries() {
        find_setting(name, plan)?.check(value)?;
    }
    Ok(())
}

/// The setting of that name that has a meaning in a plan.
///
/// # Errors
/// If it has none in this plan. The error says which workloads or faults it belongs to.
pub fn find_setting(name: &str, plan: &Plan) -> Result<&'static Setting, SettingError> {
    let owners = owners(name);
    let owner = owners.iter().find(|owner| owner.is_in(plan)).map(|owner| owner.setting);
    owner.ok_or_else(|| has_no_meaning(name, &owners, plan))
}

/// Every workload and fault with a setting of that name.
pub fn owners(name: &str) -> Vec<SettingOwner> {
    settings().filter(|owner| owner.setting.name == name).collect()
}

/// Whether a setting of that name belongs to faults alone.
pub(crate) fn is_of_fault(name: &str) -> bool {
    owners(name).iter().all(|owner| owner.kind == OwnerKind::Fault)
}

/// Every setting, once for each workload or fault that has it.
pub fn settings() -> impl Iterator<Item = SettingOwner> {
    let of_workloads = workloads::ALL.iter().flat_map(|workload| {
        let owner = |setting: &&'static Setting| SettingOwner {
            kind: OwnerKind::Workload,
            name: workload.name,
            setting,
        };
        workload.settings.iter().map(owner)
    });
    let of_faults = nemeses::ALL.iter().flat_map(|fault| {
        let owner =
            |setting: &&'static Setting| SettingOwner { kind: OwnerKind::Fault, name: fault.name, setting };
        fault.settings.iter().map(owner)
    });
    of_workloads.chain(of_faults)
}

impl SettingOwner {
    fn is_in(&self, plan: &Plan) -> bool {
        match self.kind {
            OwnerKind::Workload => plan.workload == self.name,
            OwnerKind::Fault => plan.nemesis.iter().any(|name| name == self.name),
        }
    }
}

fn has_no_meaning(name: &str, owners: &[SettingOwner], plan: &Plan) -> SettingError {
    let names =
        |kind: OwnerKind| list(owners.iter().filter(|owner| owner.kind == kind).map(|owner| owner.name));
    let (of_workloads, of_faults) = (names(OwnerKind::Workload), names(OwnerKind::Fault));
    let name = name.to_owned();
    match (of_workloads.is_empty(), of_faults.is_empty()) {
        (true, true) => SettingError::Unknown { name },
        (false, _) => {
            SettingError::OfWorkload { name, workloads: of_workloads, workload: plan.workload.clone() }
        }
        (true, false) => SettingError::OfFault { name, faults: of_faults },
    }
}

fn problem_of_name(node: &NodeId) -> Option<&'static str> {
    let name = node.as_str();
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    if name.is_empty() || !name.chars().all(is_plain) {
        Some("may contain only letters, digits, `-`, `_` and `.`, because the node's log is named after it")
    } else if name.starts_with('.') {
        Some("begins with a dot, so the node's log would be a hidden file")
    } else if name.len() > 100 {
        Some("is longer than 100 bytes")
    } else if node.is_client() {
        Some("looks like a client's (a `c` and digits), whose links have no latency")
    } else if glomers_world::services::ALL.iter().any(|service| service.name == name) {
        Some("is the name of a service that every run has")
    } else {
        None
    }
}

fn check_range<T: PartialOrd + std::fmt::Display>(
    what: &'static str,
    expected: &'static str,
    value: &T,
    range: std::ops::RangeInclusive<T>,
) -> Result<(), PlanError> {
    if range.contains(value) {
        Ok(())
    } else {
        Err(PlanError::OutOfRange { what, expected, value: value.to_string() })
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_plan_without_options_of_every_workload_can_be_carried_out() {
        for workload in workloads::names() {
            check_plan(&Plan::new(workload, 0)).unwrap_or_else(|error| panic!("{workload}: {error}"));
        }
    }

    #[test]
    fn what_cannot_be_carried_out_is_refused_with_the_reason() {
        type Spoil = fn(&mut Plan);
        let wrong: [(&str, Spoil); 12] = [
            ("no workload \"meteor\"", |plan| plan.workload = "meteor".to_owned()),
            ("no fault \"meteor\"", |plan| plan.nemesis = vec!["meteor".to_owned()]),
            ("number of nodes", |plan| plan.nodes.clear()),
            ("number of clients", |plan| plan.concurrency = 0),
            ("rate", |plan| plan.rate_hz = f64::NAN),
            ("rate", |plan| plan.rate_hz = -1.0),
            ("latency", |plan| plan.latency.mean_ms = -1.0),
            ("interval", |plan| {
                plan.nemesis = vec!["kill".to_owned()];
                plan.nemesis_interval = Duration::ZERO;
            }),
            ("looks like a client's", |plan| plan.nodes[0] = NodeId::from("c1")),
            ("name of a service", |plan| plan.nodes[0] = NodeId::from("lin-kv")),
            ("used twice", |plan| plan.nodes[1] = plan.nodes[0].clone()),
            ("only letters", |plan| plan.nodes[0] = NodeId::from("../n1")),
        ];
        for (expected, spoil) in wrong {
            let mut plan = Plan::new("echo", 0);
            spoil(&mut plan);
            let error = check_plan(&plan).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
