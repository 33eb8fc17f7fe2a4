//! Writing the node's own journal: one entry at a time, and in each as much as has come meanwhile.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use glomers_node::RawValue;

use crate::broker::Core;
use crate::replica::Content;
use crate::store::ENTRIES_PER_VOLUME;

/// How long the first request waits for others that could share its entry.
pub(crate) const LINGER: Duration = Duration::from_millis(3);

/// What the next entry is to hold.
#[derive(Debug)]
pub(crate) enum Submission {
    /// A message for the log of a key. Its answer is the offset.
    Message(String, Box<RawValue>),
    /// Offsets up to which logs have been processed.
    Commits(BTreeMap<String, u64>),
}

impl Core {
    /// Appends a message, and returns its offset when it is durable.
    pub(crate) async fn append(&self, key: String, message: Box<RawValue>) -> u64 {
        let offset = self.writer.submit(Submission::Message(key, message)).await;
        offset.expect("every message gets an offset")
    }

    /// Commits offsets, and returns when they are durable.
    pub(crate) async fn commit(&self, offsets: BTreeMap<String, u64>) {
        self.writer.submit(Submission::Commits(offsets)).await;
    }

    /// Begins to write what is submitted, one entry at a time.
    pub(crate) fn start_writing(self: &Rc<Self>) {
        let core = Rc::clone(self);
        self.writer.start(&self.node, async move |batch| core.write_batch(batch).await);
    }

    /// Writes one entry for all that was submitted. Returns the offset of each message, and `None` for commits.
    async fn write_batch(self: &Rc<Self>, batch: Vec<Submission>) -> Vec<Option<u64>> {
        let is_message: Vec<bool> =
            batch.iter().map(|submission| matches!(submission, Submission::Message(..))).collect();
        let mut content = Content::default();
        for submission in batch {
            match submission {
                Submission::Message(key, message) => content.messages.push((key, message)),
                Submission::Commits(offsets) => {
                    for (key, offset) in offsets {
                        let committed = content.commits.entry(key).or_default();
                        *committed = (*committed).max(offset);
                    }
                }
            }
        }
        let mut offsets = self.write(&content).await.into_iter();
        is_message.into_iter().map(|is_message| is_message.then(|| offsets.next()).flatten()).collect()
    }

    /// Writes one entry, and returns the offsets of its messages. Another node may take the slot to close this node's past: then the
    /// messages get new offsets, above all that that node had read, in the next slot.
    async fn write(self: &Rc<Self>, content: &Content) -> Vec<u64> {
        let own = &self.owners[self.own];
        let life = *self.life.get().expect("nothing is written before the node has recovered");
        let slot = loop {
            let entry = self.replica.borrow_mut().draft(own, life, content);
            let slot = self.replica.borrow().next_slot(self.own);
            if self.store.claim(own, slot, &entry).await {
                self.replica.borrow_mut().apply(self.own, slot, entry);
                break slot;
            }
            self.catch_up(self.own).await;
            if self.replica.borrow().entries(self.own, slot..slot + 1)[0].is_of(own, life) {
                // An attempt that seemed lost was not.
                break slot;
            }
            tracing::debug!("{own}: slot {slot} of its journal was closed by another node");
            loop {
                let journals = self.replica.borrow().journals_to_read();
                let Some(&journal) = journals.first() else { break };
                self.catch_up(journal).await;
            }
        };
        let mut replica = self.replica.borrow_mut();
        replica.settle();
        let full_volumes = (slot + 1) / ENTRIES_PER_VOLUME;
        for volume in self.gathered_volumes.replace(full_volumes)..full_volumes {
            self.node.spawn(Rc::clone(self).write_volume(volume));
        }
        replica.entries(self.own, slot..slot + 1)[0].appends.iter().map(|append| append.1).collect()
    }

    /// Gathers the last entries, so that who is far behind need not ask for each. A volume that nobody gathers is only slower to read.
    async fn write_volume(self: Rc<Self>, volume: u64) {
        let slots = volume * ENTRIES_PER_VOLUME..(volume + 1) * ENTRIES_PER_VOLUME;
        let entries = self.replica.borrow().entries(self.own, slots).to_vec();
        let entries: Vec<_> = entries.iter().map(|entry| &**entry).collect();
        self.store.write_volume(&self.owners[self.own], volume, &entries).await;
    }
}
