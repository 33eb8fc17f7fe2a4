//! Changes that outlive the node.
//!
//! A node's core does no input and output, so it has no disk. The service `lin-kv`, which no fault strikes, stands for one:
//!
//! | key | value |
//! |---|---|
//! | `NAME NODE` | the starts of this node that have written anything, oldest first |
//! | `NAME START 0`, `NAME START 1`, … | what each batch of changes of this start did |
//!
//! A batch has a key of its own, which is written once: a write that is repeated, or that arrives late, changes nothing. The list of starts
//! is replaced by compare-and-set, and only by a start that has read all former ones. A late message of a start that has been killed cannot
//! undo anything: its compare-and-set fails, and its batch, which was never confirmed, lies under the next key of its own, where the next
//! start may find it.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use futures::future::join_all;
use glomers_node::services::KeyValue;
use glomers_node::{Batcher, ErrorCode, Node, Notify, Retry, RpcError};

use crate::{Interval, Origin, Part, Replica};

/// Writes a replica's changes down before anybody hears of them, and reads at its start what the node wrote in former ones. Cheap to
/// clone; all clones are the same.
///
/// A change that was [committed](Self::commit) survives any kills, even of all nodes at once.
pub struct Journal<P: Part> {
    shared: Rc<Shared<P>>,
}

struct Shared<P: Part> {
    node: Node,
    replica: Replica<P>,
    store: KeyValue,
    name: &'static str,
    /// The changes to be committed.
    commits: Rc<Batcher<P::Change, ()>>,
    /// The number of the next batch.
    next_batch: Cell<u64>,
    is_open: Cell<bool>,
    /// Notified when the journal is open.
    progress: Notify,
}

impl<P: Part> Clone for Journal<P> {
    fn clone(&self) -> Self {
        Self { shared: Rc::clone(&self.shared) }
    }
}

impl<P: Part> Journal<P> {
    /// The journal of a replica; the name tells it from other journals in the store. Begins to read what former starts of the node wrote.
    pub fn start(replica: &Replica<P>, name: &'static str) -> Self {
        let node = &replica.shared.node;
        let shared = Shared {
            node: node.clone(),
            replica: replica.clone(),
            store: node.lin_kv().retry(Retry::forever()),
            name,
            commits: Rc::new(Batcher::new()),
            next_batch: Cell::new(0),
            is_open: Cell::new(false),
            progress: Notify::new(),
        };
        let journal = Self { shared: Rc::new(shared) };
        let (opening, writing) = (journal.clone(), journal.clone());
        node.spawn(async move { opening.open().await });
        journal.shared.commits.start(node, async move |changes| writing.write_batch(changes).await);
        journal
    }

    /// Waits until the former starts of this node have been read.
    pub async fn opened(&self) {
        self.shared.progress.until(|| self.shared.is_open.get()).await;
    }

    /// Changes the node's own part, once the change has been written down; returns then. Changes that come while a batch is being written
    /// go together in the next: under load a batch costs one round trip, however many changes it has.
    pub async fn commit(&self, change: P::Change) {
        self.shared.commits.submit(change).await;
    }

    async fn write_batch(&self, changes: Vec<P::Change>) -> Vec<()> {
        self.opened().await;
        let shared = &self.shared;
        let origin = &shared.replica.shared.origin;
        let answers = vec![(); changes.len()];
        let batch = shared.replica.parts().extended_by(origin, changes);
        let key = self.batch_key(origin, shared.next_batch.get());
        self.insist(async || shared.store.write(&key, &batch).await).await;
        shared.next_batch.set(shared.next_batch.get() + 1);
        shared.replica.adopt(origin, batch);
        answers
    }

    /// Reads what former starts wrote, and enters this one.
    async fn open(&self) {
        let shared = &self.shared;
        let key = format!("{} {}", shared.name, shared.node.id());
        let own = &shared.replica.shared.origin;
        let mut read_count = 0;
        loop {
            let starts: Vec<Origin> =
                self.insist(async || shared.store.read_or(&key, Vec::new()).await).await;
            // An entry that was confirmed by nobody may have been made all the same.
            if starts.contains(own) {
                break;
            }
            for former in &starts[read_count..] {
                self.read_batches(former).await;
            }
            read_count = starts.len();
            let entered: Vec<&Origin> = starts.iter().chain([own]).collect();
            match shared.store.cas_or_create(&key, &starts, &entered).await {
                Ok(()) => break,
                Err(error) => tracing::debug!("{self:?}: the list of starts has changed meanwhile: {error}"),
            }
        }
        shared.is_open.set(true);
        shared.progress.notify();
    }

    /// Reads all batches of a start: those under the first key, then twice as many at a time, until one is missing.
    async fn read_batches(&self, origin: &Origin) {
        let mut numbers = 0..1;
        loop {
            let reads = numbers.clone().map(|number| self.read_batch(origin, number));
            for batch in join_all(reads).await {
                let Some(batch) = batch else { return };
                self.shared.replica.adopt(origin, batch);
            }
            let size = 2 * (numbers.end - numbers.start);
            numbers = numbers.end..numbers.end + size;
        }
    }

    async fn read_batch(&self, origin: &Origin, number: u64) -> Option<Interval<P::Delta>> {
        self.insist(async || match self.shared.store.read(self.batch_key(origin, number)).await {
            Ok(batch) => Ok(Some(batch)),
            Err(error) if error.code == ErrorCode::KEY_DOES_NOT_EXIST => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    fn batch_key(&self, origin: &Origin, number: u64) -> String {
        format!("{} {origin} {number}", self.shared.name)
    }

    /// Repeats a request that has no effect when it is repeated, until it succeeds: without its disk the node can't go on.
    async fn insist<T>(&self, request: impl AsyncFn() -> Result<T, RpcError>) -> T {
        loop {
            match request().await {
                Ok(answer) => return answer,
                Err(error) => tracing::warn!("{self:?}: the store refuses, so it is asked again: {error}"),
            }
            self.shared.node.sleep(crate::gossip::LONGEST_PAUSE).await;
        }
    }
}

impl<P: Part> fmt::Debug for Journal<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Journal({} of {})", self.shared.name, self.shared.replica.shared.origin)
    }
}
