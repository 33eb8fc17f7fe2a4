//! How a node commits.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use glomers_node::{ErrorCode, Job, Node, RpcError, Time};

use crate::archive::{Archive, CatchUp, Replacement};
use crate::database::Database;
use crate::history::SegmentId;
use crate::transaction::{MicroOperation, TxnOk};

/// A transaction that others have overtaken again and again is given up after this: clients wait for five seconds.
const PATIENCE: Duration = Duration::from_millis(4500);

/// A transaction that waits to be committed.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) transaction: Vec<MicroOperation>,
    pub(crate) came_at: Time,
}

/// A transaction, and the way to answer it.
pub(crate) type TxnJob = Job<Waiting, Result<TxnOk, RpcError>>;

/// A node's copy of the lists, and its way to change them. One commit at a time.
#[derive(Debug)]
pub(crate) struct Committer {
    node: Node,
    archive: Archive,
    database: RefCell<Database>,
    /// What tells this life's commits from those of all other lives and nodes.
    life: u64,
    commit_count: Cell<u64>,
    /// Whether another node has committed since this one did.
    has_rival: Cell<bool>,
}

impl Committer {
    pub(crate) fn new(node: &Node, life: u64) -> Self {
        Self {
            node: node.clone(),
            archive: Archive::new(node),
            database: RefCell::default(),
            life,
            commit_count: Cell::new(0),
            has_rival: Cell::new(false),
        }
    }

    /// Tries once to commit these transactions, all or none, and answers them. Returns them where others were first;
    /// then this copy of the lists knows what those did.
    pub(crate) async fn commit(&self, round: Vec<TxnJob>) -> Vec<TxnJob> {
        let began = self.node.now();
        match self.attempt(&round).await {
            Ok(Some(completed)) => {
                for (job, txn) in round.into_iter().zip(completed) {
                    job.answer(Ok(TxnOk { txn }));
                }
                if self.has_rival.replace(false) {
                    // The node that has just committed knows the root, and could go on committing before any other gets to.
                    let chance = self.node.rng().f64();
                    self.node.sleep((self.node.now() - began).mul_f64(2.0 * chance)).await;
                }
                Vec::new()
            }
            Ok(None) => round,
            Err(error) => {
                round.into_iter().for_each(|job| job.answer(Err(error.clone())));
                Vec::new()
            }
        }
    }

    /// Answers the transactions that have waited too long, and returns the others.
    pub(crate) fn give_up_late(&self, round: Vec<TxnJob>) -> Vec<TxnJob> {
        let now = self.node.now();
        let (late, on_time): (Vec<TxnJob>, Vec<TxnJob>) =
            round.into_iter().partition(|job| now.since(job.request.came_at) > PATIENCE);
        for job in late {
            let text = "other transactions were committed first, again and again: try again";
            job.answer(Err(RpcError::new(ErrorCode::TXN_CONFLICT, text)));
        }
        on_time
    }

    /// The completed transactions; `None` where others were first.
    async fn attempt(&self, round: &[TxnJob]) -> Result<Option<Vec<Vec<MicroOperation>>>, RpcError> {
        let (completed, appends) = self.carry_out(round);
        if appends.is_empty() {
            // The root was asked for after all of these came, so its state is one that they may read.
            let root = self.archive.root().await.map_err(without_effect)?;
            self.catch_up(root).await.map_err(without_effect)?;
            return Ok(Some(self.carry_out(round).0));
        }
        let former = self.database.borrow().head().cloned();
        let draft = self.database.borrow().draft(self.next_id(), appends);
        let root = self.archive.write(&draft).await.map_err(without_effect)?;
        if root != former {
            self.catch_up(root).await.map_err(without_effect)?;
            return Ok(None);
        }
        let attempts = match self.archive.replace_root(former.as_ref(), &draft).await? {
            Replacement::Committed => {
                self.database.borrow_mut().advance(&draft.id, draft.appends);
                return Ok(Some(completed));
            }
            Replacement::Overtaken(attempts) => attempts,
        };
        let conclude = |error| attempts.conclude(without_effect(error));
        let root = self.archive.root().await.map_err(conclude)?;
        let passed = self.catch_up(root).await.map_err(conclude)?;
        if !attempts.may_have_taken_effect() {
            return Ok(None);
        }
        match passed {
            Some(passed) => Ok(passed.contains(&draft.id).then_some(completed)),
            None => {
                let text = "too many commits of other nodes followed to tell whether it was made";
                Err(attempts.conclude(RpcError::new(ErrorCode::ABORT, text)))
            }
        }
    }

    fn carry_out(&self, round: &[TxnJob]) -> (Vec<Vec<MicroOperation>>, crate::history::Appends) {
        self.database.borrow().carry_out(round.iter().map(|job| job.request.transaction.as_slice()))
    }

    /// Goes on to the commit that the root names, and returns the names of those that were passed, where they are known.
    async fn catch_up(&self, root: Option<SegmentId>) -> Result<Option<Vec<SegmentId>>, RpcError> {
        let Some(root) = root.filter(|root| self.database.borrow().head() != Some(root)) else {
            return Ok(Some(Vec::new()));
        };
        self.has_rival.set(true);
        let head = self.database.borrow().head().cloned();
        match self.archive.catch_up(head.as_ref(), &root).await? {
            CatchUp::Commits(commits) => {
                let mut database = self.database.borrow_mut();
                let ids = commits.iter().map(|(id, _)| id.clone()).collect();
                commits.into_iter().for_each(|(id, appends)| database.advance(&id, appends));
                Ok(Some(ids))
            }
            CatchUp::Everything(database) => {
                self.database.replace(database);
                Ok(None)
            }
        }
    }

    fn next_id(&self) -> SegmentId {
        let count = self.commit_count.get() + 1;
        self.commit_count.set(count);
        format!("{}-{}-{count}", self.node.id(), self.life)
    }
}

/// Whatever happened before the root was to be replaced, nothing was committed.
#[expect(clippy::needless_pass_by_value, reason = "that is how errors are mapped")]
fn without_effect(error: RpcError) -> RpcError {
    RpcError::new(ErrorCode::ABORT, format!("nothing was committed, since lin-kv could not be used: {error}"))
}
