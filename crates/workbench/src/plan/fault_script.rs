//! Faults that a person wrote down.

use serde::{Deserialize, Serialize};

/// Faults as text, in the language that [`crate::nemeses::script`] describes. Whether they make sense in a plan is for
/// [`crate::registry::check_plan`] to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FaultScript(String);

impl FaultScript {
    /// A script, not checked yet.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }
}
