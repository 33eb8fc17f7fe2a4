//! The variations of a plan, one for each seed.

use std::{fmt::Write as _, time::Duration};

use glomers_node::Random;
use glomers_world::LatencyDistribution;

use crate::plan::Plan;

/// What of a plan a seed may draw. What the user fixed stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swarm {
    /// The number of nodes, from 1 to the plan's.
    pub nodes: bool,
    /// Which of the plan's faults are on, and the interval, from a fifth of the plan's to twice it.
    pub faults: bool,
    /// The mean latency, from none to twice the plan's (or to 50 ms, where it has none), and its distribution.
    pub latency: bool,
    /// The rate, from a quarter of the plan's to four times it.
    pub rate: bool,
    /// The number of clients, from one to the plan's.
    pub clients: bool,
}

impl Swarm {
    /// Everything may be drawn.
    pub const ALL: Self = Self { nodes: true, faults: true, latency: true, rate: true, clients: true };
    /// Nothing is drawn: the runs differ by their seed alone.
    pub const NONE: Self = Self { nodes: false, faults: false, latency: false, rate: false, clients: false };
}

/// The plan that a seed makes of a plan, and what it drew, in words. Each choice has a stream of its own, so that fixing one leaves the others
/// as they were.
pub fn vary(plan: &Plan, swarm: Swarm, seed: u64) -> (Plan, String) {
    let mut varied = Plan { seed, ..plan.clone() };
    let mut words = String::new();
    let stream = |name: &str| Random::derive(seed, &format!("swarm {name}"));
    let mut say = |text: std::fmt::Arguments<'_>| {
        if !words.is_empty() {
            words.push_str(", ");
        }
        let _ = words.write_fmt(text);
    };
    if swarm.nodes && plan.nodes.len() > 1 {
        let count = 1 + stream("nodes").below(plan.nodes.len() as u64) as usize;
        varied.nodes.truncate(count);
        say(format_args!("{}", crate::text::count(count as u64, "node")));
    }
    if swarm.clients {
        let most = plan.concurrency.max(varied.nodes.len()) as u64;
        varied.concurrency = 1 + stream("clients").below(most) as usize;
        say(format_args!("{}", crate::text::count(varied.concurrency as u64, "client")));
    }
    if swarm.rate && plan.rate_hz > 0.0 {
        let factor = 4_f64.powf(stream("rate").f64() * 2.0 - 1.0);
        varied.rate_hz = (plan.rate_hz * factor * 10.0).round().max(1.0) / 10.0;
        say(format_args!("{} operations/s", varied.rate_hz));
    }
    if swarm.latency {
        let mut random = stream("latency");
        let bound_ms = if plan.latency.is_none() { 50.0 } else { 2.0 * plan.latency.mean_ms };
        // A third of the runs have none: then the order of messages is decided by who is scheduled first.
        varied.latency.mean_ms =
            if random.chance(1.0 / 3.0) { 0.0 } else { (random.f64() * bound_ms * 10.0).round() / 10.0 };
        let kinds =
            [LatencyDistribution::Constant, LatencyDistribution::Uniform, LatencyDistribution::Exponential];
        varied.latency.distribution = kinds[random.below(3) as usize];
        match varied.latency.is_none() {
            true => say(format_args!("no latency")),
            false => say(format_args!(
                "latency {} ms {}",
                varied.latency.mean_ms,
                distribution(varied.latency.distribution)
            )),
        }
    }
    if swarm.faults && !plan.nemesis.is_empty() {
        let mut random = stream("faults");
        // A tenth of the runs have none: what fails without faults is easier to understand.
        let share = if random.chance(0.1) { 0.0 } else { 0.5 };
        varied.nemesis.retain(|_| random.chance(share));
        let factor = 0.2 * 10_f64.powf(random.f64());
        let interval = plan.nemesis_interval.mul_f64(factor).max(Duration::from_millis(1));
        varied.nemesis_interval = Duration::from_millis(interval.as_millis() as u64);
        // The options of faults that are off would be refused.
        let unused = |name: &str| crate::registry::find_setting(name, &varied).is_err();
        let settings = varied.settings.clone().without(unused);
        varied.settings = settings;
        match varied.nemesis.is_empty() {
            true => say(format_args!("no faults")),
            false => say(format_args!(
                "{} every {} s",
                varied.nemesis.join(" and "),
                varied.nemesis_interval.as_secs_f64()
            )),
        }
    }
    (varied, words)
}

fn distribution(distribution: LatencyDistribution) -> &'static str {
    match distribution {
        LatencyDistribution::Constant => "constant",
        LatencyDistribution::Uniform => "uniform",
        LatencyDistribution::Exponential => "exponential",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{nemeses, registry};

    fn plan() -> Plan {
        let mut plan = Plan::new("broadcast", 0);
        plan.nemesis = nemeses::names().map(str::to_owned).collect();
        plan.settings
            .set(registry::find_setting("nemesis-kill-nodes", &plan).expect("kill is on"), "one")
            .expect("one is a word");
        plan
    }

    #[test]
    fn every_seed_draws_a_plan_that_can_be_carried_out() {
        let mut drawn = BTreeSet::new();
        for seed in 0..500 {
            let (varied, words) = vary(&plan(), Swarm::ALL, seed);
            registry::check_plan(&varied).unwrap_or_else(|error| panic!("seed {seed} ({words}): {error}"));
            assert_eq!(vary(&plan(), Swarm::ALL, seed), (varied, words.clone()), "seed {seed}");
            drawn.insert(words);
        }
        assert!(drawn.len() > 490, "{} different plans", drawn.len());
        assert!(
            drawn.iter().any(|words| words.contains("no faults"))
                && drawn.iter().any(|words| words.contains("no latency"))
        );
    }

    #[test]
    fn what_is_fixed_stays_and_leaves_the_rest_as_it_was() {
        for seed in 0..50 {
            let (all, _) = vary(&plan(), Swarm::ALL, seed);
            let (some, _) = vary(&plan(), Swarm { nodes: false, rate: false, ..Swarm::ALL }, seed);
            assert_eq!((some.nodes.len(), some.rate_hz), (5, 5.0));
            assert_eq!(
                (some.nemesis, some.nemesis_interval, some.latency),
                (all.nemesis, all.nemesis_interval, all.latency)
            );
            assert_eq!(vary(&plan(), Swarm::NONE, seed), (Plan { seed, ..plan() }, String::new()));
        }
    }
}
