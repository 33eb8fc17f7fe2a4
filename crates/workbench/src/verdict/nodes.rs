//! What no correct node does: it died, did not answer init, or broke the protocol.

use glomers_check::{Finding, Validity, Value, Verdict};
use glomers_world::ProtocolViolations;

use super::run_facts::RunFacts;
use crate::text::{count, excerpt, grouped};

/// `:nodes` of the results.
pub(super) fn judge(facts: &RunFacts<'_>) -> Verdict {
    let mut findings = ends(facts);
    findings.extend(facts.failed_restarts.iter().map(|(node, reason)| {
        Finding::new(format!("{reason} It had been killed and restarted before."), []).of_node(node.as_str())
    }));
    findings.extend(facts.replies.second_init_replies().iter().map(|(node, replies)| {
        let replies = if *replies == 1 { "1 reply".to_owned() } else { format!("{} replies", grouped(*replies)) };
        let sentence = format!(
            "Node {} answered init twice: {replies} came after the first. Init is answered once. Usual cause: the node's own code \
             answers it and its library does too.",
            excerpt(node.as_str(), 80)
        );
        Finding::new(sentence, []).of_node(node.as_str())
    }));
    findings.extend(violations(facts.violations));
    verdict(findings)
}

/// Maelstrom's verdict on the same: a run in which a node died or did not answer init has no results, and everything else passes.
pub(super) fn judge_as_maelstrom(facts: &RunFacts<'_>) -> Verdict {
    let mut findings = ends(facts);
    if !findings.is_empty() {
        findings.push(Finding::new("Maelstrom ends such a run with status 255 and without results.", []));
    }
    verdict(findings)
}

/// Why the run never began, or which nodes died.
fn ends(facts: &RunFacts<'_>) -> Vec<Finding> {
    match facts.not_started {
        Some(reason) => vec![Finding::new(reason, [])],
        None => facts
            .exits
            .iter()
            .map(|exit| Finding::new(exit.to_string(), []).of_node(exit.node.as_str()))
            .collect(),
    }
}

fn verdict(findings: Vec<Finding>) -> Verdict {
    let sentences: Vec<Value> =
        findings.iter().map(|finding| Value::from(finding.sentence.as_str())).collect();
    let mut verdict = Verdict::new(Validity::from(findings.is_empty()), [("errors", Value::List(sentences))]);
    verdict.findings = findings;
    verdict
}

/// One finding for each rule that a node broke, with the first line that broke it, and how often it broke any.
fn violations(violations: &ProtocolViolations) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (node, &broken) in violations.count_by_node() {
        let mut rules = Vec::new();
        for violation in violations.kept().iter().filter(|violation| violation.node == *node) {
            let rule = std::mem::discriminant(&violation.kind);
            if !rules.contains(&rule) {
                rules.push(rule);
                findings.push(Finding::new(violation.to_string(), []).of_node(node.as_str()));
            }
        }
        if broken > rules.len() as u64 {
            let sentence = format!("Node {node} broke the protocol {} in all.", count(broken, "time"));
            findings.push(Finding::new(sentence, []).of_node(node.as_str()));
        }
    }
    findings
}
