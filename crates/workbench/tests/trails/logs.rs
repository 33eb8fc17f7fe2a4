//! A log that is not in order.

use std::{cell::RefCell, collections::BTreeMap};

use glomers_node::{Node, NodeId, Router, RpcError, messages};

use super::{plan, run_plan, told};

messages! {
    "send" struct Send { key: String, msg: u64 } => "send_ok" struct SendOk { offset: usize };
    "poll" struct Poll { offsets: BTreeMap<String, usize> } => "poll_ok" struct PollOk { msgs: BTreeMap<String, Vec<(usize, u64)>> };
    "commit_offsets" struct Commit {} => "commit_offsets_ok" struct CommitOk {};
    "list_committed_offsets" struct List {} => "list_committed_offsets_ok" struct ListOk { offsets: BTreeMap<String, usize> };
    "append" struct Append { key: String, msg: u64 };
}

/// Each node appends what it hears of, in the order in which it hears of it.
struct Log {
    node: Node,
    logs: RefCell<BTreeMap<String, Vec<u64>>>,
}

impl Log {
    fn router(node: Node) -> Router<Self> {
        Router::new(Self { node, logs: RefCell::default() })
            .on(Self::send)
            .on(Self::poll)
            .on(Self::commit)
            .on(Self::list)
            .on_notice(Self::append)
    }

    async fn send(&self, Send { key, msg }: Send) -> Result<SendOk, RpcError> {
        for peer in self.node.peers() {
            self.node.send(peer, &Append { key: key.clone(), msg });
        }
        let mut logs = self.logs.borrow_mut();
        let log = logs.entry(key).or_default();
        log.push(msg);
        Ok(SendOk { offset: log.len() - 1 })
    }

    async fn append(&self, _: NodeId, Append { key, msg }: Append) {
        self.logs.borrow_mut().entry(key).or_default().push(msg);
    }

    async fn poll(&self, request: Poll) -> Result<PollOk, RpcError> {
        let logs = self.logs.borrow();
        let from = |(key, first): (&String, &usize)| {
            let log = logs.get(key)?.iter().copied().enumerate().skip(*first);
            Some((key.clone(), log.collect()))
        };
        Ok(PollOk { msgs: request.offsets.iter().filter_map(from).collect() })
    }

    async fn commit(&self, _: Commit) -> Result<CommitOk, RpcError> {
        Ok(CommitOk {})
    }

    async fn list(&self, _: List) -> Result<ListOk, RpcError> {
        Ok(ListOk { offsets: BTreeMap::new() })
    }
}

#[test]
fn nodes_that_reorder_what_they_are_sent() {
    let script = "at 1s client 0 assign [\"k\"]\nat 1s client 1 assign [\"k\"]\n\
                  at 2s client 0 send [[:send \"k\" 7]]\nat 2s client 1 send [[:send \"k\" 8]]\n\
                  at 3s client 0 poll [[:poll]]\nat 3.5s client 1 poll [[:poll]]\n";
    let mut plan = plan("kafka");
    plan.latency.mean_ms = 20.0;
    let outcome = run_plan(&plan, script, Log::router);
    insta::assert_snapshot!(told(&outcome));
}
