//! What the key-value services have in common: their requests, what each does to the value under its key, and the answers.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use glomers_node::services::{Cas, CasOk, Read, ReadOk, Write, WriteOk};
use glomers_node::{
    CoreOptions, ErrorCode, Json, Node, NodeCore, NodeId, Random, RawValue, Router, RpcError,
};

/// A key-value store: it decides which state of the past or the present an operation acts on.
pub(super) trait Store: 'static {
    /// Carries out an operation of a client, and returns the value that is under its key afterwards.
    fn apply(
        &mut self,
        client: &NodeId,
        operation: &Operation,
        random: &mut Random,
    ) -> Result<Json, RpcError>;
}

/// A request to a store.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) key: Key,
    pub(super) action: Action,
}

/// The name of a register, as canonical JSON: keys that say the same are the same key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key(Rc<str>);

/// What is done to the value under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Read,
    Write(Json),
    CompareAndSet {
        from: Json,
        to: Json,
        /// Whether a key without a value gets the new one.
        creates: bool,
    },
}

impl Key {
    pub(super) fn new(text: Box<RawValue>) -> Self {
        Self(Json::new(text).canonical().into())
    }
}

/// For people: a long key is cut.
impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json: Json = serde_json::from_str(&self.0).map_err(|_| fmt::Error)?;
        json.fmt(formatter)
    }
}

impl Operation {
    /// Decides what is under the key afterwards, where `current` is there now. An operation changes nothing where that is the same.
    pub(super) fn act_on(&self, current: Option<&Json>) -> Result<Json, RpcError> {
        match (&self.action, current) {
            (Action::Write(value), _) => Ok(value.clone()),
            (Action::Read, Some(current)) => Ok(current.clone()),
            (Action::CompareAndSet { from, to, .. }, Some(current)) if current == from => Ok(to.clone()),
            (Action::CompareAndSet { from, .. }, Some(current)) => {
                let text = format!("current value {current} of key {} is not {from}", self.key);
                Err(RpcError::new(ErrorCode::PRECONDITION_FAILED, text))
            }
            (Action::CompareAndSet { to, creates: true, .. }, None) => Ok(to.clone()),
            (Action::Read | Action::CompareAndSet { .. }, None) => Err(self.missing_key()),
        }
    }

    /// The error of an operation that found nothing under its key.
    pub(super) fn missing_key(&self) -> RpcError {
        RpcError::new(ErrorCode::KEY_DOES_NOT_EXIST, format!("key {} does not exist", self.key))
    }
}

/// A core that answers the requests to a store.
pub(super) fn serve(options: CoreOptions, id: NodeId, store: impl Store) -> NodeCore {
    NodeCore::started(options, id, Vec::new(), |node| {
        Router::new(Server { node, store: RefCell::new(store) })
            .on_from(Server::read)
            .on_from(Server::write)
            .on_from(Server::cas)
    })
}

struct Server<S> {
    node: Node,
    store: RefCell<S>,
}

impl<S: Store> Server<S> {
    async fn read(&self, client: NodeId, request: Read) -> Result<ReadOk, RpcError> {
        let value = self.apply(&client, request.key, Action::Read)?;
        Ok(ReadOk { value: value.to_raw() })
    }

    async fn write(&self, client: NodeId, request: Write) -> Result<WriteOk, RpcError> {
        self.apply(&client, request.key, Action::Write(Json::new(request.value)))?;
        Ok(WriteOk {})
    }

    async fn cas(&self, client: NodeId, request: Cas) -> Result<CasOk, RpcError> {
        let (from, to) = (Json::new(request.from), Json::new(request.to));
        let action = Action::CompareAndSet { from, to, creates: request.create_if_not_exists };
        self.apply(&client, request.key, action)?;
        Ok(CasOk {})
    }

    fn apply(&self, client: &NodeId, key: Box<RawValue>, action: Action) -> Result<Json, RpcError> {
        let operation = Operation { key: Key::new(key), action };
        self.store.borrow_mut().apply(client, &operation, &mut self.node.rng())
    }
}

#[cfg(test)]
pub(super) mod testing {
    //! Operations and answers in few letters.

    use super::*;

    pub(crate) fn json(text: &str) -> Json {
        Json::new(RawValue::from_string(text.to_owned()).expect("the text is JSON"))
    }

    fn on(key: &str, action: Action) -> Operation {
        Operation { key: Key(format!("\"{key}\"").into()), action }
    }

    pub(crate) fn read(key: &str) -> Operation {
        on(key, Action::Read)
    }

    pub(crate) fn write(key: &str, value: u64) -> Operation {
        on(key, Action::Write(json(&value.to_string())))
    }

    pub(crate) fn cas(key: &str, from: u64, to: u64) -> Operation {
        cas_from(key, from, to, false)
    }

    pub(crate) fn cas_or_create(key: &str, from: u64, to: u64) -> Operation {
        cas_from(key, from, to, true)
    }

    fn cas_from(key: &str, from: u64, to: u64, creates: bool) -> Operation {
        on(key, Action::CompareAndSet { from: json(&from.to_string()), to: json(&to.to_string()), creates })
    }

    /// The value under the key afterwards, or the error's code.
    pub(crate) type Answer = Result<u64, u64>;

    /// A store, and what it draws from.
    pub(crate) struct Harness<S> {
        pub(crate) store: S,
        random: Random,
    }

    impl<S: Store> Harness<S> {
        pub(crate) fn new(store: S, seed: u64) -> Self {
            Self { store, random: Random::derive(seed, "store") }
        }

        pub(crate) fn apply(&mut self, client: &str, operation: &Operation) -> Answer {
            match self.store.apply(&client.into(), operation, &mut self.random) {
                Ok(value) => Ok(value.canonical().parse().expect("the tests write integers")),
                Err(error) => Err(error.code.0),
            }
        }
    }
}
