//! Each search of linearizability by itself, so that none hides what another does wrong.

use std::hash::{DefaultHasher, Hash, Hasher};

use glomers_check::History;
use glomers_check::linear::Budget;

/// Budgets under which different searches decide: as it comes; with passes that count crashed operations roughly, since
/// there are few steps; and both without the search depth first, which finds most orders before an exact search begins.
pub(crate) fn budgets() -> [Budget; 4] {
    let (all, few) = (Budget::default(), Budget::default().with_steps(300_000));
    [all, few, all.with_depth_first_steps(0), few.with_depth_first_steps(0)]
}

/// The budget under which a random history is judged: one of the four, and the same one each time.
pub(crate) fn budget_for(history: &History) -> Budget {
    let mut hasher = DefaultHasher::new();
    for operation in history.operations() {
        (operation.process, &operation.value).hash(&mut hasher);
    }
    budgets()[hasher.finish() as usize % 4]
}

/// Whether a search with this budget may end without a verdict: a few operations that crashed can be more than few steps
/// tell apart.
pub(crate) fn may_give_up(budget: Budget) -> bool {
    budget.steps < Budget::default().steps
}
