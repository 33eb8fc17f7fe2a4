//! Orders that contradict the log: polls and sends that jump over messages, go back, or stay where they were.

use rustc_hash::FxHashMap;

use super::evidence::Evidence;
use super::found::{Case, Found};
use super::ledger::{Entry, EntryId, Message, Task};
use crate::txn::KeyId;
use crate::{Mode, OperationKind, Process, Subject, Value};

/// How many cases of a jump the results show: the gravest.
const SHOWN_COUNT: usize = 8;

/// How many of the messages that were jumped over the results name.
const SKIPPED_LIMIT: usize = 1000;

/// From one message to the next of the same key, other than to the next place of the log.
#[derive(Clone, Copy)]
struct Jump {
    /// The operations that polled or sent the two; the same one for a jump within it.
    operations: (EntryId, EntryId),
    messages: (Message, Message),
    /// How many places it leads ahead; zero or less leads back.
    delta: i64,
}

/// Jumps by whether they lead ahead.
#[derive(Default)]
struct Jumps {
    ahead: Vec<Jump>,
    back: Vec<Jump>,
}

impl Jumps {
    fn note(&mut self, evidence: &Evidence, operations: (EntryId, EntryId), messages: (Message, Message)) {
        let (Some(from), Some(to)) = (evidence.logs.place(messages.0), evidence.logs.place(messages.1))
        else {
            return;
        };
        let delta = i64::from(to) - i64::from(from);
        let jump = Jump { operations, messages, delta };
        if delta > 1 {
            self.ahead.push(jump);
        } else if delta < 1 {
            self.back.push(jump);
        }
    }
}

/// What the shapes of the four kinds of results differ in.
struct Kind {
    name: &'static str,
    verb: &'static str,
    is_external: bool,
    leads_ahead: bool,
}

