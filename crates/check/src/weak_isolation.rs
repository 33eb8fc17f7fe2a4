//! The weak isolation levels as a checker of histories.

use rustc_hash::FxHashMap;

use crate::txn::weak::{Level, Sessions, Step, Violation};
use crate::{Checker, Finding, Operation, OperationKind, Pairing, Process, Validity, Value, Verdict};

/// Decides whether transactions of `[:r key value]` and `[:w key value]` keep one of the exact [`Level`]s, where each
/// process is a session.
///
/// A transaction that failed did not happen. One of which nobody knows counts with what it wrote, which matters only if
/// somebody read it, and comes last in its session. No value may be written twice to one key, or the verdict is
/// `unknown`. Memory is that of all steps; for the time see [`txn::weak`](crate::txn::weak).
///
/// Results: `:valid?`, `:level`, and `:strongest-level`, nil if not even read committed holds.
///
/// ```
/// use glomers_check::{History, Validity, WeakIsolation, check, txn::weak::Level};
/// // Half of what the first transaction wrote.
/// let history = History::from_edn(
///     "{:type :invoke, :process 0, :f :txn, :value [[:w :x 1] [:w :y 1]]}
///      {:type :ok,     :process 0, :f :txn, :value [[:w :x 1] [:w :y 1]]}
///      {:type :invoke, :process 1, :f :txn, :value [[:r :y nil] [:r :x nil]]}
///      {:type :ok,     :process 1, :f :txn, :value [[:r :y nil] [:r :x 1]]}",
/// )?;
/// assert_eq!(check(&history, WeakIsolation::new(Level::ReadCommitted)).validity, Validity::Valid);
/// let verdict = check(&history, WeakIsolation::new(Level::ReadAtomic));
/// assert_eq!(verdict.validity, Validity::Invalid);
/// assert_eq!(verdict.results.to_string(), "{:valid? false, :level :read-atomic, :strongest-level :read-committed}");
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
#[derive(Debug)]
pub struct WeakIsolation {
    level: Level,
    open: Pairing<(u64, Value)>,
    sessions: Vec<Vec<Transaction>>,
    session_of: FxHashMap<Process, usize>,
    keys: Numbers<Value>,
    values: Numbers<(u64, Value)>,
    /// Which values have been written.
    written: Vec<bool>,
    unsuitable: Option<String>,
}

#[derive(Debug)]
struct Transaction {
    /// The index of its beginning.
    index: u64,
    steps: Vec<Step>,
}

impl WeakIsolation {
    /// Checks for this level.
    pub fn new(level: Level) -> Self {
        Self {
            level,
            open: Pairing::new(),
            sessions: Vec::new(),
            session_of: FxHashMap::default(),
            keys: Numbers::default(),
            values: Numbers::default(),
            written: Vec::new(),
            unsuitable: None,
        }
    }

    /// Adds the end of the transaction that began at this index.
    fn end(&mut self, operation: &Operation, index: u64, value: &Value, is_known: bool) {
        let Some(items) = value.as_sequence() else {
            return self.refuse(operation, "the value is no vector of micro-operations");
        };
        let mut steps = Vec::with_capacity(items.len());
        for item in items {
            match self.step(item) {
                Ok(Step::Read { .. }) if !is_known => {}
                Ok(step) => steps.push(step),
                Err(reason) => return self.refuse(operation, reason),
            }
        }
        let fresh = self.sessions.len();
        let session = *self.session_of.entry(operation.process).or_insert(fresh);
        if session == fresh {
            self.sessions.push(Vec::new());
        }
        self.sessions[session].push(Transaction { index, steps });
        if !is_known {
            self.session_of.remove(&operation.process);
        }
    }

