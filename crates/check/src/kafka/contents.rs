//! What is wrong with the logs themselves, and with which messages were polled at all.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use super::found::{Case, Found, SHOWN_LIMIT};
use super::ledger::{EntryId, Message, Task};
use crate::moment::listed;
use crate::txn::KeyId;
use crate::{Subject, Value};

/// How many duplicates, and how many offsets with several messages, the results show.
const SHOWN_COUNT: usize = 32;

/// How many offsets or messages the results name in one of these cases. A node that repeats itself would make them endless.
const NAMED_LIMIT: usize = 1000;

/// Messages that stand at several offsets.
pub(super) fn duplicates(evidence: &Evidence) -> Option<Found> {
    let logs = &evidence.logs;
    let several = |message: &Message| {
        logs.first_seen(*message).zip(logs.last_seen(*message)).is_some_and(|(first, last)| first < last)
    };
    let messages = 0..evidence.ledger.message_count() as Message;
    let mut offsets: BTreeMap<Message, Vec<i64>> =
        messages.filter(several).map(|message| (message, Vec::new())).collect();
    if !offsets.is_empty() {
        for slot in 0..logs.slot_count() {
            for message in logs.messages(slot) {
                if let Some(offsets) = offsets.get_mut(message) {
                    offsets.push(logs.offset(slot));
                }
            }
        }
    }
    let mut found: Vec<(Message, Vec<i64>)> = offsets.into_iter().collect();
    found.sort_by_key(|(_, offsets)| offsets.len());
    let count = found.len();
    let cases = found.into_iter().take(SHOWN_COUNT).map(|(message, offsets)| {
        let (key, value) = evidence.ledger.named(message);
        let sender = evidence.writer(message);
        let sent = sender.map_or_else(String::new, |id| format!(" It was sent by {}.", evidence.moment(id)));
        let (count, told) = (offsets.len(), listed(offsets.iter(), ", "));
        Case {
            sentence: format!("in key {key}, message {value} stands at the offsets {told}.{sent}"),
            operations: sender.map(|id| evidence.moment(id).index).into_iter().collect(),
            subjects: vec![Subject::entry(&key, &value)],
            value: Value::record([
                ("key", key),
                ("value", value),
                ("count", count.into()),
                ("offsets", offsets.into_iter().take(NAMED_LIMIT).collect::<Vec<i64>>().into()),
            ]),
        }
    });
    Found::new("duplicate", count, cases)
}

/// Offsets at which there are several messages.
pub(super) fn inconsistent_offsets(evidence: &Evidence) -> Option<Found> {
    let logs = &evidence.logs;
    let mut found: Vec<u32> = (0..logs.slot_count()).filter(|&slot| logs.messages(slot).len() > 1).collect();
    found.sort_by_key(|&slot| logs.messages(slot).len());
    let cases = found.iter().take(SHOWN_COUNT).map(|&slot| {
        let messages = logs.messages(slot);
        let key_id = evidence.ledger.names.key_of(messages[0]);
        let key = evidence.ledger.names.key_value(key_id);
        let offset = logs.offset(slot);
        let mut values: Vec<Value> =
            messages.iter().map(|&message| evidence.ledger.names.element_value(message)).collect();
        values.sort();
        let told = listed(values.iter(), " and ");
        values.truncate(NAMED_LIMIT);
        let mut seen: Vec<EntryId> = messages
            .iter()
            .filter_map(|&message| evidence.writer(message).or_else(|| evidence.reader(message)))
            .collect();
        seen.sort_unstable();
        seen.dedup();
        seen.truncate(NAMED_LIMIT);
        Case {
            sentence: format!("in key {key}, offset {offset} is said to hold {told}."),
            operations: seen.into_iter().map(|id| evidence.moment(id).index).collect(),
            subjects: values.iter().map(|value| Subject::entry(&key, value)).collect(),
            value: Value::record([
                ("key", key),
                ("offset", offset.into()),
                ("index", logs.index(key_id, slot).into()),
                ("values", Value::Set(values)),
            ]),
        }
    });
    Found::new("inconsistent-offsets", found.len(), cases)
}

/// Polls of messages whose sending failed.
pub(super) fn aborted_reads(evidence: &Evidence) -> Option<Found> {
    let ledger = &evidence.ledger;
    let (mut count, mut shown) = (0, Vec::new());
    for (id, entry) in ledger.entries().filter(|(_, entry)| entry.is_ok()) {
        for polled in ledger.polled(entry).filter(|polled| evidence.is_refused[polled.message as usize]) {
            count += 1;
            if shown.len() < SHOWN_LIMIT {
                shown.push((id, polled.message));
            }
        }
    }
    let cases = shown.into_iter().map(|(reader, message)| {
        let (key, value) = ledger.named(message);
        let writer = evidence.writer(message);
        let index = writer.map(|id| evidence.moment(id).index);
        let by = index.map_or_else(String::new, |index| format!(" by operation {index}"));
        Case {
            sentence: format!(
                "{} polled {value} from key {key}, whose sending{by} failed.",
                evidence.moment(reader)
            ),
            operations: index.into_iter().chain([evidence.moment(reader).index]).collect(),
            subjects: vec![Subject::entry(&key, &value)],
            value: Value::record([
                ("key", key),
                ("value", value),
                ("writer", writer.map(|id| ledger.operation(id).to_tagged_value()).into()),
                ("reader", ledger.operation(reader).to_tagged_value()),
            ]),
        }
    });
    Found::new("G1a", count, cases)
}

