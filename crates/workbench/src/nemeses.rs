//! The nemesis: the faults that a run injects, one file for each.
//!
//! Every fault starts and stops in turn, with random pauses around `--nemesis-interval`. Each has its own schedule and random stream, so
//! switching one off leaves the others as they were.

mod asymmetric;
mod duplication;
mod flaky;
mod kill;
mod loss;
mod network;
mod one_way;
mod partition;
mod pause;
mod reordering;
mod slow;
mod targets;

use std::time::Duration;

use glomers_check::{Name, Value};
use glomers_node::{Random, Time};
use glomers_protocol::NodeId;
use glomers_world::World;

use crate::{
    cluster::Cluster,
    plan::{
        Plan,
        settings::{Setting, Settings},
    },
};

/// What a fault is, before it is built.
pub struct Definition {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does, for `--help`.
    pub doc: &'static str,
    /// What it does exactly, and which mistakes it tends to find, for `glomers explain`.
    pub explanation: &'static str,
    /// Its options.
    pub settings: &'static [&'static Setting],
    build: fn(&Settings) -> Box<dyn Fault>,
}

/// Every fault, in alphabetical order.
pub const ALL: &[Definition] = &[
    asymmetric::DEFINITION,
    duplication::DEFINITION,
    flaky::DEFINITION,
    kill::DEFINITION,
    loss::DEFINITION,
    one_way::DEFINITION,
    partition::DEFINITION,
    pause::DEFINITION,
    reordering::DEFINITION,
    slow::DEFINITION,
];

/// The names of all faults.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|definition| definition.name)
}

/// The names of all faults, for a simulation with every one of them.
pub fn all() -> Vec<&'static str> {
    names().collect()
}

/// The names of all faults but these.
pub fn all_but(excluded: &[&str]) -> Vec<&'static str> {
    names().filter(|name| !excluded.contains(name)).collect()
}

/// The fault of that name.
pub fn find(name: &str) -> Option<&'static Definition> {
    ALL.iter().find(|definition| definition.name == name)
}

/// Something that goes wrong and can be healed.
pub(crate) trait Fault {
    /// Draws what to do, and does it.
    fn start(&mut self, context: &mut FaultContext<'_>) -> Step;
    /// Heals it. Does nothing if nothing is wrong.
    fn stop(&mut self, context: &mut FaultContext<'_>) -> Step;
}

/// What a fault works on.
pub(crate) struct FaultContext<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) cluster: &'a mut Cluster,
    pub(crate) random: &'a mut Random,
}

impl FaultContext<'_> {
    /// The nodes, in the order of the plan.
    pub(crate) fn nodes(&self) -> &[NodeId] {
        self.cluster.ids()
    }
}

/// An action of the nemesis, as the history shows it: once with what was asked for, once with what was done.
pub(crate) struct Step {
    pub(crate) f: Name,
    pub(crate) asked: Value,
    pub(crate) done: Value,
}

/// Does something to each of these nodes, and returns the result for each, as the history shows it.
fn each_node(
    context: &mut FaultContext<'_>,
    places: impl IntoIterator<Item = usize>,
    mut act: impl FnMut(&mut FaultContext<'_>, usize) -> &'static str,
) -> Value {
    let entry = |place: usize| {
        let word = act(context, place);
        (Value::from(context.nodes()[place].as_str()), Value::keyword(word))
    };
    Value::Map(places.into_iter().map(entry).collect())
}

/// The faults of one run and when each acts next.
pub(crate) struct Nemesis {
    schedules: Vec<Schedule>,
    mean_pause: Duration,
}

struct Schedule {
    fault: Box<dyn Fault>,
    random: Random,
    due: Time,
    is_active: bool,
}

impl Nemesis {
    /// The faults of a plan, each with its own stream of the seed.
    pub(crate) fn new(plan: &Plan) -> Self {
        let schedule = |definition: &Definition| Schedule {
            fault: (definition.build)(&plan.settings),
            random: Random::derive(plan.seed, &format!("nemesis {}", definition.name)),
            due: Time::ZERO,
            is_active: false,
        };
        let schedules = ALL
            .iter()
            .filter(|definition| plan.nemesis.iter().any(|name| name == definition.name))
            .map(schedule)
            .collect();
        Self { schedules, mean_pause: plan.nemesis_interval }
    }

    /// No fault at all.
    pub(crate) fn none() -> Self {
        Self { schedules: Vec::new(), mean_pause: Duration::ZERO }
    }

    /// When it acts next, counted from the first operation.
    pub(crate) fn due(&self) -> Option<Time> {
        self.schedules.iter().map(|schedule| schedule.due).min()
    }

    /// Acts, if something is due.
    pub(crate) fn act(&mut self, now: Time, world: &mut World, cluster: &mut Cluster) -> Option<Step> {
        let schedule = self.schedules.iter_mut().find(|schedule| schedule.due <= now)?;
        let mut context = FaultContext { world, cluster, random: &mut schedule.random };
        let step = if schedule.is_active {
            schedule.fault.stop(&mut context)
        } else {
            schedule.fault.start(&mut context)
        };
        schedule.is_active = !schedule.is_active;
        schedule.due = now + self.mean_pause.mul_f64(schedule.random.f64() * 2.0);
        Some(step)
    }

    /// Heals every fault that is still active.
    pub(crate) fn heal(&mut self, world: &mut World, cluster: &mut Cluster) -> Vec<Step> {
        let mut steps = Vec::new();
        for schedule in self.schedules.iter_mut().filter(|schedule| schedule.is_active) {
            schedule.is_active = false;
            steps.push(schedule.fault.stop(&mut FaultContext {
                world,
                cluster,
                random: &mut schedule.random,
            }));
        }
        steps
    }
}

#[cfg(test)]
mod tests;
