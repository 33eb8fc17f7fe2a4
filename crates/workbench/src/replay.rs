//! A run as the list of its choices: a text file from which it can be repeated, and which can be edited.
//!
//! ```text
//! # Element 3 is lost: …
//! plan {"workload":"g-set","nodes":["n0","n1"],…}
//! at 0s client 0 add 3
//! at 500ms for 2s cut n0 from n1
//! at 1s client 1 read nil
//! ```
//!
//! A line is a comment, the plan (once, as JSON, without its operations and faults), an operation as [`PlannedOperation`] has it, or a
//! statement about a fault in the language of [`crate::nemeses::script`]. Under virtual time the same file gives the same run. What it leaves
//! to the seed is the delay of each message and what nodes draw at random.

mod story;

use std::{fmt, str::FromStr, time::Duration};

use glomers_check::Operation;

use crate::{
    nemeses::script,
    plan::{FaultScript, Plan, PlannedOperation},
    registry::{self, PlanError},
};

pub use story::story;

/// A plan whose operations and faults are given one by one.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    plan: Plan,
}

/// Why a text is no replay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A line can't be understood.
    #[error("line {line}: {problem}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What was expected.
        problem: String,
    },
    /// There is no plan.
    #[error("there is no line `plan {{…}}`, which says what workload and which nodes the file is for")]
    NoPlan,
    /// The plan can't be carried out.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

impl Replay {
    /// What repeats a run: its plan, the operations of its history and its faults.
    pub fn of_run(plan: &Plan, history: &[Operation], faults: &FaultScript) -> Self {
        let is_final =
            |operation: &PlannedOperation| operation.extra.iter().any(|(name, _)| name == "final?");
        let mut operations = PlannedOperation::of_history(history, plan.concurrency);
        // Final operations come by themselves. They are all that is invoked after the time limit.
        operations.retain(|operation| operation.at < plan.time_limit && !is_final(operation));
        Self {
            plan: Plan {
                operations: Some(operations),
                nemesis: Vec::new(),
                nemesis_delay: Duration::ZERO,
                nemesis_script: Some(faults.clone()).filter(|faults| !faults.text().is_empty()),
                settings: plan.settings.clone().without(registry::is_of_fault),
                ..plan.clone()
            },
        }
    }

    /// A plan that has its operations, and no random faults.
    pub(crate) fn new(plan: Plan) -> Self {
        debug_assert!(
            plan.operations.is_some() && plan.nemesis.is_empty(),
            "a replay leaves nothing to draw"
        );
        Self { plan }
    }

    /// The plan, with its operations and faults.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The same with a comment above it.
    pub fn to_text(&self, comment: &str) -> String {
        let comment: String = comment.lines().map(|line| format!("# {line}\n")).collect();
        format!("{comment}{self}")
    }
}

impl fmt::Display for Replay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = Plan { operations: None, nemesis_script: None, ..self.plan.clone() };
        let json = serde_json::to_string(&bare).map_err(|_| fmt::Error)?;
        writeln!(formatter, "plan {json}")?;
        let faults =
            self.plan.nemesis_script.as_ref().map(|script| script::timed_lines(script, &self.plan.nodes));
        let operations = self.plan.operations.iter().flatten();
        let mut lines: Vec<(Duration, String)> = faults.unwrap_or_default();
        lines.extend(operations.map(|operation| (operation.at, operation.to_string())));
        // Stable, so that lines of one time keep their order.
        lines.sort_by_key(|(time, _)| *time);
        lines.iter().try_for_each(|(_, line)| writeln!(formatter, "{line}"))
    }
}

impl FromStr for Replay {
    type Err = ReplayError;

    fn from_str(text: &str) -> Result<Self, ReplayError> {
        let mut plan: Option<Plan> = None;
        let (mut operations, mut faults) = (Vec::new(), String::new());
        for (number, line) in text.lines().enumerate() {
            let error = |problem: String| ReplayError::Line { line: number + 1, problem };
            let trimmed = line.trim();
            if let Some(json) = trimmed.strip_prefix("plan ") {
                if plan.is_some() {
                    return Err(error("a second plan; a file has one".to_owned()));
                }
                let parsed = serde_json::from_str(json);
                plan = Some(parsed.map_err(|cause| error(format!("the plan can't be read: {cause}")))?);
            } else if is_operation(trimmed) {
                operations.push(trimmed.parse().map_err(error)?);
            } else {
                faults.push_str(line);
            }
            // Every line of the file is one of the script's, so that its errors name the right line.
            faults.push('\n');
        }
        let mut plan = plan.ok_or(ReplayError::NoPlan)?;
        plan.operations = Some(operations);
        plan.nemesis.clear();
        let script = FaultScript::new(faults);
        let statements = script::statements(&script, &plan.nodes).map_err(PlanError::from)?;
        plan.nemesis_script = Some(script::write(&statements)).filter(|_| !statements.is_empty());
        registry::check_plan(&plan)?;
        Ok(Self { plan })
    }
}

fn is_operation(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    words.next() == Some("at") && words.nth(1) == Some("client")
}

#[cfg(test)]
mod tests;
