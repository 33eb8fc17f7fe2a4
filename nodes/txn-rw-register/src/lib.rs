//! The sixth Gossip Glomers challenge: transactions over registers that never wait for another node.
//!
//! A node that must answer although it is cut off from all others can't promise that a transaction sees the newest values: somebody on the
//! other side may be writing just now. It can promise that a transaction is carried out whole, that nobody sees half of it or what it only
//! wrote in passing, and that all nodes come to agree. This is how:
//!
//! - A node carries out a transaction in one go on the registers as it knows them, and answers. Reads see one state; a write is seen by
//!   the reads after it in the same transaction, and by others only when the transaction has ended.
//! - All writes of a transaction get one time stamp, which is higher than every stamp that the node has seen: a count (Lamport, "Time,
//!   Clocks, and the Ordering of Events in a Distributed System", 1978), and where two counts are equal, the name of the writer. Where
//!   several transactions wrote a register, the highest stamp wins, on every node alike.
//! - The writes of each node are a part in the sense of [`crdt`], which tells how they reach the others: in whole transactions, and after
//!   all that their node had seen before.
//!
//! Why this is enough:
//!
//! - *No dirty writes (G0).* If a transaction's write comes after another's in the order of one register, its stamp is higher, and so it
//!   comes after the other in every register that both wrote.
//! - *No aborted or intermediate reads (G1a, G1b).* No transaction is aborted, and only the last write to each register leaves it.
//! - *No circular information flow (G1c).* A transaction that reads or overwrites a value has a higher stamp than the value's writer. Stamps that rise from
//!   each transaction to the next can't lead back to the first.
//! - *Atomic visibility.* Writes arrive in whole transactions: where one of them is to be seen, so are the others, or newer ones. (Read
//!   atomic: Bailis and others, "Scalable Atomic Visibility with RAMP Transactions", 2014.)
//! - *Causal consistency.* A state has the causes of all that is in it, and a client of one node sees its states in their order.
//!
//! So read committed, read atomic and causal consistency hold, under every fault of the network, and no node ever waits for another.
//! Anything stronger (snapshot isolation, serializability) forbids lost updates, which nobody can prevent without asking others.
//!
//! Under kill: what a node had told nobody when it was killed is lost, and its clients may find older values where they had written or
//! read. So what is promised to a client over several transactions, causal consistency among it, ends with its node; read committed
//! and atomic visibility, which are promised of each transaction, hold all the same. The node that is started again fetches what the others know, which includes what it
//! had told them, and lets transactions wait for that, but no longer than a second.

mod server;
mod writes;

pub use server::{Function, MicroOperation, TransactionServer, Txn, TxnOk};
pub use writes::{Transaction, Write, Writes};