    fn step(&mut self, item: &Value) -> Result<Step, &'static str> {
        const EXPECTED: &str = "a micro-operation is a vector of :r or :w, a key and a value";
        let Some([function, key, value]) = item.as_sequence() else { return Err(EXPECTED) };
        let key = self.keys.of(key.clone());
        match function.as_keyword().or_else(|| function.as_str()) {
            Some("r") if value.is_nil() => Ok(Step::Read { key, value: None }),
            Some("r") => Ok(Step::Read { key, value: Some(self.values.of((key, value.clone()))) }),
            Some("w") => {
                let value = self.values.of((key, value.clone()));
                let place = value as usize;
                self.written.resize(self.written.len().max(place + 1), false);
                if std::mem::replace(&mut self.written[place], true) {
                    return Err(
                        "it writes a value that was written to the same key before, so that a read does not tell which it saw",
                    );
                }
                Ok(Step::Write { key, value })
            }
            _ => Err(EXPECTED),
        }
    }

    fn refuse(&mut self, operation: &Operation, reason: &str) {
        self.unsuitable
            .get_or_insert_with(|| format!("Operation {} cannot be judged: {reason}.", operation.index));
    }
}

impl Checker for WeakIsolation {
    fn observe(&mut self, operation: &Operation) {
        if !operation.is_client() || self.unsuitable.is_some() {
            return;
        }
        if operation.is_invoke() {
            let lost = self.open.begin(operation.process, (operation.index, operation.value.clone()));
            if let Some((index, value)) = lost {
                self.end(operation, index, &value, false);
            }
            return;
        }
        let Some((index, asked)) = self.open.end(operation.process) else { return };
        match operation.kind {
            OperationKind::Ok => self.end(operation, index, &operation.value, true),
            OperationKind::Info => self.end(operation, index, &asked, false),
            OperationKind::Invoke | OperationKind::Fail => {}
        }
    }

    fn finish(mut self: Box<Self>) -> Verdict {
        for (process, (index, asked)) in std::mem::take(&mut self.open).into_open() {
            let begun = Operation { process, ..Operation::invoke(0, "txn", ()) }.at(index, 0);
            self.end(&begun, index, &asked, false);
        }
        if let Some(reason) = self.unsuitable {
            return Verdict::unknown(reason);
        }
        let mut sessions = Sessions::new();
        let mut indices = Vec::new();
        for session in self.sessions {
            sessions.begin();
            for transaction in session {
                indices.push(transaction.index);
                sessions.push(transaction.steps);
            }
        }
        let violation = sessions.violation(self.level);
        let strongest = sessions.strongest_level();
        let validity = Validity::from(violation.is_none());
        let name = |level: Level| Value::keyword(name_of(level));
        let results = [("level", name(self.level)), ("strongest-level", strongest.map_or(Value::Nil, name))];
        let verdict = Verdict::new(validity, results);
        match violation {
            None => verdict,
            Some(violation) => verdict
                .with_finding(describe(self.level, &violation, &indices))
                .with_finding(Finding::new(held(strongest), [])),
        }
    }
}

fn describe(level: Level, violation: &Violation, indices: &[u64]) -> Finding {
    match violation {
        Violation::Read { transaction, .. } => {
            let index = indices[*transaction];
            let sentence = format!(
                "The transaction that operation {index} began read what no transaction had left there for others to see, so that \
                 {level} does not hold."
            );
            Finding::new(sentence, [index])
        }
        Violation::Cycle { transactions } => {
            let operations: Vec<u64> = transactions.iter().map(|&number| indices[number]).collect();
            let listed: Vec<String> = operations.iter().map(u64::to_string).collect();
            let sentence = format!(
                "By what they read, each of the transactions that the operations {} began had to commit before the next, and the \
                 last before the first, so that {level} does not hold.",
                listed.join(", ")
            );
            Finding::new(sentence, operations)
        }
    }
}

fn held(strongest: Option<Level>) -> String {
    match strongest {
        Some(level) => format!("The strongest level that holds is {level}."),
        None => format!("Not even {} holds.", Level::ReadCommitted),
    }
}

fn name_of(level: Level) -> &'static str {
    match level {
        Level::ReadCommitted => "read-committed",
        Level::ReadAtomic => "read-atomic",
        Level::Causal => "causal",
    }
}

/// Things, numbered in the order in which they are first seen.
#[derive(Debug)]
struct Numbers<T>(FxHashMap<T, u64>);

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self(FxHashMap::default())
    }
}

impl<T: std::hash::Hash + Eq> Numbers<T> {
    fn of(&mut self, thing: T) -> u64 {
        let next = self.0.len() as u64;
        *self.0.entry(thing).or_insert(next)
    }
}
