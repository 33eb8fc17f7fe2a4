//! Linearizability: do concurrent operations look as if they had happened one after the other, each at a moment
//! between its beginning and its end?
//!
//! [`Linearizability`] is the checker; a [`Model`] says what the object does when one thing happens at a time, and
//! [`models`] has those of the common objects. Definition: Maurice Herlihy and Jeannette Wing, *Linearizability: A
//! Correctness Condition for Concurrent Objects*, TOPLAS 12(3), 1990.
//!
//! An operation that succeeded took effect between its beginning and its end. One that failed never did. One
//! whose outcome is unknown took effect at any moment after its beginning, or never. Operations of different keys do not
//! concern each other, so [`Linearizability::by_key`] judges each key by itself.
//!
//! Who has no history of [`Operation`](crate::Operation)s tells [`Calls`] in types of their own.
//!
//! # How it is decided
//!
//! Deciding linearizability is NP-complete in general, and easy in most cases that occur. Two ways are taken:
//!
//! - A [`Monitor`] decides registers, logs and queues whose values are all different, and every set, in time
//!   proportional to the history's size, up to sorting.
//! - For all else a search follows the possible configurations event by event: first a few promising ones, and all of
//!   them where these come to an end. That takes time proportional to the length of the history, and in the worst case
//!   exponential in how many operations overlap. With a small state it stays small, and the verdict is ready when the
//!   last operation ends.
//!
//! Crashed operations multiply the configurations, since each may take effect at any later time. They are counted by
//! action. Where even the counts are too many, some are relaxed: any number of these actions may be used. What is
//! impossible even so is impossible, and an order that uses no more than there were is an order.
//!
//! A violation is shown with an order of the operations before it that does fit, if one was found.
//!
//! A [`Budget`] limits time and memory of the whole check. It counts steps, not seconds, so that a verdict does not
//! depend on the machine. Beyond it the verdict is `unknown`. So it is when an [`Interrupt`](crate::Interrupt) is raised.
//!
//! # In reading order
//!
//! `checker` feeds each key's `object`, which holds events back until outcomes are known (`lag`) and hands them to the
//! `component` of the state that they concern; that is decided by one of the `monitors` or by a `search`, whose `pass`es
//! follow a `frontier` of `configuration`s. `finish` decides in parallel what is left at the end, `explain` puts outcomes into words, and `maelstrom` into Maelstrom's results.

pub mod models;

mod antichain;
mod budget;
mod calls;
mod checker;
mod component;
mod configuration;
mod counterexample;
mod crashes;
mod depth_first;
mod distinct;
mod explain;
mod finish;
mod frontier;
mod hints;
mod lag;
mod maelstrom;
mod memo;
mod model;
mod monitor;
mod object;
mod pass;
mod recording;
mod search;
mod slots;
mod trail;

pub use budget::Budget;
pub use calls::{Calls, Linearized, Misuse, Specification, TypedCall, Violation};
pub use checker::Linearizability;
pub use distinct::{DistinctAction, DistinctRegister, WrittenTwice};
pub use hints::assert_hints;
pub use model::{Call, Effect, Model, Unsuitable};
pub use monitor::{Monitor, Timed};
