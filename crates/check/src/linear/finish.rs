//! The end of a check: what is undecided is decided, in parallel, and the budget is shared.

use std::num::NonZero;
use std::sync::Mutex;
use std::thread;

use super::Model;
use super::budget::{Allowance, Budget};
use super::component::Component;
use super::object::Object;
use super::search::Outcome;

/// How many events that are left to decide are worth a thread of their own.
const EVENTS_A_THREAD: usize = 1024;

/// The outcome of each object. With 0 threads there are as many as processors.
///
/// Each component that is undecided may use an equal share of the steps that are left, so that the outcomes do not depend
/// on which thread is faster.
pub(super) fn outcomes<M: Model>(
    objects: Vec<Object<M>>,
    allowance: &Allowance,
    threads: usize,
) -> Vec<Outcome<M>> {
    let objects: Vec<Vec<Component<M>>> =
        objects.into_iter().map(|object| object.into_components().collect()).collect();
    let counts: Vec<usize> = objects.iter().map(Vec::len).collect();
    let components: Vec<Component<M>> = objects.into_iter().flatten().collect();
    let undecided = components.iter().filter(|component| !component.is_decided()).count();
    let threads = match threads {
        0 => thread::available_parallelism().map_or(1, NonZero::get),
        threads => threads,
    };
    let events: usize = components.iter().map(Component::undecided_events).sum();
    let threads = threads.clamp(1, undecided.max(1)).min(1 + events / EVENTS_A_THREAD);
    let budget = allowance
        .budget()
        .with_steps(allowance.steps_left() / undecided.max(1) as u64)
        .with_memory_bytes(allowance.budget().memory_bytes / threads);
    let mut outcomes = decide(components, budget, threads).into_iter();
    counts.into_iter().map(|count| together(outcomes.by_ref().take(count))).collect()
}

fn decide<M: Model>(components: Vec<Component<M>>, budget: Budget, threads: usize) -> Vec<Outcome<M>> {
    if threads == 1 {
        return components.into_iter().map(|component| component.finish(budget)).collect();
    }
    let count = components.len();
    let queue = Mutex::new(components.into_iter().enumerate());
    let next = || queue.lock().ok()?.next();
    let work = || {
        let mut done = Vec::new();
        while let Some((place, component)) = next() {
            done.push((place, component.finish(budget)));
        }
        done
    };
    let mut outcomes: Vec<(usize, Outcome<M>)> = Vec::with_capacity(count);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            match worker.join() {
                Ok(done) => outcomes.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    outcomes.sort_unstable_by_key(|(place, _)| *place);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// The outcome of components together: the first violation of the history, else the first that gave up.
fn together<M: Model>(outcomes: impl Iterator<Item = Outcome<M>>) -> Outcome<M> {
    outcomes.min_by_key(Outcome::rank).unwrap_or(Outcome::Linearizable)
}
