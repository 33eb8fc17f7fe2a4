//! The weak isolation levels as a checker of histories.

use crate::txn::{Model, Options, RwRegister, VersionOrders, weak::Level};
use crate::{Checker, Finding, Operation, Requirement, Value, Verdict};

/// Decides whether transactions of `[:r key value]` and `[:w key value]` keep a weak isolation level, and which is the strongest
/// of them that holds.
///
/// The verdict is that of [`RwRegister`] for the [`Model`] of this name: for causal consistency each process is a session, for the
/// others sessions do not count. A transaction that failed did not happen. One of unknown outcome counts with what it wrote,
/// and comes last in its session. No value may be written twice to one key, or the verdict is `unknown`. Memory is that of all
/// steps; for the time see [`txn::weak`](crate::txn::weak).
///
/// Results: those of [`RwRegister`], then `:level`, and `:strongest-level`, nil if not even read committed holds.
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
/// let verdict = check(&history, WeakIsolation::new(Level::MonotonicAtomicView));
/// assert_eq!(verdict.results.to_string(), "{:valid? true, :level :monotonic-atomic-view, :strongest-level :monotonic-atomic-view}");
/// let verdict = check(&history, WeakIsolation::new(Level::ReadAtomic));
/// assert_eq!(verdict.validity, Validity::Invalid);
/// assert_eq!(verdict.results.get("anomaly-types").unwrap().to_string(), "(:no-read-atomic-order)");
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
pub struct WeakIsolation {
    level: Level,
    registers: RwRegister,
}

impl WeakIsolation {
    /// Checks for this level.
    pub fn new(level: Level) -> Self {
        let options = Options { models: vec![level.into()], ..Options::default() };
        Self { level, registers: RwRegister::new(options, VersionOrders::NONE) }
    }

    /// Every register holds this value before it is written; otherwise nil.
    #[must_use]
    pub fn with_initial(mut self, initial: Value) -> Self {
        self.registers = self.registers.with_initial(initial);
        self
    }
}

impl Checker for WeakIsolation {
    fn observe(&mut self, operation: &Operation) {
        self.registers.observe(operation);
    }

    fn requirement(&self) -> Requirement {
        self.registers.requirement()
    }

    fn finish(self: Box<Self>) -> Verdict {
        let Self { level, registers } = *self;
        let (mut verdict, strongest) = registers.finish_with_levels();
        let name = |level: Level| Value::keyword(Model::from(level).name());
        verdict.results.insert("level", name(level));
        verdict.results.insert("strongest-level", strongest.map_or(Value::Nil, name));
        if strongest < Some(level) && !verdict.findings.is_empty() {
            verdict.findings.push(Finding::new(held(strongest), []));
        }
        verdict
    }
}

fn held(strongest: Option<Level>) -> String {
    match strongest {
        Some(level) => format!("The strongest level that holds is {level}."),
        None => format!("Not even {} holds.", Level::ReadCommitted),
    }
}
