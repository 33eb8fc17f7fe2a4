//! Whether a counter shows what was added to it, at every read.

use crate::jepsen::jepsen_finding;
use crate::moment::{Moment, tell};
use crate::sums::Sums;
use crate::{Checker, Finding, Mode, Operation, OperationKind, Pairing, Validity, Value, Verdict};

/// Demands that every read of a counter, which begins at zero, shows a sum that additions (`add`) can have made it by then.
///
/// An addition that was acknowledged before the read began is in the sum. One that failed is not. Any other that began
/// before the read ended may be in it or not.
///
/// Strictly, the value has to be one of these sums, and not only between the least and the greatest; a read must not
/// show less than one that had ended before it began, as long as nothing was subtracted; and a read that is no integer is
/// wrong. Each of these holds of every linearizable counter. They do not decide linearizability, which is as hard as finding
/// subsets of a given sum: that an addition is in a read means that those before it are, and that is not looked at. Amounts may
/// be negative.
///
/// [`Mode::Compat`] judges as Jepsen's `checker/counter`: by the bounds alone. An amount below zero, and a value that is no
/// integer, make its verdict unknown, as its crash there amounts to. For a counter that is read in the end only, use
/// [`PnCounter`](crate::PnCounter).
///
/// Memory is that of the additions and the reads. Time is linear, and strictly for each read also in the additions that may
/// or may not be in it; where these are more than 64, or their sums too scattered, the bounds alone count. Result keys are
/// those of Jepsen.
///
/// ```
/// use glomers_check::{Counter, History, Mode, Validity, check};
/// let history = History::from_edn(
///     "{:type :invoke, :process 0, :f :add, :value 1}
///      {:type :ok, :process 0, :f :add, :value 1}
///      {:type :invoke, :process 1, :f :add, :value 4}
///      {:type :invoke, :process 0, :f :read}
///      {:type :ok, :process 0, :f :read, :value 3}",
/// )?;
/// let verdict = check(&history, Counter::new(Mode::Strict));
/// assert_eq!(verdict.validity, Validity::Invalid);
/// assert_eq!(
///     verdict.findings[0].sentence,
///     "The read of operation 4 (process 0, 0.000 s) is 3; additions can have made 1 or 5 by then."
/// );
/// assert_eq!(verdict.findings[1].sentence, "Jepsen would call this valid.");
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
#[derive(Debug)]
pub struct Counter {
    mode: Mode,
    open: Pairing<Open>,
    additions: Vec<Addition>,
    reads: Vec<Read>,
    /// The first addition of something that is no integer of 64 bits.
    unsuitable: Option<(Moment, Value)>,
    clock: u64,
}

#[derive(Debug)]
enum Open {
    Addition(usize),
    Read { begin: u64 },
}

#[derive(Debug)]
struct Addition {
    amount: i64,
    begin: u64,
    /// When it was acknowledged; never, if its outcome is unknown.
    end: u64,
    has_failed: bool,
}

#[derive(Debug)]
struct Read {
    begin: u64,
    end: u64,
    at: Moment,
    value: Value,
}

/// So many additions that may or may not be in a read are tried one by one.
const UNCERTAIN_LIMIT: usize = 64;

