//! Linearizability: do concurrent operations look as if they had happened one after the other, each at a moment
//! between its beginning and its end?
//!
//! [`Linearizability`] is the checker; a [`Model`] says what the object does when one thing happens at a time, and
//! [`models`] has those of the common objects. Definition: Maurice Herlihy and Jeannette Wing, *Linearizability: A
//! Correctness Condition for Concurrent Objects*, TOPLAS 12(3), 1990.
//!
//! An operation that succeeded took effect between its beginning and its end. One that failed never did. One of
//! which nobody knows took effect at any moment after its beginning, or never. Operations of different keys do not
//! concern each other, so [`Linearizability::by_key`] judges each key by itself.
//!
//! # How it is decided
//!
//! Deciding linearizability is NP-complete in general, and easy in most cases that occur. Two ways are taken:
//!
//! - A register to which no value is written twice is decided in *O(n log n)*: [`DistinctRegister`].
//! - For all else the possible configurations are followed event by event. That takes time proportional to the
//!   length of the history, and in the worst case exponential in how many operations overlap; with a small state
//!   it stays small. The verdict is ready when the last operation ends.
//!
//! Operations of which nobody knows the end multiply the configurations, since each of them may take effect at any later
//! time. They are counted by action. Where even the counts are too many, they are counted for some actions only, and of
//! the others any number may be had: what is impossible even so is impossible, and an order that uses no more than there
//! were is an order. Where neither is found, one more action is counted, and the history is gone over again.
//!
//! A violation is shown with an order of the operations before it that does fit, if one was found.
//!
//! A [`Budget`] limits time and memory. It counts steps, not seconds, so that a verdict does not depend on the
//! machine. Near its end only the most promising configurations are followed, which may still find an order;
//! beyond it the verdict is `unknown`. So it is when an [`Interrupt`](crate::Interrupt) is raised.

pub mod models;

mod antichain;
mod checker;
mod counterexample;
mod crashes;
mod distinct;
mod frontier;
mod lag;
mod memo;
mod model;
mod part;
mod register;
mod search;
mod slots;
mod trail;

pub use checker::{Budget, Linearizability};
pub use distinct::{DistinctAction, DistinctRegister, WrittenTwice};
pub use model::{Call, Model, Unsuitable};
pub use register::RegisterAction;
