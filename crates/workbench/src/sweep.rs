//! Many runs of one test, each with a seed of its own: what failed, how often and where first, and how much new the last seeds still showed.
//!
//! - `swarm`: a plan's variations. A seed draws the size of the cluster, the faults and their strength, latencies and rates, within the
//!   bounds of the plan. Groce, Zhang, Eide, Chen and Regehr, "Swarm Testing" (2012): a test that leaves features out finds what a test with
//!   all of them hides.
//! - `behaviour`: what a run did, as a set of features, and the estimate of how much has not been seen.

mod behaviour;
mod swarm;

use std::{
    collections::BTreeMap,
    fmt,
    ops::Range,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
};

use glomers_check::Validity;
use serde::{Deserialize, Serialize};

pub use self::{
    behaviour::{Behaviour, Coverage},
    swarm::{Swarm, vary},
};
use crate::{
    text::{count, grouped},
    verdict::{Conclusion, Failure},
};

/// What one run of a sweep came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedResult {
    /// The seed.
    pub seed: u64,
    /// What the seed drew beside the run's own chance; empty where nothing is varied.
    pub variation: String,
    /// Whether the run is valid.
    pub validity: Verdict,
    /// How it failed, if it is invalid.
    pub failure: Option<Failure>,
    /// The verdict in one sentence.
    pub sentence: String,
    /// How many operations were invoked.
    pub operations: u64,
    /// How long the run took in its own time, in milliseconds.
    pub virtual_ms: u64,
    /// The hash over every event.
    pub trace_hash: u64,
    /// The features of what the run did.
    pub behaviour: Behaviour,
}

/// A verdict as sweeps store it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// No violation was found.
    Valid,
    /// A violation was found.
    Invalid,
    /// The run proves nothing, or a checker gave up.
    Unknown,
}

impl SeedResult {
    /// What a run with this seed came to.
    pub fn new(seed: u64, variation: String, conclusion: &Conclusion, behaviour: Behaviour) -> Self {
        Self {
            seed,
            variation,
            validity: match conclusion.validity {
                Validity::Valid => Verdict::Valid,
                Validity::Invalid => Verdict::Invalid,
                Validity::Unknown => Verdict::Unknown,
            },
            failure: conclusion.failure.clone(),
            sentence: conclusion.sentence.clone(),
            operations: conclusion.counts.invoked,
            virtual_ms: conclusion.ended_at.as_ns() / 1_000_000,
            trace_hash: conclusion.trace_hash,
            behaviour,
        }
    }
}

/// Runs every seed, on so many threads. `run` carries out one of them; `see` gets each result as soon as it is there, in whatever order, and
/// says whether to go on. A seed that `run` has nothing for ends the sweep. The report does not depend on the number of threads.
pub fn sweep(
    seeds: Range<u64>,
    thread_count: usize,
    run: &(dyn Fn(u64) -> Option<SeedResult> + Sync),
    see: &mut dyn FnMut(&SeedResult) -> bool,
) -> Report {
    let next = AtomicU64::new(seeds.start);
    let mut results = Vec::new();
    thread::scope(|scope| {
        // Bounded, so that few runs are under way when the sweep is told to end.
        let (sender, receiver) = mpsc::sync_channel(1);
        for _ in 0..thread_count.max(1) {
            let (sender, next, end) = (sender.clone(), &next, seeds.end);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let Some(result) = run(seed) else {
                        next.store(end, Ordering::Relaxed);
                        return;
                    };
                    if sender.send(result).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for result in receiver {
            let goes_on = see(&result);
            results.push(result);
            if !goes_on {
                // Seeds under way still come in; no new one is begun.
                next.store(seeds.end, Ordering::Relaxed);
            }
        }
    });
    Report::of(results)
}

/// What a sweep came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    results: Vec<SeedResult>,
    groups: Vec<Group>,
    coverage: Coverage,
}

