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
//!
//! If a few items are appended *more than once*, each place of an item in a segment is one of its appends, and no two
//! places are the same one. An append that began after a read of the place had ended cannot be meant, nor one that ended
//! before a read began that saw the segment without it. That mostly leaves one choice of appends. Where it leaves several,
//! each makes of the history one whose items are different, and the history fits an order if one of these does. Segments
//! whose first item leaves open which they are, and too many choices, are left to the search.

use rustc_hash::FxHashMap;

use super::LogAction;
use crate::Value;
use crate::linear::distinct::{DistinctAction, DistinctRegister};
use crate::linear::monitor::{Monitor, NEVER, Timed};

#[derive(Debug)]
pub(super) struct LogMonitor;

/// How often another append of the same item is tried.
const CHOICES: usize = 64;

/// For how many places of repeated items one is chosen.
const PLACES: usize = 1024;

impl Monitor<LogAction> for LogMonitor {
    fn admits(&mut self, action: &LogAction) -> bool {
        match action {
            LogAction::Append(item) | LogAction::Put(item) => item.as_str() != Some(""),
            LogAction::Read(_) => true,
        }
    }

    fn is_linearizable(&self, calls: &[Timed<'_, LogAction>]) -> Option<bool> {
        let items = Items::new(calls)?;
        if !items.first_items_tell_segments(calls) {
            return None;
        }
        let Some(mut log) = Segments::new(calls, &items) else { return Some(false) };
        if items.twins.is_empty() {
            return Some(log.fit(calls));
        }
        let places = log.places_of_twins(calls, &items);
        if places.len() > PLACES {
            return None;
        }
        let mut choices = Choices { calls, places: &places, chosen: Vec::new(), left: CHOICES };
        match choices.try_all(&mut log) {
            false if choices.left == 0 => None,
            fits => Some(fits),
        }
    }
}

/// The items that were appended or put, each with the call that did so, or the first of these.
struct Items<'a> {
    calls: FxHashMap<&'a Value, usize>,
    /// Under the first call: all calls with this item, if there are several.
    twins: FxHashMap<usize, Vec<usize>>,
    /// Those that are text, sorted, if reads are texts.
    texts: Vec<(&'a str, usize)>,
}

impl<'a> Items<'a> {
    /// None if texts cannot be cut into items in one way only.
    fn new(calls: &[Timed<'a, LogAction>]) -> Option<Self> {
        let (mut by_item, mut twins) = (FxHashMap::default(), FxHashMap::default());
        let mut texts = Vec::new();
        let mut reads_texts = false;
        for (index, call) in calls.iter().enumerate() {
            match call.action {
                LogAction::Append(item) | LogAction::Put(item) => {
                    let first = *by_item.entry(item).or_insert(index);
                    if first == index {
                        texts.extend(item.as_str().map(|text| (text, index)));
                    } else {
                        twins.entry(first).or_insert_with(|| vec![first]).push(index);
                    }
                }
                LogAction::Read(seen) => reads_texts |= seen.as_str().is_some(),
            }
        }
        if reads_texts {
            texts.sort_unstable();
            if texts.windows(2).any(|pair| pair[1].0.starts_with(pair[0].0)) {
                return None;
            }
        }
        Some(Self { calls: by_item, twins, texts })
    }

    /// Whether no item was put and put or appended again, so that a read's first item says which segment it saw.
    fn first_items_tell_segments(&self, calls: &[Timed<'_, LogAction>]) -> bool {
        let is_put = |&call: &usize| matches!(calls[call].action, LogAction::Put(_));
        !self.twins.values().flatten().any(is_put)
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
    begins_with_put: bool,
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

/// What the reads showed.
struct Segments<'a> {
    segments: Vec<Segment<'a>>,
    /// The reads that saw something, each with its call, what it saw, and its segment.
    reads: Vec<(usize, Seen<'a>, usize)>,
    /// The reads that saw nothing.
    empty_reads: Vec<usize>,
}

impl<'a> Segments<'a> {
    /// None if the reads contradict each other, whatever the order of the operations.
    fn new(calls: &[Timed<'a, LogAction>], items: &Items<'a>) -> Option<Self> {
        let mut log = Self { segments: Vec::new(), reads: Vec::new(), empty_reads: Vec::new() };
        let mut segment_of: FxHashMap<usize, usize> = FxHashMap::default();
        for (index, call) in calls.iter().enumerate() {
            let (LogAction::Read(seen), Some(_)) = (call.action, call.end) else { continue };
            let seen = Seen::of(seen)?;
            if seen.is_empty() {
                log.empty_reads.push(index);
                continue;
            }
            let first = seen.first(items)?;
            let begins_with_put = matches!(calls[first].action, LogAction::Put(_));
            let first = if begins_with_put { first } else { FROM_EMPTY };
            let segment = *segment_of.entry(first).or_insert_with(|| {
                log.segments.push(Segment { begins_with_put, ..Segment::default() });
                log.segments.len() - 1
            });
            log.segments[segment].extend(seen);
            log.reads.push((index, seen, segment));
        }
        let mut next_value = DistinctRegister::INITIAL + 1;
        for segment in &mut log.segments {
            segment.resolve(items)?;
            segment.first_value = next_value;
            next_value += u32::try_from(segment.calls.len()).expect("fewer than 2^32 calls fit in memory");
        }
        Some(log)
    }

    /// Whether the history fits an order: it is a register's.
    fn fit(&self, calls: &[Timed<'_, LogAction>]) -> bool {
        self.register(calls).is_some_and(|register| register.is_linearizable())
    }

    /// None if the reads show what no order explains.
    fn register(&self, calls: &[Timed<'_, LogAction>]) -> Option<DistinctRegister> {
        let mut register = DistinctRegister::new();
        let mut add = |action, call: &Timed<'_, LogAction>| {
            register.add(action, call.begin, call.end).expect("each value has one operation that writes it");
        };
        for &index in &self.empty_reads {
            add(DistinctAction::Read(DistinctRegister::INITIAL), &calls[index]);
        }
        let mut is_seen = vec![false; calls.len()];
        let mut next_value = DistinctRegister::INITIAL + 1;
        for segment in &self.segments {
            for (place, &index) in segment.calls.iter().enumerate() {
                let call = &calls[index];
                let is_put = matches!(call.action, LogAction::Put(_));
                if is_put != (segment.begins_with_put && place == 0)
                    || std::mem::replace(&mut is_seen[index], true)
                {
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
        for &(index, seen, segment) in &self.reads {
            add(DistinctAction::Read(self.segments[segment].value(seen)?), &calls[index]);
        }
        for (index, call) in calls.iter().enumerate() {
            if !is_seen[index] && call.end.is_some() && !matches!(call.action, LogAction::Read(_)) {
                add(DistinctAction::Write(next_value), call);
                next_value += 1;
            }
        }
        Some(register)
    }

    /// The places of items that were appended more than once, each with the appends that may have put it there.
    fn places_of_twins(&self, calls: &[Timed<'_, LogAction>], items: &Items<'_>) -> Vec<Place> {
        // Per segment and place: the earliest end of the reads that show it, the latest beginning of those that do not.
        let mut limits: Vec<Vec<(u64, u64)>> =
            self.segments.iter().map(|segment| vec![(NEVER, 0); segment.calls.len()]).collect();
        for &(index, seen, number) in &self.reads {
            let segment = &self.segments[number];
            let Some(value) = segment.value(seen) else { continue };
            let last = (value - segment.first_value) as usize;
            let (shown, next) = limits[number].split_at_mut(last + 1);
            shown[last].0 = shown[last].0.min(calls[index].end_or_never());
            if let Some(next) = next.first_mut() {
                next.1 = next.1.max(calls[index].begin);
            }
        }
        let mut places = Vec::new();
        for (number, segment) in self.segments.iter().enumerate() {
            let limits = &mut limits[number];
            for place in 1..limits.len() {
                limits[place].1 = limits[place].1.max(limits[place - 1].1);
                let earlier = limits.len() - 1 - place;
                limits[earlier].0 = limits[earlier].0.min(limits[earlier + 1].0);
            }
            for (place, first) in segment.calls.iter().enumerate() {
                let Some(twins) = items.twins.get(first) else { continue };
                let (shown, absent) = limits[place];
                let may_be = |&twin: &usize| calls[twin].begin < shown && calls[twin].end_or_never() > absent;
                let twins = twins.iter().copied().filter(may_be).collect();
                places.push(Place { segment: number, place, twins });
            }
        }
        // Where there is least to choose first, so that what cannot be is found early.
        places.sort_by_key(|place| place.twins.len());
        places
    }
}

/// Where an item stands that was appended more than once.
struct Place {
    segment: usize,
    place: usize,
    /// The calls that may have put it there.
    twins: Vec<usize>,
}

/// The choices of one call for each place.
struct Choices<'a> {
    calls: &'a [Timed<'a, LogAction>],
    places: &'a [Place],
    chosen: Vec<usize>,
    /// How many more are tried.
    left: usize,
}

impl Choices<'_> {
    /// Whether one of the choices makes a history that fits an order. None is left if they were too many.
    fn try_all(&mut self, log: &mut Segments<'_>) -> bool {
        let Some(Place { segment, place, twins }) = self.places.get(self.chosen.len()) else {
            return log.fit(self.calls);
        };
        let mut is_first = true;
        for &twin in twins {
            if self.chosen.contains(&twin) {
                continue;
            }
            if !std::mem::take(&mut is_first) {
                if self.left == 0 {
                    return false;
                }
                self.left -= 1;
            }
            self.chosen.push(twin);
            log.segments[*segment].calls[*place] = twin;
            if self.try_all(log) {
                return true;
            }
            self.chosen.pop();
        }
        false
    }
}
