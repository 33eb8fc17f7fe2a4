//! The operations before the time limit: sends, polls, assignments of keys, crashes.

use std::{cell::RefCell, rc::Rc, time::Duration};

use glomers_check::{Operation, Value};
use glomers_node::{Random, Time};

use super::{
    super::transactions::{Access, Transactions},
    reached::{Offsets, Reached, raise_to},
};
use crate::{
    generator::{Context, Generator, Next, OperationRequest},
    plan::Plan,
};

/// The probability of an assignment instead of a send or a poll.
const ASSIGN_CHANCE: f64 = 1.0 / 64.0;

/// The probability that an assignment covers all keys with messages that were sent but not polled.
const CATCH_UP_CHANCE: f64 = 1.0 / 3.0;

/// How often one client crashes, on average.
const CRASH_INTERVAL: Duration = Duration::from_secs(30);

/// Sends and polls in equal shares, with assignments and crashes between them.
pub(super) struct Traffic {
    accesses: Transactions,
    /// Drawn, and put off for an assignment of its key.
    put_off: Option<Access>,
    /// What was sent and not polled, and how far these keys were polled.
    unseen: Reached,
    /// The highest known offsets, up to which the final polls must read.
    reached: Rc<RefCell<Offsets>>,
    mean_crash_pause: Duration,
    crash_due: Time,
}

impl Traffic {
    pub(super) fn new(plan: &Plan, reached: Rc<RefCell<Offsets>>) -> Self {
        Self {
            accesses: Transactions::new("append", &plan.settings),
            put_off: None,
            unseen: Reached::default(),
            reached,
            mean_crash_pause: CRASH_INTERVAL / u32::try_from(plan.concurrency).unwrap_or(u32::MAX),
            crash_due: Time::ZERO,
        }
    }

    /// Whether it is time for a crash. The pauses between crashes are drawn from zero to twice the mean.
    fn crashes(&mut self, now: Time, random: &mut Random) -> bool {
        if now < self.crash_due {
            return false;
        }
        self.crash_due = now + self.mean_crash_pause.mul_f64(2.0 * random.f64());
        true
    }

    fn assign(&self, thread: usize, key: u64, random: &mut Random) -> OperationRequest {
        let key = key.to_string();
        let mut keys: Vec<String> = Vec::new();
        let catches_up = random.chance(CATCH_UP_CHANCE) && !self.unseen.sent.is_empty();
        if catches_up {
            keys.extend(self.unseen.sent.keys().cloned());
        }
        if !keys.contains(&key) {
            keys.push(key);
        }
        let request = OperationRequest::new(thread, "assign", Value::from(keys));
        if catches_up { request.with("unseen", self.describe_unseen()) } else { request }
    }

    /// For readers of the history: up to which offset each key was polled, and up to which it was sent.
    fn describe_unseen(&self) -> Value {
        let of = |(key, sent): (&String, &i64)| {
            let polled = self.unseen.polled.get(key).copied().unwrap_or(-1);
            (Value::from(key.as_str()), Value::record([("polled", polled), ("sent", *sent)]))
        };
        Value::Map(self.unseen.sent.iter().map(of).collect())
    }
}

impl Generator for Traffic {
    fn next(&mut self, context: &mut Context<'_>) -> Next {
        let Some(thread) = context.free.pick(context.random) else { return Next::WhenFree };
        if self.crashes(context.now, context.random) {
            return Next::Operation(OperationRequest::new(thread, "crash", ()));
        }
        let access = self.put_off.take().unwrap_or_else(|| self.accesses.draw_access(context.random));
        if context.random.chance(ASSIGN_CHANCE) {
            let request = self.assign(thread, access.key, context.random);
            self.put_off = Some(access);
            return Next::Operation(request);
        }
        Next::Operation(match access.written {
            Some(message) => {
                let step = vec![Value::keyword("send"), access.key.to_string().into(), message.into()];
                OperationRequest::new(thread, "send", Value::Vector(vec![step.into()]))
            }
            None => poll(thread),
        })
    }

    fn observe(&mut self, _: usize, operation: &Operation) {
        let Reached { sent, polled } = Reached::by(operation);
        let mut reached = self.reached.borrow_mut();
        for (offsets, unseen) in [(sent, &mut self.unseen.sent), (polled, &mut self.unseen.polled)] {
            for (key, offset) in offsets {
                raise_to(unseen, &key, Some(offset));
                raise_to(&mut reached, &key, Some(offset));
            }
        }
        // If polls have caught up, nothing is unseen.
        let Reached { sent, polled } = &mut self.unseen;
        sent.retain(|key, sent| polled.get(key).is_none_or(|polled| polled < sent));
        polled.retain(|key, _| sent.contains_key(key));
    }
}

/// A poll of the keys that the client is assigned.
pub(super) fn poll(thread: usize) -> OperationRequest {
    OperationRequest::new(thread, "poll", Value::Vector(vec![vec![Value::keyword("poll")].into()]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use glomers_check::OperationKind;

    use super::*;
    use crate::generator::FreeThreads;

    /// The functions of some operations of two clients, ten a second, each send acknowledged with its message as the offset.
    fn operations(count: usize) -> Vec<Operation> {
        let plan = Plan { concurrency: 2, ..Plan::new("kafka", 1) };
        let mut traffic = Traffic::new(&plan, Rc::default());
        let mut random = Random::derive(1, "workload");
        let free = FreeThreads::all(2);
        let mut operations = Vec::new();
        for number in 0..count as u64 {
            let now = Time::ZERO + Duration::from_millis(number * 100);
            let mut context = Context { now, free: &free, processes: &[0, 1], random: &mut random };
            let Next::Operation(request) = traffic.next(&mut context) else { panic!("two threads are free") };
            let mut operation =
                Operation { extra: request.extra, ..Operation::invoke(0, request.f, request.value) };
            operation.kind = OperationKind::Ok;
            if let Some([Value::Vector(step)]) = operation.value.as_sequence()
                && let [send, key, message] = &step[..]
            {
                let pair = Value::from(vec![message.clone(), message.clone()]);
                operation.value = Value::Vector(vec![vec![send.clone(), key.clone(), pair].into()]);
            }
            traffic.observe(0, &operation);
            operations.push(operation);
        }
        operations
    }

    #[test]
    fn half_are_sends_and_half_polls_with_few_assignments_and_crashes() {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for operation in operations(6_400) {
            *counts.entry(operation.f.to_string()).or_default() += 1;
        }
        // 640 seconds with two clients that crash every 30 seconds.
        for (f, expected) in
            [("send", 2_900..3_400), ("poll", 2_900..3_400), ("assign", 60..140), ("crash", 30..56)]
        {
            assert!(expected.contains(&counts[f]), "{} of {f}", counts[f]);
        }
        assert_eq!(counts.len(), 4);
    }

    #[test]
    fn some_assignments_take_in_what_nobody_polled() {
        let assignments: Vec<Operation> =
            operations(6_400).into_iter().filter(|operation| operation.f == "assign").collect();
        let catching_up = assignments.iter().filter(|operation| operation.get("unseen").is_some()).count();
        assert!((assignments.len() / 5..assignments.len() / 2).contains(&catching_up), "{catching_up}");
        let last =
            assignments.iter().rfind(|operation| operation.get("unseen").is_some()).expect("there is one");
        assert!(last.value.as_sequence().expect("keys").len() > 10, "{last}");
    }
}
