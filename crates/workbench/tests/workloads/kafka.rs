//! kafka.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

use glomers_check::{Operation, OperationKind, Validity, Value};
use glomers_node::{ErrorCode, Node, Router, RpcError, messages};
use glomers_workbench::{Outcome, Simulation};
use serde::{Deserialize, Serialize};

use super::{assert_caught, busy};

#[derive(Serialize, Deserialize)]
struct Send {
    key: String,
    msg: u64,
}
#[derive(Serialize, Deserialize)]
struct SendOk {
    offset: u64,
}
#[derive(Serialize, Deserialize)]
struct Poll {
    offsets: BTreeMap<String, u64>,
}
#[derive(Serialize, Deserialize)]
struct PollOk {
    msgs: BTreeMap<String, Vec<(u64, u64)>>,
}
#[derive(Serialize, Deserialize)]
struct CommitOffsets {
    offsets: BTreeMap<String, u64>,
}
#[derive(Serialize, Deserialize)]
struct CommitOffsetsOk {}
#[derive(Serialize, Deserialize)]
struct ListCommittedOffsets {
    keys: Vec<String>,
}
#[derive(Serialize, Deserialize)]
struct ListCommittedOffsetsOk {
    offsets: BTreeMap<String, u64>,
}

messages! {
    "send" Send => "send_ok" SendOk;
    "poll" Poll => "poll_ok" PollOk;
    "commit_offsets" CommitOffsets => "commit_offsets_ok" CommitOffsetsOk;
    "list_committed_offsets" ListCommittedOffsets => "list_committed_offsets_ok" ListCommittedOffsetsOk;
}

/// What a server does with the logs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Habit {
    Correct,
    /// Offsets are far apart, as 64 bits allow.
    Sparse,
    /// Every fifth message is acknowledged and forgotten.
    Forgets,
    /// Every fifth message is stored twice.
    Repeats,
    /// Every server has logs of its own.
    Splits,
    /// A poll leaves out the second of its messages.
    Skips,
    /// A poll begins one message before where it was asked to.
    GoesBack,
    /// Every fifth send is refused, and stored all the same.
    Lies,
    /// A poll shows something that nobody sent.
    Invents,
    /// Messages are acknowledged; no poll ever shows one.
    Silent,
    /// Commits are refused every other time, as a node may.
    RefusesCommits,
}

#[derive(Default)]
struct Logs {
    messages: BTreeMap<String, Vec<(u64, u64)>>,
    committed: BTreeMap<String, u64>,
    commits: u64,
}

struct Server {
    habit: Habit,
    logs: Rc<RefCell<Logs>>,
}

impl Server {
    async fn send(&self, Send { key, msg }: Send) -> Result<SendOk, RpcError> {
        let step = if self.habit == Habit::Sparse { 1 << 48 } else { 1 };
        let logs = &mut *self.logs.borrow_mut();
        let log = logs.messages.entry(key).or_default();
        let offset = log.last().map_or(0, |(offset, _)| offset + step);
        let is_fifth = msg % 5 == 3;
        match self.habit {
            Habit::Forgets if is_fifth => {
                // The offset is used up all the same: the next message gets another.
                log.push((offset, u64::MAX));
                return Ok(SendOk { offset });
            }
            Habit::Repeats if is_fifth => log.extend([(offset, msg), (offset + step, msg)]),
            Habit::Lies if is_fifth => {
                log.push((offset, msg));
                return Err(RpcError::new(ErrorCode::TEMPORARILY_UNAVAILABLE, "come back later"));
            }
            _ => log.push((offset, msg)),
        }
        Ok(SendOk { offset })
    }

    async fn poll(&self, request: Poll) -> Result<PollOk, RpcError> {
        let logs = self.logs.borrow();
        let of = |(key, from): (&String, &u64)| {
            let log = logs.messages.get(key)?;
            let stored = log.iter().filter(|(_, message)| *message != u64::MAX).copied();
            let start = from.saturating_sub(u64::from(self.habit == Habit::GoesBack));
            let mut batch: Vec<(u64, u64)> = stored.filter(|(offset, _)| *offset >= start).take(4).collect();
            match self.habit {
                Habit::Skips if batch.len() > 2 => {
                    batch.remove(1);
                }
                Habit::Invents => {
                    batch.push((batch.last().map_or(*from, |(offset, _)| offset + 1), 1_000_000));
                }
                Habit::Silent => batch.clear(),
                _ => {}
            }
            Some((key.clone(), batch))
        };
        Ok(PollOk { msgs: request.offsets.iter().filter_map(of).collect() })
    }

