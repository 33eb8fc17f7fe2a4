//! What an outcome looks like as a verdict, in results and in words.

use super::counterexample::{Counterexample, Described};
use super::search::Outcome;
use super::{Effect, Model};
use crate::{Finding, Validity, Value, Verdict};

/// The verdict on one object, or on that of this key.
pub(super) fn verdict<M: Model>(model: &M, key: Option<&Value>, outcome: Outcome<M>) -> Verdict {
    let of_key = key.map_or_else(String::new, |key| format!(" of key {key}"));
    match outcome {
        Outcome::Linearizable => Verdict::bare(Validity::Valid),
        Outcome::GaveUp(reason) => Verdict::unknown(format!("The history{of_key} was not judged: {reason}.")),
        Outcome::Violated(None) => Verdict::bare(Validity::Invalid).with_finding(Finding::new(
            format!("No order of the operations{of_key} fits; which one breaks it was not found within the budget."),
            [],
        )),
        Outcome::Violated(Some(counterexample)) => explain(model, &counterexample, &of_key),
    }
}

/// What a violation looks like, in results and in words.
fn explain<M: Model>(model: &M, counterexample: &Counterexample<M>, of_key: &str) -> Verdict {
    let Counterexample { operation, prefix, order, left_out, is_exact, possible, possible_count } =
        counterexample;
    let configs = possible.iter().map(|(state, pending)| {
        let pending = pending.iter().map(|action| Value::string(model.describe_action(action))).collect();
        Value::record([("model", Value::string(state.to_string())), ("pending", Value::Vector(pending))])
    });
    let path = order.iter().map(|(operation, state)| {
        Value::record([("op", described(model, operation)), ("model", Value::string(state.to_string()))])
    });
    let mut entries = vec![
        ("op", described(model, operation)),
        ("prefix-count", Value::from(*prefix)),
        ("configs-count", Value::from(*possible_count)),
        ("configs", Value::List(configs.collect())),
    ];
    if *is_exact {
        entries.push(("final-paths-left-out", Value::from(*left_out)));
        entries.push(("final-paths", Value::List(vec![Value::Vector(path.collect())])));
    }
    let mut verdict = Verdict::new(Validity::Invalid, entries);
    // The last operation before it that changed the object is what it should have seen.
    let changes =
        |(earlier, _): &&(Described<M::Action>, M::State)| model.effect(&earlier.action) != Effect::Reads;
    let seen = order.iter().rev().find(changes).map(|(earlier, _)| earlier.span.indices());
    let mut operations = seen.unwrap_or_default();
    operations.extend(operation.span.indices());
    verdict.findings.push(Finding::new(broken(model, counterexample, of_key), operations));
    if *is_exact && !order.is_empty() {
        let operations: Vec<u64> = order.iter().flat_map(|(operation, _)| operation.span.indices()).collect();
        verdict.findings.push(Finding::new(fitting(model, order, *left_out, of_key), operations));
    }
    verdict
}

fn described<M: Model>(model: &M, operation: &Described<M::Action>) -> Value {
    let Described { span, action } = operation;
    Value::record([
        ("index", Value::from(span.end_index.unwrap_or(span.begin_index))),
        ("process", span.process.to_value()),
        ("action", Value::string(model.describe_action(action))),
    ])
}

/// The operation that fits in no order, as a sentence.
fn broken<M: Model>(model: &M, counterexample: &Counterexample<M>, of_key: &str) -> String {
    let Counterexample { operation, prefix, is_exact, possible, possible_count, .. } = counterexample;
    let Described { span, action } = operation;
    let action = model.describe_action(action);
    let who = format!("Process {} cannot `{action}`{of_key} ({span})", span.process);
    if !is_exact {
        return format!("{who}: no order fits the operations up to there, and maybe not even fewer.");
    }
    let (operations, them) = if *prefix == 1 { ("operation", "it") } else { ("operations", "them") };
    if possible.is_empty() {
        return format!(
            "{who}: some order fits the {prefix} {operations} that had ended, but none fits this one too."
        );
    }
    let mut states: Vec<String> = possible.iter().map(|(state, _)| state.to_string()).collect();
    states.sort_unstable();
    states.dedup();
    let more = if *possible_count > possible.len() { ", among others," } else { "" };
    let states = states.join(" or ");
    format!("{who}: {prefix} {operations} had ended, and after {them} only {states}{more} was possible.")
}

/// An order of the operations before, as a sentence.
fn fitting<M: Model>(
    model: &M,
    order: &[(Described<M::Action>, M::State)],
    left_out: u32,
    of_key: &str,
) -> String {
    let mut sentence = format!("Up to there this order{of_key} fits: ");
    if left_out > 0 {
        sentence.push_str(&format!("{left_out} operations, then "));
    }
    let steps = order.iter().map(|(operation, state)| {
        let Described { span, action } = operation;
        let action = model.describe_action(action);
        format!("`{action}` by process {} ({span}) leaves {state}", span.process)
    });
    sentence.push_str(&steps.collect::<Vec<_>>().join("; "));
    sentence.push('.');
    sentence
}
