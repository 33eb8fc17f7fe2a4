//! The final operations: each client starts again and polls every log from its beginning, up to the highest known offset.

use std::{cell::RefCell, rc::Rc, time::Duration};

use glomers_check::{Operation, OperationKind, Value};
use glomers_node::{Random, Time};

use super::{
    reached::{Offsets, Reached},
    traffic::poll,
};
use crate::generator::{Context, Generator, Next, OperationRequest};

/// The mean pause between two polls of one client.
const MEAN_PAUSE: Duration = Duration::from_millis(200);

/// Every client crashes, is replaced by a new one, is assigned all keys from the beginning, and polls.
pub(super) struct CatchUp {
    /// The highest known offsets when this begins.
    reached: Rc<RefCell<Offsets>>,
    threads: Vec<Thread>,
}

struct Thread {
    step: Step,
    /// What it has not seen yet.
    awaited: Offsets,
    poll_due: Time,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Crash,
    Assign,
    Poll,
}

impl CatchUp {
    pub(super) fn new(reached: Rc<RefCell<Offsets>>) -> Self {
        Self { reached, threads: Vec::new() }
    }

    fn act(&mut self, number: usize, now: Time, random: &mut Random) -> OperationRequest {
        let thread = &mut self.threads[number];
        match thread.step {
            Step::Crash => {
                thread.step = Step::Assign;
                OperationRequest::new(number, "crash", ())
            }
            Step::Assign => {
                thread.step = Step::Poll;
                let keys: Vec<Value> = self.reached.borrow().keys().map(|key| key.as_str().into()).collect();
                OperationRequest::new(number, "assign", Value::Vector(keys)).with("seek-to-beginning?", true)
            }
            Step::Poll => {
                thread.poll_due = now + MEAN_PAUSE.mul_f64(2.0 * random.f64());
                poll(number).with("poll-ms", 1000)
            }
        }
    }
}

impl Generator for CatchUp {
    fn next(&mut self, context: &mut Context<'_>) -> Next {
        if self.threads.is_empty() {
            let awaited = self.reached.borrow().clone();
            let thread = || Thread { step: Step::Crash, awaited: awaited.clone(), poll_due: context.now };
            self.threads = context.processes.iter().map(|_| thread()).collect();
        }
        let (mut waits, mut due) = (false, None);
        for (number, thread) in
            self.threads.iter().enumerate().filter(|(_, thread)| !thread.awaited.is_empty())
        {
            if !context.free.contains(number) {
                waits = true;
            } else if thread.step == Step::Poll && thread.poll_due > context.now {
                due = Some(due.map_or(thread.poll_due, |due: Time| due.min(thread.poll_due)));
            } else {
                return Next::Operation(self.act(number, context.now, context.random));
            }
        }
        match due {
            Some(due) => Next::Later(due),
            None if waits => Next::WhenFree,
            None => Next::Done,
        }
    }

    fn observe(&mut self, number: usize, operation: &Operation) {
        let Some(thread) = self.threads.get_mut(number) else { return };
        if operation.is_invoke() {
            return;
        }
        // A client that was not assigned its keys, or whose outcome is unknown, has nothing to poll.
        let has_lost_its_keys = match operation.f.as_str() {
            "assign" => !operation.is_ok(),
            "poll" => operation.kind == OperationKind::Info,
            _ => false,
        };
        if has_lost_its_keys {
            thread.step = Step::Assign;
        }
        let polled = Reached::by(operation).polled;
        thread.awaited.retain(|key, awaited| polled.get(key).is_none_or(|polled| polled < awaited));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::FreeThreads;

    struct Bench {
        generator: CatchUp,
        random: Random,
        now: Time,
    }

    impl Bench {
        fn next(&mut self) -> Next {
            let free = FreeThreads::all(1);
            let mut context =
                Context { now: self.now, free: &free, processes: &[0], random: &mut self.random };
            self.generator.next(&mut context)
        }

        /// The next operation, which ends like this.
        fn run(&mut self, kind: OperationKind, polled: Option<&str>) -> String {
            let request = loop {
                match self.next() {
                    Next::Operation(request) => break request,
                    Next::Later(at) => self.now = at,
                    other => panic!("{other:?}"),
                }
            };
            let value = polled.map_or(request.value.clone(), |text| {
                glomers_check::edn::read(text).expect("a value in EDN")
            });
            let ended = Operation { extra: request.extra, ..Operation::invoke(0, request.f, value) };
            self.generator.observe(0, &Operation { kind, ..ended.clone() });
            format!("{} {}", ended.f, request.value)
        }
    }

    fn bench(reached: &[(&str, i64)]) -> Bench {
        let reached = reached.iter().map(|(key, offset)| ((*key).to_owned(), *offset)).collect();
        Bench {
            generator: CatchUp::new(Rc::new(RefCell::new(reached))),
            random: Random::derive(1, "workload"),
            now: Time::ZERO,
        }
    }

    #[test]
    fn a_client_begins_anew_and_polls_until_it_has_seen_all() {
        let mut bench = bench(&[("a", 5), ("b", 0)]);
        assert_eq!(bench.run(OperationKind::Info, None), "crash nil");
        assert_eq!(bench.run(OperationKind::Ok, None), r#"assign ["a" "b"]"#);
        assert_eq!(
            bench.run(OperationKind::Ok, Some(r#"[[:poll {"a" [[0 1]], "b" [[0 1]]}]]"#)),
            "poll [[:poll]]"
        );
        assert!(matches!(bench.next(), Next::Later(_)), "polls have pauses between them");
        assert_eq!(
            bench.run(OperationKind::Ok, Some(r#"[[:poll {"a" [[5 2]], "b" []}]]"#)),
            "poll [[:poll]]"
        );
        assert_eq!(bench.next(), Next::Done);
    }

    #[test]
    fn keys_that_were_lost_are_assigned_again() {
        let mut bench = bench(&[("a", 5)]);
        bench.run(OperationKind::Info, None);
        assert_eq!(bench.run(OperationKind::Fail, None), r#"assign ["a"]"#);
        assert_eq!(bench.run(OperationKind::Ok, None), r#"assign ["a"]"#);
        assert_eq!(bench.run(OperationKind::Info, None), "poll [[:poll]]");
        assert_eq!(bench.run(OperationKind::Ok, None), r#"assign ["a"]"#);
    }

    #[test]
    fn where_nothing_was_sent_there_is_nothing_to_do() {
        assert_eq!(bench(&[]).next(), Next::Done);
    }
}
