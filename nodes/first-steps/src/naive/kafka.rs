//! A node that polls from the wrong place, one that numbers messages by itself, and one that asks the store for everything.

use std::{cell::RefCell, collections::BTreeMap};

use glomers_node::{ErrorCode, Node, RawValue, Router, RpcError, messages};

type Offsets = BTreeMap<String, u64>;
type Messages = BTreeMap<String, Vec<(u64, Box<RawValue>)>>;

messages! {
    "send" struct Send { key: String, msg: Box<RawValue> } => "send_ok" struct SendOk { offset: u64 };
    "poll" struct Poll { offsets: Offsets } => "poll_ok" struct PollOk { msgs: Messages };
    "commit_offsets" struct Commit { offsets: Offsets } => "commit_offsets_ok" struct CommitOk {};
    "list_committed_offsets" struct List { keys: Vec<String> } =>
    "list_committed_offsets_ok" struct ListOk { offsets: Offsets };
}

// ANCHOR: own
/// Keeps logs of its own, and knows no other node.
#[derive(Debug, Default)]
pub struct OwnLogs {
    logs: RefCell<BTreeMap<String, Vec<Box<RawValue>>>>,
    committed: RefCell<Offsets>,
}

impl OwnLogs {
    /// The server with its handlers.
    pub fn router(_node: Node) -> Router<Self> {
        Router::new(Self::default()).on(Self::send).on(Self::poll).on(Self::commit).on(Self::list)
    }

    async fn send(&self, request: Send) -> Result<SendOk, RpcError> {
        let mut logs = self.logs.borrow_mut();
        let log = logs.entry(request.key).or_default();
        log.push(request.msg);
        Ok(SendOk { offset: log.len() as u64 - 1 })
    }

    async fn poll(&self, request: Poll) -> Result<PollOk, RpcError> {
        Ok(PollOk { msgs: request.offsets.into_iter().map(|(key, first)| self.from(key, first)).collect() })
    }

    fn from(&self, key: String, first: u64) -> (String, Vec<(u64, Box<RawValue>)>) {
        let logs = self.logs.borrow();
        let log = logs.get(&key).map(Vec::as_slice).unwrap_or_default();
        let messages = (0..).zip(log.iter().cloned()).skip(first as usize).take(10).collect();
        (key, messages)
    }
    // ANCHOR_END: own

    async fn commit(&self, request: Commit) -> Result<CommitOk, RpcError> {
        self.committed.borrow_mut().extend(request.offsets);
        Ok(CommitOk {})
    }

    async fn list(&self, request: List) -> Result<ListOk, RpcError> {
        let committed = self.committed.borrow();
        let known = request.keys.into_iter().filter_map(|key| Some((key.clone(), *committed.get(&key)?)));
        Ok(ListOk { offsets: known.collect() })
    }
}

/// As [`OwnLogs`], but polls begin behind the offset that was asked for.
#[derive(Debug)]
pub struct OffByOne {
    logs: OwnLogs,
}

// ANCHOR: off-by-one
impl OffByOne {
    async fn poll(&self, request: Poll) -> Result<PollOk, RpcError> {
        let behind = request.offsets.into_iter().map(|(key, first)| self.logs.from(key, first + 1));
        Ok(PollOk { msgs: behind.collect() })
    }
    // ANCHOR_END: off-by-one

    /// The server with its handlers.
    pub fn router(_node: Node) -> Router<Self> {
        Router::new(Self { logs: OwnLogs::default() })
            .on(Self::send)
            .on(Self::poll)
            .on(Self::commit)
            .on(Self::list)
    }

    async fn send(&self, request: Send) -> Result<SendOk, RpcError> {
        self.logs.send(request).await
    }

    async fn commit(&self, request: Commit) -> Result<CommitOk, RpcError> {
        self.logs.commit(request).await
    }

    async fn list(&self, request: List) -> Result<ListOk, RpcError> {
        self.logs.list(request).await
    }
}

// ANCHOR: expensive
/// Keeps all in the linearizable store: for each key the number of messages, and each message by itself.
#[derive(Debug)]
pub struct Expensive {
    node: Node,
}

impl Expensive {
    async fn send(&self, request: Send) -> Result<SendOk, RpcError> {
        let store = self.node.lin_kv();
        loop {
            let offset: u64 = store.read_or(&request.key, 0).await?;
            match store.cas_or_create(&request.key, offset, offset + 1).await {
                Ok(()) => {
                    store.write(format!("{}/{offset}", request.key), &request.msg).await?;
                    return Ok(SendOk { offset });
                }
                Err(error) if error.code == ErrorCode::PRECONDITION_FAILED => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn poll(&self, request: Poll) -> Result<PollOk, RpcError> {
        let store = self.node.lin_kv();
        let mut msgs = Messages::new();
        for (key, first) in request.offsets {
            let log = msgs.entry(key.clone()).or_default();
            for offset in first..first + 3 {
                match store.read(format!("{key}/{offset}")).await {
                    Ok(message) => log.push((offset, message)),
                    Err(error) if error.code == ErrorCode::KEY_DOES_NOT_EXIST => break,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(PollOk { msgs })
    }
    // ANCHOR_END: expensive

    /// The server with its handlers.
    pub fn router(node: Node) -> Router<Self> {
        Router::new(Self { node }).on(Self::send).on(Self::poll).on(Self::commit).on(Self::list)
    }

    async fn commit(&self, request: Commit) -> Result<CommitOk, RpcError> {
        for (key, offset) in request.offsets {
            self.node.lin_kv().write(format!("{key}/committed"), offset).await?;
        }
        Ok(CommitOk {})
    }

    async fn list(&self, request: List) -> Result<ListOk, RpcError> {
        let mut offsets = Offsets::new();
        for key in request.keys {
            match self.node.lin_kv().read(format!("{key}/committed")).await {
                Ok(offset) => {
                    offsets.insert(key, offset);
                }
                Err(error) if error.code == ErrorCode::KEY_DOES_NOT_EXIST => {}
                Err(error) => return Err(error),
            }
        }
        Ok(ListOk { offsets })
    }
}
