//! Operations from a list.

use std::collections::VecDeque;

use glomers_node::Time;

use super::{Context, Generator, Next, OperationRequest};
use crate::plan::PlannedOperation;

/// Invokes given operations, each at its time, or as soon after it as its thread is free. Those of one thread keep their order.
pub struct Scripted {
    /// What each thread has still to invoke.
    by_thread: Vec<VecDeque<(Time, OperationRequest)>>,
}

impl Scripted {
    /// These operations for so many threads. Operations of threads that are not there are left out.
    pub fn new(operations: &[PlannedOperation], thread_count: usize) -> Self {
        let mut by_thread = vec![VecDeque::new(); thread_count];
        for PlannedOperation { at, thread, f, value, extra } in operations {
            let request = OperationRequest {
                thread: *thread,
                f: f.clone(),
                value: value.clone(),
                extra: extra.clone(),
            };
            if let Some(queue) = by_thread.get_mut(*thread) {
                queue.push_back((Time::ZERO + *at, request));
            }
        }
        Self { by_thread }
    }
}

impl Generator for Scripted {
    fn next(&mut self, context: &mut Context<'_>) -> Next {
        let free = |thread: &usize| context.free.contains(*thread);
        let due = |thread: usize| self.by_thread[thread].front().map(|(due, _)| (*due, thread));
        let first = (0..self.by_thread.len()).filter(free).filter_map(due).min();
        match first {
            Some((due, thread)) if due <= context.now => match self.by_thread[thread].pop_front() {
                Some((_, request)) => Next::Operation(request),
                None => Next::WhenFree,
            },
            Some((due, _)) => Next::Later(due),
            None => Next::WhenFree,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use glomers_node::Random;

    use super::{super::FreeThreads, *};

    #[test]
    fn operations_come_at_their_times_and_wait_for_their_thread() {
        let planned: Vec<PlannedOperation> =
            ["at 0s client 1 add 1", "at 2s client 1 add 2", "at 1s client 0 add 3", "at 9s client 7 add 4"]
                .map(|text| text.parse().expect("it is an operation"))
                .to_vec();
        let mut generator = Scripted::new(&planned, 2);
        let (mut random, mut free) = (Random::derive(0, "workload"), FreeThreads::all(2));
        let mut next = |free: &FreeThreads, now_s| {
            let now = Time::ZERO + Duration::from_secs(now_s);
            generator.next(&mut Context { now, free, processes: &[0, 1], random: &mut random })
        };
        let add = |thread, element: i64| Next::Operation(OperationRequest::new(thread, "add", element));
        assert_eq!(next(&free, 0), add(1, 1));
        free.take(1);
        assert_eq!(next(&free, 0), Next::Later(Time::ZERO + Duration::from_secs(1)));
        assert_eq!(next(&free, 3), add(0, 3));
        assert_eq!(next(&free, 3), Next::WhenFree);
        free.give_back(1);
        assert_eq!(next(&free, 3), add(1, 2));
        assert_eq!(next(&free, 3), Next::WhenFree);
    }
}