    async fn commit_offsets(&self, request: CommitOffsets) -> Result<CommitOffsetsOk, RpcError> {
        let mut logs = self.logs.borrow_mut();
        logs.commits += 1;
        if self.habit == Habit::RefusesCommits && logs.commits.is_multiple_of(2) {
            return Err(RpcError::new(ErrorCode::TEMPORARILY_UNAVAILABLE, "come back later"));
        }
        for (key, offset) in request.offsets {
            let committed = logs.committed.entry(key).or_insert(0);
            *committed = offset.max(*committed);
        }
        Ok(CommitOffsetsOk {})
    }

    async fn list_committed_offsets(
        &self,
        request: ListCommittedOffsets,
    ) -> Result<ListCommittedOffsetsOk, RpcError> {
        let logs = self.logs.borrow();
        let of = |key: String| logs.committed.get(&key).map(|offset| (key.clone(), *offset));
        Ok(ListCommittedOffsetsOk { offsets: request.keys.into_iter().filter_map(of).collect() })
    }
}

fn run(simulation: &Simulation, habit: Habit) -> Outcome {
    let shared = Rc::new(RefCell::new(Logs::default()));
    simulation.run(move |_: Node| {
        let logs = if habit == Habit::Splits { Rc::default() } else { Rc::clone(&shared) };
        Router::new(Server { habit, logs })
            .on(Server::send)
            .on(Server::poll)
            .on(Server::commit_offsets)
            .on(Server::list_committed_offsets)
    })
}

#[test]
fn logs_that_keep_everything_are_valid() {
    for (seed, habit) in [Habit::Correct, Habit::Sparse, Habit::RefusesCommits].into_iter().enumerate() {
        let outcome = run(&busy("kafka", seed as u64), habit);
        assert_eq!(outcome.validity, Validity::Valid, "{habit:?}: {}", outcome.sentence);
        let types = outcome.results.get("workload").and_then(|workload| workload.get("error-types"));
        assert_eq!(types, Some(&Value::List(Vec::new())), "{habit:?}");
    }
}

#[test]
fn logs_that_break_their_promise_are_caught() {
    for (habit, words) in [
        (Habit::Forgets, ["lost-write: in key ", "was never polled"]),
        (Habit::Repeats, ["duplicate: in key ", "stands at the offsets"]),
        (Habit::Splits, ["inconsistent-offsets: in key ", "is said to hold"]),
        (Habit::Skips, ["poll-skip: of key ", "skipping"]),
        (Habit::GoesBack, ["nonmonotonic-poll: of key ", "the same place in the log"]),
        (Habit::Lies, ["G1a: ", "whose sending by operation"]),
        (Habit::Invents, ["unsent-read: ", "which nobody sent"]),
        (Habit::Silent, ["unseen: message ", "polled by nobody before the end"]),
    ] {
        assert_caught(&run(&busy("kafka", 7), habit), &words);
    }
}

#[test]
fn in_the_end_every_client_begins_anew_and_polls_all() {
    let outcome = run(&busy("kafka", 3), Habit::Correct);
    let is_rewind =
        |operation: &&Operation| operation.get("seek-to-beginning?").is_some() && operation.is_ok();
    let rewinds: Vec<&Operation> = outcome.history.iter().filter(is_rewind).collect();
    assert_eq!(rewinds.len(), 6);
    for rewind in rewinds {
        let crashed = outcome.history[..rewind.index as usize]
            .iter()
            .rfind(|operation| operation.f == "crash")
            .expect("a crash comes first");
        assert_eq!(crashed.kind, OperationKind::Info);
    }
    // Nobody goes on when there is nothing left to see.
    assert!(outcome.virtual_time < Duration::from_secs(25), "{:?}", outcome.virtual_time);
}

#[test]
fn final_polls_end_where_messages_are_lost() {
    let outcome = run(&busy("kafka", 4), Habit::Silent);
    assert!(
        (Duration::from_secs(29)..Duration::from_secs(32)).contains(&outcome.virtual_time),
        "{:?}",
        outcome.virtual_time
    );
}

#[test]
fn messages_of_slow_nodes_under_faults_are_no_anomaly() {
    let simulation = busy("kafka", 5).nemesis(&["partition"], Duration::from_secs(2));
    let outcome = run(&simulation, Habit::Correct);
    assert_eq!(outcome.validity, Validity::Valid, "{}", outcome.sentence);
}
