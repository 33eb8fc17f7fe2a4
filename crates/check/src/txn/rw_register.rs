//! Transactions over registers, whose reads show one version and nothing of its history.
//!
//! Operations are `[:w key value]` and `[:r key value]`; nobody writes a value to a key twice, and a register starts
//! as nil. A read of a value depends on its one writer (`wr`). Which of two versions came first, the other two
//! dependencies need, must be inferred; see [`VersionOrders`].
//!
//! What a transaction shows of a key to the outside is the first read, unless the transaction had touched the key
//! before, and its last write. Only these make dependencies.
//!
//! In the strict mode, operations whose end is unknown count as writers too, and some models that need no total order
//! of versions are decided exactly, by [`weak`](super::weak): `monotonic-atomic-view` as its read committed, `read-atomic`
//! and what includes it as read atomic, and `causal` as causal consistency. The anomalies that say that no such order
//! exists can also be asked for by name; each process then is a session.

mod exact;
mod versions;

use std::collections::BTreeMap;
use std::str::FromStr;

use self::versions::Versions;
use super::anomaly::Anomaly;
use super::explain::{Detail, Explain};
use super::interner::{ElementId, Interner, KeyId};
use super::options::Options;
use super::relation::Relation;
use super::report::{Case, Report};
use super::search;
use super::transactions::{Action, DataType, MicroOperation, TransactionId, Transactions, Unusable};
use super::updates::Updates;
use crate::{Checker, Mode, Operation, Requirement, Validity, Value, Verdict};

/// Upstream's order of explanations: where an edge has several relations, the first one names it.
const PREFERENCE: [Relation; 5] =
    [Relation::WriteRead, Relation::WriteWrite, Relation::ReadWrite, Relation::Process, Relation::RealTime];

/// From what the order of a register's versions is inferred, besides that nil comes first.
///
/// Each is an assumption about the system under test. Where an inferred order has a cycle, the assumption does not hold:
/// that is reported as `cyclic-versions`, and the order is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionOrders {
    /// Where the system under test told the order in which its transactions committed: the place of each
    /// transaction, by the index of its completion. Versions follow each other in this order.
    pub transactions: Option<BTreeMap<u64, i128>>,
    /// A transaction that reads a version and writes another overwrites what it read.
    pub writes_follow_reads: bool,
    /// Each key is sequentially consistent: no process goes back to an older version.
    pub sequential_keys: bool,
    /// Each key is linearizable: nobody goes back to a version older than one that somebody had seen or written
    /// before. Implies `sequential_keys` for processes that do one thing at a time.
    pub linearizable_keys: bool,
}

impl VersionOrders {
    /// Nothing but that nil comes first.
    pub const NONE: Self = Self {
        transactions: None,
        writes_follow_reads: false,
        sequential_keys: false,
        linearizable_keys: false,
    };
}

impl Default for VersionOrders {
    /// What Maelstrom assumes: that writes follow reads.
    fn default() -> Self {
        Self { writes_follow_reads: true, ..Self::NONE }
    }
}

/// A name that stands for no source of a version order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name:?} is no source of a version order; there are wfr-keys, sequential-keys and linearizable-keys, or none alone"
)]
pub struct UnknownVersionOrder {
    /// The name.
    pub name: String,
}

impl FromStr for VersionOrders {
    type Err = UnknownVersionOrder;

    /// Reads Elle's names, separated by commas; `none` stands for no source.
    ///
    /// ```
    /// use glomers_check::txn::VersionOrders;
    /// assert_eq!("wfr-keys".parse(), Ok(VersionOrders::default()));
    /// let both = VersionOrders { sequential_keys: true, ..VersionOrders::default() };
    /// assert_eq!("sequential-keys, wfr-keys".parse(), Ok(both));
    /// assert!("wall-clock".parse::<VersionOrders>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Self, UnknownVersionOrder> {
        let mut orders = Self::NONE;
        if text.trim() == "none" {
            return Ok(orders);
        }
        for name in text.split(',').map(str::trim) {
            match name {
                "wfr-keys" => orders.writes_follow_reads = true,
                "sequential-keys" => orders.sequential_keys = true,
                "linearizable-keys" => orders.linearizable_keys = true,
                _ => return Err(UnknownVersionOrder { name: name.to_owned() }),
            }
        }
        Ok(orders)
    }
}

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
    orders: VersionOrders,
    transactions: Transactions<Registers>,
    report: Report,
    updates: Updates<ElementId>,
    is_maelstrom: bool,
}

/// Registers: every version is an element of its key.
pub(crate) struct Registers;