impl Counter {
    /// A checker in this mode.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            open: Pairing::new(),
            additions: Vec::new(),
            reads: Vec::new(),
            unsuitable: None,
            clock: 0,
        }
    }

    fn begin(&mut self, operation: &Operation) {
        let open = match operation.f.as_str() {
            "add" => {
                let amount = operation.value.as_int().and_then(|amount| i64::try_from(amount).ok());
                let Some(amount) = amount else {
                    self.unsuitable.get_or_insert_with(|| (Moment::of(operation), operation.value.clone()));
                    return;
                };
                let addition = Addition { amount, begin: self.clock, end: u64::MAX, has_failed: false };
                self.additions.push(addition);
                Open::Addition(self.additions.len() - 1)
            }
            "read" => Open::Read { begin: self.clock },
            _ => return,
        };
        self.open.begin(operation.process, open);
    }

    fn end(&mut self, operation: &Operation) {
        match (self.open.end(operation.process), operation.kind) {
            (Some(Open::Addition(number)), OperationKind::Ok) => self.additions[number].end = self.clock,
            (Some(Open::Addition(number)), OperationKind::Fail) => self.additions[number].has_failed = true,
            (Some(Open::Read { begin }), OperationKind::Ok) => {
                let (at, value) = (Moment::of(operation), operation.value.clone());
                self.reads.push(Read { begin, end: self.clock, at, value });
            }
            _ => {}
        }
    }

    /// For each read, in the order of their ends: the sum that is certain, and the least and the greatest one.
    fn bounds(&self) -> Vec<Bounds> {
        // Sums by the time of the beginning, of the negative and the positive amounts, and by that of the end, of all.
        let counted = || self.additions.iter().filter(|addition| !addition.has_failed);
        let begun = |keeps: fn(i64) -> bool| {
            Prefix::of(
                counted()
                    .filter(|addition| keeps(addition.amount))
                    .map(|addition| (addition.begin, addition.amount)),
            )
        };
        let ended = |keeps: fn(i64) -> bool| {
            let ended = counted().filter(|addition| keeps(addition.amount) && addition.end < u64::MAX);
            Prefix::of(ended.map(|addition| (addition.end, addition.amount)))
        };
        let (begun_below, begun_above) = (begun(|amount| amount < 0), begun(|amount| amount > 0));
        let (ended_below, ended_above) = (ended(|amount| amount < 0), ended(|amount| amount > 0));
        self.reads
            .iter()
            .map(|read| {
                let (below, above) = (ended_below.before(read.begin), ended_above.before(read.begin));
                Bounds {
                    certain: below + above,
                    lower: begun_below.before(read.end) + above,
                    upper: begun_above.before(read.end) + below,
                }
            })
            .collect()
    }

    /// What the read may show; none if that is too much to try.
    fn sums(&self, read: &Read, bounds: &Bounds) -> Option<Sums> {
        // Additions are in the order of their beginnings.
        let begun = &self.additions[..self.additions.partition_point(|addition| addition.begin < read.end)];
        let uncertain = begun.iter().filter(|addition| !addition.has_failed && addition.end >= read.begin);
        let uncertain: Vec<i64> =
            uncertain.take(UNCERTAIN_LIMIT + 1).map(|addition| addition.amount).collect();
        if uncertain.len() > UNCERTAIN_LIMIT {
            return None;
        }
        uncertain.iter().try_fold(Sums::exactly(bounds.certain), |sums, amount| {
            sums.with_or_without((*amount).into()).ok()
        })
    }

    /// What is wrong with the reads, strictly.
    fn violations(&self, bounds: &[Bounds]) -> Vec<Finding> {
        let mut wrong: Vec<(u64, Finding)> = Vec::new();
        for (read, bounds) in self.reads.iter().zip(bounds) {
            let is_sum = read.value.as_int().is_some_and(|value| {
                (bounds.lower..=bounds.upper).contains(&value)
                    && (bounds.lower == bounds.upper
                        || self.sums(read, bounds).is_none_or(|sums| sums.contains(value)))
            });
            if !is_sum {
                let possible = match self.sums(read, bounds) {
                    Some(sums) => sums.to_string(),
                    None => format!("{} to {}", bounds.lower, bounds.upper),
                };
                let sentence = format!(
                    "The read of {} is {}; additions can have made {possible} by then.",
                    read.at, read.value
                );
                wrong.push((read.at.index, Finding::new(sentence, [read.at.index])));
            }
        }
        if self.additions.iter().all(|addition| addition.amount >= 0) {
            wrong.extend(self.decreases());
        }
        wrong.sort_by_key(|(index, _)| *index);
        let wrong: Vec<Finding> = wrong.into_iter().map(|(_, finding)| finding).collect();
        let mut findings = Vec::new();
        tell(&mut findings, &wrong, "reads are wrong", Finding::clone);
        findings
    }

    /// Reads that show less than one that had ended before they began.
    fn decreases(&self) -> Vec<(u64, Finding)> {
        // The greatest value of the reads that have ended, one for each of the reads in the order of their ends.
        let mut greatest: Vec<(u64, i128, Moment)> = Vec::new();
        let mut decreases = Vec::new();
        for read in &self.reads {
            let Some(value) = read.value.as_int() else { continue };
            let earlier = greatest.partition_point(|(end, ..)| *end < read.begin);
            if let Some((_, most, at)) = earlier.checked_sub(1).map(|place| greatest[place])
                && most > value
            {
                let sentence = format!(
                    "The read of {} is {value}, less than the {most} of {at}, which had ended before it began; nothing was subtracted.",
                    read.at
                );
                decreases.push((read.at.index, Finding::new(sentence, [at.index, read.at.index])));
            }
            match greatest.last() {
                Some(&(_, most, at)) if most >= value => greatest.push((read.end, most, at)),
                _ => greatest.push((read.end, value, read.at)),
            }
        }
        decreases
    }
}

