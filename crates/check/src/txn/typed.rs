//! Isolation of transactions in the caller's own types, without histories and values.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use super::{Anomaly, ListAppend, Model, Options, RwRegister, VersionOrders};
use crate::linear::Misuse;
use crate::{Checker, Guarded, History, Operation, OperationKind, Validity, Value};

/// A step of a transaction on lists: keys and elements are whatever a [`Value`] can be made from. Each element is appended once to a key at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListStep<K, E> {
    /// Appends an element to the list of a key.
    Append(K, E),
    /// Reads the list of a key: all elements, in order. What a transaction read that did not succeed is not looked at.
    Read(K, Vec<E>),
}

/// A step of a transaction on registers. Each value is written once to a key at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisterStep<K, V> {
    /// Writes a value.
    Write(K, V),
    /// Reads a value; none where nothing was written before.
    Read(K, Option<V>),
}

/// A step of a transaction: [`ListStep`] or [`RegisterStep`].
pub trait Step: sealed::Step {}

impl<S: sealed::Step> Step for S {}

mod sealed {
    use super::{Checker, Options, Value};

    pub trait Step {
        /// The step as it was asked for, and as it was answered.
        fn values(self) -> (Value, Value);
        /// What decides transactions of such steps.
        fn checker(options: Options) -> Box<dyn Checker>;
    }
}

impl<K: Into<Value>, E: Into<Value>> sealed::Step for ListStep<K, E> {
    fn values(self) -> (Value, Value) {
        match self {
            Self::Append(key, element) => same(step("append", key.into(), element.into())),
            Self::Read(key, list) => {
                read(key.into(), Value::Vector(list.into_iter().map(Into::into).collect()))
            }
        }
    }

    fn checker(options: Options) -> Box<dyn Checker> {
        Box::new(ListAppend::new(options))
    }
}

impl<K: Into<Value>, V: Into<Value>> sealed::Step for RegisterStep<K, V> {
    fn values(self) -> (Value, Value) {
        match self {
            Self::Write(key, value) => same(step("w", key.into(), value.into())),
            Self::Read(key, value) => read(key.into(), value.map_or(Value::Nil, Into::into)),
        }
    }

    fn checker(options: Options) -> Box<dyn Checker> {
        Box::new(RwRegister::new(options, VersionOrders::default()))
    }
}

fn step(f: &str, key: Value, value: Value) -> Value {
    Value::Vector(vec![Value::keyword(f), key, value])
}

fn same(value: Value) -> (Value, Value) {
    (value.clone(), value)
}

fn read(key: Value, seen: Value) -> (Value, Value) {
    (step("r", key.clone(), Value::Nil), step("r", key, seen))
}

/// Transactions of clients, as they were executed. They are numbered from 0, in the order in which they are told.
///
/// A client executes one transaction at a time, and the order of its own is what session guarantees are about. Times are in any unit, of one clock.
///
/// ```
/// use glomers_check::txn::{ListStep::{Append, Read}, Transactions};
///
/// // Each of two transactions saw what the other wrote.
/// let mut executed = Transactions::new();
/// executed.ok(1, 0..=10, [Append("x", 1), Read("y", vec![1])])?;
/// executed.ok(2, 5..=12, [Append("y", 1), Read("x", vec![1])])?;
/// let isolation = executed.decide("read-committed".parse()?)?;
/// let found = &isolation.occurrences()[0];
/// assert_eq!((found.anomaly.name(), &*found.transactions), ("G1c", &[0, 1][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Transactions<S> {
    executed: Vec<Executed<S>>,
}

#[derive(Clone, Debug)]
struct Executed<S> {
    client: u64,
    begin: u64,
    end: Option<(u64, OperationKind)>,
    steps: Vec<S>,
}

impl<S> Default for Transactions<S> {
    fn default() -> Self {
        Self { executed: Vec::new() }
    }
}

impl<S: Step> Transactions<S> {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A transaction was committed within this time. A transaction that begins at the time at which another ends overlaps it. Returns its number.
    ///
    /// # Errors
    /// The time ends before it begins.
    pub fn ok(
        &mut self,
        client: u64,
        time: RangeInclusive<u64>,
        steps: impl IntoIterator<Item = S>,
    ) -> Result<usize, Misuse> {
        self.push(client, &time, OperationKind::Ok, steps)
    }

    /// A transaction was aborted, and has no effect. Returns its number.
    ///
    /// # Errors
    /// The time ends before it begins.
    pub fn fail(
        &mut self,
        client: u64,
        time: RangeInclusive<u64>,
        steps: impl IntoIterator<Item = S>,
    ) -> Result<usize, Misuse> {
        self.push(client, &time, OperationKind::Fail, steps)
    }

