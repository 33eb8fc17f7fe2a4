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
