//! Transactions over registers, whose reads show one version and nothing of its history.
//!
//! Operations are `[:w key value]` and `[:r key value]`; nobody writes a value to a key twice, and a register starts
//! as nil. A read of a value depends on its one writer (`wr`). Which of two versions came first, the other two
//! dependencies need, must be inferred; see [`VersionOrders`].
//!
//! What a transaction shows of a key to the outside is the first read, unless the transaction had touched the key
//! before, and its last write. In the strict mode a later read of what another wrote makes a dependency too.
//!
//! In the strict mode, operations whose outcome is unknown count as writers too, and what the models promise is used in full:
//!
//! - from read committed on, a transaction that reads a version and writes another overwrites what it read;
//! - `strong-session-snapshot-isolation` and what implies it make each key sequentially consistent,
//!   `strong-snapshot-isolation` and what implies it make each key linearizable. Cycles that need the version order which
//!   follows from that are named `-process` or `-realtime`;
//! - monotonic atomic view, read atomic and causal consistency, which all stronger models imply, are decided exactly, by
//!   [`weak`](super::weak).

mod judged;
mod shown;
mod version_orders;
mod versions;

use std::collections::BTreeSet;

use self::judged::Judged;
pub use self::version_orders::{UnknownVersionOrder, VersionOrders};
use self::versions::Versions;
use super::anomaly::Anomaly;
use super::cycle::Scope;
use super::exact;
use super::interner::{ElementId, Interner, KeyId};
use super::model::Model;
use super::options::Options;
use super::relation::Relation;
use super::report::{Case, Report};
use super::search::{self, Cycles};
use super::transactions::{Action, DataType, MicroOperation, TransactionId, Transactions, Unusable};
use super::updates::Updates;
use super::weak::Level;
use crate::{Checker, Mode, Operation, Requirement, Validity, Value, Verdict};

/// Upstream's order of explanations: where an edge has several relations, the first one names it.
const PREFERENCE: [Relation; 5] =
    [Relation::WriteRead, Relation::WriteWrite, Relation::ReadWrite, Relation::Process, Relation::RealTime];

/// The checker of transactions over registers.
///
/// ```
/// use glomers_check::txn::{Options, RwRegister, VersionOrders};
/// use glomers_check::{History, Validity, check};
/// let history = History::from_edn(
///     "{:index 0, :type :invoke, :process 0, :f :txn, :value [[:r :x nil] [:w :y 1]]}
///      {:index 1, :type :invoke, :process 1, :f :txn, :value [[:r :y nil] [:w :x 1]]}
///      {:index 2, :type :ok, :process 0, :f :txn, :value [[:r :x nil] [:w :y 1]]}
///      {:index 3, :type :ok, :process 1, :f :txn, :value [[:r :y nil] [:w :x 1]]}",
/// )?;
/// let verdict = check(&history, RwRegister::new(Options::default(), VersionOrders::default()));
/// assert_eq!(verdict.validity, Validity::Invalid);
/// assert_eq!(verdict.results.get("anomaly-types").unwrap().to_string(), "(:G2-item)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RwRegister {
    options: Options,
    /// What the order of versions is inferred from, besides what the models promise.
    orders: VersionOrders,
    transactions: Transactions<Registers>,
    report: Report,
    updates: Updates<ElementId>,
    is_maelstrom: bool,
    /// Why a history in which nothing is wrong cannot be called valid.
    undecided: Option<String>,
}

/// Registers: every version is an element of its key.
pub(crate) struct Registers {
    /// The value of a register that was never written.
    initial: Value,
}

impl DataType for Registers {
    type Observed = ElementId;
    const WRITE: &'static str = "w";
    const IS_LIST: bool = false;

    fn is_observable(_: &Value) -> bool {
        true
    }

    fn observe(&mut self, interner: &mut Interner, key: KeyId, value: &Value) -> ElementId {
        interner.element(key, value)
    }

    fn value(&self, interner: &Interner, _: KeyId, observed: ElementId) -> Value {
        interner.element_value(observed)
    }
}

