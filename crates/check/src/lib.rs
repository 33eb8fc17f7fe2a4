//! Checkers of distributed histories: a history in, a verdict out.
//!
//! A test of a distributed system records what its clients asked for and what came back. A checker is told these
//! [`Operation`]s, one after the other, and says in its [`Verdict`] whether they are what the system promised.
//! This crate knows no network and no process; whatever can produce operations can use it.
//!
//! ```
//! use glomers_check::{Echo, History, Mode, Validity, check};
//!
//! let history = History::from_edn(
//!     r#"{:index 0, :time 5, :type :invoke, :process 0, :f :echo, :value "hello"}
//!        {:index 1, :time 9, :type :ok, :process 0, :f :echo, :value {:type "echo_ok", :echo "hullo"}}"#,
//! )?;
//! let verdict = check(&history, Echo::new(Mode::Strict));
//! assert_eq!(verdict.validity, Validity::Invalid);
//! # Ok::<(), glomers_check::HistoryError>(())
//! ```
//!
//! In reading order:
//!
//! - [`Value`] is what operations carry: what JSON can say, and what EDN can say beyond it; [`Name`] is a short
//!   name. [`edn`] writes and reads them.
//! - [`Operation`] is one entry of a [`History`]; [`Pairing`] finds the beginning of an operation when it ends.
//!   [`formats`] reads the text formats of several tools.
//! - [`Checker`], [`Verdict`]: what every checker is and says. [`Guarded`] stands in front of each: it refuses a
//!   [`Malformed`] history, and keeps a crash from spreading. [`Composition`] makes one checker of several, [`Compared`]
//!   says where Maelstrom would judge otherwise. An [`Interrupt`] ends a long check from another thread.
//! - [`Stats`], [`Availability`], [`Exceptions`] look at any workload; [`Echo`], [`UniqueIds`], [`SetFull`],
//!   [`PnCounter`] and [`Kafka`] at one or two each.
//! - [`Counter`], [`Bank`], [`LongFork`], [`Comments`], [`UnorderedQueue`] and [`TotalQueue`] check what Jepsen's tests of
//!   these names check. Reads by predicate or of a range have no checker.
//! - [`linear`] decides whether concurrent operations fit one order.
//! - [`txn`] judges transactions: isolation levels from read uncommitted to strict serializability;
//!   [`WeakIsolation`] decides the weakest exactly.
//! - [`registry`] lists every checker by its name.

pub mod edn;
pub mod formats;
pub mod linear;
pub mod registry;

mod availability;
mod bank;
mod checker;
mod comments;
mod counter;
mod echo;
mod exceptions;
mod history;
mod interrupt;
mod jepsen;
mod kafka;
mod long_fork;
mod moment;
mod name;
mod operation;
mod pn_counter;
mod run_options;
mod set_full;
mod stats;
mod sums;
pub mod txn;
mod unique_ids;
mod unordered_queue;
mod value;
mod verdict;
mod weak_isolation;
mod well_formed;

pub use availability::{Availability, AvailabilityGoal};
pub use bank::Bank;
pub use checker::{Checker, Compared, Composition, Guarded, Mode, check};
pub use comments::Comments;
pub use counter::Counter;
pub use echo::Echo;
pub use exceptions::Exceptions;
pub use formats::HistoryError;
pub use history::{History, Pairing};
pub use interrupt::Interrupt;
pub use kafka::Kafka;
pub use long_fork::LongFork;
pub use name::Name;
pub use operation::{Operation, OperationKind, Process};
pub use pn_counter::PnCounter;
pub use run_options::RunOptions;
pub use set_full::SetFull;
pub use stats::Stats;
pub use unique_ids::UniqueIds;
pub use unordered_queue::{TotalQueue, UnorderedQueue};
pub use value::{JsonError, MAX_DEPTH, Number, Value};
pub use verdict::{Finding, Subject, Validity, Verdict};
pub use weak_isolation::WeakIsolation;
pub use well_formed::{Malformed, Requirement};

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
