//! What every checker is, and how several become one.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{Finding, History, Name, Operation, Validity, Value, Verdict};

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

/// Shows a checker a whole history and returns its verdict. A checker that panics yields `unknown`.
pub fn check(history: &History, checker: impl Checker + 'static) -> Verdict {
    let mut guarded = Guarded::new(Box::new(checker));
    for operation in history.operations() {
        guarded.observe(operation);
    }
    Box::new(guarded).finish()
}

/// A checker whose panic is its own affair: its verdict becomes `unknown`, with the panic's text.
///
/// ```
/// use glomers_check::{Checker, Guarded, Operation, Validity, Verdict};
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
/// ```
pub struct Guarded {
    state: Result<Box<dyn Checker>, String>,
}

impl Guarded {
    /// Guards this checker.
    pub fn new(checker: Box<dyn Checker>) -> Self {
        Self { state: Ok(checker) }
    }
}

impl Checker for Guarded {
    fn observe(&mut self, operation: &Operation) {
        let Ok(checker) = &mut self.state else { return };
        // The checker is never used again after a panic, so that a half-changed state cannot be seen.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| checker.observe(operation))) {
            self.state =
                Err(format!("The checker crashed at operation {}: {}", operation.index, panic_text(&*panic)));
        }
    }

    fn has_violation(&self) -> bool {
        self.state.as_ref().is_ok_and(|checker| checker.has_violation())
    }

    fn finish(self: Box<Self>) -> Verdict {
        match self.state {
            Err(reason) => Verdict::unknown(reason),
            Ok(checker) => catch_unwind(AssertUnwindSafe(|| checker.finish())).unwrap_or_else(|panic| {
                Verdict::unknown(format!(
                    "The checker crashed at the end of the history: {}",
                    panic_text(&*panic)
                ))
            }),
        }
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
/// use glomers_check::{Compared, Echo, History, Mode, Operation, OperationKind, check};
/// let echo = Operation::invoke(0, "echo", "a");
/// let history = History::new(vec![echo.clone(), echo.completed(OperationKind::Info, "a")]);
/// let verdict = check(&history, Compared::new(Echo::new(Mode::Strict), Echo::new(Mode::Compat)));
/// assert_eq!(verdict.validity.to_string(), "unknown");
/// assert_eq!(verdict.findings.last().unwrap().sentence, "Maelstrom would call this valid.");
/// ```
pub struct Compared {
    strict: Guarded,
    compat: Guarded,
}

impl Compared {
    /// Compares these two checkers of the same promise.
    pub fn new(strict: impl Checker + 'static, compat: impl Checker + 'static) -> Self {
        Self { strict: Guarded::new(Box::new(strict)), compat: Guarded::new(Box::new(compat)) }
    }
}

impl Checker for Compared {
    fn observe(&mut self, operation: &Operation) {
        self.strict.observe(operation);
        self.compat.observe(operation);
    }

    fn has_violation(&self) -> bool {
        self.strict.has_violation()
    }

    fn finish(self: Box<Self>) -> Verdict {
        let Self { strict, compat } = *self;
        let mut verdict = Box::new(strict).finish();
        let upstream = Box::new(compat).finish().validity;
        verdict.findings.extend(upstream_finding(verdict.validity, upstream));
        verdict
    }
}

/// What there is to say where upstream would judge otherwise.
pub(crate) fn upstream_finding(strict: Validity, upstream: Validity) -> Option<Finding> {
    (strict != upstream).then(|| Finding::new(format!("Maelstrom would call this {upstream}."), []))
}
