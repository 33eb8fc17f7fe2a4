//! The reports of a run that has ended: diagrams and plots.

use std::thread;

use glomers_workbench::{plan::Plan, verdict::Conclusion};

use super::{
    RunDirectory, StoreError, files,
    history::{Collected, HistoryError, HistoryFollower},
};
use crate::report::{ReportError, cycles::write_cycles, plots::write_plots};

/// Why a report can't be made.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A file can't be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A drawing can't be made or written.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The history can't be written.
    #[error(transparent)]
    History(#[from] HistoryError),
}

/// Writes every report of a run into its directory. The plots are drawn at the same time as the rest.
///
/// # Errors
/// [`PublishError`] for the first that can't be written. The others are still written.
pub(crate) fn write_reports(
    directory: &RunDirectory,
    conclusion: &Conclusion,
    history: HistoryFollower,
    plan: &Plan,
) -> Result<(), PublishError> {
    let title = format!("{}, seed {}", plan.workload, plan.seed);
    if !conclusion.faults.text().is_empty() {
        directory.write(files::FAULTS, conclusion.faults.text())?;
    }
    thread::scope(|scope| {
        let plots = scope.spawn(|| write_plots(&conclusion.perf, &title, directory.path()));
        let cycles = write_cycles(&conclusion.results, directory.path());
        let diagrams = history
            .finish()
            .map_err(PublishError::from)
            .and_then(|collected| write_diagrams(directory, &title, conclusion, collected));
        let plots = plots.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        diagrams?;
        cycles?;
        Ok(plots?)
    })
}

fn write_diagrams(
    directory: &RunDirectory,
    title: &str,
    conclusion: &Conclusion,
    collected: Collected,
) -> Result<(), PublishError> {
    let Collected { mut timeline, mut messages } = collected;
    timeline.set_total(conclusion.counts.invoked);
    messages.set_total(conclusion.statistics.all.msg_count);
    directory.replace(files::TIMELINE, |path| timeline.write(title, path).map_err(PublishError::from))?;
    directory.replace(files::MESSAGES, |path| messages.write(title, path).map_err(PublishError::from))
}
