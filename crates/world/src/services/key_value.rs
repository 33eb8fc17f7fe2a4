//! What the key-value services have in common: their requests, what each does to the value under its key, and the answers.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use glomers_node::protocol::{Body, Request};
use glomers_node::services::{CasOk, Read, ReadOk, Write, WriteOk};
use glomers_node::{
    CoreOptions, ErrorCode, Json, Node, NodeCore, NodeId, Random, RawValue, Router, RpcError,
};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// How much a store keeps, as [`Values`] counts it.
pub(super) const LIMIT_BYTES: usize = 64 << 20;

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

/// The name of a register. Keys that say the same are the same key.
#[derive(Debug, Clone)]
pub(super) struct Key(Json);

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

/// What is under each key, and what that costs.
pub(super) struct Values<V> {
    by_key: FxHashMap<Key, V>,
    bytes: usize,
}

/// What a [`Values`] counts.
pub(super) trait Weigh {
    /// How many bytes of memory this takes, at most, whatever it shares with others.
    fn weigh(&self) -> usize;
}

impl<V: Weigh> Values<V> {
    pub(super) fn get(&self, key: &Key) -> Option<&V> {
        self.by_key.get(key)
    }

    pub(super) fn insert(&mut self, key: Key, value: V) -> Option<V> {
        let key_bytes = key.weigh();
        self.bytes += key_bytes + value.weigh();
        let former = self.by_key.insert(key, value);
        if let Some(former) = &former {
            self.bytes -= key_bytes + former.weigh();
        }
        former
    }

    #[cfg(test)]
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.by_key.keys()
    }

    /// Refuses a value under a key where it would take more memory than there is left.
    pub(super) fn admit(&self, key: &Key, value: &impl Weigh) -> Result<(), RpcError> {
        let former_bytes = self.get(key).map_or(0, |former| key.weigh() + former.weigh());
        let added_bytes = (key.weigh() + value.weigh()).saturating_sub(former_bytes);
        if added_bytes == 0 || self.bytes + added_bytes <= LIMIT_BYTES {
            return Ok(());
        }
        let text = format!(
            "the store is full: Glomers keeps at most {} MiB in it, and this would add {} KiB under key {key}",
            LIMIT_BYTES >> 20,
            added_bytes.div_ceil(1 << 10)
        );
        Err(RpcError::new(ErrorCode::TEMPORARILY_UNAVAILABLE, text))
    }
}

impl<V> Default for Values<V> {
    fn default() -> Self {
        Self { by_key: FxHashMap::default(), bytes: 0 }
    }
}

impl Weigh for Json {
    /// The text, and once more for the canonical text, which is another one for objects and arrays.
    fn weigh(&self) -> usize {
        const ENTRY_BYTES: usize = 64;
        2 * self.canonical().len() + ENTRY_BYTES
    }
}

impl Weigh for Key {
    fn weigh(&self) -> usize {
        self.0.weigh()
    }
}

impl Key {
    pub(super) fn new(text: Box<RawValue>) -> Self {
        Self(Json::new(text))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.canonical().cmp(other.0.canonical())
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.canonical().hash(state);
    }
}

/// For people: a long key is cut.
impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
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

    async fn cas(&self, client: NodeId, request: CompareAndSet) -> Result<CasOk, RpcError> {
        let action = Action::CompareAndSet {
            from: Json::new(request.from.unwrap_or_else(|| RawValue::NULL.to_owned())),
            to: Json::new(request.to),
            creates: request.create_if_not_exists.is_some_and(|flag| flag.get() != "false"),
        };
        self.apply(&client, request.key, action)?;
        Ok(CasOk {})
    }

    fn apply(&self, client: &NodeId, key: Box<RawValue>, action: Action) -> Result<Json, RpcError> {
        let operation = Operation { key: Key::new(key), action };
        self.store.borrow_mut().apply(client, &operation, &mut self.node.rng())
    }
}

/// [`Cas`](glomers_node::services::Cas), as Maelstrom's services take it: a missing `from` counts as null, and any flag that is
/// neither null nor false is set.
#[derive(Serialize, Deserialize)]
struct CompareAndSet {
    key: Box<RawValue>,
    from: Option<Box<RawValue>>,
    to: Box<RawValue>,
    create_if_not_exists: Option<Box<RawValue>>,
}

impl Body for CompareAndSet {
    const TYPE: &'static str = "cas";
}

impl Request for CompareAndSet {
    type Reply = CasOk;
}

#[cfg(test)]
pub(super) mod testing {
    //! Operations and answers in few letters.

    use super::*;

    pub(crate) fn json(text: &str) -> Json {
        Json::new(RawValue::from_string(text.to_owned()).expect("the text is JSON"))
    }

    fn on(key: &str, action: Action) -> Operation {
        Operation { key: Key(json(&format!("\"{key}\""))), action }
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
