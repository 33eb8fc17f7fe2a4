//! A queue to which no value is enqueued twice, decided in *O(n log n)*.
//!
//! Every dequeue then names its enqueue. Write the enqueue of *a* as the interval of events [*eb*, *ee*], its dequeue
//! as [*db*, *de*]; what never ends does so at infinity, and what is never dequeued is dequeued at infinity. A value
//! cannot be dequeued before it was enqueued, so *eb* < *de* is necessary, and nothing is lost if the enqueue's end is
//! cut to *de* and the dequeue's beginning is raised to *eb*.
//!
//! *a* must come before *b* in the queue if *ee*(*a*) < *eb*(*b*) or *de*(*a*) < *db*(*b*). **An order of the enqueues
//! and dequeues exists if no two values must come before each other.**
//!
//! - Both relations order intervals, and in such an order *a* < *b* and *c* < *d* imply *a* < *d* or *c* < *b*. So a
//!   circle *a* <E *b* <D *c* <E *d* <D *a* has a circle of two inside: if *a* <E *d* it is that of *a* and *d*, else
//!   *c* <E *b* and it is that of *b* and *c*. Hence without circles of two some order of the values has both.
//! - Enqueue the values in that order, dequeue them in that order, and each enqueue before its dequeue. Time can
//!   forbid that only if a dequeue of *a* that ended before the enqueue of *b* began stands behind it; but cut and
//!   raised intervals give *a* <E *b* then.
//!
//! (This is Thomas Henzinger, Ali Sezgin and Viktor Vafeiadis, *Aspect-oriented linearizability proofs*, CONCUR 2013.)
//!
//! A dequeue that found the queue **empty** needs a moment *t* between its beginning and its end at which no value is
//! certainly there, that is, with no *ee* < *t* < *db*. One such moment suffices: let all values with *eb* > *t* or
//! *db* > *t* come after *t*, and the others before. If *a* comes after and *a* < *b*, so does *b*: from *ee*(*a*) ≥ *t*
//! and *a* <E *b* follows *eb*(*b*) > *t*, from *de*(*a*) ≥ *t* and *a* <D *b* follows *db*(*b*) > *t*. A later moment
//! leaves before it whatever was before an earlier one, so that all these choices agree.
//!
//! **Crashed** operations: an enqueue that never ended and whose value no ended dequeue saw only adds to what must be
//! dequeued, and is left out. Dequeues that crashed may have removed anything. Without them, what fits an order does so
//! with them. If every value that nobody saw dequeued may be dequeued by any of them, and still no order fits, none
//! does. Between these two the search decides.

use rustc_hash::{FxHashMap, FxHashSet};

use super::QueueAction;
use crate::Value;
use crate::linear::monitor::{Monitor, NEVER, Timed};

#[derive(Debug, Default)]
pub(super) struct QueueMonitor {
    enqueued: FxHashSet<Value>,
}

impl Monitor<QueueAction> for QueueMonitor {
    fn admits(&mut self, action: &QueueAction) -> bool {
        match action {
            QueueAction::Enqueue(item) => self.enqueued.insert(item.clone()),
            QueueAction::Dequeue(_) | QueueAction::DequeueUnseen | QueueAction::FindEmpty => true,
        }
    }

    fn is_linearizable(&self, calls: &[Timed<'_, QueueAction>]) -> Option<bool> {
        let Some(items) = items(calls) else { return Some(false) };
        let empties = || calls.iter().filter(|call| *call.action == QueueAction::FindEmpty);
        if fits(&items, empties()) {
            return Some(true);
        }
        let first_unseen = calls
            .iter()
            .filter(|call| *call.action == QueueAction::DequeueUnseen)
            .map(|call| call.begin)
            .min();
        let Some(first_unseen) = first_unseen else { return Some(false) };
        let removed = items.into_iter().map(|item| {
            let dequeue_begin = item.dequeue_begin.min(first_unseen.max(item.enqueue_begin));
            Item { dequeue_begin, ..item }
        });
        if fits(&removed.collect::<Vec<_>>(), empties()) { None } else { Some(false) }
    }
}

/// An item that was enqueued, and when it was enqueued and dequeued.
#[derive(Clone, Copy, Debug)]
struct Item {
    enqueue_begin: u64,
    enqueue_end: u64,
    dequeue_begin: u64,
    dequeue_end: u64,
}

/// The items that matter. None if one was dequeued twice, by nobody enqueued, or dequeued before it was enqueued.
fn items(calls: &[Timed<'_, QueueAction>]) -> Option<Vec<Item>> {
    let mut items: FxHashMap<&Value, Item> = FxHashMap::default();
    for call in calls {
        if let QueueAction::Enqueue(item) = call.action {
            let (enqueue_begin, enqueue_end) = (call.begin, call.end_or_never());
            let dequeued = Item { enqueue_begin, enqueue_end, dequeue_begin: NEVER, dequeue_end: NEVER };
            items.insert(item, dequeued);
        }
    }
    for call in calls {
        let QueueAction::Dequeue(item) = call.action else { continue };
        match (items.get_mut(item), call.end) {
            (Some(item), Some(end)) => {
                if item.dequeue_end != NEVER || end < item.enqueue_begin {
                    return None;
                }
                (item.dequeue_begin, item.dequeue_end) = (call.begin, end);
            }
            (None, Some(_)) => return None,
            // One that has not ended yet; another one, that has, is the one that happened.
            (Some(item), None) if item.dequeue_end == NEVER => {
                item.dequeue_begin = item.dequeue_begin.min(call.begin);
            }
            (_, None) => {}
        }
    }
    let mut items: Vec<Item> = items
        .into_values()
        .filter(|item| item.enqueue_end != NEVER || item.dequeue_end != NEVER)
        .map(|item| Item {
            enqueue_end: item.enqueue_end.min(item.dequeue_end),
            dequeue_begin: item.dequeue_begin.max(item.enqueue_begin),
            ..item
        })
        .collect();
    items.sort_unstable_by_key(|item| item.enqueue_begin);
    Some(items)
}

/// Whether no two items, sorted by the beginning of their enqueue, must come before each other, and there is a moment
/// for everybody who found the queue empty.
fn fits<'a>(items: &[Item], empties: impl Iterator<Item = &'a Timed<'a, QueueAction>>) -> bool {
    let mut by_enqueue_end = items.to_vec();
    by_enqueue_end.sort_unstable_by_key(|item| item.enqueue_end);
    // The latest beginning of the dequeues of those that must be enqueued before the item at hand.
    let mut latest_dequeue = 0;
    let mut before = by_enqueue_end.iter().peekable();
    for item in items {
        while let Some(earlier) = before.next_if(|earlier| earlier.enqueue_end < item.enqueue_begin) {
            latest_dequeue = latest_dequeue.max(earlier.dequeue_begin);
        }
        if item.dequeue_end < latest_dequeue {
            return false;
        }
    }
    // The times at which something is certainly there, one after the other.
    let mut full: Vec<(u64, u64)> = Vec::new();
    for item in by_enqueue_end.iter().filter(|item| item.enqueue_end < item.dequeue_begin) {
        match full.last_mut() {
            Some((_, end)) if item.enqueue_end <= *end => *end = (*end).max(item.dequeue_begin),
            _ => full.push((item.enqueue_end, item.dequeue_begin)),
        }
    }
    empties.filter_map(|call| Some((call.begin, call.end?))).all(|(begin, end)| {
        let last = full.partition_point(|&(from, _)| from <= begin);
        last == 0 || full[last - 1].1 < end
    })
}