impl RwRegister {
    /// A checker with these options, which infers the order of versions from these sources.
    pub fn new(options: Options, orders: VersionOrders) -> Self {
        Self {
            transactions: Transactions::new(Registers { initial: Value::Nil }, options.mode),
            report: Report::default(),
            updates: Updates::default(),
            options,
            orders,
            is_maelstrom: false,
            undecided: None,
        }
    }

    /// Every register holds this value before it is written; otherwise nil.
    #[must_use]
    pub fn with_initial(mut self, initial: Value) -> Self {
        self.transactions.data.initial = initial;
        self
    }

    /// Gives the results the form that Maelstrom's workload gives them: `:anomaly-types` and `:anomalies` are always
    /// there, and a history whose transactions do not depend on each other is not unknown but invalid.
    #[must_use]
    pub fn as_maelstrom_reports(mut self) -> Self {
        self.is_maelstrom = true;
        self
    }
}

impl Checker for RwRegister {
    fn observe(&mut self, operation: &Operation) {
        let Some(transaction) = self.transactions.observe(operation) else { return };
        if self.transactions.is_ok(transaction) {
            self.check_internally(transaction);
            self.updates.observe(transaction, self.transactions.micro_operations(transaction));
        }
    }

    fn requirement(&self) -> Requirement {
        match self.options.mode {
            Mode::Strict => Requirement::Completions,
            Mode::Compat => Requirement::Entries,
        }
    }

    fn finish(mut self: Box<Self>) -> Verdict {
        let prohibited = self.options.prohibited();
        match self.judge(&prohibited, false) {
            Ok(()) => self.verdict(),
            Err(unusable) => Verdict::unknown(unusable.to_string()),
        }
    }
}

fn maelstrom_form(mut verdict: Verdict) -> Verdict {
    if verdict.validity == Validity::Valid {
        verdict.results.insert("anomaly-types", Value::List(Vec::new()));
        verdict.results.insert("anomalies", Value::Nil);
    } else {
        verdict.validity = Validity::Invalid;
        verdict.results.insert("valid?", Validity::Invalid);
    }
    verdict
}

impl RwRegister {
    /// Finds these anomalies; those of the exact levels where it finds no others, or `exactly` as asked for.
    fn judge(&mut self, wanted: &BTreeSet<Anomaly>, exactly: bool) -> Result<(), Unusable> {
        self.transactions.finish();
        let order = search::needed_order(wanted);
        self.transactions.check_usable(order)?;
        let mut versions = Versions::new(&mut self.transactions, self.options.mode)?;
        let mut orders = self.orders.clone();
        orders.writes_follow_reads |=
            self.options.mode == Mode::Strict && wanted.contains(&Anomaly::known("G1c"));
        let cyclic = versions.take_in(&self.transactions, &orders);
        self.transactions.report_mismatches(&mut self.report);
        self.report_reads(&versions);
        for case in cyclic {
            self.report.add(Anomaly::CYCLIC_VERSIONS, || case);
        }
        self.updates.retain(|version| versions.is_tellable(version));
        std::mem::take(&mut self.updates).report(&self.transactions, &mut self.report);
        match promised_orders(wanted).filter(|_| self.options.mode == Mode::Strict) {
            Some(promised) => self.judge_cycles_with(&mut versions, order, &promised)?,
            None => self.judge_cycles(&versions, order).map(drop)?,
        }
        if self.options.mode == Mode::Strict {
            if let Some((reader, key)) = versions.ambiguous_read() {
                self.undecided = Some(self.ambiguity(reader, key));
            }
            let history = Judged { transactions: &self.transactions, versions: &versions };
            // Where something else is wrong, that says more.
            let is_needed = exactly || !self.report.has_any_of(wanted);
            if is_needed && !exact::report(&history, wanted, &mut self.report) && !self.options.are_searched()
            {
                self.undecided = Some(exact::TOO_LONG.to_owned());
            }
        }
        Ok(())
    }

