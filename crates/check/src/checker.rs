//! What every checker is, and how several become one.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::well_formed::WellFormedness;
use crate::{Finding, History, Name, Operation, Requirement, Stats, Validity, Value, Verdict};

/// A checker: it is shown every operation as it happens, and gives its verdict at the end.
///
/// A checker sees each entry once, in the history's order, so that its verdict can stand when the test ends. It
/// reads no clock, draws no chance and does no input or output: the same history has the same verdict.
pub trait Checker {
    /// Takes in the next entry of the history.
    fn observe(&mut self, operation: &Operation);

    /// Whether it is certain already that the verdict will be invalid, whatever is still to come. A checker that decides only at the
    /// end says no until then. It takes no more than a look.
    fn has_violation(&self) -> bool {
        false
    }

    /// What the checker requires of a history, for [`Guarded`] to see to.
    fn requirement(&self) -> Requirement {
        Requirement::default()
    }

    /// Gives the verdict on everything that was observed.
    fn finish(self: Box<Self>) -> Verdict;
}

impl Checker for Box<dyn Checker> {
    fn observe(&mut self, operation: &Operation) {
        (**self).observe(operation);
    }

    fn has_violation(&self) -> bool {
        (**self).has_violation()
    }

    fn requirement(&self) -> Requirement {
        (**self).requirement()
    }

    fn finish(self: Box<Self>) -> Verdict {
        (*self).finish()
    }
}

/// How kind a checker is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The promise is checked in full. Where upstream would pass what this refuses, a finding says so.
    #[default]
    Strict,
    /// Upstream's verdict exactly, its leniencies included.
    Compat,
}

impl Mode {
    /// What a checker of single operations requires in this mode: Maelstrom's verdict is to be had on every history.
    pub(crate) fn requirement(self) -> Requirement {
        match self {
            Self::Strict => Requirement::Operations,
            Self::Compat => Requirement::Entries,
        }
    }
}

/// Shows a checker a whole history and returns its verdict. The checker is [`Guarded`].
pub fn check(history: &History, checker: impl Checker + 'static) -> Verdict {
    let mut guarded = Guarded::new(Box::new(checker));
    for operation in history.operations() {
        guarded.observe(operation);
    }
    Box::new(guarded).finish()
}

/// The stage in front of every checker. The verdict is `unknown`
///
/// - where the history is malformed, with the entry that shows it: see [`Malformed`](crate::Malformed). The checker says
///   what it [requires](Checker::requirement);
/// - where no operation of a client has ended, so that nothing was judged;
/// - where the checker panics, with the panic's text.
///
/// ```
/// use glomers_check::{Checker, Guarded, Operation, OperationKind, Validity, Verdict};
///
/// struct Faulty;
/// impl Checker for Faulty {
///     fn observe(&mut self, _: &Operation) {}
///     fn finish(self: Box<Self>) -> Verdict { panic!("a table is empty") }
/// }
///
/// let verdict = Box::new(Guarded::new(Box::new(Faulty))).finish();
/// assert_eq!(verdict.validity, Validity::Unknown);
/// assert!(verdict.findings[0].sentence.contains("a table is empty"));
///
/// let mut guarded = Guarded::new(Box::new(Faulty));
/// guarded.observe(&Operation::invoke(7, "read", ()).completed(OperationKind::Ok, 3));
/// let verdict = Box::new(guarded).finish();
/// assert!(verdict.findings[0].sentence.contains("ends an operation of process 7 (:read) that never began"));
/// ```
pub struct Guarded {
    state: Result<Box<dyn Checker>, String>,
    well_formedness: Option<WellFormedness>,
}

impl Guarded {
    /// Guards this checker.
    pub fn new(checker: Box<dyn Checker>) -> Self {
        Self { well_formedness: WellFormedness::new(checker.requirement()), state: Ok(checker) }
    }
}

impl Checker for Guarded {
    fn observe(&mut self, operation: &Operation) {
        let Ok(checker) = &mut self.state else { return };
        if let Some(Err(malformed)) = self.well_formedness.as_mut().map(|stage| stage.observe(operation)) {
            self.state = Err(format!("The history is malformed: {malformed}."));
            return;
        }
        // The checker is never used again after a panic, so that a half-changed state cannot be seen.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| checker.observe(operation))) {
            self.state =
                Err(format!("The checker crashed at operation {}: {}", operation.index, panic_text(&*panic)));
        }
    }

    fn has_violation(&self) -> bool {
        self.state.as_ref().is_ok_and(Checker::has_violation)
    }

    /// Nothing: it sees to the requirement itself.
    fn requirement(&self) -> Requirement {
        Requirement::Entries
    }

    fn finish(self: Box<Self>) -> Verdict {
        let checker = match self.state {
            Err(reason) => return Verdict::unknown(reason),
            Ok(checker) => checker,
        };
        let verdict = catch_unwind(AssertUnwindSafe(|| checker.finish())).unwrap_or_else(|panic| {
            let panic = panic_text(&*panic);
            Verdict::unknown(format!("The checker crashed at the end of the history: {panic}"))
        });
        let was_judged = self.well_formedness.is_none_or(|stage| stage.has_completed());
        if verdict.validity == Validity::Valid && !was_judged {
            return Verdict::unknown(
                "No operation of a client has ended, so that there was nothing to judge.",
            );
        }
        verdict
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it gave no reason")
}

