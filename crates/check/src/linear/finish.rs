//! The end of a check: what is undecided is decided, in parallel, and the budget is shared.

use std::num::NonZero;
use std::sync::Mutex;
use std::thread;

use super::Model;
use super::budget::Allowance;
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
    let threads = match threads {
        0 => thread::available_parallelism().map_or(1, NonZero::get),
        threads => threads,
    };
    let events: usize = components.iter().map(Component::undecided_events).sum();
    let threads = threads.min(1 + events / EVENTS_A_THREAD).max(1);
    let mut judged = in_parallel(components, threads, |mut component| {
        component.judge();
        component
    })
    .into_iter();
    let objects: Vec<Vec<Component<M>>> =
        counts.into_iter().map(|count| those_that_matter(judged.by_ref().take(count).collect())).collect();
    let counts: Vec<usize> = objects.iter().map(Vec::len).collect();
    let components: Vec<Component<M>> = objects.into_iter().flatten().collect();
    let undecided = components.iter().filter(|component| !component.is_decided()).count();
    let threads = threads.clamp(1, undecided.max(1));
    let budget = allowance
        .budget()
        .with_steps(allowance.steps_left() / undecided.max(1) as u64)
        .with_memory_bytes(allowance.budget().memory_bytes / threads);
    let mut outcomes = in_parallel(components, threads, |component| component.finish(budget)).into_iter();
    counts.into_iter().map(|count| together(outcomes.by_ref().take(count))).collect()
}

/// The components of an object that are left to decide. Once a monitor has found one that fits no order, the first
/// violation that the monitors know of is the object's, and the others need no search.
fn those_that_matter<M: Model>(mut components: Vec<Component<M>>) -> Vec<Component<M>> {
    if components.iter().any(Component::is_violated) {
        return components;
    }
    let ends = components.iter().enumerate().filter_map(|(place, component)| {
        let end = component.violated_at()?;
        Some((end, place))
    });
    let Some((_, place)) = ends.min() else { return components };
    let mut first = components.swap_remove(place);
    if components.iter().any(|other| !other.is_decided() && other.violated_at().is_none()) {
        first.may_not_be_first();
    }
    vec![first]
}

fn in_parallel<T: Send, R: Send>(items: Vec<T>, threads: usize, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    if threads == 1 {
        return items.into_iter().map(work).collect();
    }
    let count = items.len();
    let queue = Mutex::new(items.into_iter().enumerate());
    let next = || queue.lock().ok()?.next();
    let work = || {
        let mut done = Vec::new();
        while let Some((place, item)) = next() {
            done.push((place, work(item)));
        }
        done
    };
    let mut results: Vec<(usize, R)> = Vec::with_capacity(count);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            match worker.join() {
                Ok(done) => results.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    results.sort_unstable_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

/// The outcome of components together: the first violation of the history, else the first that gave up.
fn together<M: Model>(outcomes: impl Iterator<Item = Outcome<M>>) -> Outcome<M> {
    outcomes.min_by_key(Outcome::rank).unwrap_or(Outcome::Linearizable)
}
