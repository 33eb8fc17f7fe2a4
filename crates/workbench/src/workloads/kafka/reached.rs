//! The highest known offset of each log, from what clients sent and polled.

use std::collections::BTreeMap;

use glomers_check::{Operation, Value};

/// The highest offset of each key.
pub(super) type Offsets = BTreeMap<String, i64>;

/// The offsets that an operation sent messages to and polled up to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reached {
    pub(super) sent: Offsets,
    pub(super) polled: Offsets,
}

impl Reached {
    /// What an operation that succeeded reached; nothing for any other.
    pub(super) fn by(operation: &Operation) -> Self {
        let mut reached = Self::default();
        if !operation.is_ok() || !matches!(operation.f.as_str(), "send" | "poll") {
            return reached;
        }
        for step in operation.value.as_sequence().unwrap_or_default() {
            match step.as_sequence() {
                Some([f, Value::String(key), pair]) if f.as_keyword() == Some("send") => {
                    raise_to(&mut reached.sent, key, offset(pair));
                }
                Some([f, batches]) if f.as_keyword() == Some("poll") => {
                    for (key, offset) in highest(batches) {
                        raise_to(&mut reached.polled, &key, Some(offset));
                    }
                }
                _ => {}
            }
        }
        reached
    }
}

/// The highest offset of each key that a poll returned messages of.
pub(super) fn highest(batches: &Value) -> Offsets {
    let highest = |(key, batch): &(Value, Value)| {
        let offset = batch.as_sequence()?.iter().filter_map(offset).max()?;
        Some((key.as_str()?.to_owned(), offset))
    };
    batches.as_map().unwrap_or_default().iter().filter_map(highest).collect()
}

/// Raises the offset of a key, if that is higher than what it has.
pub(super) fn raise_to(offsets: &mut Offsets, key: &str, offset: Option<i64>) {
    let Some(offset) = offset else { return };
    match offsets.get_mut(key) {
        Some(highest) => *highest = (*highest).max(offset),
        None => {
            offsets.insert(key.to_owned(), offset);
        }
    }
}

/// The offset of a pair of an offset and a message.
fn offset(pair: &Value) -> Option<i64> {
    i64::try_from(pair.as_sequence()?.first()?.as_int()?).ok()
}
