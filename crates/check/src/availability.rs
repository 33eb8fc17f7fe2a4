//! Which share of the operations succeeded, and whether that is enough.

use serde::{Deserialize, Serialize};

use crate::{Checker, Finding, Operation, Requirement, Validity, Value, Verdict};

/// The share of operations that must succeed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AvailabilityGoal {
    /// Any share will do.
    #[default]
    None,
    /// Every operation must succeed.
    Total,
    /// At least this share, from 0 to 1.
    Fraction(f64),
}

/// Compares the share of successful operations with a goal. Constant memory, constant time per operation.
///
/// The share, `:ok-fraction`, is taken over all entries that begin an operation, in single precision; it is 1 when
/// nothing began. Source: `maelstrom.checker/availability-checker`.
///
/// ```
/// use glomers_check::{Availability, AvailabilityGoal, History, Operation, OperationKind, Requirement, Validity, check};
/// let read = Operation::invoke(0, "read", ());
/// let history = History::new(vec![read.clone(), read.completed(OperationKind::Fail, ())]);
/// let verdict = check(&history, Availability::new(AvailabilityGoal::Fraction(0.5)));
/// assert_eq!(verdict.validity, Validity::Invalid);
/// assert_eq!(verdict.findings[0].sentence, "0 of 1 operations succeeded (0.00 %), and at least 50.00 % were asked for.");
/// ```
#[derive(Clone, Debug)]
pub struct Availability {
    goal: AvailabilityGoal,
    invoked: u64,
    ok: u64,
    ended_otherwise: u64,
    /// The first that did not succeed, by the index of its end.
    first_failure: Option<u64>,
}

impl Availability {
    /// Checks this goal.
    pub fn new(goal: AvailabilityGoal) -> Self {
        Self { goal, invoked: 0, ok: 0, ended_otherwise: 0, first_failure: None }
    }
}

impl Checker for Availability {
    fn observe(&mut self, operation: &Operation) {
        self.invoked += u64::from(operation.is_invoke());
        self.ok += u64::from(operation.is_ok());
        if !operation.is_invoke() && !operation.is_ok() && operation.is_client() {
            self.ended_otherwise += 1;
            self.first_failure.get_or_insert(operation.index);
        }
    }

    fn has_violation(&self) -> bool {
        self.goal == AvailabilityGoal::Total && self.ended_otherwise > 0
    }

    fn requirement(&self) -> Requirement {
        Requirement::Entries
    }

    fn finish(self: Box<Self>) -> Verdict {
        let fraction = Value::ratio(self.ok, self.invoked);
        // The goal is compared with the single-precision share, as upstream does, not with its decimal digits.
        let single = if self.invoked == 0 { 1.0 } else { (self.ok as f64 / self.invoked as f64) as f32 };
        let (reached, goal) = match self.goal {
            AvailabilityGoal::None => (true, 0.0),
            AvailabilityGoal::Total => (single == 1.0, 1.0),
            AvailabilityGoal::Fraction(goal) => (goal <= f64::from(single), goal),
        };
        let mut verdict = Verdict::new(Validity::from(reached), [("ok-fraction", fraction)]);
        if !reached {
            verdict.findings.push(Finding::new(
                format!(
                    "{} of {} operations succeeded ({:.2} %), and at least {:.2} % were asked for.",
                    self.ok,
                    self.invoked,
                    single * 100.0,
                    goal * 100.0
                ),
                self.first_failure.into_iter().collect::<Vec<u64>>(),
            ));
        }
        verdict
    }
}