    /// The verdict, and the strongest of the weak levels that holds.
    pub(crate) fn finish_with_levels(mut self) -> (Verdict, Option<Level>) {
        let mut wanted = self.options.prohibited();
        wanted.extend(Model::prohibited(Level::ALL.map(Model::from)));
        if let Err(unusable) = self.judge(&wanted, true) {
            return (Verdict::unknown(unusable.to_string()), None);
        }
        let holds = |level: &Level| {
            let prohibited = Options { models: vec![(*level).into()], ..self.options.clone() }.prohibited();
            !self.report.anomalies().any(|anomaly| prohibited.contains(&anomaly))
        };
        let strongest = Level::ALL.into_iter().take_while(holds).last();
        (self.verdict(), strongest)
    }

    fn verdict(self) -> Verdict {
        let verdict = self.report.verdict_unless(self.undecided, &self.options);
        if self.is_maelstrom { maelstrom_form(verdict) } else { verdict }
    }

    fn cycles(&self, versions: &Versions, order: Scope) -> Result<Cycles, Unusable> {
        let edges = versions.edges(&self.transactions, self.options.edge_limit)?;
        Ok(search::cycles(&self.transactions.spans, &edges, order, self.options.mode, &PREFERENCE))
    }

    /// Finds and reports the cycles that the order of versions makes.
    fn judge_cycles(&mut self, versions: &Versions, order: Scope) -> Result<Cycles, Unusable> {
        let found = self.cycles(versions, order)?;
        found.report(&Judged { transactions: &self.transactions, versions }, &mut self.report);
        Ok(found)
    }

    /// The same, where the order of versions follows also from what the models promise of each key. A cycle that is there only
    /// then needs the order of processes, or real time.
    fn judge_cycles_with(
        &mut self,
        versions: &mut Versions,
        order: Scope,
        promised: &Promised,
    ) -> Result<(), Unusable> {
        let mut without = versions.order().clone();
        let cyclic = versions.take_in(&self.transactions, &promised.orders);
        let is_cyclic = !cyclic.is_empty();
        for case in cyclic {
            self.report.add(promised.anomaly, || case);
        }
        if is_cyclic {
            return self.judge_cycles(versions, order).map(drop);
        }
        // What is there without these orders is there with them.
        let mut with = self.cycles(versions, order)?;
        if with.cycles.is_empty() {
            with.report(&Judged { transactions: &self.transactions, versions }, &mut self.report);
            return Ok(());
        }
        std::mem::swap(&mut without, versions.order());
        let found = self.judge_cycles(versions, order)?;
        std::mem::swap(&mut without, versions.order());
        with.narrow(promised.scope, &found);
        with.report(&Judged { transactions: &self.transactions, versions }, &mut self.report);
        Ok(())
    }

    fn ambiguity(&self, reader: TransactionId, key: KeyId) -> String {
        let initial = &self.transactions.data.initial;
        let (index, key) = (self.transactions.span(reader).index, self.transactions.interner.key_value(key));
        format!(
            "Operation {index} read key {key} as {initial}, which it held from the beginning and which was written to it again: \
             which of them it saw cannot be told. Nothing else is wrong. Write values that the key did not begin with."
        )
    }

    /// Looks for reads that contradict the transaction's own earlier steps.
    fn check_internally(&mut self, transaction: TransactionId) {
        let steps = self.transactions.micro_operations(transaction);
        let version = |step: &MicroOperation<ElementId>| match step.action {
            Action::Read(version) | Action::Write(version) => Some(version),
            Action::ReadUnknown => None,
        };
        let contradiction = |position: usize| {
            let Action::Read(read) = steps[position].action else { return None };
            let earlier = steps[..position].iter().rev().find(|step| step.key == steps[position].key)?;
            let expected = version(earlier).filter(|&expected| expected != read)?;
            // The release of upstream that Maelstrom uses expects nothing of a read after one of nil.
            let is_excused = self.options.mode == Mode::Compat
                && self.transactions.interner.element_value(expected).is_nil();
            (!is_excused).then_some((position, expected))
        };
        let Some((position, expected)) = (1..steps.len()).find_map(contradiction) else { return };
        let mop = self.transactions.step_value(&steps[position]);
        let expected = self.transactions.interner.element_value(expected);
        let index = self.transactions.span(transaction).index;
        self.report.add(Anomaly::INTERNAL, || Case {
            sentence: format!(
                "operation {index} read {mop}, although its own earlier steps make it {expected}."
            ),
            operations: vec![index],
            subjects: Vec::new(),
            value: Value::record([
                ("op", self.transactions.operation_value(transaction)),
                ("mop", mop),
                ("expected", expected),
            ]),
        });
    }

