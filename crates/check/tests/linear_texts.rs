//! Texts that several clients append to and read, as key-value stores that only grow are tested.

use glomers_check::linear::models::{Keyed, Log};
use glomers_check::linear::{Budget, Linearizability};
use glomers_check::{History, Operation, OperationKind, Validity, Value, check};

#[expect(dead_code, reason = "the benches use the other generators")]
#[path = "../benches/support/mod.rs"]
mod histories;

#[test]
fn fifty_clients_that_append_to_ten_texts_are_decided_too() {
    let budget = Budget { steps: 2_000_000, ..Budget::default() };
    let checker = Linearizability::new(Keyed::new(Log::append_only())).with_budget(budget);
    assert_eq!(check(&histories::logs(50, 20), checker).validity, Validity::Valid);
}

#[test]
fn ten_clients_that_append_are_decided_in_few_steps() {
    // So few that a search which tries all orders of what is open would give up.
    let budget = Budget { steps: 200_000, ..Budget::default() };
    let checker = Linearizability::new(Keyed::new(Log::append_only())).with_budget(budget);
    assert_eq!(check(&histories::logs(10, 50), checker).validity, Validity::Valid);
}

#[test]
fn items_of_which_nobody_knows_do_not_make_a_log_grow_without_end() {
    let mut operations: Vec<Operation> = Vec::new();
    for item in 0..6_i64 {
        let append = Operation::invoke(item as u64, "append", item);
        operations.extend([append.clone(), append.completed(OperationKind::Info, item)]);
    }
    let append = Operation::invoke(10, "append", 7);
    operations.extend([append.clone(), append.completed(OperationKind::Ok, 7)]);
    let read = Operation::invoke(11, "read", ());
    // Nobody appended 8.
    let seen = Value::Vector(vec![Value::from(3), Value::from(8), Value::from(7)]);
    operations.extend([read.clone(), read.completed(OperationKind::Ok, seen)]);
    let history = History::new(operations);
    let budget = Budget { steps: 5_000_000, ..Budget::default() };
    for log in [Log::new(), Log::append_only()] {
        let verdict = check(&history, Linearizability::new(log).with_budget(budget));
        assert_eq!(verdict.validity, Validity::Invalid, "{}", verdict.results);
    }
}
