//! Learning what the other nodes have written, and making them promise what is missing.

use std::rc::Rc;
use std::time::Duration;

use futures::future::join_all;
use glomers_node::Time;

use crate::broker::Core;
use crate::entry::{Entry, Progress};
use crate::store::ENTRIES_PER_VOLUME;

/// The pause between two looks at what the others have written.
const INTERVAL: Duration = Duration::from_millis(50);

/// How long messages wait for a promise before the node that owes it has its past closed.
const PATIENCE: Duration = Duration::from_millis(500);

/// No more requests than this are under way at once when a journal is read.
const MOST_REQUESTS: u64 = 32;

/// When this node last looked, and since when it waits for whom.
pub(crate) struct Watch {
    is_scheduled: bool,
    last_look: Option<Time>,
    /// What the last bulletin told the others, to keep silent where nothing is new.
    told: Option<(Progress, Progress)>,
    /// Each owner's last promise, and when it was first seen.
    promises: Vec<(Progress, Time)>,
}

impl Watch {
    pub(crate) fn new(journal_count: usize) -> Self {
        Self {
            is_scheduled: false,
            last_look: None,
            told: None,
            promises: vec![(Progress::new(), Time::ZERO); journal_count],
        }
    }
}

impl Core {
    /// Tells the others what is new here, and looks what is new there: soon, and not more often than once an interval. Called for
    /// every request of a client, so that a cluster that nobody uses is silent.
    pub(crate) fn ask_for_news(self: &Rc<Self>) {
        let mut watch = self.watch.borrow_mut();
        if self.owners.len() > 1 && !watch.is_scheduled {
            watch.is_scheduled = true;
            self.node.spawn(Rc::clone(self).exchange_news());
        }
    }

    async fn exchange_news(self: Rc<Self>) {
        let last_look = self.watch.borrow().last_look;
        if let Some(last_look) = last_look {
            self.node.sleep_until(last_look + INTERVAL).await;
        }
        self.watch.borrow_mut().last_look = Some(self.now());
        self.publish().await;
        let others = (0..self.owners.len()).filter(|journal| *journal != self.own);
        join_all(others.map(|journal| self.consult(journal))).await;
        self.watch.borrow_mut().is_scheduled = false;
    }

    /// Writes this node's bulletin, where there is anything new to tell.
    async fn publish(&self) {
        let bulletin = {
            let replica = self.replica.borrow();
            let now_told = (replica.read(), replica.promise(self.own));
            if self.watch.borrow().told.as_ref() == Some(&now_told) {
                return;
            }
            self.watch.borrow_mut().told = Some(now_told);
            serde_json::value::to_raw_value(&replica.bulletin()).expect("a bulletin is JSON")
        };
        self.store.write_bulletin(&self.owners[self.own], &bulletin).await;
    }

    /// Reads another node's bulletin, and closes its past where messages wait for it too long.
    async fn consult(&self, journal: usize) {
        let bulletin = self.store.bulletin(&self.owners[journal]).await;
        let is_complete = match bulletin {
            Some(bulletin) => self.replica.borrow_mut().learn(journal, bulletin),
            None => true,
        };
        let is_overdue = self.is_overdue(journal);
        if !is_complete || is_overdue {
            self.catch_up(journal).await;
        }
        if is_overdue && self.replica.borrow().is_awaited(journal) {
            self.close(journal).await;
        }
    }

    /// Whether a promise is awaited and has not changed for too long.
    fn is_overdue(&self, journal: usize) -> bool {
        let replica = self.replica.borrow();
        let promise = replica.promise(journal);
        let (last, since) = &mut self.watch.borrow_mut().promises[journal];
        if *last != promise || !replica.is_awaited(journal) {
            (*last, *since) = (promise, self.now());
        }
        self.now().since(*since) >= PATIENCE
    }

    /// Says in another node's journal that all its later entries come after what this node has read. Whoever writes there next finds
    /// the slot taken, reads this, and keeps to it.
    async fn close(&self, journal: usize) {
        let owner = &self.owners[journal];
        let (slot, seen) = {
            let replica = self.replica.borrow();
            (replica.next_slot(journal), replica.read())
        };
        let life = *self.life.get().expect("news is exchanged by nodes that have recovered");
        let entry = Entry::without_content(self.node.id().clone(), life, seen);
        if self.store.claim(owner, slot, &entry).await {
            tracing::debug!("{} closes the past of {owner} at slot {slot}", self.node.id());
            self.replica.borrow_mut().apply(journal, slot, entry);
        }
    }

    /// Reads a journal to its end, or to what was its end while it was read: whole volumes where they have been gathered, single
    /// entries where not, ever more at once.
    pub(crate) async fn catch_up(&self, journal: usize) {
        let owner = &self.owners[journal];
        let mut width = 1;
        let mut missing_volume = None;
        loop {
            let start = self.replica.borrow().next_slot(journal);
            let (volume, behind_boundary) = (start / ENTRIES_PER_VOLUME, start % ENTRIES_PER_VOLUME);
            if behind_boundary == 0 && missing_volume != Some(volume) {
                let volumes = (volume..volume + width).map(|volume| self.store.volume(owner, volume));
                let volumes = join_all(volumes).await;
                let gathered: Vec<_> = volumes.into_iter().map_while(|volume| volume).collect();
                if (gathered.len() as u64) < width {
                    missing_volume = Some(volume + gathered.len() as u64);
                    width = 1;
                }
                self.apply_from(journal, start, gathered.into_iter().flatten());
            } else {
                let end = (start + width).min(start - behind_boundary + ENTRIES_PER_VOLUME);
                let entries = (start..end).map(|slot| self.store.entry(owner, slot));
                let entries = join_all(entries).await;
                let found: Vec<_> = entries.into_iter().map_while(|entry| entry).collect();
                let is_end = (found.len() as u64) < end - start;
                self.apply_from(journal, start, found);
                if is_end {
                    return;
                }
            }
            width = (width * 2).min(MOST_REQUESTS);
        }
    }

    fn apply_from(&self, journal: usize, first: u64, entries: impl IntoIterator<Item = Entry>) {
        let mut replica = self.replica.borrow_mut();
        for (slot, entry) in (first..).zip(entries) {
            replica.apply(journal, slot, entry);
        }
    }
}
