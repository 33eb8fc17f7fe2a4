//! Clients of the services that Maelstrom and Glomers provide to every node.
//!
//! | service | client | promises |
//! |---|---|---|
//! | `lin-kv` | [`Node::lin_kv`] | linearizable registers |
//! | `seq-kv` | [`Node::seq_kv`] | sequentially consistent registers: a read may be stale, but a node never sees time run backwards |
//! | `lww-kv` | [`Node::lww_kv`] | the last writer wins, in the end; until then replicas disagree |
//! | `lin-tso` | [`Node::lin_tso`] | integers that grow, one for each request |
//!
//! The shapes of the messages are those of Maelstrom's services (`doc/services.md`); their types are public
//! for those who write such a service.
//!
//! ```
//! use glomers_node::{ErrorCode, Node, RpcError};
//!
//! /// Adds to a counter that all nodes share, whatever they do at the same time.
//! async fn add(node: &Node, delta: u64) -> Result<u64, RpcError> {
//!     let counters = node.lin_kv();
//!     loop {
//!         let former: u64 = counters.read_or("total", 0).await?;
//!         match counters.cas_or_create("total", former, former + delta).await {
//!             Ok(()) => return Ok(former + delta),
//!             Err(error) if error.code == ErrorCode::PRECONDITION_FAILED => {}
//!             Err(error) => return Err(error),
//!         }
//!     }
//! }
//! ```

use std::time::Duration;

use glomers_protocol::{ErrorCode, RawValue, Request, RpcError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::to_raw_value;

use crate::{Node, Retry, Rpc, messages};

impl Node {
    /// The linearizable key-value store.
    pub fn lin_kv(&self) -> KeyValue {
        KeyValue::new(self, "lin-kv")
    }

    /// The sequentially consistent key-value store.
    pub fn seq_kv(&self) -> KeyValue {
        KeyValue::new(self, "seq-kv")
    }

    /// The key-value store where the last writer wins.
    pub fn lww_kv(&self) -> KeyValue {
        KeyValue::new(self, "lww-kv")
    }

    /// The linearizable oracle of time stamps.
    pub fn lin_tso(&self) -> TimestampOracle {
        TimestampOracle { service: Service::new(self, "lin-tso") }
    }
}

/// A client of a key-value service. Keys and values are any JSON.
#[derive(Debug, Clone)]
pub struct KeyValue {
    service: Service,
}

impl KeyValue {
    fn new(node: &Node, name: &'static str) -> Self {
        Self { service: Service::new(node, name) }
    }

    /// How long each attempt waits for its reply; one second by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.service.timeout = timeout;
        self
    }

    /// Tries again after a timeout, see [`Retry`]. A write may then take effect twice. A compare-and-set that is refused after an attempt
    /// without a reply fails with a time-out (code 0), because that attempt may have succeeded; to find out, read the key or try the
    /// compare-and-set once more.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.service.retry = retry;
        self
    }

    /// The value under a key.
    ///
    /// # Errors
    /// [`ErrorCode::KEY_DOES_NOT_EXIST`] where there is none; [`ErrorCode::CRASH`] where it is no `V`; those
    /// of an RPC.
    pub async fn read<V: DeserializeOwned>(&self, key: impl Serialize) -> Result<V, RpcError> {
        let reply = self.service.rpc(Read { key: raw(&key)? }).read_only().await?;
        serde_json::from_str(reply.value.get()).map_err(|error| {
            let text = format!(
                "{} holds {} under that key, which does not fit: {error}",
                self.service.name, reply.value
            );
            RpcError::new(ErrorCode::CRASH, text)
        })
    }

    /// The value under a key, or another where there is none.
    ///
    /// # Errors
    /// As [`read`](Self::read), but for a missing key.
    pub async fn read_or<V: DeserializeOwned>(&self, key: impl Serialize, default: V) -> Result<V, RpcError> {
        match self.read(key).await {
            Err(error) if error.code == ErrorCode::KEY_DOES_NOT_EXIST => Ok(default),
            result => result,
        }
    }

    /// Puts a value under a key, whatever is there.
    ///
    /// # Errors
    /// Those of an RPC.
    pub async fn write(&self, key: impl Serialize, value: impl Serialize) -> Result<(), RpcError> {
        self.service.rpc(Write { key: raw(&key)?, value: raw(&value)? }).await.map(|WriteOk {}| ())
    }

    /// Replaces the value `from` by `to`.
    ///
    /// # Errors
    /// [`ErrorCode::PRECONDITION_FAILED`] where another value is there, [`ErrorCode::KEY_DOES_NOT_EXIST`]
    /// where none is; those of an RPC.
    pub async fn cas(
        &self,
        key: impl Serialize,
        from: impl Serialize,
        to: impl Serialize,
    ) -> Result<(), RpcError> {
        self.compare_and_set(raw(&key)?, raw(&from)?, raw(&to)?, false).await
    }

    /// Replaces the value `from` by `to`, or writes `to` where the key is missing. Not on `lww-kv`, which
    /// does not know how.
    ///
    /// # Errors
    /// [`ErrorCode::PRECONDITION_FAILED`] where another value is there; those of an RPC.
    pub async fn cas_or_create(
        &self,
        key: impl Serialize,
        from: impl Serialize,
        to: impl Serialize,
    ) -> Result<(), RpcError> {
        self.compare_and_set(raw(&key)?, raw(&from)?, raw(&to)?, true).await
    }

    async fn compare_and_set(
        &self,
        key: Box<RawValue>,
        from: Box<RawValue>,
        to: Box<RawValue>,
        create_if_not_exists: bool,
    ) -> Result<(), RpcError> {
        self.service.rpc(Cas { key, from, to, create_if_not_exists }).await.map(|CasOk {}| ())
    }
}

