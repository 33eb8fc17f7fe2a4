//! From a run that has ended to what it came to.

use glomers_check::{Finding, Validity, Value};
use glomers_node::Time;
use glomers_world::{JournalError, NetworkStatistics};

use super::{
    analysis::{Analysis, OperationCounts, RunFacts},
    expectations::{self, Judgement},
    perf::Perf,
    sentence,
};
use crate::{
    plan::Plan,
    run::{Ended, Ending},
};

/// What a run came to.
pub struct Conclusion {
    /// How it ended.
    pub ending: Ending,
    /// When, in its own time.
    pub ended_at: Time,
    /// The verdict over all checkers.
    pub validity: Validity,
    /// The verdict in one sentence.
    pub sentence: String,
    /// What else a person should know, the most important first.
    pub findings: Vec<Finding>,
    /// The results map.
    pub results: Value,
    /// How it stands to each expectation of the plan.
    pub expectations: Vec<Judgement>,
    /// The operations, counted.
    pub counts: OperationCounts,
    /// The latencies and rates.
    pub perf: Perf,
    /// The messages, counted.
    pub statistics: NetworkStatistics,
    /// The hash over every event.
    pub trace_hash: u64,
    /// The journal, where it was kept in memory.
    pub journal: Option<Vec<u8>>,
}

impl Conclusion {
    /// Ends the world, with every process in it, and asks the checkers.
    ///
    /// # Errors
    /// When the journal could not be completed.
    pub fn draw(plan: &Plan, ended: Ended, analysis: Analysis) -> Result<Self, JournalError> {
        let Ended { ending, surplus_init_replies, failed_restarts, mut exits, world } = ended;
        let statistics = world.network_statistics();
        let complaints = world.protocol_violations().clone();
        let ended_at = world.now();
        let finished = world.finish()?;
        exits.extend(finished.exits);
        let mut results = analysis.finish(&RunFacts {
            network: &statistics,
            complaints: &complaints,
            surplus_init_replies: &surplus_init_replies,
            failed_restarts: &failed_restarts,
            exits: &exits,
            not_started: match &ending {
                Ending::NotStarted { reason, .. } => Some(reason),
                Ending::Complete | Ending::Interrupted { .. } | Ending::FailedFast => None,
            },
        });
        let expectations = expectations::judge_all(&plan.expectations, &mut results);
        let sentence = sentence::verdict(plan, &ending, &results);
        // What the sentence says already is not said again.
        let findings =
            results.findings.into_iter().filter(|finding| !sentence.contains(&finding.sentence)).collect();
        Ok(Self {
            ending,
            ended_at,
            validity: results.validity,
            sentence,
            findings,
            results: results.map,
            expectations,
            counts: results.counts,
            perf: results.perf,
            statistics,
            trace_hash: finished.trace_hash,
            journal: finished.journal,
        })
    }
}