/// Jumps between what one operation polled, and between what it sent.
pub(super) fn internal(evidence: &Evidence) -> Vec<Found> {
    let ledger = &evidence.ledger;
    let (mut polls, mut sends) = (Jumps::default(), Jumps::default());
    // The last message of each key that the operation at hand polled or sent.
    let mut last: FxHashMap<KeyId, Message> = FxHashMap::default();
    for (id, entry) in ledger.entries() {
        last.clear();
        for (key, polled) in ledger.batches(entry) {
            if polled.is_empty() || ledger.is_rebalanced(entry, key) {
                continue;
            }
            let mut earlier = last.get(&key).copied();
            for polled in polled {
                if let Some(earlier) = earlier.replace(polled.message) {
                    polls.note(evidence, (id, id), (earlier, polled.message));
                }
            }
            last.extend(earlier.map(|message| (key, message)));
        }
        if entry.task != Task::Transaction {
            continue;
        }
        last.clear();
        for (message, _) in ledger.sends(entry) {
            if let Some(earlier) = last.insert(ledger.names.key_of(message), message) {
                sends.note(evidence, (id, id), (earlier, message));
            }
        }
    }
    let kind = |name, verb, leads_ahead| Kind { name, verb, is_external: false, leads_ahead };
    [
        found(evidence, &kind("int-poll-skip", "polled", true), polls.ahead),
        found(evidence, &kind("int-nonmonotonic-poll", "polled", false), polls.back),
        found(evidence, &kind("int-send-skip", "sent", true), sends.ahead),
        found(evidence, &kind("int-nonmonotonic-send", "sent", false), sends.back),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Where a process left off.
#[derive(Default)]
struct Position {
    polled: FxHashMap<KeyId, (EntryId, Option<Message>)>,
    sent: FxHashMap<KeyId, (EntryId, Message)>,
}

/// Jumps between successive polls of one process, and between its successive sends.
///
/// Upstream forgets where a process left off in a key when a poll returns nothing of it, and where it sent last when it is
/// assigned other keys to poll. The strict mode remembers both.
pub(super) fn external(evidence: &Evidence, mode: Mode) -> Vec<Found> {
    let (mut polls, mut sends) = (Jumps::default(), Jumps::default());
    let mut positions: FxHashMap<Process, Position> = FxHashMap::default();
    for (id, entry) in evidence.ledger.entries() {
        let position = positions.entry(entry.process()).or_default();
        match entry.task {
            Task::Assign | Task::Subscribe => position.keep_assigned(evidence, entry, mode),
            Task::Send | Task::Poll | Task::Transaction => {
                position.note_polls(evidence, (id, entry), mode, &mut polls);
                position.note_sends(evidence, (id, entry), &mut sends);
            }
        }
    }
    let kind = |name, verb, leads_ahead| Kind { name, verb, is_external: true, leads_ahead };
    [
        found(evidence, &kind("poll-skip", "polled", true), polls.ahead),
        found(evidence, &kind("nonmonotonic-poll", "polled", false), polls.back),
        found(evidence, &kind("nonmonotonic-send", "sent", false), sends.back),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Position {
    fn keep_assigned(&mut self, evidence: &Evidence, entry: &Entry, mode: Mode) {
        if entry.kind == OperationKind::Fail {
            return;
        }
        let ledger = &evidence.ledger;
        if mode == Mode::Strict && ledger.seeks_to_beginning(entry) {
            self.polled.clear();
            return;
        }
        self.polled = ledger.assigned(entry).filter_map(|key| self.polled.remove_entry(&key)).collect();
        if mode == Mode::Compat {
            self.sent = ledger.assigned(entry).filter_map(|key| self.sent.remove_entry(&key)).collect();
        }
    }

    fn note_polls(
        &mut self,
        evidence: &Evidence,
        (id, entry): (EntryId, &Entry),
        mode: Mode,
        jumps: &mut Jumps,
    ) {
        for (key, polled) in evidence.ledger.batches(entry) {
            let earlier = self.polled.get(&key).copied();
            let continues_itself =
                earlier.is_some_and(|(earlier, message)| earlier == id && message.is_some());
            if let (Some(first), Some((operation, Some(last)))) = (polled.first(), earlier)
                && !continues_itself
            {
                jumps.note(evidence, (operation, id), (last, first.message));
            }
            let last = polled.last().map(|polled| polled.message);
            let forgets = mode == Mode::Compat && !continues_itself;
            if entry.is_ok() && (last.is_some() || forgets) {
                self.polled.insert(key, (id, last));
            }
        }
    }

    fn note_sends(&mut self, evidence: &Evidence, (id, entry): (EntryId, &Entry), jumps: &mut Jumps) {
        if entry.kind == OperationKind::Fail {
            return;
        }
        for (message, _) in evidence.ledger.sends(entry) {
            let key = evidence.ledger.names.key_of(message);
            if let Some((operation, last)) = self.sent.insert(key, (id, message))
                && operation != id
            {
                jumps.note(evidence, (operation, id), (last, message));
            }
        }
    }
}

fn found(evidence: &Evidence, kind: &Kind, mut jumps: Vec<Jump>) -> Option<Found> {
    let count = jumps.len();
    jumps.sort_by_key(|jump| jump.delta);
    if kind.leads_ahead {
        jumps.drain(..count.saturating_sub(SHOWN_COUNT));
    } else {
        jumps.truncate(SHOWN_COUNT);
    }
    Found::new(kind.name, count, jumps.iter().map(|jump| case(evidence, kind, jump)))
}

fn case(evidence: &Evidence, kind: &Kind, jump: &Jump) -> Case {
    let ledger = &evidence.ledger;
    let (from, to) = jump.messages;
    let ((key, from_value), (_, to_value)) = (ledger.named(from), ledger.named(to));
    let skipped = if kind.leads_ahead { skipped(evidence, jump) } else { Vec::new() };
    let values = ("values", Value::Vector(vec![from_value.clone(), to_value.clone()]));
    let of = |id| ledger.operation(id).to_tagged_value();
    let mut entries = vec![("key", key.clone())];
    if !(kind.leads_ahead && kind.is_external) {
        entries.push(values);
    }
    entries.push(("delta", jump.delta.into()));
    if kind.leads_ahead {
        entries.push(("skipped", Value::List(skipped.clone())));
    }
    let (earlier, later) = jump.operations;
    entries.push(if kind.is_external {
        ("ops", Value::Vector(vec![of(earlier), of(later)]))
    } else {
        ("op", of(later))
    });
    Case {
        value: Value::record(entries),
        sentence: sentence(evidence, kind, jump, (&key, &from_value, &to_value), &skipped),
        operations: match kind.is_external {
            true => vec![evidence.moment(earlier).index, evidence.moment(later).index],
            false => vec![evidence.moment(later).index],
        },
        subjects: vec![Subject::entry(&key, &from_value), Subject::entry(&key, &to_value)],
    }
}

/// The messages between the two, as the log has them.
fn skipped(evidence: &Evidence, jump: &Jump) -> Vec<Value> {
    let logs = &evidence.logs;
    let (Some(from), Some(to)) = (logs.place(jump.messages.0), logs.place(jump.messages.1)) else {
        return Vec::new();
    };
    let between = (from + 1..to).take(SKIPPED_LIMIT);
    between.map(|slot| evidence.ledger.names.element_value(logs.messages(slot)[0])).collect()
}

fn sentence(
    evidence: &Evidence,
    kind: &Kind,
    jump: &Jump,
    (key, from, to): (&Value, &Value, &Value),
    skipped: &[Value],
) -> String {
    let (earlier, later) = jump.operations;
    let verb = kind.verb;
    let moment = evidence.moment(later);
    let who = if kind.is_external {
        let before = evidence.moment(earlier).index;
        format!(
            "of key {key}, {moment} {verb} {to} after operation {before} of the same process had {verb} {from}"
        )
    } else {
        format!("of key {key}, {moment} {verb} {from} and then {to}")
    };
    let what = match (jump.delta, skipped) {
        (0, _) => "which is the same place in the log".to_owned(),
        (..0, _) => format!("which is {} places back in the log", -jump.delta),
        (_, [one]) => format!("skipping {one}"),
        (_, [first, .., last]) => format!("skipping {} messages from {first} to {last}", jump.delta - 1),
        (_, []) => format!("skipping {} messages", jump.delta - 1),
    };
    format!("{who}, {what}.")
}
