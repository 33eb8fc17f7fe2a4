//! What clients are waiting for, and where it was sent.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::channel::oneshot;
use glomers_node::{ErrorCode, Json, RpcError, Time};
use serde::{Deserialize, Serialize};

use crate::store::{Change, Outcome};

/// A request that no leader has been found for is given up after this: less than the second that clients of the
/// workbench wait at least, since the answer that it certainly had no effect is worth more than none.
const PATIENCE_WITHOUT_LEADER: Duration = Duration::from_millis(900);
/// A request that was sent to a leader is given up after this.
const PATIENCE: Duration = Duration::from_secs(5);
/// A leader that has not answered after this is asked again; each pause is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(400);

/// What a client wants.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation {
    /// The value under this key.
    Read(Json),
    /// This change.
    Change(Change),
}

/// The requests of this node's own clients that have no answer yet.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    waiting: BTreeMap<u64, Request>,
    /// How many there have been: the number of the last one.
    count: u64,
    /// No request needs anything before this.
    due: Option<Time>,
}

#[derive(Debug)]
struct Request {
    operation: Operation,
    answer: oneshot::Sender<Outcome>,
    came_at: Time,
    /// When it is sent again; `None` while it has been sent to nobody.
    again_at: Option<Time>,
    pause: Duration,
}

impl Requests {
    /// A new request, its number, and where its answer will come.
    pub(crate) fn open(&mut self, operation: Operation, now: Time) -> (u64, oneshot::Receiver<Outcome>) {
        let (answer, receiver) = oneshot::channel();
        self.count += 1;
        let request = Request { operation, answer, came_at: now, again_at: None, pause: FIRST_PAUSE };
        self.note_due(request.due());
        self.waiting.insert(self.count, request);
        (self.count, receiver)
    }

    /// What to send to a leader for this request, which is noted as sent. `None` where it has its answer.
    pub(crate) fn send(&mut self, number: u64, now: Time) -> Option<Operation> {
        let request = self.waiting.get_mut(&number)?;
        let again_at = now + request.pause;
        request.again_at = Some(again_at);
        request.pause *= 2;
        let operation = request.operation.clone();
        self.note_due(again_at);
        Some(operation)
    }

    /// Whether a request is a change, which must not be sent by a life that is no member.
    pub(crate) fn is_change(&self, number: u64) -> bool {
        self.waiting.get(&number).is_some_and(|request| matches!(request.operation, Operation::Change(_)))
    }

    /// The numbers of all requests without an answer, in the order they came.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        self.waiting.keys().copied().collect()
    }

    /// Every request with a lower number has its answer, or no longer waits for it.
    pub(crate) fn finished_below(&self) -> u64 {
        self.waiting.keys().next().copied().unwrap_or(self.count + 1)
    }

    /// The answer has come. A second one is ignored.
    pub(crate) fn finish(&mut self, number: u64, outcome: Outcome) {
        if let Some(request) = self.waiting.remove(&number) {
            // The client's handler may have ended; then nobody wants it.
            let _ = request.answer.send(outcome);
        }
    }

    /// When [`expire`](Self::expire) has something to do.
    pub(crate) fn due(&self) -> Option<Time> {
        self.due
    }

    /// Gives up what has waited too long, and returns the numbers of what is to be sent again.
    pub(crate) fn expire(&mut self, now: Time) -> Vec<u64> {
        if self.due.is_none_or(|due| now < due) {
            return Vec::new();
        }
        self.give_up(|request| request.gives_up_at() <= now);
        let mut to_send = Vec::new();
        for (number, request) in &mut self.waiting {
            if request.again_at.is_some_and(|again_at| again_at <= now) {
                request.again_at = Some(now + request.pause);
                to_send.push(*number);
            }
        }
        self.due = self.waiting.values().map(Request::due).min();
        to_send
    }

    /// Gives up the changes that were sent: they were this life's, which is over, and the next one cannot tell whether
    /// they have been carried out.
    pub(crate) fn give_up_sent_changes(&mut self) {
        self.give_up(|request| {
            request.again_at.is_some() && matches!(request.operation, Operation::Change(_))
        });
    }

    fn give_up(&mut self, is_hopeless: impl Fn(&Request) -> bool) {
        let (hopeless, waiting) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(_, request)| is_hopeless(request));
        self.waiting = waiting;
        let hopeless: BTreeMap<u64, Request> = hopeless;
        hopeless.into_values().for_each(Request::give_up);
    }

    fn note_due(&mut self, due: Time) {
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
    }
}