/// Transactions that polled what they themselves sent. Kafka shows a transaction's messages when it has committed.
pub(super) fn precommitted_reads(evidence: &Evidence) -> Option<Found> {
    let ledger = &evidence.ledger;
    let (mut count, mut shown) = (0, Vec::new());
    for (id, entry) in ledger.entries().filter(|(_, entry)| entry.task == Task::Transaction) {
        let mut sent: Vec<Message> = ledger.sends(entry).map(|(message, _)| message).collect();
        sent.sort_unstable();
        let mut keys: Vec<KeyId> = Vec::new();
        for polled in ledger.polled(entry) {
            let key = ledger.names.key_of(polled.message);
            if sent.binary_search(&polled.message).is_ok() && !keys.contains(&key) {
                keys.push(key);
                count += 1;
                if shown.len() < SHOWN_LIMIT {
                    shown.push((id, polled.message));
                }
            }
        }
    }
    let cases = shown.into_iter().map(|(id, message)| {
        let (key, value) = ledger.named(message);
        let moment = evidence.moment(id);
        Case {
            sentence: format!(
                "{moment} polled {value} from key {key}, which it sent itself and had not committed yet."
            ),
            operations: vec![moment.index],
            subjects: vec![Subject::entry(&key, &value)],
            value: Value::record([
                ("op", ledger.operation(id).to_tagged_value()),
                ("key", key),
                ("value", value),
            ]),
        }
    });
    Found::new("precommitted-read", count, cases)
}

/// Messages that nobody polled, although a later one of the same key was.
pub(super) fn lost_writes(evidence: &Evidence) -> Option<Found> {
    let (ledger, logs) = (&evidence.ledger, &evidence.logs);
    let (mut count, mut shown) = (0, Vec::new());
    // For each key, the last of the slots at which messages that were polled first appeared.
    let mut bounds: Vec<Option<u32>> = vec![None; ledger.key_count()];
    for message in
        (0..ledger.message_count() as Message).filter(|&message| evidence.is_read[message as usize])
    {
        let bound = &mut bounds[ledger.names.key_of(message) as usize];
        *bound = (*bound).max(logs.first_seen(message));
    }
    for (key, bound) in bounds.iter().enumerate() {
        let Some(bound) = *bound else { continue };
        let key = key as KeyId;
        let last_at = |slot: u32| {
            let messages = logs.messages(slot).iter().copied();
            messages.filter(move |&message| logs.last_seen(message) == Some(slot))
        };
        // Any of the messages at that place shows how far the key was polled.
        let reader = last_at(bound).next().and_then(|message| evidence.reader(message));
        for slot in logs.slots_of(key).start..=bound {
            for message in last_at(slot).filter(|&message| !evidence.is_read[message as usize]) {
                let Some(writer) = evidence.writer(message).filter(|&id| evidence.has_happened(id)) else {
                    continue;
                };
                count += 1;
                if shown.len() < SHOWN_LIMIT {
                    shown.push((key, message, bound, writer, reader));
                }
            }
        }
    }
    let cases = shown.into_iter().map(|(key, message, bound, writer, reader)| {
        let (key_value, value) = ledger.named(message);
        let index = |slot: u32| Value::from(logs.index(key, slot));
        let offset = logs.first_seen(message).map(|slot| logs.offset(slot)).unwrap_or_default();
        let beyond = reader.map_or_else(
            || "and yet the key was polled beyond it".to_owned(),
            |id| format!("although {} polled beyond it, up to offset {}", evidence.moment(id), logs.offset(bound)),
        );
        Case {
            sentence: format!(
                "in key {key_value}, message {value} at offset {offset}, sent by {}, was never polled, {beyond}.",
                evidence.moment(writer)
            ),
            operations: [writer].into_iter().chain(reader).map(|id| evidence.moment(id).index).collect(),
            subjects: vec![Subject::entry(&key_value, &value)],
            value: Value::record([
                ("key", key_value),
                ("value", value),
                ("index", logs.first_seen(message).map(index).into()),
                ("max-read-index", index(bound)),
                ("writer", ledger.operation(writer).to_tagged_value()),
                ("max-read", reader.map(|id| ledger.operation(id).to_tagged_value()).into()),
            ]),
        }
    });
    Found::new("lost-write", count, cases)
}

/// Messages that were polled and that nobody sent.
pub(super) fn unsent_reads(evidence: &Evidence) -> Option<Found> {
    let ledger = &evidence.ledger;
    let unsent: Vec<(Message, EntryId)> = (0..ledger.message_count() as Message)
        .filter(|&message| evidence.writer(message).is_none())
        .filter_map(|message| Some((message, evidence.reader(message)?)))
        .collect();
    let cases = unsent.iter().take(SHOWN_LIMIT).map(|&(message, reader)| {
        let (key, value) = ledger.named(message);
        let moment = evidence.moment(reader);
        Case {
            sentence: format!("{moment} polled {value} from key {key}, which nobody sent there."),
            operations: vec![moment.index],
            subjects: vec![Subject::entry(&key, &value)],
            value: Value::record([
                ("key", key),
                ("value", value),
                ("reader", ledger.operation(reader).to_tagged_value()),
            ]),
        }
    });
    Found::new("unsent-read", unsent.len(), cases)
}
