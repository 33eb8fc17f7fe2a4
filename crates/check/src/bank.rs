//! Whether transfers between accounts keep their total.

use crate::jepsen::jepsen_finding;
use crate::moment::{Moment, tell};
use crate::{Checker, Finding, Mode, Operation, Validity, Value, Verdict};

/// Demands that every read of all accounts (`read`, of a map from accounts to balances) shows the same total, and no
/// balance below zero: `transfer` moves money and makes none.
///
/// Whatever the total is, reads that differ in it are wrong. Without [`Bank::with_total`] it is taken from the first read
/// whose balances are integers, so that a first read that is wrong by itself makes the others seem wrong; the verdict is the
/// same. Without [`Bank::with_accounts`] any account may appear.
///
/// What is judged is whether reads are of one moment, as snapshot isolation and everything stronger promises. It is not
/// judged whether the balances are those that the transfers led to, nor how recent they are.
///
/// Strictly, a read that shows no balances, or one that is no integer, is wrong, and a history without reads is unknown.
/// [`Mode::Compat`] judges as Jepsen's test `bank`: such reads make its verdict unknown, as its crash there amounts to, and a
/// history without reads is valid.
///
/// Constant time per balance; memory is that of the wrong reads. Source: `jepsen.tests.bank`, whose result keys these are.
///
/// ```
/// use glomers_check::{Bank, History, Mode, Validity, check};
/// let history = History::from_edn(
///     "{:type :invoke, :process 0, :f :read}
///      {:type :ok, :process 0, :f :read, :value {0 60, 1 40}}
///      {:type :invoke, :process 0, :f :read}
///      {:type :ok, :process 0, :f :read, :value {0 55, 1 40}}",
/// )?;
/// let verdict = check(&history, Bank::new(Mode::Strict));
/// assert_eq!(verdict.validity, Validity::Invalid);
/// assert_eq!(
///     verdict.findings[0].sentence,
///     "The read of operation 3 (process 0, 0.000 s) shows a total of 95; it has to be 100, as operation 1 (process 0, 0.000 s) shows."
/// );
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
#[derive(Debug)]
pub struct Bank {
    mode: Mode,
    accounts: Option<Vec<Value>>,
    total: Option<(i128, Option<Moment>)>,
    allows_negative: bool,
    read_count: u64,
    errors: Vec<Wrong>,
}

/// A read that is wrong.
#[derive(Debug)]
struct Wrong {
    at: Moment,
    operation: Operation,
    fault: Fault,
}

#[derive(Debug)]
enum Fault {
    UnexpectedKey(Vec<Value>),
    NilBalance(Vec<Value>),
    WrongTotal(i128),
    Negative(Vec<Value>),
    /// Jepsen's checker crashes.
    NoBalances,
}

impl Bank {
    /// A checker in this mode.
    pub fn new(mode: Mode) -> Self {
        Self { mode, accounts: None, total: None, allows_negative: false, read_count: 0, errors: Vec::new() }
    }

    /// The accounts that there are; a read may show fewer.
    #[must_use]
    pub fn with_accounts(mut self, accounts: impl IntoIterator<Item = Value>) -> Self {
        self.accounts = Some(accounts.into_iter().collect());
        self
    }

    /// The total of all accounts.
    #[must_use]
    pub fn with_total(mut self, total: i128) -> Self {
        self.total = Some((total, None));
        self
    }

    /// Balances may be below zero.
    #[must_use]
    pub fn allowing_negative_balances(mut self) -> Self {
        self.allows_negative = true;
        self
    }

    /// What is wrong with a read, if anything; of several things the first in Jepsen's order.
    fn fault(&mut self, operation: &Operation) -> Option<Fault> {
        let Some(balances) = operation.value.as_map() else { return Some(Fault::NoBalances) };
        if let Some(accounts) = &self.accounts {
            let unexpected: Vec<Value> = balances
                .iter()
                .map(|(account, _)| account)
                .filter(|account| !accounts.contains(account))
                .cloned()
                .collect();
            if !unexpected.is_empty() {
                return Some(Fault::UnexpectedKey(unexpected));
            }
        }
        let nils: Vec<Value> = balances
            .iter()
            .filter(|(_, balance)| balance.is_nil())
            .map(|(account, _)| account.clone())
            .collect();
        if !nils.is_empty() {
            return Some(Fault::NilBalance(nils));
        }
        let amounts: Option<Vec<i128>> = balances.iter().map(|(_, balance)| balance.as_int()).collect();
        let sum = amounts
            .and_then(|amounts| amounts.iter().try_fold(0_i128, |sum, amount| sum.checked_add(*amount)));
        let Some(sum) = sum else { return Some(Fault::NoBalances) };
        let (total, _) = *self.total.get_or_insert_with(|| (sum, Some(Moment::of(operation))));
        if sum != total {
            return Some(Fault::WrongTotal(sum));
        }
        let is_negative = |balance: &&Value| balance.as_int().is_some_and(|amount| amount < 0);
        let negative: Vec<Value> =
            balances.iter().map(|(_, balance)| balance).filter(is_negative).cloned().collect();
        (!self.allows_negative && !negative.is_empty()).then_some(Fault::Negative(negative))
    }

