//! How nodes agree on who commits, so that they do not overtake each other again and again.
//!
//! Every node hands what appends something to the first node that answers, which commits it together with all else that has come.
//! Nobody needs to agree on that: the root decides what is committed, and two nodes that both commit do no more than
//! slow each other down. Only where a node does not answer, nobody knows whether it has committed what it was given.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use glomers_node::{ErrorCode, Node, NodeId, RpcError, Time, messages};
use serde::{Deserialize, Serialize};

use crate::committer::Waiting;
use crate::transaction::{MicroOperation, TxnOk};

/// How long a node waits for the one that commits. Half of what its clients wait.
const TIMEOUT: Duration = Duration::from_millis(2500);
/// How long a node that has not answered is not asked again.
const SUSPICION: Duration = Duration::from_secs(5);

/// Has another node commit transactions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Delegate {
    /// The micro-operations of each.
    pub(crate) transactions: Vec<Vec<MicroOperation>>,
}

/// Answers [`Delegate`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DelegateOk {
    /// What became of each, in the same order.
    pub(crate) outcomes: Vec<Outcome>,
}

/// What became of a transaction.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It was committed.
    Committed(TxnOk),
    /// It was not, or nobody knows: as the code says.
    Failed(RpcError),
}

messages! {
    "delegate" Delegate => "delegate_ok" DelegateOk;
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
    /// The nodes that have not answered, and until when they are not asked again.
    suspected: RefCell<BTreeMap<NodeId, Time>>,
}

impl Delegates {
    pub(crate) fn new(node: &Node) -> Self {
        Self { node: node.clone(), suspected: RefCell::default() }
    }

    /// Who commits for this node; `None` where it does so itself.
    pub(crate) fn committer(&self) -> Option<&NodeId> {
        let suspected = self.suspected.borrow();
        let answers = |id: &&NodeId| suspected.get(*id).is_none_or(|until| *until <= self.node.now());
        self.node.node_ids().iter().find(answers).filter(|id| *id != self.node.id())
    }

    /// Has these transactions committed, and answers them. Returns them where that certainly did not happen.
    pub(crate) async fn delegate(&self, round: Vec<Waiting>) -> Vec<Waiting> {
        let Some(committer) = self.committer() else { return round };
        let transactions = round.iter().map(|waiting| waiting.transaction.clone()).collect();
        match self.node.rpc(committer, Delegate { transactions }).timeout(TIMEOUT).await {
            Ok(DelegateOk { outcomes }) => {
                for (waiting, outcome) in round.into_iter().zip(outcomes) {
                    waiting.answer(outcome.into());
                }
                Vec::new()
            }
            Err(error) => {
                let until = self.node.now() + SUSPICION;
                self.suspected.borrow_mut().insert(committer.clone(), until);
                if error.code.is_definite() {
                    return round;
                }
                let text = format!(
                    "{committer} was to commit this, and nobody knows whether it did: {}",
                    error.text
                );
                let unknown = RpcError::new(ErrorCode::TIMEOUT, text);
                round.into_iter().for_each(|waiting| waiting.answer(Err(unknown.clone())));
                Vec::new()
            }
        }
    }
}
