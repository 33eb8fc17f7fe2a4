//! Transactional isolation: what a history of transactions says about the order in which they were executed.
//!
//! Two checkers find the anomalies that rule isolation levels out, and say by which operations:
//!
//! - [`ListAppend`] for transactions of `[:append key element]` and `[:r key list]`. Every read tells the order of the
//!   writes before it, so that nearly all dependencies are known.
//! - [`RwRegister`] for transactions of `[:w key value]` and `[:r key value]`. The order of versions is inferred, from as
//!   much as [`VersionOrders`] allows.
//! - [`weak`] decides monotonic atomic view, read atomic and causal consistency exactly, for both.
//!
//! Who has no history of [`Operation`](crate::Operation)s tells [`Transactions`] in types of their own.
//!
//! [`Options`] say what was promised: a [`Model`] such as `serializable`, or the [`Anomaly`]s that must not occur.
//! Elle (Kingsbury and Alvaro, *Elle: Inferring Isolation Anomalies from Experimental Observations*, VLDB 2020) is where the
//! method and the names come from; [`Mode::Compat`](crate::Mode::Compat) gives its verdict as Maelstrom uses it. The search
//! here is complete and has no time limit: it finds the kinds of cycle that Elle's may miss, and never says `unknown`
//! because it took too long. Which of several cycles of one kind is shown is not Elle's choice, in either mode.
//! [`draw_cycle`] turns a cycle of the results into a picture, and [`Compared`](crate::Compared) says where Maelstrom would
//! judge otherwise.
//!
//! Inside, in the order of the work: `transactions` pairs invocations and completions and numbers keys and values
//! (`interner`); `reads` and `updates` find what needs no order; `list_append` and `rw_register` derive the dependencies;
//! `search` joins them with time (`time_order`) and looks for cycles in each `component` (`cycle`); `exact` decides the weak levels; `explain` and `report` put what was found into words and results.
//!
//! # The catalogue
//!
//! Some anomalies are wrong in themselves, whatever the order of the transactions: a read of what failed, say. The others
//! are circles. A transaction precedes another if the other overwrote (`ww`) or read (`wr`) what it wrote, or overwrote
//! what it read (`rw`); transactions that precede each other in a circle have no order, and which dependencies the circle
//! needs tells how grave it is. With `-process`, it also needs that a process executes its transactions in order;
//! with `-realtime`, that a transaction which had completed comes before one invoked later.
//!
//! The names are Adya's (*Weak Consistency: A Generalized Theory and Optimistic Implementations for Distributed
//! Transactions*, MIT 1999), but for `G-nonadjacent`: what snapshot isolation forbids, by Cerone and Gotsman (*Analysing
//! Snapshot Isolation*, PODC 2016). `-item` says that no predicate is involved, as there are none in these operations.
//!
//! In the examples every entry is a transaction, how it ended and what it did. Unless they say otherwise, all of them are
//! executed at the same time, each by a process of its own.
//!
//! ```
//! # use glomers_check::txn::{ListAppend, Options, RwRegister, VersionOrders};
//! # use glomers_check::{Checker, History, Operation, OperationKind, Value, check, edn};
//! # fn operations(entries: &[&str], at_once: bool) -> History {
//! #     let read = |text: &str| edn::read(text).expect("EDN");
//! #     let asked = |value: &Value| Value::Vector(value.as_sequence().unwrap().iter().map(|step| {
//! #         let step = step.as_sequence().unwrap();
//! #         let value = if step[0].as_keyword() == Some("r") { Value::Nil } else { step[2].clone() };
//! #         Value::Vector(vec![step[0].clone(), step[1].clone(), value])
//! #     }).collect());
//! #     let mut events = Vec::new();
//! #     for (client, entry) in entries.iter().enumerate() {
//! #         let (kind, value) = entry.split_once(' ').unwrap();
//! #         let (kind, process) = kind.split_once('/').unwrap_or((kind, "0"));
//! #         let process = process.parse().unwrap_or(0) * 100 + if process == "0" { client as u64 } else { 0 };
//! #         let invoke = Operation::invoke(process, "txn", asked(&read(value)));
//! #         events.push((if at_once { 0 } else { client * 2 }, invoke.clone()));
//! #         let kind = OperationKind::from_name(kind).unwrap();
//! #         events.push((client * 2 + 1, invoke.completed(kind, read(value))));
//! #     }
//! #     events.sort_by_key(|event| event.0);
//! #     History::new((0..).zip(events).map(|(index, (_, operation))| operation.at(index, index * 1_000)).collect())
//! # }
//! # fn found(model: &str, checker: impl Fn(Options) -> Box<dyn Checker>, history: History) -> String {
//! #     let options = Options { models: vec![model.parse().unwrap()], ..Options::default() };
//! #     let mut checker = checker(options);
//! #     history.operations().iter().for_each(|operation| checker.observe(operation));
//! #     let verdict = checker.finish();
//! #     verdict.results.get("anomaly-types").map_or("none".to_owned(), Value::to_string)
//! # }
//! # fn lists(model: &str, entries: &[&str]) -> String {
//! #     found(model, |options| Box::new(ListAppend::new(options)), operations(entries, true))
//! # }
//! # fn lists_in_turn(model: &str, entries: &[&str]) -> String {
//! #     found(model, |options| Box::new(ListAppend::new(options)), operations(entries, false))
//! # }
//! # fn registers(model: &str, entries: &[&str]) -> String {
//! #     found(model, |options| Box::new(RwRegister::new(options, VersionOrders::default())), operations(entries, true))
//! # }
//! # fn registers_in_turn(model: &str, orders: VersionOrders, entries: &[&str]) -> String {
//! #     found(model, |options| Box::new(RwRegister::new(options, orders.clone())), operations(entries, false))
//! # }
//! // -- Wrong in itself, whatever the order of the transactions.
//!
//! // G1a, an aborted read: of a transaction that failed.
//! assert_eq!(lists("read-committed", &["fail [[:append :x 1]]", "ok [[:r :x [1]]]", "ok [[:append :x 2]]"]), "(:G1a)");
//! // G1b, an intermediate read: of what its own transaction built on before it committed.
//! assert_eq!(lists("read-committed", &["ok [[:append :x 1] [:append :x 2]]", "ok [[:r :x [1]]]"]), "(:G1b)");
//! // internal: a transaction's read contradicts its own earlier steps.
//! assert_eq!(lists("read-atomic", &["ok [[:append :x 1] [:r :x []]]", "ok [[:r :x [1]]]"]), "(:internal)");
//! // future-read: a transaction read what it wrote only later.
//! assert_eq!(lists("read-atomic", &["ok [[:r :x [1]] [:append :x 1]]", "ok [[:r :x [1]]]"]), "(:future-read)");
//! // dirty-update: a committed append on top of a failed one.
//! assert_eq!(lists("read-committed", &["fail [[:append :x 1]]", "ok [[:append :x 2]]", "ok [[:r :x [1 2]]]"]), "(:G1a :dirty-update)");
//! // lost-update: two transactions read one version and both wrote the next.
//! assert_eq!(lists("update-atomic", &["ok [[:r :x []] [:append :x 1]]", "ok [[:r :x []] [:append :x 2]]"]), "(:lost-update)");
//! // duplicate-elements: what was appended once stands twice.
//! assert_eq!(lists("read-uncommitted", &["ok [[:append :x 1]]", "ok [[:r :x [1 1]]]"]), "(:duplicate-elements)");
//! // incompatible-order: two lists, neither of which grew out of the other.
//! assert_eq!(lists("read-committed", &["ok [[:append :x 1]]", "ok [[:append :x 2]]", "ok [[:r :x [1]]]", "ok [[:r :x [2]]]"]), "(:incompatible-order)");
//! // empty-transaction-graph: nothing depends on anything, so that nothing was tested; the verdict is unknown.
//! assert_eq!(lists("serializable", &["ok [[:append :x 1]]"]), "(:empty-transaction-graph)");
//!
//! // -- Cycles of the data.
//!
//! // G0, a dirty write: x and y were overwritten in opposite orders.
//! let twice = ["ok [[:append :x 1] [:append :y 1]]", "ok [[:append :x 2] [:append :y 2]]", "ok [[:r :x [1 2]]]", "ok [[:r :y [2 1]]]"];
//! assert_eq!(lists("read-uncommitted", &twice), "(:G0)");
//! // G1c, circular information flow: each saw what the other wrote.
//! let circle = ["ok [[:append :x 1] [:r :y [1]]]", "ok [[:append :y 1] [:r :x [1]]]"];
//! assert_eq!(lists("read-committed", &circle), "(:G1c)");
//! // G-single, read skew: one saw the other's x, and y as it was before.
//! let skew = ["ok [[:append :x 1] [:append :y 1]]", "ok [[:r :x [1]] [:r :y []]]"];
//! assert_eq!(lists("snapshot-isolation", &skew), "(:G-single-item)");
//! // G-nonadjacent, a long fork: two readers saw two writes in opposite orders.
//! let fork = ["ok [[:append :x 1]]", "ok [[:append :y 1]]", "ok [[:r :x [1]] [:r :y []]]", "ok [[:r :x []] [:r :y [1]]]"];
//! assert_eq!(lists("snapshot-isolation", &fork), "(:G-nonadjacent-item)");
//! // G2, write skew: each missed the other's write. Snapshot isolation allows it.
//! let write_skew = ["ok [[:r :x []] [:append :y 1]]", "ok [[:r :y []] [:append :x 1]]"];
//! assert_eq!(lists("serializable", &write_skew), "(:G2-item)");
//! assert_eq!(lists("snapshot-isolation", &write_skew), "none");
//!
//! // -- Cycles that need an order of execution: these transactions are executed in turn, those with a number by that process.
//!
//! // G-single-item-realtime, a stale read: the append had completed when the read began.
//! assert_eq!(lists_in_turn("strict-serializable", &["ok [[:append :x 1]]", "ok [[:r :x []]]"]), "(:G-single-item-realtime)");
//! assert_eq!(lists_in_turn("serializable", &["ok [[:append :x 1]]", "ok [[:r :x []]]"]), "none");
//! // G-single-item-process: process 7 did not see what it had appended itself.
//! assert_eq!(lists_in_turn("strong-session-serializable", &["ok/7 [[:append :x 1]]", "ok/7 [[:r :x []]]"]), "(:G-single-item-process)");
//! // G0-realtime: the later of two appends was ordered first.
//! let overtaken = ["ok [[:append :x 1]]", "ok [[:append :x 2]]", "ok [[:r :x [2 1]]]"];
//! assert_eq!(lists_in_turn("strong-read-uncommitted", &overtaken), "(:G0-realtime)");
//! // G1c-process: process 7 read what it appended only in its next transaction.
//! let early = ["ok/7 [[:r :x [1]]]", "ok/7 [[:append :x 1]]"];
//! assert_eq!(lists_in_turn("strong-session-read-committed", &early), "(:G1c-process)");
//! // G-nonadjacent-item-realtime and G2-item-realtime need more transactions, and are the same with time.
//!
//! // -- Registers.
//!
//! // Write skew, found because nil comes before every version.
//! let write_skew = ["ok [[:r :x nil] [:w :y 1]]", "ok [[:r :y nil] [:w :x 1]]"];
//! assert_eq!(registers("serializable", &write_skew), "(:G2-item)");
//! // G1c needs no order of versions.
//! let circle = ["ok [[:w :x 1] [:r :y 1]]", "ok [[:w :y 1] [:r :x 1]]"];
//! assert_eq!(registers("read-committed", &circle), "(:G1c)");
//! // cyclic-versions: a process went back to an older version, though each key was said to be sequential.
//! let sequential_keys = VersionOrders { sequential_keys: true, ..VersionOrders::NONE };
//! let back = ["ok/1 [[:w :x 1]]", "ok/1 [[:w :x 2]]", "ok/1 [[:r :x 1]]"];
//! assert_eq!(registers_in_turn("read-uncommitted", sequential_keys, &back), "(:cyclic-versions)");
//!
//! // -- Only in the strict mode.
//!
//! // unwritten-read: a value out of nowhere.
//! assert_eq!(registers("read-uncommitted", &["ok [[:w :x 1]]", "ok [[:r :x 7]]", "ok [[:r :x 1]]"]), "(:unwritten-read)");
//! // reply-mismatch: the answer to another question. A reply has the request's micro-operations, with the reads filled in.
//! let request = Operation::invoke(0, "txn", edn::read("[[:r :x nil] [:append :y 1]]")?);
//! let reply = request.completed(OperationKind::Ok, edn::read("[[:r :x [1]]]")?).at(1, 1_000);
//! let verdict = check(&History::new(vec![request, reply]), ListAppend::new(Options::default()));
//! assert_eq!(verdict.results.get("anomalies").and_then(|found| found.get("reply-mismatch")).map(|_| ()), Some(()));
//! // no-monotonic-view-order, found without any order of versions: T3 read x from T1 and y from T2, in an order
//! // in which T1 had overwritten y, and T2 x.
//! let both = ["ok [[:w :x 1] [:w :y 1]]", "ok [[:w :x 2] [:w :y 2]]", "ok [[:r :x 1] [:r :y 2] [:r :x 1]]"];
//! assert_eq!(registers("monotonic-atomic-view", &both), "(:no-monotonic-view-order)");
//! // no-read-atomic-order, a fractured read: half of what the first wrote.
//! let half = ["ok [[:w :x 1] [:w :y 1]]", "ok [[:r :y nil] [:r :x 1]]"];
//! assert_eq!(registers("read-committed", &half), "none");
//! assert_eq!(registers("read-atomic", &half), "(:no-read-atomic-order)");
//! // no-causal-order: the reply was seen, and the question it answers was not.
//! let reply = ["ok/1 [[:w :x 1]]", "ok/2 [[:r :x 1]]", "ok/2 [[:w :y 1]]", "ok/3 [[:r :y 1]]", "ok/3 [[:r :x nil]]"];
//! assert_eq!(registers_in_turn("causal", VersionOrders::NONE, &reply), "(:no-causal-order-process)");
//! // no-linearizable-key-order: after 2 was seen, 1 was; strict serializability makes each key linearizable.
//! let stale = ["ok [[:w :x 1]]", "ok [[:w :x 2]]", "ok [[:r :x 2]]", "ok [[:r :x 1]]"];
//! assert!(registers_in_turn("strict-serializable", VersionOrders::NONE, &stale).contains(":no-linearizable-key-order"));
//! // no-sequential-key-order: the same by one process.
//! let stale = ["ok [[:w :x 1]]", "ok [[:w :x 2]]", "ok/7 [[:r :x 2]]", "ok/7 [[:r :x 1]]", "ok/7 [[:r :x 2]]"];
//! assert!(registers_in_turn("sequential", VersionOrders::NONE, &stale).contains(":no-sequential-key-order"));
//! // append-order: a transaction appended 1 before 2.
//! let swapped = ["ok [[:append :x 1] [:append :x 2]]", "ok [[:r :x [2 1]]]"];
//! assert_eq!(lists("read-uncommitted", &swapped), "(:append-order)");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Cost
//!
//! For `n` transactions that all do a few steps, without cycles: `O(n)` for the lists' version orders, while the history is
//! observed; then one pass of Tarjan's algorithm over the dependencies, with two edges a transaction for real time. Only in the
//! components that have cycles is the real-time order built pair by pair, `O(n · concurrency)`. A search
//! in a component of `m` transactions and `e` edges takes `O(m + e)`, but for `G-single`, which takes a pass for every
//! 64 transactions that could close a circle.

mod anomaly;
mod component;
mod cycle;
mod drawing;
mod exact;
mod explain;
mod graph;
mod initial;
mod interner;
mod list_append;
mod model;
mod options;
mod reads;
mod relation;
mod report;
mod rw_register;
mod search;
mod time_order;
mod transactions;
mod typed;
mod updates;
pub mod weak;

pub(crate) use component::Edge;
pub(crate) use cycle::{Cycle, Scope as Order};
pub(crate) use interner::{ElementId, Interner, KeyId};
pub(crate) use search::cycles as dependency_cycles;
pub(crate) use transactions::Span;

pub use anomaly::{Anomaly, UnknownAnomaly};
pub use drawing::draw_cycle;
pub use initial::InitialTransaction;
pub use list_append::ListAppend;
pub use model::{Boundary, Model, UnknownModel};
pub use options::Options;
pub use relation::Relation;
pub use rw_register::{RwRegister, UnknownVersionOrder, VersionOrders};
pub use typed::{Isolation, ListStep, Occurrence, RegisterStep, Step, Transactions};
