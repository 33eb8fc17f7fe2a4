//! How nodes agree on who commits, so that they do not overtake each other again and again.
//!
//! Every node hands what appends something to the first node that answers, which commits it together with all else that has come.
//! Nobody needs to agree on that: the root decides what is committed, and two nodes that both commit do no more than
//! slow each other down. Only where a node does not answer, it is not known whether it has committed what it was given.
//!
//! A network may deliver a request twice, even to a node that was killed and started again in between. So every request names
//! the life of the node that it is for, which the sender has to ask for first, and bears a number of the sender's; the
//! same request is carried out once.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture, Shared};
use glomers_node::{ErrorCode, Node, NodeId, RpcError, Time, messages};
use serde::{Deserialize, Serialize};

use crate::committer::TxnJob;
use crate::transaction::{MicroOperation, TxnOk};

/// How long a node waits for the one that commits. Half of what its clients wait.
const TIMEOUT: Duration = Duration::from_millis(2500);
/// How long a node that has not answered is not asked again.
const SUSPICION: Duration = Duration::from_secs(5);

/// What became of a transaction.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It was committed.
    Committed(TxnOk),
    /// It was not, or may not have been: see the code.
    Failed(RpcError),
}

messages! {
    /// Asks which life a node is in.
    "introduce" pub(crate) struct Introduce {} =>
    /// Answers [`Introduce`].
    "introduce_ok" pub(crate) struct IntroduceOk { pub(crate) life: u64 };

    /// Has another node commit transactions.
    "delegate" pub(crate) struct Delegate {
        /// The sender's life.
        pub(crate) from: u64,
        /// The life of the receiver.
        pub(crate) to: u64,
        /// Greater than that of all former requests of the sender's life.
        pub(crate) number: u64,
        /// The micro-operations of each.
        pub(crate) transactions: Vec<Vec<MicroOperation>>,
    } =>
    /// Answers [`Delegate`].
    "delegate_ok" pub(crate) struct DelegateOk {
        /// What became of each, in the same order.
        pub(crate) outcomes: Vec<Outcome>,
    };
}

impl From<Result<TxnOk, RpcError>> for Outcome {
    fn from(result: Result<TxnOk, RpcError>) -> Self {
        result.map_or_else(Self::Failed, Self::Committed)
    }
}

impl From<Outcome> for Result<TxnOk, RpcError> {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Committed(reply) => Ok(reply),
            Outcome::Failed(error) => Err(error),
        }
    }
}

/// The other nodes, as those that may commit for this one.
#[derive(Debug)]
pub(crate) struct Delegates {
    node: Node,
    /// This node's own life.
    life: u64,
    count: Cell<u64>,
    /// The lives of those that have introduced themselves.
    lives: RefCell<BTreeMap<NodeId, u64>>,
    /// The nodes that have not answered, and until when they are not asked again.
    suspected: RefCell<BTreeMap<NodeId, Time>>,
}

impl Delegates {
    pub(crate) fn new(node: &Node, life: u64) -> Self {
        Self {
            node: node.clone(),
            life,
            count: Cell::new(0),
            lives: RefCell::default(),
            suspected: RefCell::default(),
        }
    }

    /// Who commits for this node; `None` where it does so itself.
    pub(crate) fn committer(&self) -> Option<&NodeId> {
        let suspected = self.suspected.borrow();
        let answers = |id: &&NodeId| suspected.get(*id).is_none_or(|until| *until <= self.node.now());
        self.node.node_ids().iter().find(answers).filter(|id| *id != self.node.id())
    }

    /// Has these transactions committed, and answers them. Returns them where that certainly did not happen.
    pub(crate) async fn delegate(&self, round: Vec<TxnJob>) -> Vec<TxnJob> {
        let Some(committer) = self.committer() else { return round };
        let Some(to) = self.life_of(committer).await else { return round };
        self.count.set(self.count.get() + 1);
        let transactions = round.iter().map(|job| job.request.transaction.clone()).collect();
        let request = Delegate { from: self.life, to, number: self.count.get(), transactions };
        match self.node.rpc(committer, request).timeout(TIMEOUT).await {
            Ok(DelegateOk { outcomes }) => {
                for (job, outcome) in round.into_iter().zip(outcomes) {
                    job.answer(outcome.into());
                }
                Vec::new()
            }
            Err(error) => {
                self.suspect(committer);
                if error.code.is_definite() {
                    return round;
                }
                let text =
                    format!("{committer} was asked to commit this, and may have done so: {}", error.text);
                let unknown = RpcError::new(ErrorCode::TIMEOUT, text);
                round.into_iter().for_each(|job| job.answer(Err(unknown.clone())));
                Vec::new()
            }
        }
    }

    /// Which life a node is in; `None` where it does not say.
    async fn life_of(&self, committer: &NodeId) -> Option<u64> {
        let known = self.lives.borrow().get(committer).copied();
        if known.is_some() {
            return known;
        }
        if let Ok(IntroduceOk { life }) = self.node.rpc(committer, Introduce {}).await {
            self.lives.borrow_mut().insert(committer.clone(), life);
            return Some(life);
        }
        self.suspect(committer);
        None
    }

    fn suspect(&self, committer: &NodeId) {
        self.lives.borrow_mut().remove(committer);
        self.suspected.borrow_mut().insert(committer.clone(), self.node.now() + SUSPICION);
    }
}

/// The requests of other nodes, each carried out once.
#[derive(Debug, Default)]
pub(crate) struct Delegated {
    /// The last one of each life of each node: what an earlier life has sent may come late too.
    last: RefCell<BTreeMap<(NodeId, u64), LastRequest>>,
}

#[derive(Debug)]
struct LastRequest {
    number: u64,
    reply: Shared<LocalBoxFuture<'static, DelegateOk>>,
}

impl Delegated {
    /// The reply to a request, which `carry_out` makes unless the request has come before.
    pub(crate) async fn once<F: Future<Output = DelegateOk> + 'static>(
        &self,
        src: NodeId,
        request: Delegate,
        carry_out: impl FnOnce(Vec<Vec<MicroOperation>>) -> F,
    ) -> Result<DelegateOk, RpcError> {
        let Delegate { from, number, transactions, .. } = request;
        let reply = {
            let mut last = self.last.borrow_mut();
            match last.get(&(src.clone(), from)) {
                Some(last) if last.number == number => last.reply.clone(),
                // Its sender has gone on, and listens to no answer any more.
                Some(last) if last.number > number => return Err(is_outdated()),
                _ => {
                    let reply = carry_out(transactions).boxed_local().shared();
                    last.insert((src, from), LastRequest { number, reply: reply.clone() });
                    reply
                }
            }
        };
        Ok(reply.await)
    }
}

/// Why a request that came late or to another life is not carried out.
pub(crate) fn is_outdated() -> RpcError {
    RpcError::new(
        ErrorCode::ABORT,
        "the request is for another life of this node, or out of date: nothing was done",
    )
}
