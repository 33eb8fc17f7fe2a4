//! The verdict in one sentence.

use glomers_check::Validity;

use crate::{analysis::Results, plan::Plan, runner::Ending};

/// What a run came to, as one would tell it.
pub(crate) fn verdict(plan: &Plan, ending: &Ending, results: &Results) -> String {
    let counts = results.counts;
    let nodes = count(plan.nodes.len() as u64, "node");
    let operations = format!("{} on {nodes}", count(counts.invoked, &format!("{} operation", plan.workload)));
    let interrupted = match ending {
        Ending::Interrupted { .. } => "Interrupted. ",
        Ending::Complete | Ending::NotStarted { .. } => "",
    };
    let first_finding = results.findings.first().map(|finding| finding.sentence.as_str());
    let verdict = match (results.validity, first_finding) {
        (Validity::Valid, _) if counts.invoked == 0 => format!("No operation was invoked on {nodes}."),
        (Validity::Valid, _) if counts.ok == counts.invoked => format!("{operations}, all of them ok."),
        (Validity::Valid, _) => {
            format!("{operations}, {} of them ok, and nothing wrong with these.", counts.ok)
        }
        (Validity::Unknown | Validity::Invalid, Some(finding)) => finding.to_owned(),
        (Validity::Unknown | Validity::Invalid, None) => format!("{operations}, {} of them ok.", counts.ok),
    };
    format!("{interrupted}{verdict}")
}

/// `1 node`, `2 nodes`.
fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
