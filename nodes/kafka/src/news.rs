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

/// How long messages wait for the promise of a node that has not been heard of, before its past is closed.
const PATIENCE: Duration = Duration::from_millis(500);

/// On slow links, patience is so many times what the last look at the others took: to close the past of a node that lives costs it a round
/// of requests, and if that took longer than the others' patience, it would never get to write.
const PATIENCE_IN_LOOKS: u32 = 4;

/// No more requests than this are under way at once when a journal is read.
const MOST_REQUESTS: u64 = 32;

/// When this node last looked, and since when it waits for whom.
pub(crate) struct Exchange {
    is_looking: bool,
    /// Whether anybody has asked since the last look began.
    is_wanted: bool,
    last_look: Option<Time>,
    /// How long the last look took.
    look_duration: Duration,
    /// What the last tail told the others, to keep silent where nothing is new.
    told: Option<(Progress, Progress)>,
    tail_count: u64,
    /// Each owner's last sign of life.
    last_heard: Vec<LastHeard>,
}

/// What was last heard of a node: the number of its tail, what it had promised, and when that was first seen.
#[derive(Clone)]
struct LastHeard {
    tail: Option<u64>,
    promise: Progress,
    since: Time,
}

impl Exchange {
    pub(crate) fn new(journal_count: usize) -> Self {
        let never = LastHeard { tail: None, promise: Progress::new(), since: Time::ZERO };
        Self {
            is_looking: false,
            is_wanted: false,
            last_look: None,
            look_duration: Duration::ZERO,
            told: None,
            tail_count: 0,
            last_heard: vec![never; journal_count],
        }
    }
}

impl Core {
    /// Tells the others what is new here, and looks what is new there: soon, and not more often than once an interval. Called for
    /// every request of a client, so that a cluster that nobody uses is silent.
    pub(crate) fn ask_for_news(self: &Rc<Self>) {
        let mut exchange = self.exchange.borrow_mut();
        exchange.is_wanted = true;
        if self.owners.len() > 1 && !exchange.is_looking {
            exchange.is_looking = true;
            self.node.spawn(Rc::clone(self).exchange_news());
        }
    }

    async fn exchange_news(self: Rc<Self>) {
        // Who waits for its own entry is alive, and has to show it, or its past is closed again and again.
        while self.exchange.borrow().is_wanted || self.writer.is_busy() {
            let last_look = self.exchange.borrow().last_look;
            if let Some(last_look) = last_look {
                self.node.sleep_until(last_look + INTERVAL).await;
            }
            let started = self.now();
            self.exchange.borrow_mut().last_look = Some(started);
            self.exchange.borrow_mut().is_wanted = false;
            self.publish().await;
            let others = (0..self.owners.len()).filter(|journal| *journal != self.own);
            join_all(others.map(|journal| self.consult(journal))).await;
            self.exchange.borrow_mut().look_duration = self.now().since(started);
        }
        self.exchange.borrow_mut().is_looking = false;
    }

    /// Writes this node's tail, where there is anything new to tell, or where it is writing.
    async fn publish(&self) {
        let tail = {
            let (replica, mut exchange) = (self.replica.borrow(), self.exchange.borrow_mut());
            let now_told = Some((replica.read(), replica.promise(self.own)));
            if exchange.told == now_told && !self.writer.is_busy() {
                return;
            }
            exchange.told = now_told;
            exchange.tail_count += 1;
            let tail = replica.tail(exchange.tail_count);
            serde_json::value::to_raw_value(&tail).expect("a tail is JSON")
        };
        self.store.write_tail(&self.owners[self.own], &tail).await;
    }

    /// Reads another node's tail, and closes its past where messages wait for it too long.
    async fn consult(&self, journal: usize) {
        let tail = self.store.tail(&self.owners[journal]).await;
        let number = tail.as_ref().map(|tail| tail.number);
        let is_complete = match tail {
            Some(tail) => self.replica.borrow_mut().learn(journal, tail),
            None => true,
        };
        let is_overdue = self.is_overdue(journal, number);
        if !is_complete || is_overdue {
            self.catch_up(journal).await;
        }
        if is_overdue && self.replica.borrow().is_awaited(journal) {
            self.close(journal).await;
        }
    }

    /// Whether a promise is awaited of a node that has shown no sign of life for too long.
    fn is_overdue(&self, journal: usize, tail: Option<u64>) -> bool {
        let replica = self.replica.borrow();
        let promise = replica.promise(journal);
        let mut exchange = self.exchange.borrow_mut();
        let patience = PATIENCE.max(exchange.look_duration * PATIENCE_IN_LOOKS);
        let heard = &mut exchange.last_heard[journal];
        if heard.tail != tail || heard.promise != promise || !replica.is_awaited(journal) {
            *heard = LastHeard { tail, promise, since: self.now() };
        }
        self.now().since(heard.since) >= patience
    }

    /// Says in another node's journal that all its later entries come after what this node has read. The node that writes there next finds
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
