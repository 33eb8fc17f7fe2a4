//! The transactional checkers against the definitions of what they look for, on tiny histories.

use std::collections::BTreeMap;

use glomers_check::txn::{Anomaly, ListAppend, Model, Options, RwRegister, VersionOrders};
use glomers_check::{Checker, Mode, Operation, OperationKind, Validity, Value, Verdict};
use proptest::prelude::*;

#[path = "support/cases.rs"]
mod cases;
#[path = "support/transactions.rs"]
mod transactions;

use cases::{require, try_cases};
use transactions::{Data, Workload};

fn run(history: &[Operation], mut checker: Box<dyn Checker>) -> Verdict {
    for operation in history {
        checker.observe(operation);
    }
    checker.finish()
}

fn model(name: &str) -> Model {
    name.parse().expect("a model")
}

/// A transaction with its place in real time.
struct Transaction {
    steps: Vec<Value>,
    invoked: usize,
    completed: usize,
}

fn committed(history: &[Operation]) -> Vec<Transaction> {
    let transaction = |(completed, operation): (usize, &Operation)| {
        let invoked = history[..completed]
            .iter()
            .rposition(|earlier| earlier.process == operation.process)
            .expect("an invocation");
        Transaction { steps: operation.value.as_sequence().expect("steps").to_vec(), invoked, completed }
    };
    history.iter().enumerate().filter(|(_, operation)| operation.is_ok()).map(transaction).collect()
}

/// Whether the transactions can be executed one after the other, in some order that keeps real time if asked to, so that
/// every read sees the state: the definition of (strict) serializability.
fn is_serializable(
    transactions: &[Transaction],
    left: &mut Vec<usize>,
    state: &BTreeMap<Value, Value>,
    in_real_time: bool,
) -> bool {
    if left.is_empty() {
        return true;
    }
    for place in 0..left.len() {
        let next = left[place];
        let must_wait = |other: &usize| transactions[*other].completed < transactions[next].invoked;
        if in_real_time && left.iter().any(must_wait) {
            continue;
        }
        let mut state = state.clone();
        if transactions[next].steps.iter().all(|step| execute(step, &mut state)) {
            left.remove(place);
            let found = is_serializable(transactions, left, &state, in_real_time);
            left.insert(place, next);
            if found {
                return true;
            }
        }
    }
    false
}

/// Takes one step, and says whether a read saw the state.
fn execute(step: &Value, state: &mut BTreeMap<Value, Value>) -> bool {
    let step = step.as_sequence().expect("a step");
    match step[0].as_keyword() {
        Some("append") => {
            let list = state.entry(step[1].clone()).or_insert_with(|| Value::Vector(Vec::new()));
            if let Value::Vector(list) = list {
                list.push(step[2].clone());
            }
            true
        }
        Some("w") => {
            state.insert(step[1].clone(), step[2].clone());
            true
        }
        _ => {
            let initial =
                if matches!(step[2], Value::Vector(_)) { Value::Vector(Vec::new()) } else { Value::Nil };
            state.get(&step[1]).unwrap_or(&initial) == &step[2]
        }
    }
}

/// Small histories of a database that sometimes shows stale states.
fn tiny(data: Data, stale: impl Strategy<Value = u64>) -> impl Strategy<Value = Vec<Operation>> {
    (any::<u64>(), 2_usize..8, 1_u64..4, 1_u64..4, stale).prop_map(
        move |(seed, transactions, clients, keys, stale_percent)| {
            Workload {
                data,
                transactions,
                clients,
                keys,
                max_writes_per_key: 6,
                max_steps: 3,
                crash_percent: 0,
                fail_percent: 0,
                stale_percent,
                seed,
            }
            .history()
        },
    )
}

/// Appends that no read shows leave the version order open: reads of every key at the end close it.
fn with_final_reads(mut history: Vec<Operation>) -> Vec<Operation> {
    let mut state = BTreeMap::new();
    for operation in history.iter().filter(|operation| operation.is_ok()) {
        for step in operation.value.as_sequence().expect("steps") {
            if step.as_sequence().expect("a step")[0].as_keyword() == Some("append") {
                execute(step, &mut state);
            }
        }
    }
    // The order of completions need not be that of execution: the longest list that was read decides.
    let reads: Vec<Value> =
        state.keys().map(|key| Value::Vector(vec![Value::keyword("r"), key.clone(), Value::Nil])).collect();
    let begin = Operation::invoke(99, "txn", Value::Vector(reads)).at(history.len() as u64, 0);
    let seen = state.into_iter().map(|(key, list)| {
        let shown = history
            .iter()
            .filter(|operation| operation.is_ok())
            .flat_map(|operation| operation.value.as_sequence().unwrap_or_default());
        let lists = shown.filter_map(|step| {
            let step = step.as_sequence()?;
            (step[0].as_keyword() == Some("r") && step[1] == key)
                .then(|| step[2].as_sequence().unwrap_or_default().to_vec())
        });
        let mut longest = lists.max_by_key(Vec::len).unwrap_or_default();
        longest.extend(
            list.as_sequence()
                .unwrap_or_default()
                .iter()
                .filter(|element| !longest.contains(element))
                .cloned()
                .collect::<Vec<_>>(),
        );
        Value::Vector(vec![Value::keyword("r"), key, Value::Vector(longest)])
    });
    let end =
        begin.completed(OperationKind::Ok, Value::Vector(seen.collect())).at(history.len() as u64 + 1, 0);
    history.extend([begin, end]);
    history
}

