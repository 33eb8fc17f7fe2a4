//! Texts that several clients append to and read, as key-value stores that only grow are tested.

use glomers_check::linear::models::{Keyed, Log};
use glomers_check::linear::{Budget, Linearizability};
use glomers_check::{History, Operation, OperationKind, Validity, Value, check};

#[expect(dead_code, reason = "the benches use the other generators")]
#[path = "../benches/support/mod.rs"]
mod histories;

#[test]
fn fifty_clients_that_append_to_ten_texts_are_decided_without_a_search() {
    let budget = Budget::default().with_steps(0);
    let checker = Linearizability::new(Keyed::new(Log)).with_budget(budget);
    assert_eq!(check(&histories::logs(50, 20), checker).validity, Validity::Valid);
}

#[test]
fn ten_clients_that_append_are_decided_without_a_search() {
    let budget = Budget::default().with_steps(0);
    let checker = Linearizability::new(Keyed::new(Log)).with_budget(budget);
    assert_eq!(check(&histories::logs(10, 50), checker).validity, Validity::Valid);
}

#[test]
fn a_text_that_was_appended_twice_needs_no_search() {
    let entry = |process: u64, f: &'static str, asked: Value, answered: Value| {
        let begin = Operation::invoke(process, f, asked);
        [begin.clone(), begin.completed(OperationKind::Ok, answered)]
    };
    let append = |text: &str| entry(0, "append", text.into(), text.into());
    let get = |text: &str| entry(1, "get", Value::Nil, text.into());
    let verdict = |last: &str| {
        let put = entry(2, "put", "c".into(), "c".into());
        let steps =
            [append("a"), append("b"), append("a"), get("aba"), put, append("b"), append("d"), get(last)];
        let budget = Budget::default().with_steps(0).with_depth_first_steps(0);
        let history: History = steps.into_iter().flatten().collect();
        check(&history, Linearizability::new(Log).with_budget(budget)).validity
    };
    assert_eq!(["cbd", "cb", "cd", "cad", "aba"].map(verdict), {
        let mut expected = [Validity::Invalid; 5];
        expected[0] = Validity::Valid;
        expected
    });
}

#[test]
fn crashed_items_do_not_make_a_log_grow_without_end() {
    let mut operations: Vec<Operation> = Vec::new();
    for item in 0..6_i64 {
        let append = Operation::invoke(item as u64, "append", item);
        operations.extend([append.clone(), append.completed(OperationKind::Info, item)]);
    }
    let append = Operation::invoke(10, "append", 7);
    operations.extend([append.clone(), append.completed(OperationKind::Ok, 7)]);
    let read = Operation::invoke(11, "read", ());
    // 8 was never appended.
    let seen = Value::Vector(vec![Value::from(3), Value::from(8), Value::from(7)]);
    operations.extend([read.clone(), read.completed(OperationKind::Ok, seen)]);
    let history = History::new(operations);
    let budget = Budget::default().with_steps(5_000_000);
    let verdict = check(&history, Linearizability::new(Log).with_budget(budget));
    assert_eq!(verdict.validity, Validity::Invalid, "{}", verdict.results);
}
