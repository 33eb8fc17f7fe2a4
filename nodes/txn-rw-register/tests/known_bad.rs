//! Servers that do what the real one must not, each caught with a sentence that names the operations.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use glomers_check::{Finding, History, WeakIsolation, check, txn::weak::Level};
use glomers_node::{ErrorCode, Node, RawValue, Router, RpcError};
use glomers_workbench::{Outcome, Simulation, Validity};
use txn_rw_register::{Function, Txn, TxnOk};

/// A single node, on which transactions meet.
struct Careless {
    node: Node,
    habit: Habit,
    registers: RefCell<BTreeMap<String, Box<RawValue>>>,
}

#[derive(Clone, Copy)]
enum Habit {
    /// Writes where everybody can see it, and goes on.
    WritesAtOnce,
    /// The same, and gives up a transaction now and then, without undoing what it wrote.
    KeepsWhatWasAborted,
    /// Keeps its writes for itself until the end, and then makes them one by one.
    EndsOneByOne,
}

impl Careless {
    fn router(node: Node, habit: Habit) -> Router<Self> {
        Router::new(Self { node, habit, registers: RefCell::default() }).on(Self::txn)
    }

    async fn txn(&self, mut request: Txn) -> Result<TxnOk, RpcError> {
        let mut later = BTreeMap::new();
        for (function, key, value) in &mut request.txn {
            match (function, self.habit) {
                (Function::Read, _) => {
                    let own = later.get(key.get()).cloned();
                    let current = || self.registers.borrow().get(key.get()).cloned();
                    *value = own.or_else(current).unwrap_or_else(|| RawValue::NULL.to_owned());
                }
                (Function::Write, Habit::EndsOneByOne) => {
                    later.insert(key.get().to_owned(), value.clone());
                }
                (Function::Write, _) => self.write(key.get().to_owned(), value.clone()).await,
            }
        }
        for (key, value) in later {
            self.write(key, value).await;
        }
        if matches!(self.habit, Habit::KeepsWhatWasAborted) && self.node.rng().chance(0.1) {
            return Err(RpcError::new(ErrorCode::TXN_CONFLICT, "somebody was faster"));
        }
        Ok(TxnOk { txn: request.txn })
    }

    async fn write(&self, key: String, value: Box<RawValue>) {
        self.registers.borrow_mut().insert(key, value);
        self.node.sleep(Duration::from_millis(1)).await;
    }
}

fn run(habit: Habit, models: &str) -> Outcome {
    Simulation::new("txn-rw-register")
        .node_count(1)
        .concurrency(10)
        .rate_hz(1000.0)
        .time_limit(Duration::from_secs(2))
        .setting("consistency-models", models)
        .run(move |node| Careless::router(node, habit))
}

/// What a checker of this level finds.
fn findings(outcome: &Outcome, level: Level) -> Vec<Finding> {
    let verdict = check(&History::new(outcome.history.clone()), WeakIsolation::new(level));
    assert_eq!(verdict.validity, Validity::Invalid);
    verdict.findings
}

#[track_caller]
fn assert_named(outcome: &Outcome, anomaly: &str) {
    assert_eq!(outcome.validity, Validity::Invalid, "{}", outcome.sentence);
    let text = format!("{}\n{}", outcome.sentence, outcome.findings.join("\n"));
    assert!(text.contains(anomaly), "{anomaly:?} is not named in:\n{text}");
    let names_an_operation =
        text.split(|letter: char| !letter.is_ascii_digit()).any(|number| !number.is_empty());
    assert!(names_an_operation, "no operation is named in:\n{text}");
}

#[test]
fn reading_what_a_transaction_wrote_in_passing_is_caught() {
    let outcome = run(Habit::WritesAtOnce, "read-committed");
    assert_named(&outcome, "G1b");
    assert!(!findings(&outcome, Level::MonotonicAtomicView)[0].operations.is_empty());
}

#[test]
fn reading_what_was_aborted_is_caught() {
    let outcome = run(Habit::KeepsWhatWasAborted, "read-committed");
    assert_named(&outcome, "G1a");
}

#[test]
fn seeing_half_a_transaction_is_caught() {
    let outcome = run(Habit::EndsOneByOne, "read-uncommitted");
    assert!(findings(&outcome, Level::ReadAtomic)[0].operations.len() > 1);
}
