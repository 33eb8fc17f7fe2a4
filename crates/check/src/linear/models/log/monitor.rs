//! A log to which no item is appended or put twice.
//!
//! A put begins a new *segment* of the history; the first segment begins with the empty log. If all items are
//! different, a read's first item names the segment that it saw, and its items name, in order, the appends of that
//! segment that came before it. All reads of one segment must be beginnings of the longest of them, and an append
//! belongs to one segment only.
//!
//! So the history is that of a register whose values are the logs that were seen or passed through on the way: a put
//! writes one blindly, and the append of the k-th item replaces the log of k-1 items, as a compare-and-set does.
//!
//! An append that no read saw can stand nowhere but after all reads and all seen appends of its segment. The same
//! is true of a blind write of a value that is never read: it can stand between two segments, or after the last.
//! So it is one. That no two operations write the same value holds by construction, and [`DistinctRegister`] decides.
//!
//! Reads as text must be cut into items. That is unique if no item is the beginning of another.

use rustc_hash::{FxHashMap, FxHashSet};

use super::LogAction;
use crate::Value;
use crate::linear::distinct::{DistinctAction, DistinctRegister};
use crate::linear::monitor::{Monitor, Timed};

#[derive(Debug, Default)]
pub(super) struct LogMonitor {
    items: FxHashSet<Value>,
}

impl Monitor<LogAction> for LogMonitor {
    fn admits(&mut self, action: &LogAction) -> bool {
        match action {
            LogAction::Append(item) | LogAction::Put(item) => {
                item.as_str() != Some("") && self.items.insert(item.clone())
            }
            LogAction::Read(_) => true,
        }
    }

    fn is_linearizable(&self, calls: &[Timed<'_, LogAction>]) -> Option<bool> {
        let items = Items::new(calls)?;
        Some(register(calls, &items).is_some_and(|register| register.is_linearizable()))
    }
}

/// The items that were appended or put, each with the call that did so.
struct Items<'a> {
    calls: FxHashMap<&'a Value, usize>,
    /// Those that are text, sorted, if reads are texts.
    texts: Vec<(&'a str, usize)>,
}

impl<'a> Items<'a> {
    /// None if texts cannot be cut into items in one way only.
    fn new(calls: &[Timed<'a, LogAction>]) -> Option<Self> {
        let mut items = Self { calls: FxHashMap::default(), texts: Vec::new() };
        let mut reads_texts = false;
        for (index, call) in calls.iter().enumerate() {
            match call.action {
                LogAction::Append(item) | LogAction::Put(item) => {
                    items.calls.insert(item, index);
                    items.texts.extend(item.as_str().map(|text| (text, index)));
                }
                LogAction::Read(seen) => reads_texts |= seen.as_str().is_some(),
            }
        }
        if reads_texts {
            items.texts.sort_unstable();
            let is_ambiguous = items.texts.windows(2).any(|pair| pair[1].0.starts_with(pair[0].0));
            return (!is_ambiguous).then_some(items);
        }
        Some(items)
    }

    /// The item with which this text begins: its call and its length.
    fn first_of_text(&self, text: &str) -> Option<(usize, usize)> {
        // Whatever sorts between an item and a text that begins with it begins with that item too; no item does.
        let place = self.texts.partition_point(|(item, _)| *item <= text).checked_sub(1)?;
        let (item, call) = self.texts[place];
        text.starts_with(item).then_some((call, item.len()))
    }
}

/// What a read saw.
#[derive(Clone, Copy)]
enum Seen<'a> {
    Text(&'a str),
    Items(&'a [Value]),
}

impl<'a> Seen<'a> {
    fn of(value: &'a Value) -> Option<Self> {
        match value {
            Value::Nil => Some(Self::Items(&[])),
            Value::String(text) => Some(Self::Text(text)),
            other => other.as_sequence().map(Self::Items),
        }
    }

    fn is_empty(self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Items(items) => items.is_empty(),
        }
    }

    fn first(self, items: &Items<'_>) -> Option<usize> {
        match self {
            Self::Text(text) => items.first_of_text(text).map(|(call, _)| call),
            Self::Items(seen) => items.calls.get(&seen[0]).copied(),
        }
    }
}

/// The items of a segment as its longest reads show them.
#[derive(Default)]
struct Segment<'a> {
    text: &'a str,
    items: &'a [Value],
    /// The calls of the items, in order.
    calls: Vec<usize>,
    /// Where the items of the text end in it.
    ends: Vec<usize>,
    /// The number of the register's value when the log has one item.
    first_value: u32,
}

impl<'a> Segment<'a> {
    fn extend(&mut self, seen: Seen<'a>) {
        match seen {
            Seen::Text(text) if text.len() > self.text.len() => self.text = text,
            Seen::Items(seen) if seen.len() > self.items.len() => self.items = seen,
            Seen::Text(_) | Seen::Items(_) => {}
        }
    }

