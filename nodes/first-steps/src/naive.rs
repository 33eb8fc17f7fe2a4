//! What one writes at first: nodes that look right and are not. Each chapter of the book begins with one of them and the report of its
//! failure, so their bugs are meant.

mod broadcast;
mod echo;
mod g_counter;
mod kafka;
mod txn;
mod unique_ids;

pub use broadcast::{Alone, Flood};
pub use echo::Echo;
pub use g_counter::Counter;
pub use kafka::{Expensive, OffByOne, OwnLogs};
pub use txn::{Transactions, WritesFirst};
pub use unique_ids::UniqueIds;
