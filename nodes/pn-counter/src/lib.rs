//! A counter that goes up and down. Every node takes changes at any time, and all come to the same sum.
//!
//! A counter has no use for a message that says "add 5": when its answer is lost, it is not known whether to send it again, and a node that
//! guesses wrong counts twice or not at all. So nodes don't tell each other what to add. Each keeps two totals of its own, of all
//! increments and of all decrements that it took itself, and tells the others how high they are. Neither ever falls, so that of two
//! reports the higher is the newer, and a report that is late, lost or repeated does no harm. The counter is the sum of all increments
//! less all decrements. This is the PN-counter of Shapiro, Preguiça, Baquero and Zawirski ("A comprehensive study of Convergent and
//! Commutative Replicated Data Types", 2011); [`crdt`] tells how the totals, which are its parts, reach the other nodes.
//!
//! A node that is killed forgets its totals. If it began again at nothing, the others would take its new totals for old reports; so each
//! start has totals of its own, and those of former starts stay as they are.
//!
//! What is promised:
//!
//! - Every node answers as long as it runs and reaches its journal, whatever becomes of the others and of the links to them.
//! - A change that was acknowledged counts exactly once, even if all nodes are killed at once: it is in the journal
//!   before the acknowledgement is sent. A change that was not acknowledged counts once or not at all, and the same for all nodes.
//! - A read counts all changes that this node has acknowledged, and once the network has healed, soon all changes.

mod server;
mod totals;

pub use server::{Add, AddOk, PnCounterServer, Read, ReadOk};
pub use totals::Totals;
