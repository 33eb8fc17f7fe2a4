//! The verdict in one sentence.

use glomers_check::Validity;

use super::analysis::Results;
use crate::{plan::Plan, run::Ending};

/// What a run came to, as one would tell it.
pub(crate) fn verdict(plan: &Plan, ending: &Ending, results: &Results) -> String {
    let counts = results.counts;
    let nodes = count(plan.nodes.len() as u64, "node");
    let operations = format!("{} on {nodes}", count(counts.invoked, &format!("{} operation", plan.workload)));
    // The rest of a finding is told below the verdict.
    let first_finding = results.findings.first().and_then(|finding| finding.sentence.lines().next());
    let verdict = match (results.validity, first_finding) {
        (Validity::Valid | Validity::Unknown, _) if counts.invoked == 0 => {
            format!("No operation was invoked on {nodes}, so there was nothing to judge.")
        }
        (Validity::Valid, _) if counts.ok == counts.invoked => format!("{operations}, all of them ok."),
        (Validity::Valid, _) => {
            format!("{operations}, {} of them ok, and nothing wrong with these.", counts.ok)
        }
        (Validity::Unknown | Validity::Invalid, Some(finding)) => finding.to_owned(),
        (Validity::Unknown | Validity::Invalid, None) => format!("{operations}, {} of them ok.", counts.ok),
    };
    match ending {
        Ending::Interrupted { .. } => format!("The run was interrupted. Until then: {verdict}"),
        Ending::Complete | Ending::NotStarted { .. } | Ending::FailedFast => verdict,
    }
}

/// `1 node`, `2 nodes`.
fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
