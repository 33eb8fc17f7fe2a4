//! The fifth Gossip Glomers challenge: append-only logs by key, which every node of the cluster serves, whole or cut in two.
//!
//! # What is promised
//!
//! - **Durable.** A message is acknowledged when it is in `lin-kv`, and so is a committed offset. From then on the death of every node at
//!   once loses nothing.
//! - **One order.** An offset holds one message for ever. Offsets of a key may have gaps, and stay near the number of its messages.
//! - **No gaps later.** A poll shows a log only as far as it is final: nothing will ever be added below an offset that any node has
//!   shown, so nobody can poll past a message that comes later.
//! - **Always available.** No request of a client waits for another node. `send` and `commit_offsets` wait for `lin-kv`, which no partition
//!   cuts off; `poll` and `list_committed_offsets` are answered from the node's own memory.
//! - **Each message once.** It has one offset, however often requests to `lin-kv` had to be repeated.
//!
//! Not promised: that a poll shows the newest. While all nodes work, a message is shown everywhere within some tenths of a second; with a
//! node that is dead, paused or idle, within about one. Messages that clients of *different* nodes send to one key at about the same time
//! may stand in either order; those of one node stand in the order in which they were sent. A commit that another node acknowledged is
//! listed here once this node has heard of it: until then a client begins further back, and skips nothing.
//!
//! # How
//!
//! **Each node has a journal** in `lin-kv`: registers `journal/n0/0`, `journal/n0/1` and so on, each written once, by a compare-and-set that
//! only succeeds where there is nothing. An entry holds messages with their offsets, and what clients have
//! committed. Only the owner writes messages into its journal, one entry at a time, so nodes never compete for a place, and no
//! key needs an owner that could be out of reach. All that comes within a few milliseconds, or while an entry is being written, goes into
//! the next entry together: two messages to and from `lin-kv` for all of them.
//!
//! **An offset is the node's to give** if its remainder by the number of nodes is the node's. A message gets the node's first offset above
//! all that it knows in that log. Two nodes thus never give the same, and none has to ask.
//!
//! **A log is final up to a message** when no node can give an offset below it any more. That is known from promises: each entry says
//! how much of all journals its author had read (`seen`), and since offsets are given above all that is known, no later entry of that
//! journal comes below what those hold. A node shows a message when all others' journals promise to stay behind it, and when all messages
//! with lower offsets are shown. This is the stability rule of Lamport's totally ordered multicast ("Time, Clocks, and the Ordering of Events in a
//! Distributed System", 1978), with the registers of the journals as what makes a promise hold.
//!
//! **New entries travel** by a register that each node overwrites, `tail/n0`: the entries that others may lack, in one piece, and what the
//! node promises by now. A node with clients reads the others' tails some twenty times a second. So nodes never send anything to each
//! other: there is no link that a partition could cut, and nothing to be lost or to come twice. A node that lacks more than a tail holds, such
//! as a node that was killed, reads the journal itself, whose entries are gathered in volumes for that.
//!
//! **A promise that does not come is made for the one who owes it.** If messages wait for a promise of a node that shows no sign of life,
//! another node closes the silent one's past: it writes an entry without messages into the silent one's next free slot, with what it has
//! read itself as `seen`. When the silent node writes again, it finds the slot taken, reads the entry, reads what that has seen, and gives
//! its messages new offsets above. They had not been acknowledged. This needs no clock to be right, only to be rare: a node that was closed
//! while it lived has lost a round of requests to `lin-kv`. Mencius (Mao, Junqueira, Marzullo, OSDI 2008) revokes the turns of a silent
//! server in the same way.
//!
//! # Why it holds
//!
//! - **While an entry is being written** it is not known whether it will get its slot, so the node promises no more than what it had read
//!   when it gave the offsets in it.
//! - **A node that is killed** forgets what it promised, and its last entry may still be under way to `lin-kv`. So a life begins with an entry
//!   of its own in the first free slot, which keeps whatever is under way from getting in, and then reads all journals to their end before
//!   it gives any offset or promises anything. A former life can only have promised to stay behind entries that were in `lin-kv` then.
//! - **A request that seems lost** is repeated until it is decided. An entry names its author and that author's life, so a node that finds a slot
//!   taken sees whether it was itself that took it.
//! - **A node that is paused** is not asked for anything. Its past is closed, and it finds that out as described.
//! - **A tail that is old** says less, and nothing that is wrong: promises only grow, and entries never change.
//!
//! # The modules, in reading order
//!
//! - `messages`: what clients ask.
//! - `entry`: what is in the journals and tails; `store`: how these lie in `lin-kv`.
//! - `replica`: what a node knows, and what follows from that, without input or output; `log`: the log of one key.
//! - `broker`: [`Broker`], the server; `writer`: writing the own journal; `news`: reading the others'.

mod broker;
mod entry;
mod log;
mod messages;
mod news;
mod replica;
mod store;
mod writer;

pub use broker::Broker;
pub use messages::{
    CommitOffsets, CommitOffsetsOk, ListCommittedOffsets, ListCommittedOffsetsOk, Poll, PollOk, Send, SendOk,
};
