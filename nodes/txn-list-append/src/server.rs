//! The node: transactions come, and are committed in rounds.

use std::rc::Rc;

use futures::future::join_all;
use glomers_node::{Answer, Batcher, Node, NodeId, Router, RpcError};

use crate::committer::{Committer, TxnJob, Waiting};
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
    own: Rc<TxnBatcher>,
    /// What another node may commit.
    delegable: Rc<TxnBatcher>,
}

type TxnBatcher = Batcher<Waiting, Result<TxnOk, RpcError>>;

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
            own: Rc::default(),
            delegable: Rc::default(),
            node,
        };
        let shared = Rc::new(shared);
        let (committing, delegating) = (Rc::clone(&shared), Rc::clone(&shared));
        shared.own.start_with_jobs(&shared.node, async move |round| committing.commit(round).await);
        shared.delegable.start_with_jobs(&shared.node, async move |round| delegating.delegate(round).await);
        Router::new(Self { shared }).on(Self::transact).on(Self::introduce).on_from(Self::commit_for_another)
    }

    async fn transact(&self, request: Txn) -> Result<TxnOk, RpcError> {
        let appends = request.txn.iter().any(|operation| matches!(operation, MicroOperation::Append { .. }));
        let is_delegable = appends && self.shared.delegates.committer().is_some();
        let batcher = if is_delegable { &self.shared.delegable } else { &self.shared.own };
        self.shared.submit(batcher, request.txn).await
    }

    async fn introduce(&self, _request: Introduce) -> Result<IntroduceOk, RpcError> {
        Ok(IntroduceOk { life: self.shared.life })
    }

    /// The sender has chosen this node to commit, so the transactions are not passed on again.
    async fn commit_for_another(&self, src: NodeId, request: Delegate) -> Result<DelegateOk, RpcError> {
        if request.to != self.shared.life {
            return Err(is_outdated());
        }
        let carry_out = |transactions: Vec<Vec<MicroOperation>>| {
            let submit = |transaction| self.shared.submit(&self.shared.own, transaction);
            let answers: Vec<_> = transactions.into_iter().map(submit).collect();
            async move {
                let outcomes = join_all(answers).await;
                DelegateOk { outcomes: outcomes.into_iter().map(Outcome::from).collect() }
            }
        };
        self.shared.delegated.once(src, request, carry_out).await
    }
}

impl Shared {
    fn submit(
        &self,
        batcher: &TxnBatcher,
        transaction: Vec<MicroOperation>,
    ) -> Answer<Result<TxnOk, RpcError>> {
        batcher.submit(Waiting { transaction, came_at: self.node.now() })
    }

    /// Tries once to commit what has come; what others have overtaken is tried again with what has come meanwhile.
    async fn commit(&self, round: Vec<TxnJob>) -> Vec<TxnJob> {
        let round = self.committer.give_up_late(round);
        if round.is_empty() { round } else { self.committer.commit(round).await }
    }

    /// The same, by another node. What that refuses, this node commits itself.
    async fn delegate(&self, round: Vec<TxnJob>) -> Vec<TxnJob> {
        for refused in self.delegates.delegate(round).await {
            self.own.submit_job(refused);
        }
        Vec::new()
    }
}
