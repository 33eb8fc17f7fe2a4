//! One element: what is known of it, and what came of it.

use std::rc::Rc;

use super::recent_reads::RecentReads;
use crate::moment::Moment;
use crate::{Operation, OperationKind, Value};

/// What is known of an element so far.
#[derive(Debug)]
pub(super) struct Element {
    /// Since when it must have been there.
    pub(super) known: Option<Known>,
    /// The index and the time at which the read began that, of those which found it, began last.
    pub(super) last_present: Option<(u64, u64)>,
    /// The beginning of the read that, of those which missed it, began last.
    pub(super) last_absent: Option<Rc<Operation>>,
    /// The reads that ended before this number have been taken in.
    pub(super) counted_reads: u64,
    /// How often it stands in the last read that contains it.
    pub(super) copies: u32,
    /// How often it was added, and how many of these additions failed.
    pub(super) adds: u32,
    pub(super) failed_adds: u32,
}

/// What showed that an element was there.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) moment: Moment,
    /// The end of the read that found it; none if its addition was acknowledged first.
    pub(super) read: Option<Rc<Operation>>,
}

/// What came of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Found by the last read; for how long some read did not find it.
    Stable {
        latency_ms: u64,
    },
    /// Not found any more; for how long some read still found it.
    Lost {
        latency_ms: u64,
    },
    NeverRead,
}

impl Outcome {
    pub(super) fn stable_ms(self) -> Option<u64> {
        if let Self::Stable { latency_ms } = self { Some(latency_ms) } else { None }
    }

    pub(super) fn lost_ms(self) -> Option<u64> {
        if let Self::Lost { latency_ms } = self { Some(latency_ms) } else { None }
    }
}

impl Element {
    /// An element whose addition begins after so many reads have ended.
    pub(super) fn added(read_count: u64) -> Self {
        Self {
            known: None,
            last_present: None,
            last_absent: None,
            counted_reads: read_count,
            copies: 0,
            adds: 1,
            failed_adds: 0,
        }
    }

    /// The read with this beginning contains it.
    pub(super) fn present_in(&mut self, beginning: &Operation) {
        if self.last_present.is_none_or(|(index, _)| index < beginning.index) {
            self.last_present = Some((beginning.index, beginning.time_ns));
        }
    }

    /// Takes in the reads that did not contain it since the last that did.
    pub(super) fn count_absences(&mut self, reads: &RecentReads) {
        if let Some(read) = reads.last_begun_since(self.counted_reads)
            && self.last_absent.as_ref().is_none_or(|absent| absent.index < read.index)
        {
            self.last_absent = Some(Rc::clone(read));
        }
        self.counted_reads = reads.count();
    }

    /// Whether a read that began after it was known missed it, by however little.
    pub(super) fn was_missed(&self) -> bool {
        match (&self.known, &self.last_absent) {
            (Some(known), Some(absent)) => known.moment.index < absent.index,
            _ => false,
        }
    }

    pub(super) fn outcome(&self) -> Outcome {
        let present = self.last_present.map(|(index, _)| index);
        let absent = self.last_absent.as_ref().map(|read| read.index);
        let Some(known) = &self.known else { return Outcome::NeverRead };
        // A moment later than the last one that speaks against it; zero if none does.
        let latency_ms = |last_ns: Option<u64>| {
            last_ns.map_or(0, |last_ns| (last_ns + 1).saturating_sub(known.moment.time_ns)) / 1_000_000
        };
        if present.is_some() && absent < present {
            Outcome::Stable { latency_ms: latency_ms(self.last_absent.as_ref().map(|read| read.time_ns)) }
        } else if present < absent && self.was_missed() {
            Outcome::Lost { latency_ms: latency_ms(self.last_present.map(|(_, time_ns)| time_ns)) }
        } else {
            Outcome::NeverRead
        }
    }
}

impl Known {
    pub(super) fn by_add(end: &Operation) -> Self {
        Self { moment: Moment::of(end), read: None }
    }

    /// The operation that showed it.
    pub(super) fn operation(&self, element: &Value) -> Operation {
        if let Some(read) = &self.read {
            return (**read).clone();
        }
        let Moment { index, time_ns, process } = self.moment;
        let add = Operation::invoke(0, "add", element.clone());
        Operation { kind: OperationKind::Ok, process, ..add }.at(index, time_ns)
    }
}
