//! Issues one operation on every thread, such as the final reads.

use super::{Context, Generator, Next, OperationRequest};

/// Lets every thread invoke one operation, in the order in which they are free.
pub struct EachThread {
    /// What each thread invokes.
    request: OperationRequest,
    is_done: Vec<bool>,
}

impl EachThread {
    /// Every thread invokes this; the request's own thread means nothing.
    pub fn new(request: OperationRequest) -> Self {
        Self { request, is_done: Vec::new() }
    }
}

impl Generator for EachThread {
    fn next(&mut self, context: &mut Context<'_>) -> Next {
        self.is_done.resize(context.processes.len(), false);
        let mut waits = false;
        for (thread, is_done) in self.is_done.iter_mut().enumerate().filter(|(_, is_done)| !**is_done) {
            if context.free.contains(thread) {
                *is_done = true;
                return Next::Operation(OperationRequest { thread, ..self.request.clone() });
            }
            waits = true;
        }
        if waits { Next::WhenFree } else { Next::Done }
    }
}

#[cfg(test)]
mod tests {
    use glomers_node::{Random, Time};

    use super::*;
    use crate::generator::FreeThreads;

    #[test]
    fn every_thread_reads_once_and_a_busy_one_is_waited_for() {
        let mut random = Random::derive(1, "workload");
        let mut free = FreeThreads::all(3);
        free.take(1);
        let mut generator = EachThread::new(OperationRequest::new(0, "read", ()).with("final?", true));
        let mut ask = |free: &FreeThreads| {
            generator.next(&mut Context { now: Time::ZERO, free, processes: &[0, 1, 2], random: &mut random })
        };
        let read = |thread| Next::Operation(OperationRequest::new(thread, "read", ()).with("final?", true));
        assert_eq!([ask(&free), ask(&free), ask(&free)], [read(0), read(2), Next::WhenFree]);
        free.give_back(1);
        assert_eq!([ask(&free), ask(&free)], [read(1), Next::Done]);
    }
}
