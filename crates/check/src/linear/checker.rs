//! The checker of linearizability.

use rustc_hash::FxHashMap;

use super::counterexample::{Counterexample, Described};
use super::lag::{Place, Ticket};
use super::part::Part;
use super::search::Outcome;
use super::{Call, Model, Unsuitable};
use crate::{Checker, Finding, Interrupt, Operation, OperationKind, Pairing, Validity, Value, Verdict};

/// How far a search may go. Each key has the whole budget.
///
/// When half of the steps are taken, or the configurations are too many, only the most promising ones are followed
/// further. They may still show that the history is linearizable; if they don't, the verdict is `unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Configurations that are expanded or compared, over the whole history. A step takes some nanoseconds.
    pub steps: u64,
    /// Configurations that are tried for the end of one operation, which bounds memory: each takes some hundred bytes,
    /// and a state of the model.
    pub configurations: usize,
}

impl Default for Budget {
    /// Some ten seconds, and some ten megabytes where states are small.
    fn default() -> Self {
        Self { steps: 1_000_000_000, configurations: 100_000 }
    }
}

/// Checks that a history is linearizable.
///
/// Feed it as operations happen: it decides as it goes, with a lag of the longest open operation. A register whose
/// written values all differ is decided at the end.
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
    budget: Budget,
    interrupt: Interrupt,
    keyed: bool,
    open: Pairing<Begun>,
    /// The parts and their keys; a history that is not split has one, under nil.
    parts: Vec<(Value, Part<M>)>,
    part_of: FxHashMap<Value, usize>,
    unsuitable: Option<Unsuitable>,
    has_violation: bool,
}

/// An operation that has begun, with its value as its part sees it.
#[derive(Debug)]
struct Begun {
    /// In a box, since it is moved from table to table.
    operation: Box<Operation>,
    part: usize,
    ticket: Ticket,
}

impl<M: Model> Linearizability<M> {
    /// Checks the whole history against this model.
    pub fn new(model: M) -> Self {
        Self {
            model,
            budget: Budget::default(),
            interrupt: Interrupt::default(),
            keyed: false,
            open: Pairing::new(),
            parts: Vec::new(),
            part_of: FxHashMap::default(),
            unsuitable: None,
            has_violation: false,
        }
    }

    /// Checks each key by itself. The value of every operation must be a vector of a key and the value for the
    /// model.
    #[must_use]
    pub fn by_key(mut self) -> Self {
        self.keyed = true;
        self
    }

    /// Sets the limits of the search.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Gives up, with `unknown`, soon after this was raised.
    #[must_use]
    pub fn with_interrupt(mut self, interrupt: Interrupt) -> Self {
        self.interrupt = interrupt;
        self
    }

    fn begin(&mut self, operation: &Operation) -> Result<(), Unsuitable> {
        let mut operation = Box::new(operation.clone());
        let part = if self.keyed { self.part_of(split_key(&mut operation)?) } else { self.only_part() };
        let ticket = self.parts[part].1.begin();
        if let Some(lost) = self.open.begin(operation.process, Begun { operation, part, ticket }) {
            self.crash(&lost)?;
        }
        Ok(())
    }

    /// The part of this key.
    fn part_of(&mut self, key: Value) -> usize {
        if let Some(&part) = self.part_of.get(&key) {
            return part;
        }
        self.part_of.insert(key.clone(), self.parts.len());
        let part = self.new_part();
        self.parts.push((key, part));
        self.parts.len() - 1
    }

    fn new_part(&self) -> Part<M> {
        Part::new(self.model.clone(), self.budget, self.interrupt.clone())
    }

    /// The one part of a history that is not split.
    fn only_part(&mut self) -> usize {
        if self.parts.is_empty() {
            let part = self.new_part();
            self.parts.push((Value::Nil, part));
        }
        0
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
        let Begun { operation: begin, part, ticket } = begun;
        let call =
            if end.is_ok() { Call::Ok { begin: &begin, end } } else { Call::Fail { begin: &begin, end } };
        let action = self.model.action(&call)?;
        let part = &mut self.parts[part].1;
        match action {
            Some(action) => {
                let place =
                    Place { process: begin.process, begin_index: begin.index, end_index: Some(end.index) };
                part.end(ticket, action, place);
                self.has_violation |= part.is_violated();
            }
            None => part.ignore(ticket),
        }
        Ok(())
    }

