//! The nemesis: the faults that a run injects.
//!
//! Random faults, one file for each, begin and end in turn, with random pauses around `--nemesis-interval`. Each has its own schedule and
//! random stream, so switching one off leaves the others as they were. A [`script`] states faults with their times. Either way a fault is a
//! value, which `fault` injects and heals, and the faults of every run can be written down as a script that repeats them.

mod asymmetric;
mod duplication;
mod fault;
mod flaky;
mod kill;
mod loss;
mod one_way;
mod partition;
mod pause;
mod reordering;
pub mod script;
mod slow;
mod targets;

use std::time::Duration;

use glomers_check::{Name, Value};
use glomers_node::{Random, Time};
use glomers_protocol::NodeId;
use glomers_world::World;

use self::{
    fault::{Fault, Injection},
    script::{Request, ScriptRun, Start, Statement},
};
use crate::{
    cluster::Cluster,
    plan::{
        FaultScript, Plan,
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
    build: fn(&Settings) -> Draw,
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

/// Draws what goes wrong each time a fault begins. It draws from the given stream only, and as much whatever the nodes do.
type Draw = Box<dyn FnMut(&[NodeId], &mut Random) -> Drawn>;

/// A fault as it was drawn.
pub(crate) struct Drawn {
    fault: Fault,
    /// The choice that was made, as the history shows it before the fault begins.
    asked: Value,
}

/// What a fault works on.
pub(crate) struct FaultContext<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) cluster: &'a mut Cluster,
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

/// Names a fault that has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InjectionId(usize);

/// The faults of one run and when each acts next.
pub(crate) struct Nemesis {
    schedules: Vec<Schedule>,
    script: Option<ScriptRun>,
    mean_pause: Duration,
    active: Vec<(InjectionId, Injection)>,
    /// Every fault so far, with its beginning and its end.
    record: Vec<Recorded>,
    /// Whether a script's `heal` is being carried out.
    is_healing: bool,
}

/// A random fault, which begins and ends in turn.
struct Schedule {
    name: &'static str,
    draw: Draw,
    random: Random,
    due: Time,
    active: Option<InjectionId>,
}

struct Recorded {
    fault: Fault,
    start: Time,
    end: Option<Time>,
}

impl Nemesis {
    /// The faults of a plan, each with its own stream of the seed.
    ///
    /// # Panics
    /// If the plan's script is wrong: a plan is checked before it is carried out.
    pub(crate) fn new(plan: &Plan, world: &mut World) -> Self {
        let schedule = |definition: &Definition| Schedule {
            name: definition.name,
            draw: (definition.build)(&plan.settings),
            random: Random::derive(plan.seed, &format!("nemesis {}", definition.name)),
            due: Time::ZERO + plan.nemesis_delay,
            active: None,
        };
        let schedules = ALL
            .iter()
            .filter(|definition| plan.nemesis.iter().any(|name| name == definition.name))
            .map(schedule)
            .collect();
        let script = plan.nemesis_script.as_ref().map(|script| {
            let statements = script::statements(script, &plan.nodes);
            ScriptRun::start(statements.unwrap_or_else(|error| panic!("an unchecked script: {error}")), world)
        });
        Self { schedules, script, mean_pause: plan.nemesis_interval, ..Self::none() }
    }

    /// No fault at all.
    pub(crate) fn none() -> Self {
        Self {
            schedules: Vec::new(),
            script: None,
            mean_pause: Duration::ZERO,
            active: Vec::new(),
            record: Vec::new(),
            is_healing: false,
        }
    }

    /// When it acts next, counted from the first operation.
    pub(crate) fn due(&self) -> Option<Time> {
        let of_script = self.script.as_ref().and_then(ScriptRun::due);
        self.schedules.iter().map(|schedule| schedule.due).chain(of_script).min()
    }

    /// Acts, if something is due.
    pub(crate) fn act(&mut self, now: Time, world: &mut World, cluster: &mut Cluster) -> Option<Step> {
        let mut context = FaultContext { world, cluster };
        if let Some(place) = self.schedules.iter().position(|schedule| schedule.due <= now) {
            return Some(self.act_at_random(place, now, &mut context));
        }
        loop {
            if self.is_healing {
                if let Some((id, _)) = self.active.first() {
                    return self.end(*id, now, &mut context);
                }
                self.is_healing = false;
            }
            match self.script.as_mut()?.next(now)? {
                Request::Begin { fault, lasts, text } => {
                    let name = fault.name();
                    let (id, step) = self.begin(name, fault, Value::string(text), now, &mut context);
                    if let (Some(lasts), Some(script)) = (lasts, &mut self.script) {
                        script.plan_end(now + lasts, id);
                    }
                    return Some(step);
                }
                Request::End(id) => match self.end(id, now, &mut context) {
                    Some(step) => return Some(step),
                    // It was healed before its time.
                    None => continue,
                },
                Request::Heal => self.is_healing = true,
            }
        }
    }

    /// Heals every fault that is still active.
    pub(crate) fn heal(&mut self, now: Time, world: &mut World, cluster: &mut Cluster) -> Vec<Step> {
        let mut context = FaultContext { world, cluster };
        let ids: Vec<InjectionId> = self.active.iter().map(|(id, _)| *id).collect();
        ids.into_iter().filter_map(|id| self.end(id, now, &mut context)).collect()
    }

    /// The faults so far as a script that repeats them.
    pub(crate) fn script(&self) -> FaultScript {
        let statement = |recorded: &Recorded| Statement {
            start: Start::At(recorded.start.since(Time::ZERO)),
            lasts: recorded.end.map(|end| end.since(recorded.start)),
            fault: Some(recorded.fault.clone()),
        };
        script::write(&self.record.iter().map(statement).collect::<Vec<_>>())
    }

    fn act_at_random(&mut self, place: usize, now: Time, context: &mut FaultContext<'_>) -> Step {
        let schedule = &mut self.schedules[place];
        let step = match schedule.active.take() {
            Some(id) => self.end(id, now, context).expect("a random fault is ended by its schedule alone"),
            None => {
                let Drawn { fault, asked } = (schedule.draw)(context.nodes(), &mut schedule.random);
                let name = schedule.name;
                let (id, step) = self.begin(name, fault, asked, now, context);
                self.schedules[place].active = Some(id);
                step
            }
        };
        let schedule = &mut self.schedules[place];
        schedule.due = now + self.mean_pause.mul_f64(schedule.random.f64() * 2.0);
        step
    }

    fn begin(
        &mut self,
        name: &'static str,
        fault: Fault,
        asked: Value,
        now: Time,
        context: &mut FaultContext<'_>,
    ) -> (InjectionId, Step) {
        let id = InjectionId(self.record.len());
        self.record.push(Recorded { fault: fault.clone(), start: now, end: None });
        let (injection, step) = fault.begin(name, asked, context);
        self.active.push((id, injection));
        (id, step)
    }

    /// Ends a fault, if it is active.
    fn end(&mut self, id: InjectionId, now: Time, context: &mut FaultContext<'_>) -> Option<Step> {
        let place = self.active.iter().position(|(active, _)| *active == id)?;
        let (_, injection) = self.active.remove(place);
        self.record[id.0].end = Some(now);
        let others: Vec<&Injection> = self.active.iter().map(|(_, other)| other).collect();
        Some(injection.end(&others, context))
    }
}

#[cfg(test)]
mod tests;
