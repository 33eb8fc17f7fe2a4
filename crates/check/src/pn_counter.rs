//! Whether a counter ends at the sum of what was added to it.

use crate::checker::upstream_finding;
use crate::moment::{Moment, tell};
use crate::sums::{Sums, Untold};
use crate::{
    Checker, Finding, Mode, Operation, OperationKind, Pairing, Requirement, Stats, Validity, Value, Verdict,
};

/// Demands that every final read is the sum of all additions that were acknowledged, and any of those of which nobody
/// knows. For the workloads pn-counter and g-counter, which differ in what is added only.
///
/// A final read is one with `:final?`. What reads say before the end is not judged: the counter is eventually consistent.
///
/// Strictly, a final read that is no integer is wrong, and so it is if the final reads were tried and none succeeded:
/// faults are healed by then, and a counter that cannot be read counts nothing. Where no final read has
/// ended the verdict is unknown. [`Mode::Compat`] calls both valid, and an answer that is no integer unknown, as upstream's crash
/// there amounts to.
///
/// The possible sums are kept as ranges; time is linear in the operations, and in the additions of unknown outcome times
/// the ranges, which run together where the amounts are small. Sums too scattered, or beyond 128 bits, make the
/// verdict unknown. Source: `maelstrom.workload.pn-counter`, whose result keys these are.
///
/// ```
/// use glomers_check::{History, Mode, PnCounter, Validity, check};
/// let history = History::from_edn(
///     "{:time 0, :type :invoke, :process 0, :f :add, :value 3}
///      {:time 1000000, :type :ok, :process 0, :f :add, :value 3}
///      {:time 2000000, :type :invoke, :process 1, :f :add, :value -2}
///      {:time 3000000, :type :info, :process 1, :f :add, :value -2, :error :net-timeout}
///      {:time 4000000, :type :invoke, :process 0, :f :read, :value nil, :final? true}
///      {:time 5000000, :type :ok, :process 0, :f :read, :value 2, :final? true}",
/// )?;
/// let verdict = check(&history, PnCounter::new(Mode::Strict));
/// assert_eq!(verdict.validity, Validity::Invalid);
/// assert_eq!(verdict.results.get("acceptable").unwrap().to_string(), "([1 1] [3 3])");
/// assert_eq!(
///     verdict.findings[0].sentence,
///     "The final read of operation 5 (process 0, 0.005 s) is 2; 1 addition that was acknowledged makes 3, and with the 1 of unknown \
///      outcome 1 or 3 are possible."
/// );
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
#[derive(Debug)]
pub struct PnCounter {
    mode: Mode,
    /// What Maelstrom judges a run by besides.
    stats: Stats,
    sum: Option<i128>,
    acknowledged_count: u64,
    /// The amounts of additions whose outcome is unknown, in the history's order.
    unknown: Vec<i128>,
    /// Additions that have begun, by process. An amount that is no integer makes the counter's sum meaningless.
    open: Pairing<Value>,
    /// The first addition of something that is no integer.
    unsuitable: Option<(Moment, Value)>,
    unsuccessful_final_reads: u64,
    final_reads: Vec<Operation>,
}

impl PnCounter {
    /// A checker in this mode.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            stats: Stats::default(),
            sum: Some(0),
            acknowledged_count: 0,
            unknown: Vec::new(),
            open: Pairing::new(),
            unsuitable: None,
            unsuccessful_final_reads: 0,
            final_reads: Vec::new(),
        }
    }

    fn observe_add(&mut self, operation: &Operation) {
        if operation.is_invoke() {
            self.open.begin(operation.process, operation.value.clone());
            return;
        }
        self.open.end(operation.process);
        if operation.kind == OperationKind::Fail {
            return;
        }
        let Some(amount) = operation.value.as_int() else {
            self.unsuitable.get_or_insert_with(|| (Moment::of(operation), operation.value.clone()));
            return;
        };
        if operation.is_ok() {
            self.acknowledged_count += 1;
            self.sum = self.sum.and_then(|sum| sum.checked_add(amount));
        } else {
            self.unknown.push(amount);
        }
    }

    /// The sums that the counter may stand at.
    ///
    /// # Errors
    /// Why they cannot be told.
    fn sums(&self) -> Result<Sums, String> {
        if let Some((moment, amount)) = &self.unsuitable {
            return Err(format!("No sum can be told: {moment} added {amount}, which is no integer."));
        }
        let sums = self.sum.ok_or(Untold::Overflow).and_then(|sum| {
            self.unknown.iter().try_fold(Sums::exactly(sum), |sums, &amount| sums.with_or_without(amount))
        });
        sums.map_err(|reason| match reason {
            Untold::Overflow => "The sum of the additions does not fit into 128 bits.".to_owned(),
            Untold::Scattered => format!(
                "The {} additions of unknown outcome leave too many different sums possible to follow them all.",
                self.unknown.len()
            ),
        })
    }

    /// A final read that cannot be.
    fn wrong_read(&self, read: &Operation, sums: &Sums) -> Finding {
        let moment = Moment::of(read);
        let value = &read.value;
        if value.as_int().is_none() {
            let sentence = format!("The final read of {moment} is {value}, which is no integer.");
            return Finding::new(sentence, [read.index]);
        }
        let known = match (self.acknowledged_count, self.sum.unwrap_or_default()) {
            (1, sum) => format!("1 addition that was acknowledged makes {sum}"),
            (count, sum) => format!("{count} additions that were acknowledged make {sum}"),
        };
        let possible = match self.unknown.len() {
            0 => String::new(),
            count => format!(", and with the {count} of unknown outcome {} are possible", sums),
        };
        Finding::new(format!("The final read of {moment} is {value}; {known}{possible}."), [read.index])
    }
}

