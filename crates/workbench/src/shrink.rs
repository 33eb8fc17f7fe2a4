//! Makes a failed run smaller, as long as it fails in the same way.
//!
//! A run is the list of its choices: operations, faults, nodes, clients, latencies, times. [`shrink`] removes and simplifies choices, runs
//! what is left, and keeps every change after which the run still fails with the same [`Failure`]. It does so in passes, one for each kind of
//! choice, again and again until none of them finds anything more. `docs/src/shrinking.md` says how each pass works and why it ends.
//!
//! - `scenario`: the run as its choices, and the edits;
//! - `passes`: what is tried, in which order.

mod passes;
mod scenario;

use std::fmt;

use rustc_hash::FxHashSet;

use self::{passes::PASSES, scenario::Scenario};
use crate::{plan::Plan, registry, replay::Replay, verdict::Failure};

/// How many runs a shrink takes at most, unless the caller says otherwise.
pub const DEFAULT_MAX_RUNS: u64 = 5_000;
/// With how many seeds a change is tried. Taking a choice away shifts the delays of all messages after it, and with other delays the failure
/// may come back.
const SEEDS_PER_CHANGE: u64 = 3;

/// How large a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Nodes.
    pub nodes: usize,
    /// Operations before the final ones.
    pub operations: usize,
    /// Faults.
    pub faults: usize,
}

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nodes, operations, faults } = *self;
        let count = |number: usize, word| crate::text::count(number as u64, word);
        write!(
            formatter,
            "{}, {}, {}",
            count(operations, "operation"),
            count(faults, "fault"),
            count(nodes, "node")
        )
    }
}

/// What one pass did, over all its turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassCounts {
    /// What it makes smaller.
    pub name: &'static str,
    /// How many changes it tried.
    pub tried: u64,
    /// How many of them were kept.
    pub kept: u64,
}

/// How far a shrink is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// How large the smallest failing run is.
    pub size: Size,
    /// How many runs there were.
    pub runs: u64,
}

/// What a shrink came to.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The smallest run that fails in the same way.
    pub replay: Replay,
    /// How large the run was.
    pub before: Size,
    /// How large it is.
    pub after: Size,
    /// How many runs it took.
    pub runs: u64,
    /// What each pass did.
    pub passes: Vec<PassCounts>,
    /// Whether it ended because nothing could be taken away any more, and not because of a limit.
    pub is_minimal: bool,
}

/// The run that was to be shrunk did not fail in the same way when it was repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the run does not repeat its failure ({expected}): {}. It has choices that virtual time does not decide.",
    match found {
        Some(found) => format!("it fails with {found} instead"),
        None => "it is valid when it is repeated".to_owned(),
    }
)]
pub struct NotRepeated {
    expected: Failure,
    found: Option<Failure>,
}

/// Makes a run smaller. `run` carries out a plan and returns how it failed, and must give the same for the same plan. `go_on` is asked before
/// each run.
///
/// # Errors
/// If the run, repeated, does not fail as expected.
pub fn shrink(
    replay: &Replay,
    failure: &Failure,
    max_runs: u64,
    run: &mut dyn FnMut(&Plan) -> Option<Failure>,
    go_on: &mut dyn FnMut(Progress) -> bool,
) -> Result<Shrunk, NotRepeated> {
    let found = run(replay.plan());
    if !found.as_ref().is_some_and(|found| failure.is_shown_by(found)) {
        return Err(NotRepeated { expected: failure.clone(), found });
    }
    let best = Scenario::of(replay.plan());
    let before = best.size();
    let mut shrinker = Shrinker {
        best,
        failure,
        run,
        go_on,
        runs: 1,
        max_runs,
        seen: FxHashSet::default(),
        tried: 0,
        kept: 0,
        is_stopped: false,
    };
    let mut passes: Vec<PassCounts> =
        PASSES.iter().map(|pass| PassCounts { name: pass.name, tried: 0, kept: 0 }).collect();
    loop {
        let mut is_smaller = false;
        for (pass, counts) in PASSES.iter().zip(&mut passes) {
            (shrinker.tried, shrinker.kept) = (0, 0);
            (pass.run)(&mut shrinker);
            counts.tried += shrinker.tried;
            counts.kept += shrinker.kept;
            is_smaller |= shrinker.kept > 0;
        }
        if !is_smaller || shrinker.is_stopped {
            break;
        }
    }
    Ok(Shrunk {
        before,
        after: shrinker.best.size(),
        runs: shrinker.runs,
        passes,
        is_minimal: !shrinker.is_stopped,
        replay: Replay::new(shrinker.best.to_plan()),
    })
}

/// The smallest run so far, and the means to try smaller ones.
struct Shrinker<'a> {
    best: Scenario,
    failure: &'a Failure,
    run: &'a mut dyn FnMut(&Plan) -> Option<Failure>,
    go_on: &'a mut dyn FnMut(Progress) -> bool,
    runs: u64,
    max_runs: u64,
    /// What has been tried: other passes arrive at the same.
    seen: FxHashSet<String>,
    tried: u64,
    kept: u64,
    is_stopped: bool,
}

impl Shrinker<'_> {
    /// Keeps a change if the run still fails in the same way.
    fn keep_if_it_fails(&mut self, candidate: Scenario) -> bool {
        if candidate == self.best || self.is_stopped {
            return false;
        }
        let mut plan = candidate.to_plan();
        if registry::check_plan(&plan).is_err() || !self.seen.insert(Replay::new(plan.clone()).to_string()) {
            return false;
        }
        self.tried += 1;
        for number in 0..SEEDS_PER_CHANGE {
            self.is_stopped |= self.runs >= self.max_runs
                || !(self.go_on)(Progress { size: self.best.size(), runs: self.runs });
            if self.is_stopped {
                return false;
            }
            plan.seed = candidate.plan.seed.wrapping_add(number);
            self.runs += 1;
            if (self.run)(&plan).is_some_and(|found| self.failure.is_shown_by(&found)) {
                self.best = candidate;
                self.best.plan.seed = plan.seed;
                self.kept += 1;
                return true;
            }
        }
        false
    }

    /// Removes as many of a run's parts as it can: halves, then quarters, down to single ones, from the last to the first. Zeller and
    /// Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (2002), without its complements: they are tried when
    /// what is left is halved again.
    fn remove_parts(
        &mut self,
        count: impl Fn(&Scenario) -> usize,
        without: impl Fn(&Scenario, std::ops::Range<usize>) -> Scenario,
    ) {
        let mut chunk = count(&self.best);
        while chunk > 0 && !self.is_stopped {
            let mut end = count(&self.best);
            while end > 0 {
                let start = end.saturating_sub(chunk);
                let candidate = without(&self.best, start..end);
                self.keep_if_it_fails(candidate);
                end = start;
            }
            chunk /= 2;
        }
    }
}

#[cfg(test)]
mod tests;
