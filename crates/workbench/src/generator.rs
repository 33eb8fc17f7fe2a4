//! Which operations the clients invoke, and when.
//!
//! A generator is a pure state machine: it is asked for the next operation with the time, the free threads and its random stream, and
//! answers with one, with "later", or with "done". It never looks at a clock and never sleeps, so that the same seed gives the same
//! operations under real and under virtual time.

mod each_thread;
mod scripted;
mod threads;

use std::time::Duration;

pub use each_thread::EachThread;
use glomers_check::{Name, Operation, Value};
use glomers_node::{Random, Time};
pub use scripted::Scripted;
pub use threads::FreeThreads;

/// What a generator may look at.
pub struct Context<'a> {
    /// The time since the first operation could start.
    pub now: Time,
    /// The threads that wait for an operation.
    pub free: &'a FreeThreads,
    /// The current process of each thread. It changes after every operation whose outcome is unknown.
    pub processes: &'a [u64],
    /// The random stream of the workload.
    pub random: &'a mut Random,
}

/// An operation for a client to invoke.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationRequest {
    /// The thread that invokes it: one that is free.
    pub thread: usize,
    /// The function, such as `echo`.
    pub f: Name,
    /// Its argument.
    pub value: Value,
    /// Further entries, which its completion has too, such as `:final?`.
    pub extra: Vec<(Name, Value)>,
}

impl OperationRequest {
    /// An operation of this thread.
    pub fn new(thread: usize, f: impl Into<Name>, value: impl Into<Value>) -> Self {
        Self { thread, f: f.into(), value: value.into(), extra: Vec::new() }
    }

    /// The same with a further entry.
    #[must_use]
    pub fn with(mut self, name: impl Into<Name>, value: impl Into<Value>) -> Self {
        self.extra.push((name.into(), value.into()));
        self
    }
}

/// A generator's answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Invoke this now.
    Operation(OperationRequest),
    /// Nothing before that time. Ask again then, or when an operation has completed.
    Later(Time),
    /// Nothing before an operation has completed.
    WhenFree,
    /// Never again.
    Done,
}

/// A source of operations.
pub trait Generator {
    /// The next operation, if one may start now.
    fn next(&mut self, context: &mut Context<'_>) -> Next;

    /// Is called for every operation of this thread that was invoked or has completed.
    fn observe(&mut self, _thread: usize, _operation: &Operation) {}
}

/// An endless generator from a function that draws one operation's function and argument for any free thread.
pub fn repeat(draw: impl FnMut(&mut Random) -> (Name, Value) + 'static) -> impl Generator {
    Repeat { draw }
}

struct Repeat<F> {
    draw: F,
}

impl<F: FnMut(&mut Random) -> (Name, Value)> Generator for Repeat<F> {
    fn next(&mut self, context: &mut Context<'_>) -> Next {
        let Some(thread) = context.free.pick(context.random) else { return Next::WhenFree };
        let (f, value) = (self.draw)(context.random);
        Next::Operation(OperationRequest::new(thread, f, value))
    }
}

/// Spreads operations so that over all threads together their mean rate is `rate_hz`: the pauses between them are drawn uniformly from
/// zero to twice the mean. Time in which every thread is busy is not made up for.
pub struct Stagger<G> {
    inner: G,
    mean_pause_ns: f64,
    due: Time,
    was_blocked: bool,
}

impl<G: Generator> Stagger<G> {
    /// Spreads `inner`. The rate is in operations a second and above zero.
    pub fn new(rate_hz: f64, inner: G) -> Self {
        assert!(rate_hz > 0.0, "a rate of {rate_hz} operations a second can't be spread");
        Self { inner, mean_pause_ns: 1e9 / rate_hz, due: Time::ZERO, was_blocked: false }
    }
}

impl<G: Generator> Generator for Stagger<G> {
    fn next(&mut self, context: &mut Context<'_>) -> Next {
        if context.now < self.due {
            return Next::Later(self.due);
        }
        let next = self.inner.next(context);
        match next {
            Next::Operation(_) => {
                let from = if self.was_blocked { context.now } else { self.due };
                let pause_ns = context.random.f64() * 2.0 * self.mean_pause_ns;
                self.due = from + Duration::from_nanos(pause_ns as u64);
                self.was_blocked = false;
            }
            Next::WhenFree => self.was_blocked = true,
            Next::Later(_) | Next::Done => {}
        }
        next
    }