    fn finding(&self, wrong: &Wrong) -> Finding {
        let Wrong { at, operation, fault } = wrong;
        let list = |values: &[Value]| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let (sentence, witness) = match (fault, self.total) {
            (Fault::UnexpectedKey(keys), _) => {
                (format!("shows accounts that do not exist: {}", list(keys)), None)
            }
            (Fault::NilBalance(accounts), _) => (format!("shows no balance of {}", list(accounts)), None),
            (Fault::Negative(balances), _) => {
                (format!("shows balances below zero: {}", list(balances)), None)
            }
            (Fault::NoBalances, _) => {
                (format!("is {}, and no map from accounts to integers", operation.value), None)
            }
            (Fault::WrongTotal(sum), Some((total, Some(first)))) => {
                (format!("shows a total of {sum}; it has to be {total}, as {first} shows"), Some(first.index))
            }
            (Fault::WrongTotal(sum), total) => {
                let total = total.map_or(0, |(total, _)| total);
                (format!("shows a total of {sum}; it has to be {total}"), None)
            }
        };
        let operations: Vec<u64> = witness.into_iter().chain([at.index]).collect();
        Finding::new(format!("The read of {at} {sentence}."), operations)
    }
}

impl Wrong {
    fn into_value(self) -> Value {
        let list = |values: Vec<Value>| Value::List(values);
        let (kind, detail) = match self.fault {
            Fault::UnexpectedKey(keys) => ("unexpected-key", Some(("unexpected", list(keys)))),
            Fault::NilBalance(accounts) => {
                let nils = accounts.into_iter().map(|account| (account, Value::Nil)).collect();
                ("nil-balance", Some(("nils", Value::Map(nils))))
            }
            Fault::WrongTotal(sum) => ("wrong-total", Some(("total", Value::from(sum)))),
            Fault::Negative(balances) => ("negative-value", Some(("negative", list(balances)))),
            Fault::NoBalances => ("no-balances", None),
        };
        let first = [("type", Value::keyword(kind))].into_iter().chain(detail);
        Value::record(first.chain([("op", self.operation.to_tagged_value())]))
    }
}

impl Checker for Bank {
    fn observe(&mut self, operation: &Operation) {
        if !operation.is_client() || operation.f != "read" || !operation.is_ok() {
            return;
        }
        self.read_count += 1;
        if let Some(fault) = self.fault(operation) {
            self.errors.push(Wrong { at: Moment::of(operation), operation: operation.clone(), fault });
        }
    }

    fn has_violation(&self) -> bool {
        match self.mode {
            Mode::Strict => !self.errors.is_empty(),
            Mode::Compat => false,
        }
    }

    fn finish(mut self: Box<Self>) -> Verdict {
        let crashes = self.errors.iter().any(|wrong| matches!(wrong.fault, Fault::NoBalances));
        let jepsen = if crashes { Validity::Unknown } else { Validity::from(self.errors.is_empty()) };
        let mut findings = Vec::new();
        tell(&mut findings, &self.errors, "reads are wrong", |wrong| self.finding(wrong));
        let mut validity = Validity::from(self.errors.is_empty());
        match self.mode {
            Mode::Compat => validity = jepsen,
            Mode::Strict => {
                if self.read_count == 0 {
                    validity = Validity::Unknown;
                    findings.push(Finding::new("No read succeeded, so there was nothing to judge.", []));
                }
                findings.extend(jepsen_finding(validity, jepsen));
            }
        }
        let error_count = self.errors.len();
        let errors: Vec<Value> =
            std::mem::take(&mut self.errors).into_iter().map(Wrong::into_value).collect();
        let entries = [
            ("read-count", Value::from(self.read_count)),
            ("error-count", error_count.into()),
            ("first-error", errors.first().cloned().unwrap_or_default()),
            ("errors", Value::List(errors)),
        ];
        Verdict { findings, ..Verdict::new(validity, entries) }
    }
}
