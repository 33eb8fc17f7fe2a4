//! A checker without the stage in front of it: for histories of completions alone, which the checker understands and
//! [`check`](glomers_check::check) refuses.

use glomers_check::{Checker, History, Verdict};

/// Shows a checker a history as it is.
pub(crate) fn observe(history: &History, checker: impl Checker + 'static) -> Verdict {
    let mut checker = Box::new(checker);
    history.operations().iter().for_each(|operation| checker.observe(operation));
    checker.finish()
}
