//! What to check a history for: what one was told, or what its operations look like.

use std::collections::BTreeSet;

use glomers_check::{
    Availability, Checker, Exceptions, Operation, Stats, Value,
    formats::Format,
    registry::{self, CheckOptions, Entry, Keys},
};
use glomers_workbench::workloads::{self, Definition};

use super::{Question, Watch, source::Told};

/// The checkers for a history, and why these.
pub(super) struct Choice {
    pub(super) checked_as: String,
    pub(super) reason: String,
    /// Those that look at any workload, by their key in the results.
    pub(super) general: Vec<(&'static str, Box<dyn Checker>)>,
    pub(super) checker: Box<dyn Checker>,
    /// Whether that one can say nothing for certain of a history that breaks off.
    pub(super) needs_the_end: bool,
}

/// Chooses, from the question first, then from what stands beside the history, then from how it begins.
///
/// # Errors
/// A sentence that says what the operations could be, and how to say which.
pub(super) fn choose(
    question: &Question,
    told: &Told,
    beginning: &[Operation],
    watch: &Watch,
) -> Result<Choice, String> {
    if let Some(name) = &question.checker {
        let entry = registry::find(name).ok_or_else(|| format!("There is no checker named {name:?}."))?;
        let keys = if entry.takes_keys { keys_of(beginning) } else { Keys::None };
        return single(entry, keys, question, told, "--checker says so", watch);
    }
    if let Some(name) = &question.workload {
        let workload =
            workloads::find(name).ok_or_else(|| format!("There is no workload named {name:?}."))?;
        return workload_choice(workload, "--workload says so", question, told, watch);
    }
    if let Some((name, who)) = &told.workload
        && let Some(workload) = workloads::find(name)
    {
        return workload_choice(workload, who, question, told, watch);
    }
    let (name, reason) = recognise(beginning, told.format)?;
    let entry = registry::find(name).ok_or_else(|| format!("There is no checker named {name:?}."))?;
    let keys = if entry.takes_keys { keys_of(beginning) } else { Keys::None };
    single(entry, keys, question, told, &reason, watch)
}

/// One checker by itself.
fn single(
    entry: &Entry,
    keys: Keys,
    question: &Question,
    told: &Told,
    reason: &str,
    watch: &Watch,
) -> Result<Choice, String> {
    require_use_of_options(entry, question)?;
    Ok(Choice {
        checked_as: name_with(entry, keys, question, told),
        reason: reason.to_owned(),
        general: Vec::new(),
        checker: (entry.build)(&options(keys, false, question, told, watch)),
        needs_the_end: entry.needs_the_end,
    })
}

/// Refuses to drop what was asked for without a word.
fn require_use_of_options(entry: &Entry, question: &Question) -> Result<(), String> {
    let options = [
        ("--consistency-models", !question.models.is_empty() && !entry.takes_models),
        ("--version-orders", question.version_orders.is_some() && !entry.takes_version_orders),
    ];
    match options.iter().find(|(_, is_useless)| *is_useless) {
        None => Ok(()),
        Some((option, _)) => Err(format!(
            "It would be checked as {}, to which {option} means nothing. Leave that out, or name another --checker.",
            entry.name
        )),
    }
}

/// What a run of a workload is checked for: its own checker, and those that look at any.
fn workload_choice(
    workload: &Definition,
    who: &str,
    question: &Question,
    told: &Told,
    watch: &Watch,
) -> Result<Choice, String> {
    let entry = workload.checker();
    require_use_of_options(entry, question)?;
    let checker = (entry.build)(&options(workload.keys, true, question, told, watch));
    let checked_as = format!("{} ({})", workload.name, name_with(entry, workload.keys, question, told));
    let mut general: Vec<(&'static str, Box<dyn Checker>)> =
        vec![("exceptions", Box::<Exceptions>::default()), ("stats", Box::<Stats>::default())];
    if let Some(goal) = told.availability {
        general.push(("availability", Box::new(Availability::new(goal))));
    }
    Ok(Choice { checked_as, reason: who.to_owned(), general, checker, needs_the_end: entry.needs_the_end })
}

fn options(keys: Keys, is_workload: bool, question: &Question, told: &Told, watch: &Watch) -> CheckOptions {
    CheckOptions {
        mode: question.mode,
        keys,
        initial: question.initial.clone(),
        models: models(question, told).to_vec(),
        version_orders: question.version_orders.clone().unwrap_or_default(),
        is_workload,
        interrupt: watch.interrupt().clone(),
    }
}

fn models<'a>(question: &'a Question, told: &'a Told) -> &'a [glomers_check::txn::Model] {
    if question.models.is_empty() { &told.models } else { &question.models }
}

fn name_with(entry: &Entry, keys: Keys, question: &Question, told: &Told) -> String {
    let mut name = entry.name.to_owned();
    if keys != Keys::None {
        name.push_str(" of each key");
    }
    if entry.takes_models {
        let names: Vec<&str> = models(question, told).iter().map(|model| model.name()).collect();
        let promised = if names.is_empty() { "strict-serializable".to_owned() } else { names.join(", ") };
        name.push_str(&format!(", {promised}"));
    }
    name
}

/// Where these operations name their key.
fn keys_of(beginning: &[Operation]) -> Keys {
    let invocations = || beginning.iter().filter(|operation| operation.is_client() && operation.is_invoke());
    if invocations().next().is_some() && invocations().all(|operation| operation.get("key").is_some()) {
        return Keys::Beside;
    }
    let is_pair = |operation: &Operation| operation.value.as_sequence().is_some_and(|pair| pair.len() == 2);
    // A compare-and-set of one register is a pair too, but nothing is to be read where it stands.
    let asks = |operation: &Operation| matches!(operation.value.as_sequence(), Some([_, Value::Nil]));
    if invocations().all(is_pair) && invocations().any(asks) { Keys::InValue } else { Keys::None }
}

/// The checker that fits how the history begins, and what shows it.
fn recognise(beginning: &[Operation], format: Option<Format>) -> Result<(&'static str, String), String> {
    if format == Some(Format::Awdit) {
        return Ok(("causal", "that is the strongest level that AWDIT's format is for".to_owned()));
    }
    let functions: BTreeSet<&str> = beginning
        .iter()
        .filter(|operation| operation.is_client())
        .map(|operation| operation.f.as_str())
        .collect();
    let listed = functions.iter().copied().collect::<Vec<_>>().join(", ");
    let only = |allowed: &[&str]| {
        !functions.is_empty() && functions.iter().all(|function| allowed.contains(function))
    };
    let any = |wanted: &[&str]| functions.iter().any(|function| wanted.contains(function));
    let because = |what: &str| format!("its operations are {listed}{what}");
    if let Some(micro) = micro_functions(beginning) {
        let name = if micro.contains("append") { "list-append" } else { "rw-register" };
        let micro = micro.into_iter().collect::<Vec<_>>().join(", ");
        return Ok((name, format!("its operations are transactions of {micro}")));
    }
    if only(&["echo"]) {
        return Ok(("echo", because("")));
    }
    if only(&["read", "write", "cas"]) && any(&["write", "cas"]) {
        return Ok(("register", because("; what it holds at first is what --initial says")));
    }
    if only(&["broadcast", "read"]) && any(&["broadcast"]) {
        return Ok(("broadcast", because("")));
    }
    if only(&["add", "read"]) && any(&["add"]) {
        let mut reads = beginning
            .iter()
            .filter(|operation| operation.f == "read" && operation.is_ok())
            .map(|read| &read.value);
        match reads.next() {
            Some(Value::Int(_)) => return Ok(("pn-counter", because(", and reads show numbers"))),
            Some(read) if read.as_elements().is_some() => {
                return Ok(("set-full", because(", and reads show elements")));
            }
            _ => {}
        }
    }
    if only(&["generate"]) {
        return Ok(("unique-ids", because("")));
    }
    if only(&["send", "poll", "txn", "assign", "subscribe", "crash", "debug-topic-partitions"])
        && any(&["send", "poll"])
    {
        return Ok(("kafka", because("")));
    }
    if only(&["acquire", "release"]) {
        return Ok(("mutex", because("")));
    }
    if only(&["enqueue", "dequeue"]) {
        return Ok(("queue", because("")));
    }
    if only(&["append", "put", "get", "read"]) && any(&["append"]) {
        return Ok(("log", because(", which those of a log are")));
    }
    let names: Vec<&str> = registry::ALL.iter().map(|entry| entry.name).collect();
    let functions = if listed.is_empty() { "none of a client".to_owned() } else { listed };
    Err(format!(
        "What to check it for cannot be told: its operations are {functions}, which fits no checker, or more than one. \
         Say --workload ({}) or --checker ({}).",
        workloads::names().collect::<Vec<_>>().join(", "),
        names.join(", ")
    ))
}

/// The functions of the micro-operations, if all operations are transactions.
fn micro_functions(beginning: &[Operation]) -> Option<BTreeSet<String>> {
    let mut functions = BTreeSet::new();
    for operation in beginning.iter().filter(|operation| operation.is_client() && operation.is_invoke()) {
        for item in operation.value.as_sequence()? {
            let [function, _, _] = item.as_sequence()? else { return None };
            let function = function.as_keyword().filter(|name| matches!(*name, "r" | "w" | "append"))?;
            functions.insert(function.to_owned());
        }
    }
    (!functions.is_empty()).then_some(functions)
}

#[cfg(test)]
mod tests {
    use glomers_check::OperationKind;

    use super::*;

    fn recognised(read: Value) -> Option<&'static str> {
        let add = Operation::invoke(0, "add", 3);
        let reads = Operation::invoke(1, "read", ());
        let history = [
            add.clone(),
            add.completed(OperationKind::Ok, 3),
            reads.clone(),
            reads.completed(OperationKind::Ok, read),
        ];
        recognise(&history, None).ok().map(|(name, _)| name)
    }

    #[test]
    fn what_reads_show_tells_a_set_from_a_counter() {
        assert_eq!(recognised(Value::Vector(vec![Value::from(3)])), Some("set-full"));
        assert_eq!(recognised(Value::from(3)), Some("pn-counter"));
        assert_eq!(recognised(Value::Nil), None);
    }
}
