//! A database that looks well and is not: the checker must say so, and name the transactions.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use glomers_node::{Json, Node, Router, RpcError};
use glomers_workbench::{LatencyDistribution, Simulation, Validity};
use txn_list_append::transaction::{MicroOperation, Txn, TxnOk};

type Lists = BTreeMap<String, Vec<Json>>;

/// All lists are one register of `lin-kv`. Transactions that append are committed by compare-and-set; the others are
/// answered from the root that the node has seen last, which may be stale.
struct StaleReader {
    node: Node,
    seen: RefCell<Lists>,
}

impl StaleReader {
    fn router(node: Node) -> Router<Self> {
        Router::new(Self { node, seen: RefCell::default() }).on(Self::transact)
    }

    async fn transact(&self, request: Txn) -> Result<TxnOk, RpcError> {
        let appends = request.txn.iter().any(|operation| matches!(operation, MicroOperation::Append { .. }));
        if !appends {
            return Ok(TxnOk { txn: carry_out(&mut self.seen.borrow_mut(), request.txn) });
        }
        let root = self.node.lin_kv().read_or("root", Lists::new()).await?;
        let mut lists = root.clone();
        let txn = carry_out(&mut lists, request.txn);
        self.node.lin_kv().cas_or_create("root", root, &lists).await?;
        self.seen.replace(lists);
        Ok(TxnOk { txn })
    }
}

fn carry_out(lists: &mut Lists, txn: Vec<MicroOperation>) -> Vec<MicroOperation> {
    let step = |operation| match operation {
        MicroOperation::Read { key, .. } => {
            let list = lists.get(key.canonical()).cloned().unwrap_or_default();
            MicroOperation::Read { key, list: Some(list) }
        }
        MicroOperation::Append { key, element } => {
            lists.entry(key.canonical().to_owned()).or_default().push(element.clone());
            MicroOperation::Append { key, element }
        }
    };
    txn.into_iter().map(step).collect()
}

#[test]
fn a_stale_root_is_caught() {
    let outcome = Simulation::new("txn-list-append")
        .node_count(3)
        .rate_hz(50.0)
        .latency(5.0, LatencyDistribution::Exponential)
        .time_limit(Duration::from_secs(10))
        .run(StaleReader::router);
    println!("{}\n{}", outcome.sentence, outcome.findings.join("\n"));
    assert_eq!(outcome.validity, Validity::Invalid, "{}", outcome.sentence);
    let said = format!("{} {}", outcome.sentence, outcome.findings.join(" "));
    assert!(said.contains("operation"), "no transaction is named: {said}");
}