impl Request {
    fn due(&self) -> Time {
        let gives_up_at = self.gives_up_at();
        self.again_at.map_or(gives_up_at, |again_at| again_at.min(gives_up_at))
    }

    fn gives_up_at(&self) -> Time {
        let patience = if self.again_at.is_some() { PATIENCE } else { PATIENCE_WITHOUT_LEADER };
        self.came_at + patience
    }

    fn give_up(self) {
        let is_read = matches!(self.operation, Operation::Read(_));
        let error = match self.again_at {
            None => RpcError::new(
                ErrorCode::TEMPORARILY_UNAVAILABLE,
                "no leader has been found, so nothing was done: try again later",
            ),
            Some(_) if is_read => RpcError::new(
                ErrorCode::TEMPORARILY_UNAVAILABLE,
                "no majority has confirmed that the value is current: try again later",
            ),
            Some(_) => RpcError::new(
                ErrorCode::TIMEOUT,
                "no leader has confirmed the change, which may have been made or may be made yet",
            ),
        };
        // The client's handler may have ended; then nobody wants it.
        let _ = self.answer.send(Outcome::Failed(error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::ZERO;

    fn json(text: &str) -> Json {
        serde_json::from_str(text).unwrap()
    }

    fn read() -> Operation {
        Operation::Read(json("1"))
    }

    fn write() -> Operation {
        Operation::Change(Change::Write { key: json("1"), value: json("2") })
    }

    #[track_caller]
    fn check_error(receiver: &mut oneshot::Receiver<Outcome>, expected: Option<ErrorCode>) {
        let code = receiver.try_recv().unwrap().map(|outcome| match outcome {
            Outcome::Failed(error) => error.code,
            outcome => panic!("{outcome:?}"),
        });
        assert_eq!(code, expected);
    }

    #[test]
    fn what_was_never_sent_certainly_had_no_effect() {
        let mut requests = Requests::default();
        let (_, mut answer) = requests.open(write(), START);
        assert_eq!(requests.due(), Some(START + PATIENCE_WITHOUT_LEADER));
        assert!(requests.expire(START + PATIENCE_WITHOUT_LEADER).is_empty());
        check_error(&mut answer, Some(ErrorCode::TEMPORARILY_UNAVAILABLE));
        assert_eq!(requests.due(), None);
    }

    #[test]
    fn what_was_sent_may_have_had_an_effect_unless_it_is_a_read() {
        for (operation, code) in [(write(), ErrorCode::TIMEOUT), (read(), ErrorCode::TEMPORARILY_UNAVAILABLE)]
        {
            let mut requests = Requests::default();
            let (number, mut answer) = requests.open(operation, START);
            requests.send(number, START);
            requests.expire(START + PATIENCE_WITHOUT_LEADER);
            check_error(&mut answer, None);
            requests.expire(START + PATIENCE);
            check_error(&mut answer, Some(code));
        }
    }

    #[test]
    fn a_request_is_sent_again_after_a_pause() {
        let mut requests = Requests::default();
        let (number, _answer) = requests.open(write(), START);
        requests.send(number, START);
        assert!(requests.expire(START + FIRST_PAUSE / 2).is_empty());
        let later = START + PATIENCE_WITHOUT_LEADER;
        assert_eq!(requests.expire(later), [number]);
        assert!(requests.expire(later).is_empty());
    }

    #[test]
    fn a_new_life_gives_up_what_the_former_one_has_sent() {
        let mut requests = Requests::default();
        let [mut sent, mut kept, mut asked] =
            [write(), write(), read()].map(|operation| requests.open(operation, START).1);
        requests.send(1, START);
        requests.send(3, START);
        requests.give_up_sent_changes();
        check_error(&mut sent, Some(ErrorCode::TIMEOUT));
        check_error(&mut kept, None);
        check_error(&mut asked, None);
        assert_eq!(requests.finished_below(), 2);
    }
}