impl DataType for Registers {
    type Observed = ElementId;
    const WRITE: &'static str = "w";

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
            transactions: Transactions::new(Registers, options.mode),
            report: Report::default(),
            updates: Updates::default(),
            options,
            orders,
            is_maelstrom: false,
        }
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
        self.transactions.finish();
        match self.judge() {
            Ok(()) if self.is_maelstrom => maelstrom_form(self.report.verdict(&self.options)),
            Ok(()) => self.report.verdict(&self.options),
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
    fn judge(&mut self) -> Result<(), Unusable> {
        let order = search::needed_order(&self.options.prohibited());
        self.transactions.check_usable(order)?;
        let versions = Versions::new(&mut self.transactions, self.options.mode)?;
        let (versions, cyclic) = versions.ordered(&self.transactions, &self.orders);
        self.transactions.report_mismatches(&mut self.report);
        self.report_reads(&versions);
        for case in cyclic {
            self.report.add(Anomaly::CYCLIC_VERSIONS, || case);
        }
        std::mem::take(&mut self.updates).report(&self.transactions, &mut self.report);

        let edges = versions.edges(&self.transactions, self.options.edge_limit)?;
        let found = search::cycles(&self.transactions.spans, &edges, order, self.options.mode, &PREFERENCE);
        drop(edges);
        found.report(&Judged { transactions: &self.transactions, versions: &versions }, &mut self.report);
        if self.options.mode == Mode::Strict {
            exact::report(&self.transactions, &self.options, &mut self.report);
        }
        Ok(())
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
                    transactions.report_unwritten(&mut self.report, transaction, position, version);
                }
                if steps[position..]
                    .iter()
                    .any(|later| matches!(later.action, Action::Write(written) if written == version))
                {
                    report_future_read(transactions, &mut self.report, transaction, step);
                }
            }
        }
    }
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
            value: Value::record([("op", transactions.operation_value(transaction)), ("mop", mop)]),
        }
    });
}

/// A history with its version orders: all that an explanation needs.
struct Judged<'a> {
    transactions: &'a Transactions<Registers>,
    versions: &'a Versions,
}

impl Explain<Registers> for Judged<'_> {
    fn transactions(&self) -> &Transactions<Registers> {
        self.transactions
    }

    fn detail(&self, source: TransactionId, target: TransactionId, relation: Relation) -> Option<Detail> {
        let (earlier, later) =
            (self.transactions.micro_operations(source), self.transactions.micro_operations(target));
        let (before, after): (Vec<External>, Vec<External>) = match relation {
            Relation::WriteWrite => (writes(earlier).collect(), writes(later).collect()),
            Relation::WriteRead => (writes(earlier).collect(), reads(later).collect()),
            _ => (reads(earlier).collect(), writes(later).collect()),
        };
        let precedes = |one: &External, other: &External| match relation {
            Relation::WriteRead => one.version == other.version,
            _ => one.key == other.key && self.versions.precedes(one.version, other.version),
        };
        let (one, other) = before
            .iter()
            .find_map(|one| after.iter().find(|other| precedes(one, other)).map(|other| (one, other)))?;
        let value = |version| self.transactions.interner.element_value(version);
        Some(Detail {
            key: self.transactions.interner.key_value(one.key),
            value: value(one.version),
            next: (relation != Relation::WriteRead).then(|| value(other.version)),
            positions: (Some(one.position), Some(other.position)),
            reason: match relation {
                Relation::WriteWrite => |detail, one, other| match &detail.next {
                    Some(next) => {
                        format!("{other} wrote {next} to key {} over {one}'s {}", detail.key, detail.value)
                    }
                    None => String::new(),
                },
                Relation::WriteRead => |detail, one, other| {
                    format!("{other} read key {} as {}, which {one} wrote", detail.key, detail.value)
                },
                _ => |detail, one, other| match &detail.next {
                    Some(next) => format!(
                        "{one} read key {} as {} and missed {other}'s later write of {next}",
                        detail.key, detail.value
                    ),
                    None => String::new(),
                },
            },
        })
    }
}

/// A version that a transaction shows to the outside.
#[derive(Clone, Copy)]
struct External {
    key: KeyId,
    version: ElementId,
    position: usize,
}

/// The first read of each key that the transaction had not touched before.
fn reads(steps: &[MicroOperation<ElementId>]) -> impl Iterator<Item = External> + '_ {
    steps.iter().enumerate().filter_map(|(position, step)| match step.action {
        Action::Read(version) if steps[..position].iter().all(|earlier| earlier.key != step.key) => {
            Some(External { key: step.key, version, position })
        }
        _ => None,
    })
}

/// The last write of each key.
fn writes(steps: &[MicroOperation<ElementId>]) -> impl Iterator<Item = External> + '_ {
    let overwrites =
        |step: &MicroOperation<ElementId>, key| step.key == key && matches!(step.action, Action::Write(_));
    steps.iter().enumerate().filter_map(move |(position, step)| match step.action {
        Action::Write(version) if !steps[position + 1..].iter().any(|later| overwrites(later, step.key)) => {
            Some(External { key: step.key, version, position })
        }
        _ => None,
    })
}