/// Runs that failed in the same way, the quickest to repeat first: the one with the fewest operations.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// How they failed.
    pub failure: Failure,
    /// Their seeds.
    pub seeds: Vec<u64>,
    /// The verdict on the first of them, in one sentence.
    pub sentence: String,
    /// What the first of them had drawn.
    pub variation: String,
    /// The operations of the first of them.
    pub operations: u64,
}

impl Report {
    /// The report on these results, in whatever order they come. Of a seed that comes twice the first result counts.
    pub fn of(mut results: Vec<SeedResult>) -> Self {
        results.sort_by_key(|result| result.seed);
        results.dedup_by_key(|result| result.seed);
        let mut by_failure: BTreeMap<&Failure, Vec<&SeedResult>> = BTreeMap::new();
        for result in &results {
            if let Some(failure) = &result.failure {
                by_failure.entry(failure).or_default().push(result);
            }
        }
        let mut groups: Vec<Group> =
            by_failure.into_iter().map(|(failure, runs)| Group::of(failure, runs)).collect();
        // A run in which too little succeeded says less than one in which a promise was broken.
        groups.sort_by_key(|group| (group.failure.is_about_success(), group.operations, group.seeds[0]));
        let coverage = Coverage::of(results.iter().map(|result| &result.behaviour));
        Self { results, groups, coverage }
    }

    /// The results, by seed.
    pub fn results(&self) -> &[SeedResult] {
        &self.results
    }

    /// The failures, the quickest to repeat first.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// How much of what the nodes can do was seen.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// How many runs had this verdict.
    pub fn count(&self, validity: Verdict) -> usize {
        self.results.iter().filter(|result| result.validity == validity).count()
    }
}

impl Report {
    /// Returns the report if no run is invalid.
    ///
    /// # Panics
    /// If one is, with all failures and the command that repeats the quickest of them.
    #[track_caller]
    pub fn assert_none_invalid(&self) -> &Self {
        let Some(group) = self.groups.first() else { return self };
        let package = std::env::var("CARGO_PKG_NAME").map(|name| format!(" -p {name}")).unwrap_or_default();
        let test = thread::current().name().unwrap_or_default().to_owned();
        panic!(
            "{self}\nTo repeat seed {seed} alone:\n  GLOMERS_FIRST_SEED={seed} GLOMERS_SEEDS=1 cargo test{package} {test} -- --exact\n",
            seed = group.seeds[0]
        );
    }
}

impl Group {
    fn of(failure: &Failure, mut runs: Vec<&SeedResult>) -> Self {
        runs.sort_by_key(|run| (run.operations, run.seed));
        let first = runs[0];
        Self {
            failure: failure.clone(),
            seeds: runs.iter().map(|run| run.seed).collect(),
            sentence: first.sentence.clone(),
            variation: first.variation.clone(),
            operations: first.operations,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MAX_SEEDS: usize = 8;
        let runs = count(self.results.len() as u64, "seed");
        let counts = [Verdict::Valid, Verdict::Invalid, Verdict::Unknown]
            .map(|verdict| grouped(self.count(verdict) as u64));
        let [valid, invalid, unknown] = counts;
        writeln!(formatter, "{runs}: {valid} valid, {invalid} invalid, {unknown} unknown")?;
        for Group { failure, seeds, sentence, variation, operations } in &self.groups {
            let shown: Vec<String> = seeds.iter().take(MAX_SEEDS).map(u64::to_string).collect();
            let more = if seeds.len() > MAX_SEEDS { ", …" } else { "" };
            writeln!(
                formatter,
                "\n{} failed with {failure}: {}{more}",
                count(seeds.len() as u64, "seed"),
                shown.join(", ")
            )?;
            writeln!(formatter, "  seed {}, {}: {sentence}", seeds[0], count(*operations, "operation"))?;
            if !variation.is_empty() {
                writeln!(formatter, "  it drew {variation}")?;
            }
        }
        write!(formatter, "\n{}", self.coverage)
    }
}

#[cfg(test)]
mod tests;