    fn crash(&mut self, begun: &Begun) -> Result<(), Unsuitable> {
        let action = self.model.action(&Call::Unknown { begin: &begun.operation })?;
        let part = &mut self.parts[begun.part].1;
        match action {
            Some(action) => {
                let Operation { process, index, .. } = *begun.operation;
                part.crash(begun.ticket, action, Place { process, begin_index: index, end_index: None });
            }
            None => part.ignore(begun.ticket),
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
        if !self.keyed {
            return match self.parts.pop() {
                Some((_, part)) => verdict(None, part.finish()),
                None => Verdict::bare(Validity::Valid),
            };
        }
        self.parts.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut results = Vec::new();
        let mut failures = Vec::new();
        let mut findings = Vec::new();
        let mut validity = Validity::Valid;
        for (key, part) in self.parts {
            let part = verdict(Some(&key), part.finish());
            validity = validity.max(part.validity);
            findings.extend(part.findings);
            if part.validity == Validity::Invalid {
                failures.push(key.clone());
            }
            let entries = [("linearizable", part.results), ("valid?", part.validity.to_value())];
            results.push((key, Value::record(entries)));
        }
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

fn verdict(key: Option<&Value>, outcome: Outcome) -> Verdict {
    let of_key = key.map_or_else(String::new, |key| format!(" of key {key}"));
    match outcome {
        Outcome::Linearizable => Verdict::bare(Validity::Valid),
        Outcome::GaveUp(reason) => Verdict::unknown(format!("The history{of_key} was not judged: {reason}.")),
        Outcome::Violated(None) => Verdict::bare(Validity::Invalid).with_finding(Finding::new(
            format!("No order of the operations{of_key} fits; which one breaks it was not found within the budget."),
            [],
        )),
        Outcome::Violated(Some(counterexample)) => explain(&counterexample, &of_key),
    }
}

/// What a violation looks like, in results and in words.
fn explain(counterexample: &Counterexample, of_key: &str) -> Verdict {
    let Counterexample { operation, prefix, order, left_out, is_exact, possible, possible_count } =
        counterexample;
    let configs = possible.iter().map(|(state, pending)| {
        let pending = pending.iter().map(Value::string).collect();
        Value::record([("model", Value::string(state)), ("pending", Value::Vector(pending))])
    });
    let path = order.iter().map(|(operation, state)| {
        Value::record([("op", described(operation)), ("model", Value::string(state))])
    });
    let mut entries = vec![
        ("op", described(operation)),
        ("prefix-count", Value::from(*prefix)),
        ("configs-count", Value::from(*possible_count)),
        ("configs", Value::List(configs.collect())),
    ];
    if *is_exact {
        entries.push(("final-paths-left-out", Value::from(*left_out)));
        entries.push(("final-paths", Value::List(vec![Value::Vector(path.collect())])));
    }
    let mut verdict = Verdict::new(Validity::Invalid, entries);
    verdict.findings.push(Finding::new(broken(counterexample, of_key), operation.place.indices()));
    if *is_exact && !order.is_empty() {
        let operations: Vec<u64> =
            order.iter().flat_map(|(operation, _)| operation.place.indices()).collect();
        verdict.findings.push(Finding::new(fitting(order, *left_out, of_key), operations));
    }
    verdict
}

fn described(operation: &Described) -> Value {
    let Described { place, action } = operation;
    Value::record([
        ("index", Value::from(place.end_index.unwrap_or(place.begin_index))),
        ("process", place.process.to_value()),
        ("action", Value::string(action)),
    ])
}

/// The operation that fits in no order, as a sentence.
fn broken(counterexample: &Counterexample, of_key: &str) -> String {
    let Counterexample { operation, prefix, is_exact, possible, possible_count, .. } = counterexample;
    let Described { place, action } = operation;
    let who = format!("Process {} cannot `{action}`{of_key} ({place})", place.process);
    if !is_exact {
        return format!("{who}: no order fits the operations up to there, and maybe not even fewer.");
    }
    let mut states: Vec<&str> = possible.iter().map(|(state, _)| state.as_str()).collect();
    states.sort_unstable();
    states.dedup();
    let more = if *possible_count > possible.len() { ", among others," } else { "" };
    let (operations, them) = if *prefix == 1 { ("operation", "it") } else { ("operations", "them") };
    let states = states.join(" or ");
    format!("{who}: {prefix} {operations} had ended, and after {them} only {states}{more} was possible.")
}

/// An order of the operations before, as a sentence.
fn fitting(order: &[(Described, String)], left_out: u32, of_key: &str) -> String {
    let mut sentence = format!("Up to there this order{of_key} fits: ");
    if left_out > 0 {
        sentence.push_str(&format!("{left_out} operations, then "));
    }
    let steps = order.iter().map(|(operation, state)| {
        let Described { place, action } = operation;
        format!("`{action}` by process {} ({place}) leaves {state}", place.process)
    });
    sentence.push_str(&steps.collect::<Vec<_>>().join("; "));
    sentence.push('.');
    sentence
}
