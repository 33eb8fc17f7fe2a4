//! What the checker of linearizability says, in words and in results.

use glomers_check::linear::models::{Keyed, Mutex, Register};
use glomers_check::linear::{Budget, DistinctAction, DistinctRegister, Linearizability, WrittenTwice};
use glomers_check::{
    Checker, History, Interrupt, Mode, Operation, OperationKind, Validity, Value, Verdict, check, edn,
};

fn register() -> Linearizability<Register> {
    Linearizability::new(Register::new(Value::Nil, Mode::Strict))
}

fn verdict(checker: Linearizability<Register>, history: &str) -> Verdict {
    check(&History::from_edn(history).expect("a history"), checker)
}

#[test]
fn a_counterexample_names_the_operation_and_what_was_possible() {
    let verdict = verdict(
        register().by_key(),
        "{:type :invoke, :process 0, :f :write, :value [7 1]}
         {:type :ok,     :process 0, :f :write, :value [7 1]}
         {:type :invoke, :process 1, :f :write, :value [7 2]}
         {:type :invoke, :process 2, :f :cas,   :value [7 [1 1]]}
         {:type :invoke, :process 0, :f :read,  :value [8 nil]}
         {:type :ok,     :process 0, :f :read,  :value [8 nil]}
         {:type :info,   :process 2, :f :cas,   :value [7 [1 1]]}
         {:type :invoke, :process 0, :f :read,  :value [7 nil]}
         {:type :ok,     :process 0, :f :read,  :value [7 nil]}",
    );
    assert_eq!(verdict.validity, Validity::Invalid);
    assert_eq!(verdict.findings[0].operations, [0, 1, 7, 8], "what it should have seen, and what it is");
    insta::assert_snapshot!(verdict.findings[0].sentence, @"Process 0 cannot `read nil` of key 7 (operations 7 to 8): 1 operation had ended, and after it only 1 was possible.");
    insta::assert_snapshot!(verdict.findings[1].sentence, @"Up to there this order of key 7 fits: `write 1` by process 0 (operations 0 to 1) leaves 1.");
    insta::assert_snapshot!(edn::pretty(&verdict.results), @r#"
    {:valid? false,
     :results {7 {:linearizable {:valid? false,
                                 :op {:index 8,
                                      :process 0,
                                      :action "read nil"},
                                 :prefix-count 1,
                                 :configs-count 1,
                                 :configs ({:model "1", :pending []}),
                                 :final-paths-left-out 0,
                                 :final-paths ([{:op {:index 1,
                                                      :process 0,
                                                      :action "write 1"},
                                                 :model "1"}])},
                  :valid? false},
               8 {:linearizable {:valid? true}, :valid? true}},
     :failures [7]}
    "#);
}

/// Key 9 breaks at operation 3, key 7 at operation 5.
const TWO_KEYS_BREAK: &str = "{:type :invoke, :process 0, :f :read, :value [7 nil]}
     {:type :invoke, :process 1, :f :read, :value [9 nil]}
     {:type :invoke, :process 2, :f :write, :value [8 1]}
     {:type :ok,     :process 1, :f :read, :value [9 4]}
     {:type :ok,     :process 2, :f :write, :value [8 1]}
     {:type :ok,     :process 0, :f :read, :value [7 3]}";

#[test]
fn of_several_keys_the_first_violation_of_the_history_comes_first() {
    let verdict = verdict(register().by_key(), TWO_KEYS_BREAK);
    let operations: Vec<&[u64]> = verdict.findings.iter().map(|finding| &*finding.operations).collect();
    assert_eq!(operations, [[1, 3], [0, 5]]);

    // With the keys in one object the first violation is the only one that is told.
    let map = Keyed::new(Register::new(Value::Nil, Mode::Strict));
    let keyed = TWO_KEYS_BREAK.lines().map(|line| {
        let (begin, rest) = line.split_once('[').expect("a value");
        let (key, value) = rest.trim_end_matches("]}").split_once(' ').expect("a key and a value");
        format!("{begin}{value}, :key {key}}}")
    });
    let history = History::from_edn(&keyed.collect::<String>()).expect("a history");
    let verdict = check(&history, Linearizability::new(map));
    assert_eq!(verdict.findings[0].operations, [1, 3]);
}

#[test]
fn a_violation_comes_before_a_key_that_was_not_judged() {
    let mut operations = all_at_once(40, |client| {
        let value =
            if client % 2 == 0 { Value::from(client % 7) } else { Value::from(vec![client % 7, client % 5]) };
        (if client % 2 == 0 { "write" } else { "cas" }, Value::Vector(vec![Value::from(1), value]))
    });
    for (f, value) in [("invoke", Value::Nil), ("ok", Value::from(9))] {
        let read = Operation::invoke(99, "read", Value::Vector(vec![Value::from(2), value]));
        operations.push(if f == "ok" { read.completed(OperationKind::Ok, read.value.clone()) } else { read });
    }
    let history: History = (0..).zip(operations).map(|(index, entry)| entry.at(index, 0)).collect();
    let verdict = check(&history, register().by_key().with_budget(Budget::default().with_steps(500)));
    assert_eq!(verdict.validity, Validity::Invalid);
    assert_eq!(verdict.findings.len(), 2, "{:?}", verdict.findings);
    assert!(verdict.findings[0].sentence.contains("of key 2"), "{:?}", verdict.findings);
}

#[test]
fn a_counterexample_shows_the_end_of_an_order_that_fits() {
    let mut operations: Vec<Operation> = Vec::new();
    let mut entry = |client: u64, f: &str, value: Value, kind| {
        let index = operations.len() as u64;
        operations.push(Operation { kind, ..Operation::invoke(client, f, value) }.at(index, 0));
    };
    // A write that nobody sees, since it is overwritten at once, and one whose outcome only a read tells.
    entry(7, "write", 70.into(), OperationKind::Invoke);
    entry(7, "write", 70.into(), OperationKind::Info);
    for value in 0..6_i64 {
        entry(0, "write", value.into(), OperationKind::Invoke);
        entry(1, "write", 9.into(), OperationKind::Invoke);
        entry(0, "write", value.into(), OperationKind::Ok);
        entry(1, "write", 9.into(), OperationKind::Ok);
        entry(2, "read", Value::Nil, OperationKind::Invoke);
        entry(2, "read", value.into(), OperationKind::Ok);
    }
    for seen in [70, 5] {
        entry(2, "read", Value::Nil, OperationKind::Invoke);
        entry(2, "read", seen.into(), OperationKind::Ok);
    }
    let verdict = check(&History::new(operations), register());
    insta::assert_snapshot!(verdict.findings[0].sentence, @"Process 2 cannot `read 5` (operations 40 to 41): 19 operations had ended, and after them only 70 was possible.");
    insta::assert_snapshot!(verdict.findings[1].sentence, @"Up to there this order fits: 12 operations, then `write 9` by process 1 (operations 27 to 29) leaves 9; `write 4` by process 0 (operations 26 to 28) leaves 4; `read 4` by process 2 (operations 30 to 31) leaves 4; `write 9` by process 1 (operations 33 to 35) leaves 9; `write 5` by process 0 (operations 32 to 34) leaves 5; `read 5` by process 2 (operations 36 to 37) leaves 5; `write 70` by process 7 (operation 0, whose outcome is unknown) leaves 70; `read 70` by process 2 (operations 38 to 39) leaves 70.");
}

#[test]
fn a_store_that_forgets_is_caught_strictly_and_passed_as_upstream_does() {
    let forgets = "{:type :invoke, :process 0, :f :write, :value 1}
        {:type :ok,     :process 0, :f :write, :value 1}
        {:type :invoke, :process 0, :f :cas, :value [1 2]}
        {:type :fail,   :process 0, :f :cas, :value [1 2], :error [:precondition-failed \"it is 3\"]}";
    assert_eq!(verdict(register(), forgets).validity, Validity::Invalid);
    let compat = Linearizability::new(Register::new(Value::Nil, Mode::Compat));
    assert_eq!(verdict(compat, forgets).validity, Validity::Valid);
}

#[test]
fn a_crashed_operation_may_take_effect_late_or_never() {
    let crashed = "{:type :invoke, :process 0, :f :write, :value 1}
        {:type :info,   :process 0, :f :write, :value 1}
        {:type :invoke, :process 1, :f :read, :value nil}
        {:type :ok,     :process 1, :f :read, :value nil}
        {:type :invoke, :process 1, :f :read, :value nil}\n";
    let ends = |value: &str| {
        verdict(register(), &format!("{crashed}{{:type :ok, :process 1, :f :read, :value {value}}}")).validity
    };
    assert_eq!(ends("nil"), Validity::Valid);
    assert_eq!(ends("1"), Validity::Valid);
    assert_eq!(ends("2"), Validity::Invalid);
}

#[test]
fn a_crashed_write_takes_effect_once() {
    let verdict = verdict(
        register(),
        "{:type :invoke, :process 0, :f :write, :value 1}
         {:type :info,   :process 0, :f :write, :value 1}
         {:type :invoke, :process 1, :f :read, :value nil}
         {:type :ok,     :process 1, :f :read, :value 1}
         {:type :invoke, :process 1, :f :cas, :value [1 2]}
         {:type :ok,     :process 1, :f :cas, :value [1 2]}
         {:type :invoke, :process 1, :f :read, :value nil}
         {:type :ok,     :process 1, :f :read, :value 1}",
    );
    assert_eq!(verdict.validity, Validity::Invalid);
}

#[test]
fn what_is_no_operation_of_the_object_makes_the_verdict_unknown_and_is_named() {
    let verdict = verdict(register().by_key(), "{:index 4, :type :invoke, :process 0, :f :write, :value 1}");
    assert_eq!(verdict.validity, Validity::Unknown);
    insta::assert_snapshot!(verdict.findings[0].sentence, @"operation 4 does not suit the model: its value is 1, and not a vector of a key and a value");
}

/// Clients that all begin before any ends.
fn all_at_once(clients: u64, operation: impl Fn(u64) -> (&'static str, Value)) -> Vec<Operation> {
    let begins = (0..clients).map(|client| {
        let (f, value) = operation(client);
        Operation::invoke(client, f, value)
    });
    let mut operations: Vec<Operation> = begins.collect();
    let ends: Vec<Operation> =
        operations.iter().map(|begin| begin.completed(OperationKind::Ok, begin.value.clone())).collect();
    operations.extend(ends);
    operations
}

#[test]
fn any_number_of_operations_may_be_open_at_the_same_time() {
    let locks = all_at_once(500, |client| (["acquire", "release"][client as usize % 2], Value::Nil));
    assert_eq!(check(&History::new(locks), Linearizability::new(Mutex)).validity, Validity::Valid);
    let locks = all_at_once(500, |_| ("acquire", Value::Nil));
    assert_eq!(check(&History::new(locks), Linearizability::new(Mutex)).validity, Validity::Invalid);
    let values = |client: u64| {
        let f = ["read", "write"][client as usize % 2];
        (f, Value::from(client % 6))
    };
    // Reads see 0, 2 and 4, which only the writes of clients that are not there would leave.
    let mixed = check(&History::new(all_at_once(500, values)), register());
    assert_eq!(mixed.validity, Validity::Invalid);
    let values = |client: u64| (["read", "write"][client as usize % 2], Value::from(client / 2 % 6));
    assert_eq!(check(&History::new(all_at_once(500, values)), register()).validity, Validity::Valid);
}

#[test]
fn an_interrupted_check_says_so() {
    let interrupt = Interrupt::default();
    interrupt.raise();
    let values = |client: u64| (["read", "write"][client as usize % 2], Value::from(client / 2 % 6));
    let history = History::new(all_at_once(20, values));
    let verdict = check(&history, register().with_interrupt(interrupt));
    assert_eq!(verdict.validity, Validity::Unknown);
    insta::assert_snapshot!(verdict.findings[0].sentence, @"The history was not judged: it was interrupted.");
}

#[test]
fn a_search_without_end_stops_at_its_budget() {
    // Clients that all write different values twice, and never read: many orders, and no shortcut.
    let mut operations = Vec::new();
    for client in 0..12 {
        for (kind, from) in [(OperationKind::Invoke, client), (OperationKind::Info, client)] {
            let value = Value::Vector(vec![Value::from(from), Value::from(from + 1)]);
            operations.push(Operation { kind, ..Operation::invoke(client, "cas", value) });
        }
    }
    for client in 20..23 {
        let read = Operation::invoke(client, "read", ());
        operations.extend([read.clone(), read.completed(OperationKind::Ok, 7)]);
        operations.extend([read.clone(), read.completed(OperationKind::Ok, 99)]);
    }
    let model = Register::new(Value::from(0), Mode::Strict);
    let budget = Budget::default().with_steps(10);
    let checker = Linearizability::new(model.clone()).with_budget(budget);
    // A value that was never written is seen at once, without any search.
    assert_eq!(check(&History::new(operations.clone()), checker).validity, Validity::Invalid);
    operations.push(Operation::invoke(30, "write", 7).at(100, 0));
    let checker = Linearizability::new(model).with_budget(budget);
    assert_eq!(check(&History::new(operations), checker).validity, Validity::Unknown);
}

#[test]
fn the_verdict_is_the_same_whether_fed_online_or_at_once() {
    let text = "{:type :invoke, :process 0, :f :write, :value 1}
        {:type :invoke, :process 1, :f :read, :value nil}
        {:type :ok,     :process 1, :f :read, :value 1}
        {:type :invoke, :process 1, :f :read, :value nil}
        {:type :ok,     :process 1, :f :read, :value nil}";
    let history = History::from_edn(text).unwrap();
    // The write never ends in this history: it is as if its client had crashed.
    let mut online: Box<dyn Checker> = Box::new(register());
    history.operations().iter().for_each(|operation| online.observe(operation));
    assert_eq!(online.finish().validity, Validity::Invalid);
}

#[test]
fn values_written_over_each_other_in_a_circle_were_never_written() {
    let mut register = DistinctRegister::new();
    register.add(DistinctAction::CompareAndSet(1, 2), 0, Some(1)).unwrap();
    register.add(DistinctAction::CompareAndSet(2, 1), 2, Some(3)).unwrap();
    assert!(!register.is_linearizable());
    assert_eq!(register.add(DistinctAction::Write(1), 4, Some(5)), Err(WrittenTwice(1)));
}

#[test]
fn blocks_that_enclose_each_other_fit_no_order() {
    use DistinctAction::{Read, Write};
    let mut register = DistinctRegister::new();
    // The register holds 1 from event 1 to event 8, so that no time is left for a write and a read of 2 within it.
    for (action, begin, end) in [(Write(1), 0, 1), (Write(2), 2, 3), (Read(1), 8, 9)] {
        register.add(action, begin, Some(end)).unwrap();
    }
    assert!(!register.is_linearizable());
    let mut register = DistinctRegister::new();
    for (action, begin, end) in [(Write(1), 0, 1), (Write(2), 2, 9), (Read(1), 8, 10)] {
        register.add(action, begin, Some(end)).unwrap();
    }
    assert!(register.is_linearizable());
}
