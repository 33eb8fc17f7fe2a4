//! From a run that has ended to its verdict.

use glomers_check::{Finding, Mode, Validity, Value};
use glomers_node::Time;
use glomers_world::{JournalError, NetworkStatistics, journal::Record};

use super::{
    analysis::Analysis,
    expectations::{self, Judgement},
    failure::Failure,
    perf::Perf,
    run_facts::{OperationCounts, RunFacts},
    sentence,
    warnings::Warning,
};
use crate::{
    plan::{FaultScript, Plan},
    run::{Ended, Ending},
    trail::Trail,
};

/// How a run ended, its verdict and its figures.
pub struct Conclusion {
    /// How it ended.
    pub ending: Ending,
    /// When, in the time of the run.
    pub ended_at: Time,
    /// The verdict over all checkers.
    pub validity: Validity,
    /// The verdict in one sentence.
    pub sentence: String,
    /// What is wrong, apart from the values that it happened to; none unless the run is invalid.
    pub failure: Option<Failure>,
    /// The finding that the sentence quotes.
    pub headline: Option<Finding>,
    /// What else decides the verdict, the most important first.
    pub findings: Vec<Finding>,
    /// What happened to what the first finding speaks of; see [`Conclusion::explain`].
    pub trail: Option<Trail>,
    /// What a reader should know although it does not decide the verdict.
    pub warnings: Vec<Warning>,
    /// See [`Results::is_aborted`](super::Results::is_aborted).
    pub is_aborted: bool,
    /// The results map.
    pub results: Value,
    /// Whether each expectation of the plan was met.
    pub expectations: Vec<Judgement>,
    /// The operations, counted.
    pub counts: OperationCounts,
    /// The latencies and rates.
    pub perf: Perf,
    /// The messages, counted.
    pub statistics: NetworkStatistics,
    /// The faults that were injected, as a script that repeats them. Empty if there were none.
    pub faults: FaultScript,
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
        let Ended { ending, replies, lateness, failed_restarts, mut exits, faults, world } = ended;
        let statistics = world.network_statistics();
        let violations = world.protocol_violations().clone();
        let notes: Vec<String> = world.notes().iter().map(ToString::to_string).collect();
        let ended_at = world.now();
        let finished = world.finish()?;
        exits.extend(finished.exits);
        let mut results = analysis.finish(&RunFacts {
            network: &statistics,
            violations: &violations,
            replies: &replies,
            lateness: &lateness,
            notes: &notes,
            failed_restarts: &failed_restarts,
            exits: &exits,
            not_started: match &ending {
                Ending::NotStarted { reason, .. } => Some(reason),
                Ending::Complete | Ending::Interrupted { .. } | Ending::FailedFast => None,
            },
        });
        let expectations = expectations::judge_all(&plan.expectations, &mut results);
        let mut findings = std::mem::take(&mut results.findings);
        findings.append(&mut results.doubts);
        let reason = findings.first().map(|finding| finding.sentence.as_str());
        let sentence = sentence::verdict(plan, &ending, &results, reason);
        let headline = leave_out_headline(&sentence, &mut findings);
        Ok(Self {
            ending,
            ended_at,
            validity: results.validity,
            failure: Failure::of(results.validity, &results.map),
            sentence,
            headline,
            findings,
            trail: None,
            warnings: results.warnings,
            is_aborted: results.is_aborted,
            results: results.map,
            expectations,
            counts: results.counts,
            perf: results.perf,
            statistics,
            faults,
            trace_hash: finished.trace_hash,
            journal: finished.journal,
        })
    }

    /// Tells from the journal what happened to what the first finding of an invalid run speaks of, and adds it to the results as `:trail`,
    /// unless they are to be Maelstrom's. Reads the journal twice, or more often if it tells nothing of the first findings.
    pub fn explain<R: IntoIterator<Item = Record>>(&mut self, mut journal: impl FnMut() -> R, mode: Mode) {
        /// How many findings are tried.
        const MAX_TRIED: usize = 4;
        if self.validity != Validity::Invalid {
            return;
        }
        let findings = self.headline.iter().chain(&self.findings).filter(|finding| finding.names_something());
        self.trail = findings.take(MAX_TRIED).find_map(|finding| Trail::of_finding(&mut journal, finding));
        if let (Some(trail), Mode::Strict) = (&self.trail, mode) {
            // The verdict stays the last entry.
            let validity = self.results.remove("valid?");
            self.results.insert("trail", trail.to_value());
            self.results.insert("valid?", validity.unwrap_or_default());
        }
    }
}

/// Drops what the verdict's sentence already says: only the later lines of the first finding are kept. Returns the finding that it quotes.
fn leave_out_headline(sentence: &str, findings: &mut Vec<Finding>) -> Option<Finding> {
    let first = findings.first_mut()?;
    if !sentence.contains(first.sentence.lines().next().unwrap_or_default()) {
        return None;
    }
    let headline = first.clone();
    match first.sentence.split_once('\n') {
        Some((_, rest)) => first.sentence = rest.to_owned(),
        None => drop(findings.remove(0)),
    }
    Some(headline)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headline_is_not_said_twice_and_what_follows_it_is_kept() {
        let mut findings =
            vec![Finding::new("Node n1 died.\nIt said:\n  help", []), Finding::new("More.", [])];
        leave_out_headline("The run was interrupted. Until then: Node n1 died.", &mut findings);
        assert_eq!(findings[0].sentence, "It said:\n  help");
        leave_out_headline("It said:", &mut findings);
        leave_out_headline("  help", &mut findings);
        assert_eq!(findings, [Finding::new("More.", [])]);
        leave_out_headline("Another sentence.", &mut findings);
        assert_eq!(findings.len(), 1);
    }
}
