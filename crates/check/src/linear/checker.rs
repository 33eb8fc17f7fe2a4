//! The checker of linearizability.

use rustc_hash::FxHashMap;

use super::budget::{Allowance, Budget};
use super::explain::verdict;
use super::finish::outcomes;
use super::lag::{Span, Ticket};
use super::maelstrom;
use super::object::Object;
use super::search::Outcome;
use super::{Call, Model, Unsuitable};
use crate::{Checker, Interrupt, Operation, OperationKind, Pairing, Validity, Value, Verdict};

/// Checks that a history is linearizable.
///
/// Feed it as operations happen: it decides as it goes, with a lag of the longest open operation. What a
/// [`Monitor`](crate::linear::Monitor) can decide is decided at the end, keys in parallel.
///
/// # Results
///
/// For one object: `:valid?`, and on a violation `:op` (the operation that cannot have happened where it did:
/// `:index`, `:process`, `:action`), `:prefix-count` (how many operations had ended before),
/// `:configs` (what the object may have looked like just before: `:model`, and the `:pending` operations that
/// had not taken effect) and `:final-paths`: one order of the operations before that fits, its last eight, each as `:op`
/// with the `:model` that it leaves; `:final-paths-left-out` says how many come before these. By key: `:valid?`, `:results` (per key `:linearizable` and `:valid?`), and `:failures`
/// (the keys that are invalid).
///
/// # Example of a violation
///
/// ```
/// use glomers_check::linear::{Linearizability, models::Register};
/// use glomers_check::{History, Mode, Validity, Value, check};
///
/// let history = History::from_edn(
///     "{:index 0, :type :invoke, :process 0, :f :write, :value 1}
///      {:index 1, :type :ok,     :process 0, :f :write, :value 1}
///      {:index 2, :type :invoke, :process 1, :f :read,  :value nil}
///      {:index 3, :type :ok,     :process 1, :f :read,  :value 0}",
/// )?;
/// let verdict = check(&history, Linearizability::new(Register::new(Value::from(0), Mode::Strict)));
/// assert_eq!(verdict.validity, Validity::Invalid);
/// assert_eq!(
///     verdict.findings[0].sentence,
///     "Process 1 cannot `read 0` (operations 2 to 3): 1 operation had ended, and after it only 1 was possible."
/// );
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
#[derive(Debug)]
pub struct Linearizability<M: Model> {
    model: M,
    allowance: Allowance,
    threads: usize,
    interrupt: Interrupt,
    keyed: bool,
    open: Pairing<Begun>,
    /// The objects and their keys. A history that is not keyed has one, under nil.
    objects: Vec<(Value, Object<M>)>,
    object_of: FxHashMap<Value, usize>,
    unsuitable: Option<Unsuitable>,
    has_violation: bool,
    /// The operations of each object, where the results show them whole.
    kept: Option<Vec<Vec<Operation>>>,
}

/// An operation that has begun, with its value as its object sees it.
#[derive(Debug)]
struct Begun {
    /// In a box, since it is moved from table to table.
    operation: Box<Operation>,
    object: usize,
    ticket: Ticket,
}

impl<M: Model> Linearizability<M> {
    /// Checks the whole history against this model.
    pub fn new(model: M) -> Self {
        Self {
            model,
            allowance: Allowance::new(Budget::default()),
            threads: 0,
            interrupt: Interrupt::default(),
            keyed: false,
            open: Pairing::new(),
            objects: Vec::new(),
            object_of: FxHashMap::default(),
            unsuitable: None,
            has_violation: false,
            kept: None,
        }
    }

    /// Checks each key by itself. The value of every operation must be a vector of a key and the value for the
    /// model.
    #[must_use]
    pub fn by_key(mut self) -> Self {
        self.keyed = true;
        self
    }

