//! The second Gossip Glomers challenge: ids that no two requests share, made without asking anybody.
//!
//! Two nodes can't give out the same id if each id begins with the node's name, which is unique, and one node can't if it counts. But a
//! node that was killed and started again under its old name begins to count anew. It can't know that it lived before, since it has
//! nothing to remember it by; so each start draws 64 random bits, and they stand between the name and the count:
//!
//! ```text
//! n2-1q4wx0t8fkz3m-2s
//! ┬─ ┬──────────── ┬─
//! │  │             └ the hundredth id of this start: the count, from 0, to base 36
//! │  └ this start: 64 random bits to base 36
//! └ the node
//! ```
//!
//! Within one start, ids differ by their count; between nodes, by the name. Between two starts of one node they differ unless both drew
//! the same 64 bits, which for a thousand starts of a node has a chance of one in 3.7 × 10¹³. No message is ever sent, so that no fault of
//! the network matters.

mod server;

pub use server::{Generate, GenerateOk, UniqueIdServer};