    fn observe(&mut self, thread: usize, operation: &Operation) {
        self.inner.observe(thread, operation);
    }
}

/// Ends a generator some time after it was first asked. Operations that were invoked before may still complete.
pub struct TimeLimit<G> {
    inner: G,
    limit: Duration,
    end: Option<Time>,
}

impl<G: Generator> TimeLimit<G> {
    /// Lets `inner` run for that long.
    pub fn new(limit: Duration, inner: G) -> Self {
        Self { inner, limit, end: None }
    }
}

impl<G: Generator> Generator for TimeLimit<G> {
    fn next(&mut self, context: &mut Context<'_>) -> Next {
        let end = *self.end.get_or_insert(context.now + self.limit);
        if context.now >= end {
            return Next::Done;
        }
        match self.inner.next(context) {
            Next::Later(at) => Next::Later(at.min(end)),
            Next::WhenFree => Next::Later(end),
            decided @ (Next::Operation(_) | Next::Done) => decided,
        }
    }

    fn observe(&mut self, thread: usize, operation: &Operation) {
        self.inner.observe(thread, operation);
    }
}

/// No operation at all: what a rate of zero asks for.
pub struct Idle;

impl Generator for Idle {
    fn next(&mut self, _: &mut Context<'_>) -> Next {
        Next::WhenFree
    }
}

impl Generator for Box<dyn Generator> {
    fn next(&mut self, context: &mut Context<'_>) -> Next {
        (**self).next(context)
    }

    fn observe(&mut self, thread: usize, operation: &Operation) {
        (**self).observe(thread, operation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    fn echo() -> impl Generator {
        repeat(|random| ("echo".into(), Value::Int(i128::from(random.below(10)))))
    }

    /// Runs a generator with operations that take no time, and returns when each was invoked.
    fn invocations(generator: &mut impl Generator, threads: usize) -> Vec<Time> {
        let mut random = Random::derive(1, "workload");
        let free = FreeThreads::all(threads);
        let mut now = Time::ZERO;
        let mut times = Vec::new();
        loop {
            let processes: Vec<u64> = (0..threads as u64).collect();
            let mut context = Context { now, free: &free, processes: &processes, random: &mut random };
            match generator.next(&mut context) {
                Next::Operation(_) => times.push(now),
                Next::Later(at) => now = at,
                Next::WhenFree => panic!("every thread is free"),
                Next::Done => return times,
            }
        }
    }

    #[test]
    fn operations_come_at_the_rate_until_the_limit() {
        let limit = Duration::from_secs(100);
        let times = invocations(&mut TimeLimit::new(limit, Stagger::new(100.0, echo())), 3);
        assert!(
            (9_700..10_300).contains(&times.len()),
            "{} operations in 100 s at 100 a second",
            times.len()
        );
        assert!(times.iter().all(|at| *at < Time::ZERO + limit));
    }

    #[test]
    fn the_same_seed_gives_the_same_times() {
        let run = || {
            let limit = Duration::from_secs(10);
            invocations(&mut TimeLimit::new(limit, Stagger::new(10.0, echo())), 2)
        };
        assert_eq!(run(), run());
    }

    #[test]
    fn nothing_is_owed_for_the_time_when_all_threads_were_busy() {
        let mut random = Random::derive(1, "workload");
        let mut free = FreeThreads::all(1);
        let mut generator = Stagger::new(1_000.0, echo());
        let mut ask = |generator: &mut Stagger<_>, free: &FreeThreads, now_ms: u64| {
            generator.next(&mut Context {
                now: Time::ZERO + Duration::from_millis(now_ms),
                free,
                processes: &[0],
                random: &mut random,
            })
        };
        assert!(matches!(ask(&mut generator, &free, 0), Next::Operation(_)));
        free.take(0);
        assert_eq!(ask(&mut generator, &free, 10), Next::WhenFree);
        free.give_back(0);
        assert!(matches!(ask(&mut generator, &free, 5_000), Next::Operation(_)));
        let Next::Later(due) = ask(&mut generator, &free, 5_000) else { panic!("a burst followed the wait") };
        assert!(due > Time::ZERO + Duration::from_secs(5));
    }

    #[test]
    fn idle_lasts_until_the_limit() {
        let limit = Duration::from_secs(3);
        assert_eq!(invocations(&mut TimeLimit::new(limit, Idle), 1), []);
    }

    #[test]
    fn a_picked_thread_is_free_and_every_thread_is_picked() {
        let mut random = Random::derive(7, "workload");
        let mut free = FreeThreads::all(5);
        free.take(1);
        free.take(4);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let thread = free.pick(&mut random).expect("three threads are free");
            assert!(free.contains(thread));
            seen.insert(thread);
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 2, 3]);
        free.give_back(4);
        assert!(!free.are_all());
        free.give_back(1);
        assert!(free.are_all());
    }
}
