//! The node: transactions come, and are committed in rounds.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::channel::oneshot;
use futures::future::join_all;
use glomers_node::{Node, NodeId, Router, RpcError};

use crate::committer::{Committer, Waiting};
use crate::delegation::{
    Delegate, DelegateOk, Delegated, Delegates, Introduce, IntroduceOk, Outcome, is_outdated,
};
use crate::transaction::{MicroOperation, Txn, TxnOk};

/// A node of the database. Cheap to clone; all clones are the same node.
///
/// Two lines of work go on side by side. What only reads is answered by this node itself, and so is all that it commits; what it
/// has another node commit waits for that one.
#[derive(Debug, Clone)]
pub struct ListServer {
    shared: Rc<Shared>,
}

#[derive(Debug)]
struct Shared {
    node: Node,
    committer: Committer,
    delegates: Delegates,
    delegated: Delegated,
    /// What tells this run of the program from all others, on this node or another.
    life: u64,
    /// What this node commits itself.
    own: Queue,
    /// What another node may commit.
    delegable: Queue,
}

/// Transactions that wait for the next round of a line of work, which is under way while there are any.
#[derive(Debug, Default)]
struct Queue {
    waiting: RefCell<Vec<Waiting>>,
    is_worked_on: Cell<bool>,
}

impl ListServer {
    /// The server with all its handlers.
    pub fn router(node: Node) -> Router<Self> {
        // Whole in every JSON reader, since it is below 2^53.
        let life = node.rng().next_u64() >> 12;
        let shared = Shared {
            committer: Committer::new(&node, life),
            delegates: Delegates::new(&node, life),
            delegated: Delegated::default(),
            life,
            own: Queue::default(),
            delegable: Queue::default(),
            node,
        };
        Router::new(Self { shared: Rc::new(shared) })
            .on(Self::transact)
            .on(Self::introduce)
            .on_from(Self::commit_for_another)
    }

    async fn transact(&self, request: Txn) -> Result<TxnOk, RpcError> {
        let appends = request.txn.iter().any(|operation| matches!(operation, MicroOperation::Append { .. }));
        let answer = if appends && self.shared.delegates.committer().is_some() {
            self.shared.delegate_later(request.txn)
        } else {
            self.shared.commit_later(request.txn)
        };
        answered(answer).await
    }

    async fn introduce(&self, _request: Introduce) -> Result<IntroduceOk, RpcError> {
        Ok(IntroduceOk { life: self.shared.life })
    }

    /// Whoever asks has chosen this node to commit, so that it does not pass the transactions on.
    async fn commit_for_another(&self, src: NodeId, request: Delegate) -> Result<DelegateOk, RpcError> {
        if request.to != self.shared.life {
            return Err(is_outdated());
        }
        let carry_out = |transactions: Vec<Vec<MicroOperation>>| {
            let later = transactions.into_iter().map(|transaction| self.shared.commit_later(transaction));
            let answers: Vec<Answer> = later.collect();
            async move {
                let outcomes = join_all(answers.into_iter().map(answered)).await;
                DelegateOk { outcomes: outcomes.into_iter().map(Outcome::from).collect() }
            }
        };
        self.shared.delegated.once(src, request, carry_out).await
    }
}

type Answer = oneshot::Receiver<Result<TxnOk, RpcError>>;

async fn answered(answer: Answer) -> Result<TxnOk, RpcError> {
    answer.await.unwrap_or_else(|_| unreachable!("every transaction is answered"))
}

impl Shared {
    fn commit_later(self: &Rc<Self>, transaction: Vec<MicroOperation>) -> Answer {
        let (waiting, answer) = Waiting::new(transaction, self.node.now());
        self.commit_soon([waiting]);
        answer
    }

    fn delegate_later(self: &Rc<Self>, transaction: Vec<MicroOperation>) -> Answer {
        let (waiting, answer) = Waiting::new(transaction, self.node.now());
        if self.delegable.add([waiting]) {
            let shared = Rc::clone(self);
            self.node.spawn(async move { shared.delegate_all().await });
        }
        answer
    }

    fn commit_soon(self: &Rc<Self>, waiting: impl IntoIterator<Item = Waiting>) {
        if self.own.add(waiting) {
            let shared = Rc::clone(self);
            self.node.spawn(async move { shared.commit_all().await });
        }
    }

    /// Round after round, until nothing waits.
    async fn commit_all(&self) {
        let mut round = Vec::new();
        loop {
            // Whoever came while others were overtaken rides along.
            round.append(&mut self.own.take());
            round = self.committer.give_up_late(round);
            if round.is_empty() {
                self.own.is_worked_on.set(false);
                return;
            }
            round = self.committer.commit(round).await;
        }
    }

    /// The same, by another node.
    async fn delegate_all(self: &Rc<Self>) {
        loop {
            let round = self.delegable.take();
            if round.is_empty() {
                self.delegable.is_worked_on.set(false);
                return;
            }
            let refused = self.delegates.delegate(round).await;
            self.commit_soon(refused);
        }
    }
}

impl Queue {
    /// Adds transactions; `true` where somebody must begin to work on them.
    fn add(&self, waiting: impl IntoIterator<Item = Waiting>) -> bool {
        let mut queue = self.waiting.borrow_mut();
        queue.extend(waiting);
        !queue.is_empty() && !self.is_worked_on.replace(true)
    }

    fn take(&self) -> Vec<Waiting> {
        self.waiting.take()
    }
}
