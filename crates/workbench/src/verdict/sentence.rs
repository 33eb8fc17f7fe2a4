//! The verdict in one sentence.

use glomers_check::Validity;

use super::analysis::Results;
use crate::{
    plan::Plan,
    run::Ending,
    text::{self, count, grouped},
};

/// The maximum length of the sentence, which is shown on one line.
const MAX_BYTES: usize = 1200;

/// The verdict in one sentence. `reason` is the first finding that decides it; the sentence quotes its first line.
pub(crate) fn verdict(plan: &Plan, ending: &Ending, results: &Results, reason: Option<&str>) -> String {
    let counts = results.counts;
    let nodes = count(plan.nodes.len() as u64, "node");
    let operations = format!("{} on {nodes}", count(counts.invoked, &format!("{} operation", plan.workload)));
    let some_ok = || format!("{operations}, {} of them ok", grouped(counts.ok));
    let verdict = match (results.validity, reason) {
        (Validity::Valid | Validity::Unknown, _) if counts.invoked == 0 => {
            format!("No operation was invoked on {nodes}, so nothing was checked.")
        }
        (Validity::Unknown | Validity::Invalid, Some(reason)) => headline(reason),
        (Validity::Valid, _) if counts.ok == counts.invoked => format!("{operations}, all of them ok."),
        (Validity::Valid, _) => format!("{}, and no violation was found.", some_ok()),
        (Validity::Unknown | Validity::Invalid, None) => format!("{}.", some_ok()),
    };
    match ending {
        Ending::Interrupted { .. } => format!("The run was interrupted. Until then: {verdict}"),
        Ending::Complete | Ending::NotStarted { .. } | Ending::FailedFast => verdict,
    }
}

/// The first line of a finding. Its other lines are shown below the verdict.
pub(crate) fn headline(reason: &str) -> String {
    text::bounded(reason.lines().next().unwrap_or_default().to_owned(), MAX_BYTES)
}
