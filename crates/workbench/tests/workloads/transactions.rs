//! txn-list-append and txn-rw-register.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

use glomers_node::{Node, Router, RpcError, messages};
use glomers_workbench::{Outcome, Simulation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{assert_caught, busy};

#[derive(Serialize, Deserialize)]
struct Txn {
    txn: Vec<(String, u64, Value)>,
}
#[derive(Serialize, Deserialize)]
struct TxnOk {
    txn: Vec<(String, u64, Value)>,
}

messages! {
    "txn" Txn => "txn_ok" TxnOk;
}

#[derive(Clone, Copy, PartialEq)]
enum Habit {
    Correct,
    /// Lets others in between two micro-operations.
    Pauses,
    /// Answers with the first micro-operation left out.
    LeavesOut,
}

type State = Rc<RefCell<BTreeMap<u64, Value>>>;

struct Server {
    node: Node,
    habit: Habit,
    state: State,
}

impl Server {
    async fn txn(&self, request: Txn) -> Result<TxnOk, RpcError> {
        let mut txn = request.txn;
        for (f, key, value) in &mut txn {
            if self.habit == Habit::Pauses {
                self.node.sleep(Duration::from_millis(3)).await;
            }
            let mut state = self.state.borrow_mut();
            match f.as_str() {
                "r" => *value = state.get(key).cloned().unwrap_or(Value::Null),
                "w" => drop(state.insert(*key, value.clone())),
                _ => match state.entry(*key).or_insert_with(|| json!([])) {
                    Value::Array(list) => list.push(value.clone()),
                    other => panic!("{other} is no list"),
                },
            }
        }
        if self.habit == Habit::LeavesOut && txn.len() == 4 {
            txn.remove(0);
        }
        Ok(TxnOk { txn })
    }
}

fn run(simulation: &Simulation, habit: Habit) -> Outcome {
    let state = State::default();
    simulation.run(move |node| Router::new(Server { node, habit, state: Rc::clone(&state) }).on(Server::txn))
}

#[test]
fn one_transaction_after_the_other_is_strict_serializable() {
    for workload in ["txn-list-append", "txn-rw-register"] {
        run(&busy(workload, 11), Habit::Correct).assert_valid();
    }
}

#[test]
fn transactions_that_run_into_each_other_are_caught() {
    assert_caught(&run(&busy("txn-list-append", 12), Habit::Pauses), &["transaction"]);
}

#[test]
fn what_is_not_promised_is_not_asked_for() {
    let lenient = busy("txn-rw-register", 13).setting("consistency-models", "read-uncommitted");
    run(&lenient, Habit::Correct).assert_valid();
}

#[test]
fn an_answer_that_leaves_something_out_is_caught() {
    for workload in ["txn-list-append", "txn-rw-register"] {
        assert_caught(&run(&busy(workload, 14), Habit::LeavesOut), &["micro-operation"]);
    }
}

#[test]
fn options_shape_the_transactions() {
    let simulation = busy("txn-list-append", 15)
        .setting("max-txn-length", "1")
        .setting("key-count", "2")
        .setting("max-writes-per-key", "1000");
    let outcome = run(&simulation, Habit::Correct);
    let invoked = outcome.history.iter().filter(|operation| operation.is_invoke());
    let lengths_and_keys = invoked.filter_map(|operation| match operation.value.as_sequence()? {
        [single] => single.as_sequence()?.get(1)?.as_int(),
        _ => panic!("{} has not one micro-operation", operation.value),
    });
    assert_eq!(lengths_and_keys.collect::<std::collections::BTreeSet<_>>().len(), 2);
}