    /// The outcome of a transaction is unknown: it may be committed at any time after its beginning, or never. What the client does afterwards
    /// counts as the work of another, since nobody knows which comes first. Returns its number.
    pub fn info(&mut self, client: u64, begin: u64, steps: impl IntoIterator<Item = S>) -> usize {
        self.executed.push(Executed { client, begin, end: None, steps: steps.into_iter().collect() });
        self.executed.len() - 1
    }

    fn push(
        &mut self,
        client: u64,
        time: &RangeInclusive<u64>,
        kind: OperationKind,
        steps: impl IntoIterator<Item = S>,
    ) -> Result<usize, Misuse> {
        if time.is_empty() {
            return Err(Misuse::Backwards(client));
        }
        let (begin, end) = (*time.start(), Some((*time.end(), kind)));
        self.executed.push(Executed { client, begin, end, steps: steps.into_iter().collect() });
        Ok(self.executed.len() - 1)
    }

    /// Decides whether the transactions are isolated as the model promises. Costs what [`ListAppend`] and [`RwRegister`] do.
    ///
    /// # Errors
    /// A client had two transactions under way at once.
    pub fn decide(self, model: Model) -> Result<Isolation, Misuse> {
        self.decide_with(Options { models: vec![model], ..Options::default() })
    }

    /// Decides with other options: several models, single anomalies, a limit.
    ///
    /// # Errors
    /// A client had two transactions under way at once.
    pub fn decide_with(self, options: Options) -> Result<Isolation, Misuse> {
        let (history, numbers) = self.into_history()?;
        let mut checker = Guarded::new(S::checker(options));
        history.operations().iter().for_each(|operation| checker.observe(operation));
        let verdict = Box::new(checker).finish();
        let occurrence = |finding: &crate::Finding| {
            let (anomaly, explanation) = finding.sentence.split_once(": ")?;
            let mut transactions: Vec<usize> =
                finding.operations.iter().filter_map(|index| numbers.get(index).copied()).collect();
            transactions.sort_unstable();
            transactions.dedup();
            Some(Occurrence {
                anomaly: anomaly.parse().ok()?,
                transactions,
                explanation: explanation.to_owned(),
            })
        };
        Ok(Isolation {
            validity: verdict.validity,
            occurrences: verdict.findings.iter().filter_map(occurrence).collect(),
            sentences: verdict.findings.iter().map(|finding| finding.sentence.clone()).collect(),
        })
    }

    /// The operations in order of time, and the number of the transaction to which each belongs.
    fn into_history(self) -> Result<(History, BTreeMap<u64, usize>), Misuse> {
        // Begins before ends at the same time, so that transactions that touch overlap.
        let mut events: Vec<(u64, bool, usize)> = Vec::new();
        for (number, executed) in self.executed.iter().enumerate() {
            events.push((executed.begin, false, number));
            events.extend(executed.end.map(|(end, _)| (end, true, number)));
        }
        events.sort_unstable();
        let mut executed: Vec<Option<Executed<S>>> = self.executed.into_iter().map(Some).collect();
        let mut clients: BTreeMap<u64, Client> = BTreeMap::new();
        let mut replies: BTreeMap<usize, Operation> = BTreeMap::new();
        let (mut operations, mut numbers, mut process_count) = (Vec::new(), BTreeMap::new(), 0);
        for (index, (time, is_end, number)) in (0..).zip(events) {
            numbers.insert(index, number);
            if is_end {
                let reply = replies.remove(&number).expect("what ends has begun");
                clients.values_mut().filter(|client| client.open == Some(number)).for_each(Client::close);
                operations.push(reply.at(index, time));
                continue;
            }
            let Some(Executed { client, end, steps, .. }) = executed[number].take() else { continue };
            let (asked, answered): (Vec<Value>, Vec<Value>) =
                steps.into_iter().map(sealed::Step::values).unzip();
            let state = clients.entry(client).or_default();
            if state.open.is_some() {
                return Err(Misuse::AlreadyOpen(client));
            }
            let process = *state.process.get_or_insert_with(|| {
                process_count += 1;
                process_count - 1
            });
            let invoke = Operation::invoke(process, "txn", Value::Vector(asked));
            match end {
                Some((_, kind)) => {
                    state.open = Some(number);
                    replies.insert(number, invoke.completed(kind, Value::Vector(answered)));
                }
                // A process whose operation may still take effect does nothing more.
                None => state.process = None,
            }
            operations.push(invoke.at(index, time));
        }
        Ok((History::new(operations), numbers))
    }
}

