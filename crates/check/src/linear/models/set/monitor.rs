//! A set that is read as a whole: every history is decided in time proportional to its size, up to sorting.
//!
//! Elements are never removed, so the sets that reads saw grow along any order: sorted by size, each must include
//! the one before. That puts the operations in *stages*: the reads of the smallest set, the adds of what is new in the
//! next one, its reads, and so on; last the adds of what no read saw. Operations of one stage may stand in any order,
//! so that an order exists if no operation ends before one of an earlier stage begins.
//!
//! An element may be added more than once. Then one add of it must stand in its stage, and the others nowhere before
//! it. The one that began first is chosen: every other choice asks at least as much of the later stages, and what
//! is asked of its own end is asked of each add of that element. The others change nothing and can be inserted:
//! *x* must stand after every operation of the order that ended before it began, and these lie before all that
//! began after *x* ended, since the order respects time.
//!
//! A crashed add whose element nobody saw is left out. One that was seen never ends.

use rustc_hash::FxHashMap;

use super::{SetAction, SetState};
use crate::Value;
use crate::linear::monitor::{Monitor, Timed};

#[derive(Debug)]
pub(super) struct SetMonitor;

/// The stage of the elements that no read saw.
const UNSEEN: usize = usize::MAX;

impl Monitor<SetAction> for SetMonitor {
    fn admits(&mut self, _: &SetAction) -> bool {
        true
    }

    fn is_linearizable(&self, calls: &[Timed<'_, SetAction>]) -> Option<bool> {
        Some(is_linearizable(calls).is_some())
    }
}

/// The adds and the reads of what was first seen together.
#[derive(Clone, Debug, Default)]
struct Stage {
    /// Of the adds that must stand in it, and of the reads.
    adds_latest_begin: u64,
    reads_latest_begin: u64,
    adds_earliest_end: u64,
    reads_earliest_end: u64,
}

impl Stage {
    const EMPTY: Self = Self {
        adds_latest_begin: 0,
        reads_latest_begin: 0,
        adds_earliest_end: u64::MAX,
        reads_earliest_end: u64::MAX,
    };
}

/// Nothing if no order fits.
fn is_linearizable(calls: &[Timed<'_, SetAction>]) -> Option<()> {
    let mut numbers: FxHashMap<&Value, usize> = FxHashMap::default();
    for call in calls {
        if let SetAction::Add(element) = call.action {
            let next = numbers.len();
            numbers.entry(element).or_insert(next);
        }
    }
    let (mut reads, mut adds) = (Vec::new(), Vec::new());
    for call in calls {
        match (call.action, call.end) {
            (SetAction::SeeTwice(_), Some(_)) => return None,
            (SetAction::Read(seen), Some(end)) => reads.push((seen, call.begin, end)),
            (SetAction::Add(element), _) => adds.push((numbers[element], call.begin, call.end_or_never())),
            (SetAction::SeeTwice(_) | SetAction::Read(_), None) => {}
        }
    }
    reads.sort_by_key(|(seen, ..)| seen.len());
    let mut stage_of = vec![UNSEEN; numbers.len()];
    let mut stages = vec![Stage::EMPTY];
    let mut largest: &SetState = &SetState::default();
    for (seen, begin, end) in reads {
        let elements: Vec<usize> =
            seen.iter().map(|element| numbers.get(element).copied()).collect::<Option<_>>()?;
        let known = elements.iter().filter(|&&element| stage_of[element] != UNSEEN).count();
        if known != largest.len() {
            return None;
        }
        if seen.len() > largest.len() {
            for element in elements {
                if stage_of[element] == UNSEEN {
                    stage_of[element] = stages.len();
                }
            }
            stages.push(Stage::EMPTY);
            largest = seen;
        }
        let stage = stages.last_mut().expect("there is one");
        stage.reads_latest_begin = stage.reads_latest_begin.max(begin);
        stage.reads_earliest_end = stage.reads_earliest_end.min(end);
    }
    stages.push(Stage::EMPTY);
    let last = stages.len() - 1;
    let mut first_add = vec![u64::MAX; numbers.len()];
    for (element, begin, end) in adds {
        let stage = &mut stages[stage_of[element].min(last)];
        stage.adds_earliest_end = stage.adds_earliest_end.min(end);
        first_add[element] = first_add[element].min(begin);
    }
    for (element, begin) in first_add.into_iter().enumerate() {
        let stage = &mut stages[stage_of[element].min(last)];
        stage.adds_latest_begin = stage.adds_latest_begin.max(begin);
    }
    let mut latest_begin = 0;
    for stage in stages {
        if stage.adds_earliest_end < latest_begin {
            return None;
        }
        latest_begin = latest_begin.max(stage.adds_latest_begin);
        if stage.reads_earliest_end < latest_begin {
            return None;
        }
        latest_begin = latest_begin.max(stage.reads_latest_begin);
    }
    Some(())
}