impl Checker for PnCounter {
    fn observe(&mut self, operation: &Operation) {
        self.stats.observe(operation);
        if !operation.is_client() {
            return;
        }
        if operation.f == "add" {
            self.observe_add(operation);
        } else if is_final(operation) {
            match operation.kind {
                OperationKind::Invoke => {}
                OperationKind::Ok => self.final_reads.push(operation.clone()),
                OperationKind::Fail | OperationKind::Info => self.unsuccessful_final_reads += 1,
            }
        }
    }

    fn requirement(&self) -> Requirement {
        self.mode.requirement()
    }

    fn finish(mut self: Box<Self>) -> Verdict {
        let is_strict = self.mode == Mode::Strict;
        if is_strict {
            // A history that breaks off leaves additions whose outcome is unknown.
            let open = std::mem::take(&mut self.open).into_open();
            self.unknown.extend(open.into_iter().filter_map(|(_, amount)| amount.as_int()));
        }
        let sums = match self.sums() {
            Ok(sums) => sums,
            Err(reason) => return Verdict::unknown(reason),
        };
        if !is_strict && let Some(read) = self.final_reads.iter().find(|read| read.value.as_int().is_none()) {
            let reason =
                format!("The final read of {} is {}, which is no integer.", Moment::of(read), read.value);
            return Verdict::unknown(reason);
        }
        let is_wrong = |read: &&Operation| read.value.as_int().is_none_or(|value| !sums.contains(value));
        let wrong: Vec<&Operation> = self.final_reads.iter().filter(is_wrong).collect();
        let mut findings = Vec::new();
        tell(&mut findings, &wrong, "final reads are wrong", |read| self.wrong_read(read, &sums));

        let upstream = match wrong.iter().any(|read| read.value.as_int().is_none()) {
            true => Validity::Unknown,
            false => Validity::from(wrong.is_empty()),
        };
        let mut validity = if is_strict { Validity::from(wrong.is_empty()) } else { upstream };
        if is_strict && self.final_reads.is_empty() {
            let sentence = if self.unsuccessful_final_reads > 0 {
                validity = Validity::Invalid;
                format!(
                    "None of {} final reads succeeded, although faults are healed by then.",
                    self.unsuccessful_final_reads
                )
            } else {
                validity = Validity::Unknown;
                "No final read has ended (one with `:final? true`), so there was nothing to judge.".to_owned()
            };
            findings.push(Finding::new(sentence, []));
        }
        if is_strict {
            findings.extend(upstream_finding(validity, upstream.max(self.stats.validity())));
        }

        let errors = match wrong.len() {
            0 => Value::Nil,
            _ => Value::List(wrong.iter().map(|read| read.to_tagged_value()).collect()),
        };
        let reads = self.final_reads.iter().map(|read| read.value.clone()).collect();
        let ranges = sums.ranges().iter().map(|&(lower, upper)| Value::from(vec![lower, upper])).collect();
        let entries =
            [("errors", errors), ("final-reads", Value::List(reads)), ("acceptable", Value::List(ranges))];
        Verdict { findings, ..Verdict::new(validity, entries) }
    }
}

fn is_final(operation: &Operation) -> bool {
    operation.get("final?").is_some_and(|value| !matches!(value, Value::Nil | Value::Bool(false)))
}