#[derive(Default)]
struct Client {
    process: Option<u64>,
    /// The number of the transaction that is under way.
    open: Option<usize>,
}

impl Client {
    fn close(&mut self) {
        self.open = None;
    }
}

/// Whether transactions were isolated as promised.
#[derive(Clone, Debug)]
pub struct Isolation {
    validity: Validity,
    occurrences: Vec<Occurrence>,
    sentences: Vec<String>,
}

/// One occurrence of an anomaly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Which anomaly.
    pub anomaly: Anomaly,
    /// The numbers of the transactions that it is about, in ascending order.
    pub transactions: Vec<usize>,
    /// What they saw or missed of each other, in a sentence.
    pub explanation: String,
}

impl Isolation {
    /// The verdict. It is unknown where no transaction depends on another, so that nothing was tested.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Whether no anomaly was found that the model forbids, and some could have been.
    pub fn is_valid(&self) -> bool {
        self.validity == Validity::Valid
    }

    /// The gravest anomalies first, at most three of each kind.
    pub fn occurrences(&self) -> &[Occurrence] {
        &self.occurrences
    }
}

/// All that there is to say, a line each.
impl fmt::Display for Isolation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sentences.is_empty() {
            return write!(formatter, "The transactions are isolated as promised.");
        }
        formatter.write_str(&self.sentences.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::ListStep::{Append, Read};
    use super::*;

    fn model(name: &str) -> Model {
        name.parse().unwrap()
    }

    #[test]
    fn a_cycle_names_its_transactions() {
        let mut executed = Transactions::new();
        executed.ok(1, 0..=9, [Append("z", 7)]).unwrap();
        let first = executed.ok(2, 0..=9, [Read("x", vec![]), Append("y", 1)]).unwrap();
        let second = executed.ok(3, 0..=9, [Read("y", vec![]), Append("x", 1)]).unwrap();
        let isolation = executed.clone().decide(model("serializable")).unwrap();
        let [found] = isolation.occurrences() else { panic!("{isolation}") };
        assert_eq!(found.anomaly.name(), "G2-item");
        assert_eq!(found.transactions, [first, second]);
        assert!(executed.decide(model("snapshot-isolation")).unwrap().is_valid());
    }

    #[test]
    fn time_and_sessions_count() {
        let stale = |second_client, begin| {
            let mut executed = Transactions::new();
            executed.ok(1, 0..=10, [RegisterStep::Write("x", 1)]).unwrap();
            executed.ok(second_client, begin..=20, [RegisterStep::Read("x", None)]).unwrap();
            executed.ok(3, 0..=20, [RegisterStep::Read("x", Some(1))]).unwrap();
            move |name| executed.clone().decide(model(name)).unwrap().validity()
        };
        assert_eq!(stale(2, 11)("strict-serializable"), Validity::Invalid);
        assert_ne!(stale(2, 10)("strict-serializable"), Validity::Invalid, "they touch, and so overlap");
        assert_ne!(stale(2, 11)("strong-session-serializable"), Validity::Invalid);
        assert_eq!(stale(1, 11)("strong-session-serializable"), Validity::Invalid);
    }

    #[test]
    fn what_was_aborted_must_not_be_seen_and_what_is_unknown_may_be() {
        let mut executed = Transactions::new();
        executed.fail(1, 0..=1, [Append("x", 1)]).unwrap();
        executed.ok(2, 2..=3, [Read("x", vec![1])]).unwrap();
        let isolation = executed.decide(model("read-committed")).unwrap();
        assert_eq!(isolation.occurrences()[0].anomaly.name(), "G1a");
        assert_eq!(isolation.occurrences()[0].transactions, [0, 1]);

        let mut executed = Transactions::new();
        executed.info(1, 0, [Append("x", 1)]);
        executed.ok(1, 2..=3, [Read("x", vec![1])]).unwrap();
        executed.ok(1, 4..=5, [Append("x", 2), Read("x", vec![1, 2])]).unwrap();
        assert!(executed.decide(model("strict-serializable")).unwrap().is_valid());
    }

    #[test]
    fn clients_do_one_transaction_at_a_time() {
        let mut executed = Transactions::new();
        executed.ok(1, 0..=5, [Append("x", 1)]).unwrap();
        executed.ok(1, 5..=6, [Append("x", 2)]).unwrap();
        assert_eq!(executed.decide(model("serializable")).unwrap_err(), Misuse::AlreadyOpen(1));
        #[expect(clippy::reversed_empty_ranges, reason = "it is refused")]
        let backwards = Transactions::new().ok(3, 5..=4, [Append("x", 1)]);
        assert_eq!(backwards, Err(Misuse::Backwards(3)));
    }
}
