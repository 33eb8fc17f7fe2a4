//! Each search of linearizability by itself, so that none hides what another does wrong.

use glomers_check::linear::Budget;

/// Budgets under which different searches decide: as it comes; with passes that count crashed operations roughly, since
/// there are few steps; and both without the search depth first, which finds most orders before an exact search begins.
pub(crate) fn budgets() -> [Budget; 4] {
    let (all, few) = (Budget::default(), Budget::default().with_steps(300_000));
    [all, few, all.with_depth_first_steps(0), few.with_depth_first_steps(0)]
}