#[test]
fn lists_are_valid_just_if_they_are_strictly_serializable() {
    try_cases(500, (tiny(Data::Lists, 0_u64..60), any::<bool>()), |(history, in_real_time)| {
        let history = with_final_reads(history);
        let models = vec![model(if in_real_time { "strict-serializable" } else { "serializable" })];
        let verdict = run(&history, Box::new(ListAppend::new(Options { models, ..Options::default() })));
        let transactions = committed(&history);
        let mut left: Vec<usize> = (0..transactions.len()).collect();
        let expected = is_serializable(&transactions, &mut left, &BTreeMap::new(), in_real_time);
        // A history without a single dependency is not judged.
        let agrees = match verdict.validity {
            Validity::Unknown => expected,
            judged => (judged == Validity::Valid) == expected,
        };
        require(agrees, || format!("{expected}, but {}: {history:?}", verdict.results))
    });
}

#[test]
fn registers_that_are_strictly_serializable_are_never_refused() {
    let sources = any::<[bool; 3]>();
    try_cases(500, (tiny(Data::Registers, 0_u64..60), sources), |(history, sources)| {
        let transactions = committed(&history);
        let mut left: Vec<usize> = (0..transactions.len()).collect();
        let expected = is_serializable(&transactions, &mut left, &BTreeMap::new(), true);
        let [writes_follow_reads, sequential_keys, linearizable_keys] = sources;
        let orders =
            VersionOrders { writes_follow_reads, sequential_keys, linearizable_keys, ..VersionOrders::NONE };
        for name in
            ["strict-serializable", "causal", "read-atomic", "monotonic-atomic-view", "read-committed"]
        {
            let options = Options { models: vec![model(name)], ..Options::default() };
            let verdict = run(&history, Box::new(RwRegister::new(options, orders.clone())));
            let is_refused = expected && verdict.validity == Validity::Invalid;
            require(!is_refused, || format!("not {name}: {}: {history:?}", verdict.results))?;
        }
        Ok(())
    });
}

#[test]
fn both_modes_agree_on_replies_of_the_right_shape() {
    try_cases(500, tiny(Data::Lists, 0_u64..60), |history| {
        let [strict, compat] = [Mode::Strict, Mode::Compat].map(|mode| {
            run(&history, Box::new(ListAppend::new(Options { mode, ..Options::default() }))).validity
        });
        require(strict == compat, || format!("{strict}, and upstream {compat}: {history:?}"))
    });
}

#[test]
fn a_model_rules_out_what_the_weaker_ones_do() {
    try_cases(500, tiny(Data::Lists, 0_u64..60), |history| {
        let is_invalid = |name| {
            let options = Options { models: vec![model(name)], ..Options::default() };
            run(&history, Box::new(ListAppend::new(options))).validity == Validity::Invalid
        };
        let verdicts = [
            "read-uncommitted",
            "read-committed",
            "snapshot-isolation",
            "serializable",
            "strict-serializable",
        ]
        .map(is_invalid);
        require(verdicts.is_sorted(), || format!("{verdicts:?}: {history:?}"))
    });
}

#[test]
fn many_correct_transactions_are_valid() {
    for data in [Data::Lists, Data::Registers] {
        let history = Workload { crash_percent: 3, fail_percent: 5, ..Workload::new(data, 5_000) }.history();
        assert!(history.iter().any(|operation| operation.kind == OperationKind::Info));
        let checker: Box<dyn Checker> = match data {
            Data::Lists => Box::new(ListAppend::new(Options::default())),
            Data::Registers => {
                let orders = VersionOrders {
                    sequential_keys: true,
                    linearizable_keys: true,
                    ..VersionOrders::default()
                };
                Box::new(RwRegister::new(Options::default(), orders))
            }
        };
        assert_eq!(run(&history, checker).results.to_string(), "{:valid? true}");
    }
}

#[test]
fn a_long_broken_history_has_a_verdict_too() {
    let history = Workload { stale_percent: 30, ..Workload::new(Data::Lists, 5_000) }.history();
    let verdict = run(&history, Box::new(ListAppend::new(Options::default())));
    assert_eq!(verdict.validity, Validity::Invalid);
    assert!(verdict.results.get("anomalies").and_then(|anomalies| anomalies.get("lost-update")).is_some());
    let serializable = Model::prohibited([model("serializable")]);
    assert!(serializable.contains(&Anomaly::LOST_UPDATE));
}
