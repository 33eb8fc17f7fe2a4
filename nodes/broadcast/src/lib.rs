//! The third Gossip Glomers challenge: a value that one node is given reaches every node. Fast, or with few messages, and whatever breaks.
//!
//! # How values travel
//!
//! The nodes stand in the order of the init message. The first that can be reached is the **relay**. Every node sends what its clients gave
//! it to the relay, and the relay passes on what has come since it last did so, to everybody, in one message each. So a value takes two
//! hops, and what many nodes were given travels in one message. How long the relay waits between two rounds is the one knob between speed
//! and thrift.
//!
//! There is one message between nodes, [`Gossip`], and it always says the same: what its sender **has**, and all that its receiver
//! **lacks**, as far as the sender knows. What a node has is told by a number for each log (see [`Store`]), like a version vector. This one
//! rule is all that there is of acknowledgements, retries and duplicates:
//!
//! - what a node has says what has arrived, so that every message is an acknowledgement of all before it;
//! - what was lost is still lacking, so the next message brings it again;
//! - what comes twice or out of order is already there.
//!
//! A message is only sent on purpose when nothing else goes the same way for a while, so a quiet cluster is silent.
//!
//! A sparing node does not send its values as they come. It knows when the relay last spoke and how often it speaks, and sends so that its
//! message arrives just before the next round: one message a round, and no second wait at the relay.
//!
//! # When something breaks
//!
//! A node that does not confirm in time what it was sent is **silent**, be it dead, stopped, slow or cut off. If that was somebody's relay,
//! the next node in the order is the relay instead; a node that is chosen so serves those who chose it, and is itself served by the next
//! before it. A node that finds everybody before it silent serves all. It keeps trying the silent ones, one message each from time to time,
//! and the first answer brings both sides up to date. So one relay is enough while all is well, and each part of a cluster that has
//! fallen apart has one of its own. No link must work both ways, and reaching any one node is enough.
//!
//! A node that has just started asks another for all that there is, and answers reads when it has caught up.
//!
//! # What a node promises
//!
//! A read shows every value once. What is acknowledged, every node shows in the end, unless all who hold it die. Whether that can happen
//! depends on when a node answers `broadcast_ok`, see [`Acknowledge`]:
//!
//! | `--acknowledge` | an acknowledged value is lost | costs | profile |
//! |---|---|---|---|
//! | `stored` | never, even if all nodes die at once | two messages to `lin-kv`; the client waits for them | `low-latency` |
//! | `copied` | if its node and the one that confirmed it die before a third holds it | the client waits for another node | |
//! | `at-once` | if its node dies before its next message arrived, in a second or two | nothing | `low-traffic` |
//!
//! The promise is about what was acknowledged. A node shows a value as soon as it has it, so with bad luck a read shows what is lost with
//! that node a moment later, before its client has heard anything.
//!
//! No node can be both most thrifty and safe from death: with one client a node, who waits, each value needs a message out and a message
//! back before it is acknowledged, which is about one message for each operation, since every second operation is a read.
//!
//! # What it costs
//!
//! With 25 nodes, a hundred operations a second (every second a broadcast) and messages that take 100 ms. A round costs 24 messages down and
//! at most 24 up; so, with a round every `T` seconds, a sparing node's messages for each operation are
//! `24 (1 + (1 - exp(-2 T))) / (100 T)`: 0.31 at 1.5 s and 0.85 at 0.45 s, beside what starting and ending take. A value waits up to `T`, and
//! is 250 ms on its way. A fast node's values go up at once: `0.48 + 24 / (100 T)`, 3.5 at 80 ms.
//!
//! The set checker counts from the acknowledgement or the first read that shows the value, whichever is earlier; the third column
//! counts from the client's request instead. The faults come every five seconds and last as long. `cargo run --release --package broadcast --example
//! figures` prints this table.
//!
//! FIGURES
//!
//! # The parts
//!
//! `values` is what a node holds, `peer` what it knows of another, [`Replica`] decides who is told what and when, and
//! [`BroadcastServer`] lets it speak. `vault` is what outlives the node. [`Settings`] are the program's arguments.

mod messages;
mod peer;
mod replica;
mod server;
mod settings;
mod values;
mod vault;

pub use messages::{Broadcast, BroadcastOk, Gossip, Read, ReadOk, Sync, SyncOk, Topology, TopologyOk};
pub use replica::Replica;
pub use server::BroadcastServer;
pub use settings::{Acknowledge, ArgumentError, Settings};
pub use values::{Life, News, Store, Summary, Value};