/// Several named checkers as one. The results map each name, in the order given, to that checker's results, and
/// `:valid?`, at the end, to the validity of all of them. Each part is [`Guarded`].
///
/// ```
/// use glomers_check::{Checker, Composition, Stats};
/// let checker = Composition::new().with("stats", Stats::default());
/// let verdict = Box::new(checker).finish();
/// assert!(verdict.results.to_string().ends_with(":valid? true}"));
/// ```
#[derive(Default)]
pub struct Composition {
    parts: Vec<(Name, Box<Guarded>)>,
}

impl Composition {
    /// A composition of nothing, which is valid.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a checker under a name.
    #[must_use]
    pub fn with(self, name: impl Into<Name>, checker: impl Checker + 'static) -> Self {
        self.with_boxed(name, Box::new(checker))
    }

    /// Adds a checker that is in a box already.
    #[must_use]
    pub fn with_boxed(mut self, name: impl Into<Name>, checker: Box<dyn Checker>) -> Self {
        self.parts.push((name.into(), Box::new(Guarded::new(checker))));
        self
    }
}

impl Checker for Composition {
    fn observe(&mut self, operation: &Operation) {
        for (_, checker) in &mut self.parts {
            checker.observe(operation);
        }
    }

    fn has_violation(&self) -> bool {
        self.parts.iter().any(|(_, checker)| checker.has_violation())
    }

    /// Nothing: each part is guarded by itself.
    fn requirement(&self) -> Requirement {
        Requirement::Entries
    }

    fn finish(self: Box<Self>) -> Verdict {
        let mut entries = Vec::new();
        let mut validity = Validity::Valid;
        let mut findings = Vec::new();
        for (name, checker) in self.parts {
            let verdict = checker.finish();
            validity = validity.max(verdict.validity);
            findings.extend(verdict.findings);
            entries.push((Value::Keyword(name), verdict.results));
        }
        entries.push((Value::keyword("valid?"), validity.to_value()));
        Verdict { validity, results: Value::Map(entries), findings }
    }
}

/// A strict checker beside the one that judges as upstream does. The verdict is the strict one; where upstream would
/// say something else, a finding tells.
///
/// ```
/// use glomers_check::txn::{Options, RwRegister, VersionOrders};
/// use glomers_check::{Compared, History, Mode, Operation, OperationKind, check, edn};
/// // A read of a message that nobody wrote.
/// let options = |mode| Options { mode, ..Options::default() };
/// let read = Operation::invoke(0, "txn", edn::read("[[:r :x nil]]")?);
/// let answer = read.completed(OperationKind::Ok, edn::read("[[:r :x 7]]")?);
/// let registers = |mode| RwRegister::new(options(mode), VersionOrders::default());
/// let verdict = check(&History::new(vec![read, answer]), Compared::new(registers(Mode::Strict), registers(Mode::Compat)));
/// assert_eq!(verdict.validity.to_string(), "invalid");
/// assert_eq!(verdict.findings.last().unwrap().sentence, "Maelstrom would call this unknown.");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Compared {
    strict: Guarded,
    compat: Guarded,
    /// Maelstrom also demands that of every function some operation succeeded.
    stats: Stats,
}

impl Compared {
    /// Compares these two checkers of the same promise. The second sees every history, however malformed.
    pub fn new(strict: impl Checker + 'static, compat: impl Checker + 'static) -> Self {
        Self {
            strict: Guarded::new(Box::new(strict)),
            compat: Guarded::new(Box::new(compat)),
            stats: Stats::default(),
        }
    }
}

impl Checker for Compared {
    fn observe(&mut self, operation: &Operation) {
        self.strict.observe(operation);
        self.compat.observe(operation);
        self.stats.observe(operation);
    }

    fn has_violation(&self) -> bool {
        self.strict.has_violation()
    }

    /// Nothing: both are guarded by themselves.
    fn requirement(&self) -> Requirement {
        Requirement::Entries
    }

    fn finish(self: Box<Self>) -> Verdict {
        let Self { strict, compat, stats } = *self;
        let mut verdict = Box::new(strict).finish();
        let upstream = Box::new(compat).finish().validity.max(stats.validity());
        verdict.findings.extend(upstream_finding(verdict.validity, upstream));
        verdict
    }
}

/// What there is to say where upstream would judge otherwise.
pub(crate) fn upstream_finding(strict: Validity, upstream: Validity) -> Option<Finding> {
    (strict != upstream).then(|| Finding::new(format!("Maelstrom would call this {upstream}."), []))
}
