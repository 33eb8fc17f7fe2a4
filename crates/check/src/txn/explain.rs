//! Cycles in words and as values: which transaction saw or missed what of which other.

use super::cycle::Cycle;
use super::relation::Relation;
use super::report::Case;
use super::transactions::{DataType, TransactionId, Transactions};
use crate::Mode;
use crate::{Subject, Value};

/// What on which key makes one transaction precede another.
pub(crate) struct Detail {
    pub(crate) key: Value,
    /// The version that the first wrote or read.
    pub(crate) value: Value,
    /// The version that the second wrote, unless it read the first's.
    pub(crate) next: Option<Value>,
    /// The positions of both micro-operations in their transactions.
    pub(crate) positions: (Option<usize>, Option<usize>),
    /// The reason, where the two are named like this.
    pub(crate) reason: fn(&Detail, &str, &str) -> String,
}

/// A checker that can say why its own edges are there.
pub(crate) trait Explain<D: DataType> {
    /// The transactions that the edges connect.
    fn transactions(&self) -> &Transactions<D>;
    /// Why a data dependency is there. None only for pairs that have no such dependency.
    fn detail(&self, source: TransactionId, target: TransactionId, relation: Relation) -> Option<Detail>;
}

/// A cycle as a case of its anomaly.
pub(crate) fn case<D: DataType>(explain: &impl Explain<D>, cycle: &Cycle) -> Case {
    let transactions = explain.transactions();
    let pairs: Vec<(TransactionId, TransactionId, Relation)> = cycle
        .steps
        .iter()
        .enumerate()
        .map(|(position, &(source, relation))| {
            (source, cycle.steps[(position + 1) % cycle.steps.len()].0, relation)
        })
        .collect();
    let mut steps = Vec::new();
    let mut reasons = Vec::new();
    let mut subjects = Vec::new();
    for (position, &(source, target, relation)) in pairs.iter().enumerate() {
        let (one, other) = (format!("T{}", position + 1), format!("T{}", (position + 1) % pairs.len() + 1));
        let (value, reason) = step(explain, source, target, relation, (&one, &other));
        // What the second wrote or read: of an append that the first did not see, that append.
        if let (Some(key), Some(written)) = (value.get("key"), value.get("value'").or(value.get("value"))) {
            subjects.push(Subject::entry(key, written));
        }
        steps.push(value);
        reasons.push(format!("{one} came before {other}, because {reason}"));
    }
    let members = || cycle.steps.iter().map(|step| step.0);
    let named: Vec<String> = members()
        .enumerate()
        .map(|(position, member)| {
            let span = transactions.span(member);
            format!("T{} is operation {} of process {}", position + 1, span.index, span.process)
        })
        .collect();
    let mut operations: Vec<Value> = members().map(|member| transactions.operation_value(member)).collect();
    operations.extend(operations.first().cloned());
    Case {
        value: Value::record([
            ("cycle", Value::Vector(operations)),
            ("steps", Value::List(steps)),
            ("type", Value::keyword(cycle.kind.anomaly().name())),
        ]),
        sentence: format!(
            "no order of these transactions explains them. {}; a contradiction. Here {}.",
            reasons.join("; but "),
            named.join(", ")
        ),
        operations: members().map(|member| transactions.span(member).index).collect(),
        subjects,
    }
}

/// One step of a cycle as upstream's map, and its reason in words.
fn step<D: DataType>(
    explain: &impl Explain<D>,
    source: TransactionId,
    target: TransactionId,
    relation: Relation,
    (one, other): (&str, &str),
) -> (Value, String) {
    let transactions = explain.transactions();
    let kind = ("type", Value::keyword(relation.name()));
    let (before, after) = (transactions.span(source), transactions.span(target));
    match relation {
        Relation::Process => {
            let value = Value::record([kind, ("process", before.process.to_value())]);
            (value, format!("process {} executed {one} before {other}", before.process))
        }
        Relation::RealTime => {
            let value = Value::record([
                kind,
                ("a'", transactions.operation_value(source)),
                ("b", transactions.operation_value(target)),
            ]);
            let gap_ns = after.invoked_time_ns.saturating_sub(before.time_ns);
            let reason = format!(
                "{one} had completed (index {}) {:.3} s before {other} was invoked (index {})",
                before.index,
                gap_ns as f64 / 1e9,
                after.invoked_index
            );
            (value, reason)
        }
        Relation::WriteWrite | Relation::WriteRead | Relation::ReadWrite => {
            let Some(detail) = explain.detail(source, target, relation) else {
                return (Value::record([kind]), format!("of a {relation} dependency"));
            };
            let reason = (detail.reason)(&detail, one, other);
            let position = |position: Option<usize>| {
                position.map_or(Value::Nil, |position| Value::from(position as u64))
            };
            // Elle has a name for the list before the first append.
            let is_initial = D::IS_LIST && transactions.mode == Mode::Compat && detail.value.is_nil();
            let version = if is_initial { Value::keyword("elle.list-append/init") } else { detail.value };
            let mut value = Value::record([kind, ("key", detail.key), ("value", version)]);
            if let Some(next) = detail.next {
                value.insert("value'", next);
            }
            value.insert("a-mop-index", position(detail.positions.0));
            value.insert("b-mop-index", position(detail.positions.1));
            (value, reason)
        }
    }
}