    /// Finds the calls of the items. None if an item is nobody's, or texts and lists show different items.
    fn resolve(&mut self, items: &Items<'a>) -> Option<()> {
        let mut of_text = Vec::new();
        let mut end = 0;
        while end < self.text.len() {
            let (call, len) = items.first_of_text(&self.text[end..])?;
            end += len;
            of_text.push(call);
            self.ends.push(end);
        }
        let of_items: Vec<usize> =
            self.items.iter().map(|item| items.calls.get(item).copied()).collect::<Option<_>>()?;
        let (longer, shorter) =
            if of_text.len() > of_items.len() { (of_text, of_items) } else { (of_items, of_text) };
        let agree = longer.starts_with(&shorter);
        self.calls = longer;
        agree.then_some(())
    }

    /// The register's value when a read saw this, if these are the first items of the segment.
    fn value(&self, seen: Seen<'a>) -> Option<u32> {
        let count = match seen {
            Seen::Text(text) if self.text.starts_with(text) => self.ends.binary_search(&text.len()).ok()? + 1,
            Seen::Items(items) if self.items.starts_with(items) => items.len(),
            Seen::Text(_) | Seen::Items(_) => return None,
        };
        Some(self.first_value + count as u32 - 1)
    }
}

/// The call with which the segment of appends to the empty log begins: whichever it is, there is one such segment.
const FROM_EMPTY: usize = usize::MAX;

/// The history as a register's. None if the reads contradict each other, whatever the order of the operations.
fn register(calls: &[Timed<'_, LogAction>], items: &Items<'_>) -> Option<DistinctRegister> {
    let mut segments: Vec<Segment<'_>> = Vec::new();
    let mut segment_of: FxHashMap<usize, usize> = FxHashMap::default();
    let mut firsts = Vec::new();
    // The reads that saw something, each with its call and its segment.
    let mut reads = Vec::new();
    let mut register = DistinctRegister::new();
    let mut add = |action, call: &Timed<'_, LogAction>| {
        register.add(action, call.begin, call.end).expect("each value has one operation that writes it");
    };
    for call in calls {
        let (LogAction::Read(seen), Some(_)) = (call.action, call.end) else { continue };
        let seen = Seen::of(seen)?;
        if seen.is_empty() {
            add(DistinctAction::Read(DistinctRegister::INITIAL), call);
            continue;
        }
        let first = seen.first(items)?;
        let is_put = matches!(calls[first].action, LogAction::Put(_));
        let first = if is_put { first } else { FROM_EMPTY };
        let segment = *segment_of.entry(first).or_insert_with(|| {
            segments.push(Segment::default());
            firsts.push(first);
            segments.len() - 1
        });
        segments[segment].extend(seen);
        reads.push((call, seen, segment));
    }
    let mut is_seen = vec![false; calls.len()];
    let mut next_value = DistinctRegister::INITIAL + 1;
    for (segment, first) in segments.iter_mut().zip(firsts) {
        segment.resolve(items)?;
        segment.first_value = next_value;
        for (place, &index) in segment.calls.iter().enumerate() {
            let call = &calls[index];
            let is_put = matches!(call.action, LogAction::Put(_));
            let begins_with_put = first != FROM_EMPTY && place == 0;
            if is_put != begins_with_put || std::mem::replace(&mut is_seen[index], true) {
                return None;
            }
            let before = if place == 0 { DistinctRegister::INITIAL } else { next_value - 1 };
            let action = if is_put {
                DistinctAction::Write(next_value)
            } else {
                DistinctAction::CompareAndSet(before, next_value)
            };
            add(action, call);
            next_value += 1;
        }
    }
    for (call, seen, segment) in reads {
        add(DistinctAction::Read(segments[segment].value(seen)?), call);
    }
    for (index, call) in calls.iter().enumerate() {
        if !is_seen[index] && call.end.is_some() && !matches!(call.action, LogAction::Read(_)) {
            add(DistinctAction::Write(next_value), call);
            next_value += 1;
        }
    }
    Some(register)
}
