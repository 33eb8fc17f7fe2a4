//! The results of one key as Maelstrom's `lin-kv` has them, for scripts that read these.

use super::Model;
use super::counterexample::Counterexample;
use super::lag::Span;
use super::search::Outcome;
use crate::{Name, Operation, OperationKind, Value, edn};

/// How an outcome looks, with the operations of the key, whose values have no key. Where Maelstrom lists the final configurations of a key
/// whose operations fit, these results do not: a monitor decides without following any.
pub(super) fn results<M: Model>(history: &[Operation], outcome: &Outcome<M>) -> Value {
    match outcome {
        Outcome::Linearizable => Value::record([("valid?", Value::from(true))]),
        Outcome::GaveUp(reason) => {
            Value::record([("valid?", Value::keyword("unknown")), ("error", Value::string(reason))])
        }
        Outcome::Violated(None) => Value::record([("valid?", Value::from(false))]),
        Outcome::Violated(Some(counterexample)) => violated(history, counterexample),
    }
}

fn violated<M: Model>(history: &[Operation], counterexample: &Counterexample<M>) -> Value {
    let Counterexample { operation, order, possible, .. } = counterexample;
    let end = operation.span.end_index.unwrap_or(operation.span.begin_index);
    let before = || history.iter().filter(|entry| entry.index < end);
    let broken = entry(history, operation.span);
    let last = order.last().and_then(|(described, state)| Some((entry(history, described.span)?, state)));
    let mut results = vec![("valid?", Value::from(false))];
    if let Some((last, state)) = last {
        let begun: Vec<&Operation> = before().filter(|entry| entry.is_invoke()).collect();
        let is_pending = |begin: &&Operation| {
            let ends = |entry: &Operation| {
                entry.process == begin.process && entry.index > begin.index && entry.is_ok()
            };
            let is_placed = order.iter().any(|(described, _)| described.span.begin_index == begin.index);
            !before().any(ends) && !is_placed
        };
        let pending = begun.into_iter().filter(is_pending).map(Operation::to_value).collect();
        let config =
            [("model", register(state)), ("last-op", last.to_value()), ("pending", Value::Vector(pending))];
        results.push(("configs", Value::List(vec![Value::record(config)])));
        let step =
            |operation: &Operation, model| Value::record([("op", operation.to_value()), ("model", model)]);
        let mut path = vec![step(last, register(state))];
        path.extend(broken.map(|broken| step(broken, inconsistent(broken, state))));
        results.push(("final-paths", Value::List(vec![Value::Vector(path)])));
    } else {
        let models = possible.iter().map(|(state, _)| Value::record([("model", register(state))]));
        results.push(("configs", Value::List(models.collect())));
        results.push(("final-paths", Value::List(Vec::new())));
    }
    let previous = history.iter().rev().find(|entry| entry.index < end && entry.is_ok());
    let last = last.map(|(last, _)| last);
    let named = [("previous-ok", previous), ("last-op", last), ("op", broken)];
    results
        .extend(named.into_iter().map(|(name, entry)| (name, entry.map_or(Value::Nil, Operation::to_value))));
    Value::record(results)
}

/// The completion of an operation, or its invocation where it has none.
fn entry(history: &[Operation], span: Span) -> Option<&Operation> {
    let index = span.end_index.unwrap_or(span.begin_index);
    let place = history.binary_search_by_key(&index, |entry| entry.index).ok()?;
    Some(&history[place])
}

fn register(state: &impl ToString) -> Value {
    let text = state.to_string();
    let value = edn::read(&text).unwrap_or_else(|_| Value::string(&text));
    tagged("knossos.model.CASRegister", Value::record([("value", value)]))
}

/// Why the register can't do this in that state.
fn inconsistent(operation: &Operation, state: &impl ToString) -> Value {
    let state = state.to_string();
    let words = match (operation.kind, operation.value.as_sequence()) {
        (OperationKind::Ok, Some([from, to])) => format!("can't CAS {state} from {from} to {to}"),
        _ => format!("can't read {} from register {state}", operation.value),
    };
    tagged("knossos.model.Inconsistent", Value::record([("msg", Value::string(words))]))
}

fn tagged(tag: &'static str, value: Value) -> Value {
    Value::Tagged(Box::new((Name::from_static(tag), value)))
}
