//! A set that only grows. Every node takes elements at any time, and all come to hold all of them.
//!
//! Adding commutes, and adding twice is adding once: whatever order the nodes learn of elements in, they come to the same set. So no node
//! needs to ask another before it adds. Each keeps the list of elements that it took itself, a part in the sense of [`crdt`], and a copy
//! of everybody else's; the set is the union of the lists. How lists reach other nodes, and why loss, duplication, reordering and
//! partitions do no harm, is told there.
//!
//! What is promised:
//!
//! - Every node answers as long as it runs and reaches its journal, whatever becomes of the others and of the links to them.
//! - An element whose addition was acknowledged is never lost, even if all nodes are killed at once: it is in the
//!   journal before the acknowledgement is sent.
//! - An element that any read has shown is in every later read of that node, and soon after the network has healed in all reads. A node
//!   that was killed and can't reach the others shows, for that long, what itself has written.
//! - No read shows an element twice, or one that nobody added.

mod elements;
mod server;

pub use elements::Elements;
pub use server::{Add, AddOk, GSetServer, Read, ReadOk};
