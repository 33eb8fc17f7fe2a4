//! The node: transactions come, and are committed in rounds.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use glomers_node::{ErrorCode, Node, Router, RpcError, Time};

use crate::archive::{Archive, Attempt, CatchUp};
use crate::database::Database;
use crate::history::SegmentId;
use crate::transaction::{MicroOperation, Txn, TxnOk};

/// A transaction that others have overtaken again and again is given up after this: clients wait for five seconds.
const PATIENCE: Duration = Duration::from_millis(4500);

/// A node of the database. Cheap to clone; all clones are the same node.
#[derive(Debug, Clone)]
pub struct ListServer {
    shared: Rc<Shared>,
}

#[derive(Debug)]
struct Shared {
    node: Node,
    archive: Archive,
    database: RefCell<Database>,
    /// The transactions that came since the last round began.
    queue: RefCell<Vec<Waiting>>,
    is_committing: Cell<bool>,
    /// What tells this life's commits from those of all other lives and nodes.
    life: u64,
    commit_count: Cell<u64>,
}

/// A transaction and its client.
#[derive(Debug)]
struct Waiting {
    transaction: Vec<MicroOperation>,
    came_at: Time,
    answer: oneshot::Sender<Result<TxnOk, RpcError>>,
}

impl ListServer {
    /// The server with its one handler.
    pub fn router(node: Node) -> Router<Self> {
        let life = node.rng().next_u64() >> 12;
        let shared = Shared {
            archive: Archive::new(&node),
            node,
            database: RefCell::default(),
            queue: RefCell::default(),
            is_committing: Cell::new(false),
            life,
            commit_count: Cell::new(0),
        };
        Router::new(Self { shared: Rc::new(shared) }).on(Self::transact)
    }

    async fn transact(&self, request: Txn) -> Result<TxnOk, RpcError> {
        let (answer, receiver) = oneshot::channel();
        let came_at = self.shared.node.now();
        self.shared.queue.borrow_mut().push(Waiting { transaction: request.txn, came_at, answer });
        if !self.shared.is_committing.replace(true) {
            let shared = Rc::clone(&self.shared);
            self.shared.node.spawn(async move { shared.commit_all().await });
        }
        receiver.await.unwrap_or_else(|_| unreachable!("every transaction is answered"))
    }
}

impl Shared {
    /// Round after round, until no transaction is left.
    async fn commit_all(&self) {
        let mut round = Vec::new();
        loop {
            // Whoever came while others were overtaken rides along.
            round.append(&mut self.queue.borrow_mut());
            self.give_up_late(&mut round);
            if round.is_empty() {
                self.is_committing.set(false);
                return;
            }
            match self.commit(&round).await {
                Ok(Some(completed)) => answer(round.drain(..).zip(completed.into_iter().map(Ok))),
                Ok(None) => {}
                Err(error) => answer(round.drain(..).map(|waiting| (waiting, Err(error.clone())))),
            }
        }
    }

    /// Tries once to commit these transactions, all or none. `None` where others were first; then this copy of the
    /// lists knows what they did.
    async fn commit(&self, round: &[Waiting]) -> Result<Option<Vec<Vec<MicroOperation>>>, RpcError> {
        let transactions = round.iter().map(|waiting| waiting.transaction.as_slice());
        let (completed, appends) = self.database.borrow().carry_out(transactions);
        let former = self.database.borrow().head().cloned();
        if appends.is_empty() {
            let root = self.archive.root().await.map_err(without_effect)?;
            let is_current = root == former;
            self.catch_up(root).await.map_err(without_effect)?;
            return Ok(is_current.then_some(completed));
        }
        let draft = self.database.borrow().draft(self.next_id(), appends);
        let root = self.archive.write(&draft).await.map_err(without_effect)?;
        if root != former {
            self.catch_up(root).await.map_err(without_effect)?;
            return Ok(None);
        }
        let attempt = self.archive.replace_root(former.as_ref(), &draft).await?;
        if attempt == Attempt::Committed {
            self.database.borrow_mut().advance(&draft.id, draft.appends);
            return Ok(Some(completed));
        }
        let root = self.archive.root().await?;
        let passed = self.catch_up(root).await?;
        match (attempt, passed) {
            (Attempt::Unclear, Some(passed)) if passed.contains(&draft.id) => Ok(Some(completed)),
            (Attempt::Unclear, None) => {
                let text =
                    "the commit was not confirmed, and too many others followed to tell whether it was made";
                Err(RpcError::new(ErrorCode::CRASH, text))
            }
            _ => Ok(None),
        }
    }

    /// Goes on to the commit that the root names, and returns the names of those that were passed, where they are known.
    async fn catch_up(&self, root: Option<SegmentId>) -> Result<Option<Vec<SegmentId>>, RpcError> {
        let Some(root) = root.filter(|root| self.database.borrow().head() != Some(root)) else {
            return Ok(Some(Vec::new()));
        };
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

    fn give_up_late(&self, round: &mut Vec<Waiting>) {
        let now = self.node.now();
        let (late, on_time) = std::mem::take(round)
            .into_iter()
            .partition(|waiting: &Waiting| now.since(waiting.came_at) > PATIENCE);
        *round = on_time;
        let late: Vec<Waiting> = late;
        answer(late.into_iter().map(|waiting| {
            let text = "other transactions were committed first, again and again: try again";
            (waiting, Err(RpcError::new(ErrorCode::TXN_CONFLICT, text)))
        }));
    }

    fn next_id(&self) -> SegmentId {
        let count = self.commit_count.get() + 1;
        self.commit_count.set(count);
        format!("{}-{}-{count}", self.node.id(), self.life)
    }
}

fn answer(outcomes: impl Iterator<Item = (Waiting, Result<Vec<MicroOperation>, RpcError>)>) {
    for (waiting, outcome) in outcomes {
        // The client's handler may have ended; then nobody wants it.
        let _ = waiting.answer.send(outcome.map(|txn| TxnOk { txn }));
    }
}

/// Whatever happened before the root was to be replaced, nothing was committed.
#[expect(clippy::needless_pass_by_value, reason = "that is how errors are mapped")]
fn without_effect(error: RpcError) -> RpcError {
    RpcError::new(ErrorCode::ABORT, format!("nothing was committed, since lin-kv could not be used: {error}"))
}
