//! Histories of completions alone, as Elle's documentation writes them.

use std::collections::VecDeque;

use rustc_hash::FxHashSet;

use super::entry::FIRST_UNNAMED_PROCESS;
use crate::{Operation, Process};

/// Gives each transaction of a history without invocations a beginning.
///
/// Such a history says nothing of when a transaction began. Therefore all begin before the first of them ends: each is
/// concurrent with every other, and none is held to an order that the history does not state. For that, a process that has
/// several transactions lends its name to the first of them only. A history that has an invocation after all stays as it is.
pub(super) fn with_invocations(operations: Vec<Operation>) -> (VecDeque<Operation>, bool) {
    if operations.iter().any(Operation::is_invoke) {
        return (operations.into(), false);
    }
    let mut seen = FxHashSet::default();
    // Unnamed processes that the reader numbered are seen as any others, so that new ones begin behind all of them.
    let mut next_process = FIRST_UNNAMED_PROCESS + operations.len() as u64;
    let mut completions = Vec::with_capacity(operations.len());
    for mut operation in operations {
        if operation.is_client() && !seen.insert(operation.process) {
            operation.process = Process::Client(next_process);
            next_process += 1;
        }
        completions.push(operation);
    }
    let invocations = completions.iter().filter(|operation| operation.is_client());
    let mut all: VecDeque<Operation> = invocations.map(invocation).collect();
    all.extend(completions);
    for (operation, index) in all.iter_mut().zip(0..) {
        operation.index = index;
    }
    (all, true)
}

/// The beginning of a transaction: what it asked for, without what it read.
fn invocation(completion: &Operation) -> Operation {
    let steps = completion.value.as_sequence().unwrap_or_default().iter().map(super::question);
    let Process::Client(process) = completion.process else {
        unreachable!("only clients begin transactions")
    };
    Operation::invoke(process, completion.f.clone(), steps.collect::<Vec<_>>())
}