/// The sums that a read can show, without regard to which of those between the bounds can be made.
struct Bounds {
    certain: i128,
    lower: i128,
    upper: i128,
}

/// Sums of amounts by time.
struct Prefix(Vec<(u64, i128)>);

impl Prefix {
    fn of(amounts: impl Iterator<Item = (u64, i64)>) -> Self {
        let mut sums: Vec<(u64, i128)> = amounts.map(|(time, amount)| (time, amount.into())).collect();
        sums.sort_unstable_by_key(|(time, _)| *time);
        // Amounts of 64 bits do not add up to more than 128 bits hold.
        sums.iter_mut().fold(0, |sum, (_, amount)| {
            *amount += sum;
            *amount
        });
        Self(sums)
    }

    fn before(&self, time: u64) -> i128 {
        let count = self.0.partition_point(|(at, _)| *at < time);
        count.checked_sub(1).map_or(0, |last| self.0[last].1)
    }
}

impl Checker for Counter {
    fn observe(&mut self, operation: &Operation) {
        if !operation.is_client() {
            return;
        }
        self.clock += 1;
        if operation.is_invoke() { self.begin(operation) } else { self.end(operation) }
    }

    fn finish(self: Box<Self>) -> Verdict {
        if let Some((at, amount)) = &self.unsuitable {
            return Verdict::unknown(format!(
                "{at} adds {amount}, which is no integer of 64 bits, so that no sum is known."
            ));
        }
        let bounds = self.bounds();
        let is_within = |read: &Read, bounds: &Bounds| {
            read.value.as_int().is_some_and(|value| (bounds.lower..=bounds.upper).contains(&value))
        };
        let has_crashed = self.reads.iter().any(|read| read.value.as_int().is_none())
            || self.additions.iter().any(|addition| addition.amount < 0);
        let jepsen = match has_crashed {
            true => Validity::Unknown,
            false => {
                Validity::from(self.reads.iter().zip(&bounds).all(|(read, bounds)| is_within(read, bounds)))
            }
        };
        let mut findings = self.violations(&bounds);
        let validity = match self.mode {
            Mode::Compat => {
                if jepsen == Validity::Valid {
                    findings.clear();
                } else if has_crashed {
                    let sentence = "An amount below zero, or a read that is no integer, is more than Jepsen's checker can judge.";
                    findings.insert(0, Finding::new(sentence, []));
                }
                jepsen
            }
            Mode::Strict if self.reads.is_empty() => {
                findings.push(Finding::new("No read succeeded, so there was nothing to judge.", []));
                Validity::Unknown
            }
            Mode::Strict => Validity::from(findings.is_empty()),
        };
        if self.mode == Mode::Strict {
            findings.extend(jepsen_finding(validity, jepsen));
        }
        let shown = |(read, bounds): (&Read, &Bounds)| {
            Value::Vector(vec![bounds.lower.into(), read.value.clone(), bounds.upper.into()])
        };
        let pairs = || self.reads.iter().zip(&bounds);
        let reads: Vec<Value> = pairs().map(shown).collect();
        let errors: Vec<Value> =
            pairs().filter(|(read, bounds)| !is_within(read, bounds)).map(shown).collect();
        Verdict {
            findings,
            ..Verdict::new(validity, [("reads", Value::Vector(reads)), ("errors", Value::List(errors))])
        }
    }
}
