//! The third Gossip Glomers challenge: a value that one node is given reaches every node. Fast, or with few messages, and whatever breaks.
//!
//! # How values travel
//!
//! The nodes stand in the order of the init message. The first that can be reached is the **relay**. Every node sends what its clients gave
//! it to the relay, and the relay passes on what has come since it last did so, to everybody, in one message each. So a value takes two
//! hops, and what many nodes were given travels in one message. How long the relay waits between two rounds is the one choice between fast
//! and few messages.
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
//! A `low-traffic` node does not send its values as they come. It knows when the relay last spoke and how often it does, and sends so that
//! its message arrives shortly before the next round: one message a round, and no second wait at the relay.
//!
//! # When something breaks
//!
//! A node that does not confirm in time what it was sent is **silent**, be it dead, stopped, slow or cut off. Where it was a relay,
//! the next node in the order takes its place; such a node serves those that chose it, and is itself served by the next before it. A node
//! that finds all nodes before it silent serves all. It keeps trying the silent ones, one message each from time to time,
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
//! No node can be that economical and survive its own death: with one client a node, which waits, each value needs a message out and a
//! message back before it is acknowledged. That is about one message for each operation, since every second operation is a read.
//!
//! # What it costs
//!
//! With 25 nodes, a hundred operations a second, half of them broadcasts, and messages that take 100 ms. A round costs 24 messages down and
//! at most 24 up; so, with a round every `T` seconds, a `low-traffic` node's messages for each operation are
//! `24 (1 + (1 - exp(-2 T))) / (100 T)`: 0.45 at 1 s and 0.85 at 0.45 s, beside what starting and ending take. A value waits up to `T`, and
//! travels for 200 ms plus the time that its node keeps in reserve, which is the `--round-trip-ms` less the real round trip. A fast node's values go up at once: `0.48 + 24 / (100 T)`, 3.5 at 80 ms, and one more to keep them.
//!
//! The set checker counts from the acknowledgement or the first read that shows the value, whichever is earlier; "from the request" counts
//! from the client's request instead. Faults come and go every five seconds or so, so that each is on for about half of the run. `cargo run
//! --release --package broadcast --example figures` measures all of it again.
//!
//! | `--profile` | fault | messages for each operation | stable, median / max ms | from the request | after the fault ended, max ms |
//! |---|---|---|---|---|---|
//! | `low-latency` | none | 4.52 | 25 / 171 | 221 / 471 | - |
//! | `low-latency` | partition | 4.95 | 1445 / 9147 | 1646 / 9547 | 923 |
//! | `low-latency` | one-way | 5.49 | 57 / 5774 | 250 / 5974 | 683 |
//! | `low-latency` | asymmetric | 6.37 | 139 / 3367 | 340 / 3567 | 602 |
//! | `low-latency` | loss | 5.00 | 55 / 937 | 242 / 1137 | 509 |
//! | `low-latency` | duplication | 4.67 | 26 / 170 | 220 / 466 | 260 |
//! | `low-latency` | reordering | 4.99 | 58 / 760 | 248 / 960 | 315 |
//! | `low-latency` | slow | 5.58 | 34 / 849 | 227 / 1049 | 464 |
//! | `low-latency` | flaky | 5.19 | 84 / 1132 | 272 / 1332 | 627 |
//! | `low-latency` | pause | 4.54 | 30 / 1504 | 221 / 8375 | 708 |
//! | `low-latency` | kill | 4.91 | 26 / 1911 | 224 / 2111 | 352 |
//! | `low-latency --acknowledge copied` | none | 3.60 | 0 / 158 | 219 / 276 | - |
//! | `low-latency --acknowledge copied` | partition | 4.10 | 1119 / 8956 | 1337 / 9435 | 668 |
//! | `low-traffic` | none | 0.52 | 848 / 1396 | 848 / 1396 | - |
//! | `low-traffic` | partition | 0.73 | 2436 / 10163 | 2436 / 10163 | 1688 |
//! | `low-traffic` | one-way | 0.77 | 1113 / 8354 | 1113 / 8354 | 1243 |
//! | `low-traffic` | asymmetric | 0.88 | 1928 / 7066 | 1929 / 7066 | 2440 |
//! | `low-traffic` | loss | 0.64 | 2045 / 4934 | 2045 / 4934 | 2900 |
//! | `low-traffic` | duplication | 0.51 | 880 / 2390 | 880 / 2390 | 1033 |
//! | `low-traffic` | reordering | 0.56 | 1253 / 3098 | 1254 / 3098 | 1178 |
//! | `low-traffic` | slow | 0.52 | 1182 / 2378 | 1182 / 2379 | 1264 |
//! | `low-traffic` | flaky | 0.65 | 1999 / 7000 | 1999 / 7000 | 1703 |
//! | `low-traffic` | pause | 1.02 | 1092 / 5587 | 1029 / 8760 | 1092 |
//! | `low-traffic --interval-ms 450 --round-trip-ms 250` | none | 0.94 | 463 / 693 | 464 / 693 | - |
//! | `low-traffic --interval-ms 450 --round-trip-ms 250` | partition | 1.17 | 1733 / 9666 | 1733 / 9666 | 1335 |
//!
//! All of these runs are valid. With `kill`, `low-traffic` loses values, as its promise says.
//!
//! # The parts
//!
//! `values` is what a node holds, `peer` what it knows of another, [`Replica`] decides who is told what and when, and
//! [`BroadcastServer`] runs that on a node. `durable_log` is what outlives the node. [`Settings`] are the program's arguments.

mod durable_log;
mod messages;
mod peer;
mod replica;
mod server;
mod settings;
mod values;

pub use messages::{Broadcast, BroadcastOk, Gossip, Read, ReadOk, Sync, SyncOk, Topology, TopologyOk};
pub use replica::Replica;
pub use server::BroadcastServer;
pub use settings::{Acknowledge, Settings};
pub use values::{Life, News, Store, Summary, Value};
