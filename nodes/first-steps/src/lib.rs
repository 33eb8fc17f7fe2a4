//! A first node for each challenge: as short as it can be and still correct for the challenge's official options. The crates beside this
//! one go further. [`naive`] has the nodes before these: what one writes at first, each with its bug.
//!
//! What these nodes don't do: they keep all in memory, so a kill loses it, and they have no protection against a request that arrives
//! long after the one that repeated it.

mod broadcast;
mod echo;
mod g_counter;
mod kafka;
pub mod naive;
mod txn;
mod unique_ids;

pub use broadcast::Broadcast;
pub use echo::Echo;
pub use g_counter::Counter;
pub use kafka::Kafka;
pub use txn::Transactions;
pub use unique_ids::UniqueIds;
