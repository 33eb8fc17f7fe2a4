//! Transactions on copies that follow later.

use std::{cell::RefCell, collections::BTreeMap};

use glomers_node::{Node, NodeId, Router, RpcError, messages};

use super::{plan, run_plan, told};

/// `["r", key, null]` or `["append", key, value]`, and with what was read in the answer.
type Step = (String, u64, Read);

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
enum Read {
    List(Vec<u64>),
    Value(Option<u64>),
}

messages! {
    "txn" struct Transaction { txn: Vec<Step> } => "txn_ok" struct TransactionOk { txn: Vec<Step> };
    "apply" struct Apply { txn: Vec<Step> };
}

/// Carries out each transaction on its own copy at once, and tells the others afterwards.
struct Copy {
    node: Node,
    lists: RefCell<BTreeMap<u64, Vec<u64>>>,
}

impl Copy {
    fn router(node: Node) -> Router<Self> {
        Router::new(Self { node, lists: RefCell::default() }).on(Self::transact).on_notice(Self::apply)
    }

    fn carry_out(&self, steps: &[Step]) -> Vec<Step> {
        let mut lists = self.lists.borrow_mut();
        let step = |(name, key, value): &Step| {
            let list = lists.entry(*key).or_default();
            match value {
                Read::Value(Some(element)) if name == "append" => {
                    list.push(*element);
                    (name.clone(), *key, value.clone())
                }
                _ => (name.clone(), *key, Read::List(list.clone())),
            }
        };
        steps.iter().map(step).collect()
    }

    async fn transact(&self, Transaction { txn }: Transaction) -> Result<TransactionOk, RpcError> {
        let done = self.carry_out(&txn);
        for peer in self.node.peers() {
            self.node.send(peer, &Apply { txn: txn.clone() });
        }
        Ok(TransactionOk { txn: done })
    }

    async fn apply(&self, _: NodeId, Apply { txn }: Apply) {
        self.carry_out(&txn);
    }
}

#[test]
fn transactions_that_do_not_see_each_other() {
    let mut plan = plan("txn-list-append");
    plan.latency.mean_ms = 50.0;
    let script = "at 1s client 0 txn [[:append 1 5] [:r 2 nil]]\nat 1s client 1 txn [[:append 2 6] [:r 1 nil]]\n\
                  at 2s client 2 txn [[:r 1 nil] [:r 2 nil]]\n";
    let outcome = run_plan(&plan, script, Copy::router);
    insta::assert_snapshot!(told(&outcome));
}