    /// Looks for reads of what failed, was overwritten at once, came later or was never written.
    fn report_reads(&mut self, versions: &Versions) {
        let transactions = &self.transactions;
        let intermediate = transactions.intermediate_writes();
        for transaction in transactions.ids().filter(|&transaction| transactions.is_ok(transaction)) {
            let steps = transactions.micro_operations(transaction);
            for (position, step) in steps.iter().enumerate() {
                let Action::Read(version) = step.action else { continue };
                if versions.is_initial(version) {
                    continue;
                }
                if let Some(writer) = versions.failed_writer(version) {
                    transactions.report_dirty_read(
                        &mut self.report,
                        Anomaly::G1A,
                        transaction,
                        position,
                        version,
                        writer,
                    );
                }
                if intermediate.contains(&version)
                    && let Some(writer) =
                        versions.last_writer(version).filter(|&writer| writer != transaction)
                {
                    transactions.report_dirty_read(
                        &mut self.report,
                        Anomaly::G1B,
                        transaction,
                        position,
                        version,
                        writer,
                    );
                }
                if self.options.mode == Mode::Compat {
                    continue;
                }
                if versions.last_writer(version).is_none() {
                    let doubt =
                        transactions.report_unwritten(&mut self.report, transaction, position, version);
                    self.undecided = self.undecided.take().or(doubt);
                }
                let is_own = versions.last_writer(version) == Some(transaction);
                if is_own
                    && steps[position..]
                        .iter()
                        .any(|later| matches!(later.action, Action::Write(written) if written == version))
                {
                    report_future_read(transactions, &mut self.report, transaction, step);
                }
            }
        }
    }
}

/// What the models promise of the order of each key's versions.
struct Promised {
    orders: VersionOrders,
    /// What it is called where there is no such order.
    anomaly: Anomaly,
    /// What a cycle needs that follows from it.
    scope: Scope,
}

fn promised_orders(prohibited: &BTreeSet<Anomaly>) -> Option<Promised> {
    if prohibited.contains(&Anomaly::NO_LINEARIZABLE_KEY_ORDER) {
        let orders = VersionOrders { linearizable_keys: true, ..VersionOrders::NONE };
        return Some(Promised {
            orders,
            anomaly: Anomaly::NO_LINEARIZABLE_KEY_ORDER,
            scope: Scope::RealTime,
        });
    }
    let orders = VersionOrders { sequential_keys: true, ..VersionOrders::NONE };
    let sequential = Promised { orders, anomaly: Anomaly::NO_SEQUENTIAL_KEY_ORDER, scope: Scope::Process };
    prohibited.contains(&Anomaly::NO_SEQUENTIAL_KEY_ORDER).then_some(sequential)
}

fn report_future_read(
    transactions: &Transactions<Registers>,
    report: &mut Report,
    transaction: TransactionId,
    step: &MicroOperation<ElementId>,
) {
    report.add(Anomaly::FUTURE_READ, || {
        let mop = transactions.step_value(step);
        let index = transactions.span(transaction).index;
        Case {
            sentence: format!("operation {index} read {mop}, which it wrote only later."),
            operations: vec![index],
            subjects: Vec::new(),
            value: Value::record([("op", transactions.operation_value(transaction)), ("mop", mop)]),
        }
    });
}
