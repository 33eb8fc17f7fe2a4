//! Messages that were acknowledged and that no poll returned in the end.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use super::found::Found;
use super::ledger::Message;
use crate::{Finding, Subject, Value};

/// How many messages of each key the results name.
const NAMED_COUNT: usize = 32;

/// Acknowledged messages that were never polled, by key.
pub(super) fn unseen(evidence: &Evidence) -> Option<Found> {
    let ledger = &evidence.ledger;
    let mut by_key: BTreeMap<Value, Vec<(Value, Message)>> = BTreeMap::new();
    for message in 0..ledger.message_count() as Message {
        if evidence.is_acknowledged[message as usize] && !evidence.is_read[message as usize] {
            let (key, value) = ledger.named(message);
            by_key.entry(key).or_default().push((value, message));
        }
    }
    if by_key.is_empty() {
        return None;
    }
    let last = ledger.entries().filter(|(_, entry)| entry.is_ok() && entry.task.has_messages()).last();
    let time_ns = last.map(|(_, entry)| entry.ended.time_ns).unwrap_or_default();
    let (mut counts, mut named) = (Vec::new(), Vec::new());
    for (key, messages) in &mut by_key {
        counts.push((key.clone(), Value::from(messages.len())));
        messages.sort();
        messages.truncate(NAMED_COUNT);
        let values = messages.iter().map(|(value, _)| value.clone()).collect();
        named.push((key.clone(), Value::List(values)));
    }
    let total: i128 = counts.iter().filter_map(|(_, count)| count.as_int()).sum();
    let first = by_key.values().flatten().map(|(_, message)| *message).min();
    let mut findings = Vec::new();
    if let Some(message) = first
        && let Some(writer) = evidence.writer(message)
    {
        let (key, value) = ledger.named(message);
        let moment = evidence.moment(writer);
        let others = match total {
            1 => String::new(),
            count => format!(" It is one of {count} such messages in {} keys.", counts.len()),
        };
        let sentence = format!(
            "unseen: message {value}, sent to key {key} and acknowledged by {moment}, was polled by nobody before the end.{others}"
        );
        findings.push(Finding::new(sentence, [moment.index]).about_all([Subject::entry(&key, &value)]));
    }
    let value = Value::record([
        ("time", Value::from(time_ns)),
        ("unseen", Value::Map(counts)),
        ("messages", Value::Map(named)),
    ]);
    Some(Found { name: "unseen", value, findings })
}