/// A client of `lin-tso`.
#[derive(Debug, Clone)]
pub struct TimestampOracle {
    service: Service,
}

impl TimestampOracle {
    /// How long each attempt waits for its reply; one second by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.service.timeout = timeout;
        self
    }

    /// Tries again after a timeout, which leaves a gap in the time stamps at worst.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.service.retry = retry;
        self
    }

    /// A time stamp greater than all that were given out before this was called.
    ///
    /// # Errors
    /// Those of an RPC.
    pub async fn ts(&self) -> Result<u64, RpcError> {
        // A time stamp that got lost leaves a gap, which means nothing.
        self.service.rpc(Ts {}).read_only().await.map(|reply| reply.ts)
    }
}

#[derive(Debug, Clone)]
struct Service {
    node: Node,
    name: &'static str,
    timeout: Duration,
    retry: Retry,
}

impl Service {
    fn new(node: &Node, name: &'static str) -> Self {
        Self { node: node.clone(), name, timeout: Duration::from_secs(1), retry: Retry::times(0) }
    }

    fn rpc<R: Request>(&self, request: R) -> Rpc<R> {
        self.node.rpc(self.name, request).timeout(self.timeout).retry(self.retry)
    }
}

/// A key or value that cannot be JSON is never sent, so nothing has happened: the code is definite.
fn raw(value: &impl Serialize) -> Result<Box<RawValue>, RpcError> {
    to_raw_value(value).map_err(|error| RpcError::new(ErrorCode::MALFORMED_REQUEST, error.to_string()))
}

messages! {
    /// Asks for the value under a key.
    "read" pub struct Read {
        /// Any JSON.
        pub key: Box<RawValue>,
    } =>
    /// Answers [`Read`].
    "read_ok" pub struct ReadOk {
        /// What is under the key.
        pub value: Box<RawValue>,
    };

    /// Puts a value under a key.
    "write" pub struct Write {
        /// Any JSON.
        pub key: Box<RawValue>,
        /// Any JSON.
        pub value: Box<RawValue>,
    } =>
    /// Answers [`Write`].
    "write_ok" pub struct WriteOk {};

    /// Replaces one value under a key by another.
    "cas" pub struct Cas {
        /// Any JSON.
        pub key: Box<RawValue>,
        /// What must be under the key.
        pub from: Box<RawValue>,
        /// What is under the key afterwards.
        pub to: Box<RawValue>,
        /// Whether a missing key is created rather than an error. Left out of the message where it is false.
        #[serde(default, skip_serializing_if = "is_false")]
        pub create_if_not_exists: bool,
    } =>
    /// Answers [`Cas`].
    "cas_ok" pub struct CasOk {};

    /// Asks for a time stamp.
    "ts" pub struct Ts {} =>
    /// Answers [`Ts`].
    "ts_ok" pub struct TsOk {
        /// The time stamp, from 0.
        pub ts: u64,
    };
}

fn is_false(flag: &bool) -> bool {
    !*flag
}

#[cfg(test)]
mod tests;
