//! What the checkers of Jepsen's own tests have in common.

use crate::{Finding, Validity};

/// What there is to say where Jepsen's checker would judge otherwise.
pub(crate) fn jepsen_finding(strict: Validity, jepsen: Validity) -> Option<Finding> {
    (strict != jepsen).then(|| Finding::new(format!("Jepsen would call this {jepsen}."), []))
}