    /// Sets the limits of all searches together.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.allowance = Allowance::new(budget);
        self
    }

    /// How many threads decide keys at the end. By default there are as many as the machine has processors. The verdict
    /// does not depend on it.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Gives up, with `unknown`, soon after this was raised.
    #[must_use]
    pub fn with_interrupt(mut self, interrupt: Interrupt) -> Self {
        self.interrupt = interrupt;
        self
    }

    /// Gives each key the results that Maelstrom's `lin-kv` gives it: `:op`, `:last-op` and `:previous-ok` are whole operations, and there is a
    /// `:timeline`. Keeps all operations in memory until the end.
    #[must_use]
    pub fn as_maelstrom_reports(mut self) -> Self {
        self.kept = Some(Vec::new());
        self
    }

    /// Keeps an entry of an object.
    fn keep(&mut self, object: usize, operation: &Operation) {
        let Some(kept) = &mut self.kept else { return };
        if kept.len() <= object {
            kept.resize(object + 1, Vec::new());
        }
        kept[object].push(operation.clone());
    }

    fn begin(&mut self, operation: &Operation) -> Result<(), Unsuitable> {
        let mut operation = Box::new(operation.clone());
        let object =
            if self.keyed { self.object_of(split_key(&mut operation)?) } else { self.object_of(Value::Nil) };
        self.keep(object, &operation);
        let ticket = self.objects[object].1.begin();
        if let Some(lost) = self.open.begin(operation.process, Begun { operation, object, ticket }) {
            self.crash(&lost)?;
        }
        Ok(())
    }

    /// The object of this key.
    fn object_of(&mut self, key: Value) -> usize {
        if let Some(&object) = self.object_of.get(&key) {
            return object;
        }
        self.object_of.insert(key.clone(), self.objects.len());
        let object = Object::new(self.model.clone(), self.allowance.clone(), self.interrupt.clone());
        self.objects.push((key, object));
        self.objects.len() - 1
    }

    fn end(&mut self, operation: &Operation) -> Result<(), Unsuitable> {
        let Some(begun) = self.open.end(operation.process) else { return Ok(()) };
        if operation.kind == OperationKind::Info {
            return self.crash(&begun);
        }
        let mut unkeyed;
        let mut end = operation;
        if self.keyed && operation.is_ok() {
            unkeyed = operation.clone();
            split_key(&mut unkeyed)?;
            end = &unkeyed;
        }
        let Begun { operation: begin, object, ticket } = begun;
        self.keep(object, end);
        let call =
            if end.is_ok() { Call::Ok { begin: &begin, end } } else { Call::Fail { begin: &begin, end } };
        let action = self.model.action(&call)?;
        let object = &mut self.objects[object].1;
        match action {
            Some(action) => {
                let span =
                    Span { process: begin.process, begin_index: begin.index, end_index: Some(end.index) };
                object.end(ticket, action, span);
                self.has_violation |= object.is_violated();
            }
            None => object.ignore(ticket),
        }
        Ok(())
    }

    fn crash(&mut self, begun: &Begun) -> Result<(), Unsuitable> {
        let action = self.model.action(&Call::Unknown { begin: &begun.operation })?;
        let object = &mut self.objects[begun.object].1;
        match action {
            Some(action) => {
                let Operation { process, index, .. } = *begun.operation;
                object.crash(begun.ticket, action, Span { process, begin_index: index, end_index: None });
            }
            None => object.ignore(begun.ticket),
        }
        Ok(())
    }
}

impl<M: Model> Checker for Linearizability<M> {
    fn observe(&mut self, operation: &Operation) {
        if self.unsuitable.is_some() || !operation.is_client() {
            return;
        }
        let result = if operation.is_invoke() { self.begin(operation) } else { self.end(operation) };
        self.unsuitable = result.err();
    }

    fn has_violation(&self) -> bool {
        self.has_violation
    }

    fn finish(mut self: Box<Self>) -> Verdict {
        for (_, begun) in std::mem::take(&mut self.open).into_open() {
            if self.unsuitable.is_none() {
                self.unsuitable = self.crash(&begun).err();
            }
        }
        if let Some(unsuitable) = self.unsuitable {
            return Verdict::unknown(unsuitable.to_string());
        }
        if !self.keyed && self.objects.is_empty() {
            return Verdict::bare(Validity::Valid);
        }
        let is_as_maelstrom = self.kept.is_some();
        let mut kept = self.kept.unwrap_or_default();
        kept.resize(self.objects.len(), Vec::new());
        let mut of_keys: Vec<_> = self.objects.into_iter().zip(kept).collect();
        of_keys.sort_by(|((a, _), _), ((b, _), _)| a.cmp(b));
        let mut objects = Vec::new();
        let mut keys = Vec::new();
        for ((key, object), kept) in of_keys {
            objects.push(object);
            keys.push((key, kept));
        }
        let outcomes: Vec<Outcome<M>> = outcomes(objects, &self.allowance, self.threads);
        if !self.keyed {
            let outcome = outcomes.into_iter().next().expect("there is one object");
            return verdict(&self.model, None, outcome);
        }
        let mut results = Vec::new();
        let mut failures = Vec::new();
        let mut findings = Vec::new();
        let mut validity = Validity::Valid;
        for ((key, kept), outcome) in keys.iter().zip(outcomes) {
            let rank = outcome.rank();
            let as_maelstrom = is_as_maelstrom.then(|| maelstrom::results(kept, &outcome));
            let verdict = verdict(&self.model, Some(key), outcome);
            validity = validity.max(verdict.validity);
            findings.push((rank, verdict.findings));
            if verdict.validity == Validity::Invalid {
                failures.push(key.clone());
            }
            let is_timeline = as_maelstrom.is_some();
            let mut entries = vec![("linearizable", as_maelstrom.unwrap_or(verdict.results))];
            if is_timeline {
                entries.push(("timeline", Value::record([("valid?", Value::from(true))])));
            }
            entries.push(("valid?", verdict.validity.to_value()));
            results.push((key.clone(), Value::record(entries)));
        }
        findings.sort_by_key(|(rank, _)| *rank);
        let findings = findings.into_iter().flat_map(|(_, findings)| findings).collect();
        let entries = [("results", Value::Map(results)), ("failures", Value::Vector(failures))];
        Verdict { findings, ..Verdict::new(validity, entries) }
    }
}

/// Takes the key out of an operation's value.
fn split_key(operation: &mut Operation) -> Result<Value, Unsuitable> {
    match std::mem::take(&mut operation.value) {
        Value::Vector(items) | Value::List(items) if items.len() == 2 => {
            let mut items = items.into_iter();
            let (Some(key), Some(value)) = (items.next(), items.next()) else {
                unreachable!("the guard saw two items")
            };
            operation.value = value;
            Ok(key)
        }
        other => Err(Unsuitable::new(
            operation,
            format!("its value is {other}, and not a vector of a key and a value"),
        )),
    }
}
