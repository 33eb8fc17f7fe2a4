//! Writing the node's own journal: one entry at a time, and in each as much as has come meanwhile.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use glomers_node::RawValue;

use crate::broker::Core;
use crate::replica::Content;
use crate::store::ENTRIES_PER_VOLUME;

/// How long the first request waits for others that could share its entry.
const LINGER: Duration = Duration::from_millis(3);

/// What waits for the next entry, and who waits for it.
#[derive(Default)]
pub(crate) struct Queue {
    content: Content,
    /// Where each message's offset is wanted, in the order of the messages.
    senders: Vec<oneshot::Sender<u64>>,
    committers: Vec<oneshot::Sender<()>>,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.senders.is_empty() && self.committers.is_empty()
    }
}

impl Core {
    /// Appends a message, and returns its offset when it is durable.
    pub(crate) async fn append(self: &Rc<Self>, key: String, message: Box<RawValue>) -> u64 {
        let (sender, offset) = oneshot::channel();
        {
            let mut queue = self.queue.borrow_mut();
            queue.content.messages.push((key, message));
            queue.senders.push(sender);
        }
        self.start_writing();
        offset.await.expect("the writer answers everyone whose request it took")
    }

    /// Commits offsets, and returns when they are durable.
    pub(crate) async fn commit(self: &Rc<Self>, offsets: BTreeMap<String, u64>) {
        let (committer, is_done) = oneshot::channel();
        {
            let mut queue = self.queue.borrow_mut();
            for (key, offset) in offsets {
                let committed = queue.content.commits.entry(key).or_default();
                *committed = (*committed).max(offset);
            }
            queue.committers.push(committer);
        }
        self.start_writing();
        is_done.await.expect("the writer answers everyone whose request it took");
    }

    fn start_writing(self: &Rc<Self>) {
        if !self.is_writing.replace(true) {
            self.node.spawn(Rc::clone(self).write_all());
        }
    }

    async fn write_all(self: Rc<Self>) {
        while !self.queue.borrow().is_empty() {
            self.node.sleep(LINGER).await;
            let Queue { content, senders, committers } = self.queue.take();
            let offsets = self.write(&content).await;
            // Whoever is gone by now has no use for the answer.
            for (sender, offset) in senders.into_iter().zip(offsets) {
                let _ = sender.send(offset);
            }
            for committer in committers {
                let _ = committer.send(());
            }
        }
        self.is_writing.set(false);
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
