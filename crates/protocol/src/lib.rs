//! The wire contract of the Maelstrom protocol: what one line between a node and its network means.
//!
//! A message is one line of JSON: an *envelope* with a sender, a receiver and a *body*. A body has three
//! reserved keys (`type`, `msg_id`, `in_reply_to`); the rest is its *payload*, which is a Rust type.
//!
//! The modules, in reading order:
//!
//! - `node_id`: [`NodeId`], the name of a node, a client or a service.
//! - `envelope`: [`Envelope`], borrowed from one line, and [`write_envelope`]. Routing never looks inside a
//!   body.
//! - `msg_id`: [`MsgId`], the id that a request carries and its reply repeats.
//! - `header`: [`Header`], the reserved keys of a body.
//! - `body`: [`Body`] and [`Request`], the traits of typed payloads, with [`write_body`] and [`decode_body`].
//! - `raw_body`: [`RawBody`], a body that is passed on as it came.
//! - `json`: [`Json`], a value that is compared by what it says.
//! - `error`: [`ErrorCode`] and [`RpcError`], the body of a reply of type `error`.
//! - [`init`]: the first message of every node.
//! - [`text`]: untrusted text, escaped and shortened for people.
//!
//! Unknown keys, the order of keys and integers of any length survive, because a body stays text until its receiver asks for a type.
//! Nothing recurses over untrusted text without a limit, so a deeply nested body cannot overflow the stack.
//!
//! ```
//! use glomers_protocol::{Envelope, Header};
//!
//! let line = r#"{"src":"c1","dest":"n1","body":{"type":"echo","msg_id":7,"echo":18446744073709551616}}"#;
//! let envelope = Envelope::parse(line)?;
//! let header = Header::parse(envelope.body)?;
//! assert_eq!((envelope.dest.as_ref(), header.kind.as_ref(), header.msg_id), ("n1", "echo", Some(7.into())));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod body;
mod envelope;
mod error;
mod header;
pub mod init;
mod json;
mod json_text;
mod msg_id;
mod node_id;
mod raw_body;
pub mod text;

pub use body::{Body, BodyError, DecodeError, Request, decode_body, write_body};
pub use envelope::{Envelope, EnvelopeError, write_envelope};
pub use error::{ErrorCode, ErrorCodeInfo, RpcError};
pub use header::{Header, HeaderError, RESERVED_KEYS};
pub use json::Json;
pub use msg_id::MsgId;
pub use node_id::NodeId;
pub use raw_body::RawBody;

/// The text of a JSON value, kept as it came: the type of [`Envelope::body`].
pub use serde_json::value::RawValue;
