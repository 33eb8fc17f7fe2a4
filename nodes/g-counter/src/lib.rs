//! The fourth Gossip Glomers challenge: a counter over `seq-kv`, a store whose reads may be stale.
//!
//! # What makes it hard
//!
//! The obvious counter is one number in the store, which every node reads, raises and replaces by compare-and-set. Its adds are right, but
//! for two traps. When the answer to a compare-and-set is lost, the node does not know whether it has added, and another node may have
//! added since, so that it can't find out. And a node that only reads may be shown the same old number for ever: `seq-kv` promises that a
//! client never sees time run backwards, not that it sees it pass.
//!
//! # Adding
//!
//! Each start of each node has a key of its own, for the total of what it added, and only this start ever writes it, one compare-and-set
//! after the other, from the last total to the next. If that fails because the key does not hold the last total, then it holds the next:
//! nobody else could have changed it, and so an earlier attempt has succeeded, though its answer was lost. So an attempt may be repeated
//! until it succeeds or fails in this way, and both mean that the add counts, once. A late copy of an attempt does nothing, since totals
//! only rise.
//!
//! A node that was killed and started again does not know which of its attempts are still on their way. So it does not touch its former
//! key and takes a new one. The keys are found in a list, under a key that all nodes know; a start enters itself before it first adds.
//!
//! # Reading
//!
//! A read must not miss what was acknowledged before it began. `seq-kv` shows old states only to requests that change nothing; a request
//! that changes something must act on the newest state, and whoever sent it is never shown an older one again. So a read first writes a
//! token that was never written before under a key that nobody reads: its *fence*. Then it reads the list, and the totals of all that are
//! in it, and adds them up.
//!
//! Why the sum is exact:
//!
//! 1. An add that was acknowledged before the read began had changed the store. The fence was written after that, to the newest state; so
//!    all that the read is shown afterwards includes the add, and its start in the list.
//! 2. A total never counts an add twice, and nothing is in it that no client asked for.
//! 3. So the sum counts each add that was acknowledged before the read at least once, each add that began after it not at all, and all
//!    others once or not at all. When nobody adds any more, every read gives the sum of all acknowledged adds, and of those that were not
//!    acknowledged but took effect: the same sum on every node.
//!
//! Nodes say nothing to one another, and no fault reaches the store: every node answers as long as it runs. What was acknowledged stays,
//! whatever nodes are killed.
//!
//! Requests that come while a round of adding or reading is under way go together in the next, so that the cost does not grow with the
//! load: adding costs one request to the store a round, reading two and one for each start in the list.

mod census;
mod fence;
mod server;
mod sum;
mod total;

pub use server::{Add, AddOk, GCounterServer, Read, ReadOk};
